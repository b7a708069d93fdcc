//! The binary itself: its one line, its answers to AWS clients, and what survives `kill -9`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Value, json};

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(data_dir: &Path, flags: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_openmediapackage"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(flags)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Ready. http://").expect(&line).to_owned();
        Server { process, address }
    }

    fn client<'a>(&'a self, key: &'a str, secret: &'a str, region: &'a str) -> Client<'a> {
        Client { server: self, key, secret, region }
    }

    fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// SIGTERM, as service managers send it.
    fn terminate(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success(), "a stop that was asked for is no failure");
    }
}

/// Signs as an SDK does.
struct Client<'a> {
    server: &'a Server,
    key: &'a str,
    secret: &'a str,
    region: &'a str,
}

impl Client<'_> {
    /// Status and body of the answer; an error's code is put into the body as `code`.
    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let identity = Credentials::new(self.key, self.secret, None, None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("mediapackage")
            .time(std::time::SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let uri = format!("http://{}{path}", self.server.address);
        let signable =
            SignableRequest::new(method, uri, std::iter::empty(), SignableBody::Bytes(body.as_bytes())).unwrap();
        let (signed, _) = sign(signable, &parameters).unwrap().into_parts();
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.server.address);
        for (name, value) in signed.headers() {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        let answer = self.server.http(&request);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body: Value = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        if let Some(code) = head.lines().find_map(|line| line.strip_prefix("x-amzn-errortype: ")) {
            body["code"] = code.into();
        }
        (status, body)
    }

    /// The body of an answer that must be a success.
    fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, body) = self.call(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {body}");
        body
    }

    fn number_of_channels(&self) -> usize {
        self.done("GET", "/channels", &Value::Null)["channels"].as_array().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone, unless a test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let client = server.client("test", "test", "eu-west-1");
    for number in 0..20 {
        client.done("POST", "/channels", &json!({"id": format!("arena-{number}"), "description": "before"}));
    }
    client.done("PUT", "/channels/arena-7", &json!({"description": "after"}));
    client.done("DELETE", "/channels/arena-19", &Value::Null);
    let before = client.done("GET", "/channels/arena-7", &Value::Null);
    assert_eq!(before["description"], "after");
    server.kill();

    let server = Server::start(folder.path(), &[]);
    let client = server.client("test", "test", "eu-west-1");
    let mut after = client.done("GET", "/channels/arena-7", &Value::Null);
    let endpoints = |channel: &mut Value| channel["hlsIngest"]["ingestEndpoints"].as_array_mut().unwrap().clone();
    let url_path = |endpoint: &Value| endpoint["url"].as_str().unwrap().split_once("/in/").unwrap().1.to_owned();
    let mut before = before;
    for (old, new) in endpoints(&mut before).iter().zip(&endpoints(&mut after)) {
        // Only the port differs: the test lets the system choose it.
        assert_eq!(url_path(old), url_path(new));
        assert_eq!((&old["username"], &old["password"]), (&new["username"], &new["password"]));
        assert!(old["password"].as_str().is_some_and(|password| !password.is_empty()));
    }
    assert_eq!(after["description"], "after");
    assert_eq!(after["arn"], before["arn"]);
    assert_eq!(client.number_of_channels(), 19);
    server.terminate();

    let server = Server::start(folder.path(), &[]);
    let client = server.client("test", "test", "eu-west-1");
    assert_eq!(client.number_of_channels(), 19);
    assert_eq!(server.client("test", "test", "us-east-1").number_of_channels(), 0);

    let reset = "POST /_openmediapackage/reset HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(server.http(reset).starts_with("HTTP/1.1 200 "));
    assert_eq!(client.number_of_channels(), 0);
    server.kill();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.client("test", "test", "eu-west-1").number_of_channels(), 0);
}

#[test]
fn a_second_server_on_one_data_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::start(folder.path(), &[]);
    let second = Command::new(env!("CARGO_BIN_EXE_openmediapackage"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(!second.status.success());
    let error = String::from_utf8_lossy(&second.stderr);
    assert!(error.contains(&format!("in use by another openmediapackage (process {})", first.process.id())), "{error}");
    assert!(second.stdout.is_empty());
}

#[test]
fn refusals_have_their_codes_and_a_text_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--credentials", "AKIAKNOWN:secret:123456789012"]);
    let (status, unknown) = server.client("test", "test", "us-east-1").call("GET", "/channels", &Value::Null);
    assert_eq!((status, &unknown["code"]), (403, &json!("UnrecognizedClientException")));
    assert!(unknown["message"].as_str().unwrap().contains("\"AKIAKNOWN\""), "{unknown}");
    let (status, wrong) = server.client("AKIAKNOWN", "guess", "us-east-1").call("GET", "/channels", &Value::Null);
    assert_eq!((status, &wrong["code"]), (403, &json!("InvalidSignatureException")));
    let known = server.client("AKIAKNOWN", "secret", "us-east-1");
    let channel = known.done("POST", "/channels", &json!({"id": "a"}));
    assert!(channel["arn"].as_str().unwrap().contains(":123456789012:"), "{channel}");
}

#[test]
fn without_verification_anybody_may_call_and_a_twelve_digit_key_is_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--auth", "off", "--region", "eu-north-1"]);
    let client = server.client("123456789012", "whatever", "us-west-2");
    let channel = client.done("POST", "/channels", &json!({"id": "a"}));
    assert!(channel["arn"].as_str().unwrap().starts_with("arn:aws:mediapackage:us-west-2:123456789012:channels/"));
    let unsigned = server.http("GET /channels HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(unsigned.starts_with("HTTP/1.1 200 "), "{unsigned}");
    assert!(unsigned.contains("\"channels\":[]"), "the default account and region are another world: {unsigned}");
    let identity = server
        .http("GET /?Action=GetCallerIdentity&Version=2011-06-15 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(identity.contains("<Account>000000000000</Account>"), "{identity}");
}

#[test]
fn environment_and_file_fill_what_flags_leave_open() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "auth = \"off\"\naccount = \"111111111111\"\nregion = \"eu-west-3\"\n").unwrap();
    let identity = |flags: &[&str], environment: &[(&str, &str)]| {
        let mut process = Command::new(env!("CARGO_BIN_EXE_openmediapackage"))
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&file)
            .args(flags)
            .envs(environment.iter().copied())
            .env("OPENMEDIAPACKAGE_DATA_DIR", folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let server = Server { process, address: line.trim().strip_prefix("Ready. http://").expect(&line).to_owned() };
        server.http("GET /?Action=GetCallerIdentity HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    };
    let environment = [("OPENMEDIAPACKAGE_ACCOUNT", "222222222222")];
    assert!(identity(&[], &[]).contains("<Account>111111111111</Account>"));
    assert!(identity(&[], &environment).contains("<Account>222222222222</Account>"));
    assert!(identity(&["--account", "333333333333"], &environment).contains("<Account>333333333333</Account>"));
}
