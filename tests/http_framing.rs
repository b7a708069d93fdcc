//! Hostile HTTP over raw sockets, against a whole server: whatever is sent, nobody's second request hides in a
//! first one, and the server goes on.

use std::net::SocketAddr;
use std::time::Duration;

use openmediapackage::app::App;
use openmediapackage::config::SettingsLayer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

struct Running {
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Running {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layer = SettingsLayer {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            data_dir: Some(folder.path().to_owned()),
            ..SettingsLayer::default()
        };
        let app = App::start(layer.finish().unwrap()).await.unwrap();
        let address = app.listen_address();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(app.run_until(async {
            let _ = stopped.await;
        }));
        Running { address, stop: Some(stop), task, _folder: folder }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the server closes or says nothing for a while.
    async fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut text = Vec::new();
        let closed = loop {
            let mut buffer = [0; 4096];
            match tokio::time::timeout(Duration::from_millis(400), stream.read(&mut buffer)).await {
                Err(_) => break false,
                Ok(Ok(0) | Err(_)) => break true,
                Ok(Ok(count)) => text.extend_from_slice(&buffer[..count]),
            }
        };
        Answer { text: String::from_utf8_lossy(&text).into_owned(), closed }
    }

    async fn is_healthy(&self) {
        let answer = self.send(b"GET /_openmediapackage/health HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.text.starts_with("HTTP/1.1 200 OK"), "{}", answer.text);
    }

    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.task.await.unwrap();
    }
}

struct Answer {
    text: String,
    closed: bool,
}

impl Answer {
    /// How many answers there are; nothing in our bodies looks like a status line.
    fn count(&self) -> usize {
        self.text.matches("HTTP/1.1 ").count()
    }
}

const SECOND: &str = "GET /_openmediapackage/health HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn malformed_heads_are_answered_400_and_the_connection_is_closed() {
    let server = Running::start().await;
    for (what, head) in [
        ("bare LF inside a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\nC\r\n\r\n"),
        ("obs-fold", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"),
        ("space before the colon", "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        ("two Content-Lengths", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 52\r\n\r\n"),
        ("a signed Content-Length", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello"),
        ("a list as Content-Length", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\nhello"),
        ("a huge Content-Length", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        ("chunked is not last", "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
        ("another coding", "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (
            "two Transfer-Encodings",
            "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("chunked in HTTP/1.0", "PUT / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        ("no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n"),
        ("an empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n"),
        ("a Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"),
        ("NUL in a header", "GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n"),
        ("no version", "GET /\r\nHost: x\r\n\r\n"),
        ("CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"),
    ] {
        let answer = server.send(format!("{head}{SECOND}").as_bytes()).await;
        assert!(answer.text.starts_with("HTTP/1.1 400 "), "{what}: {:?}", answer.text);
        assert_eq!(answer.count(), 1, "{what}: {:?}", answer.text);
        assert!(answer.closed, "{what}");
    }
    server.is_healthy().await;
    server.stop().await;
}

#[tokio::test]
async fn a_request_with_both_framings_is_the_last_of_its_connection() {
    let server = Running::start().await;
    for head in [
        "POST /channels HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /channels HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
    ] {
        let answer = server.send(format!("{head}{SECOND}").as_bytes()).await;
        assert_eq!(answer.count(), 1, "{}", answer.text);
        assert!(answer.closed, "{head}");
    }
    server.stop().await;
}

#[tokio::test]
async fn broken_chunks_never_become_a_second_request() {
    let server = Running::start().await;
    for body in ["zz\r\n", "fffffffffffffffff\r\n", "-1\r\n", "5\r\nhelloX", "1;ext=\n\r\na\r\n0\r\n\r\n"] {
        let head = "POST /channels HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = server.send(format!("{head}{body}{SECOND}").as_bytes()).await;
        assert!(answer.count() <= 1, "{body:?}: {}", answer.text);
        assert!(!answer.text.contains("200 OK"), "{body:?}: {}", answer.text);
    }
    server.is_healthy().await;
    server.stop().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_a_body_on_get_is_no_request() {
    let server = Running::start().await;
    let answer = server.send(format!("{SECOND}{SECOND}").as_bytes()).await;
    assert_eq!(answer.count(), 2, "{}", answer.text);
    let with_body = "GET /_openmediapackage/health HTTP/1.1\r\nHost: x\r\nContent-Length: 52\r\n\r\n";
    let answer = server.send(format!("{with_body}{SECOND}").as_bytes()).await;
    assert_eq!(answer.count(), 1, "the body was taken for a request: {}", answer.text);
    server.stop().await;
}

#[tokio::test]
async fn huge_heads_are_refused() {
    let server = Running::start().await;
    let long_header = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(40_000));
    assert!(server.send(long_header.as_bytes()).await.text.starts_with("HTTP/1.1 431 "));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(500));
    assert!(server.send(many_headers.as_bytes()).await.text.starts_with("HTTP/1.1 431 "));
    server.is_healthy().await;
    server.stop().await;
}

#[tokio::test]
async fn upgrades_are_not_taken() {
    let server = Running::start().await;
    let upgrade = "GET /_openmediapackage/health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                   HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let answer = server.send(upgrade.as_bytes()).await;
    assert!(answer.text.starts_with("HTTP/1.1 200 "), "{}", answer.text);
    server.stop().await;
}

#[tokio::test]
async fn an_unsigned_request_is_refused_without_a_100_and_without_its_body() {
    let server = Running::start().await;
    let head = "POST /channels HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n";
    let answer = server.send(head.as_bytes()).await;
    assert!(answer.text.starts_with("HTTP/1.1 403 "), "{}", answer.text);
    assert!(answer.text.contains("x-amzn-errortype: MissingAuthenticationTokenException"), "{}", answer.text);
    assert!(answer.text.contains("date: "), "{}", answer.text);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_hangs_inside_a_head_does_not_hold_up_a_stop() {
    let server = Running::start().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /_openmediapackage/hea").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopping = tokio::spawn(server.stop());
    tokio::time::timeout(Duration::from_secs(15), stopping).await.expect("the server stops").unwrap();
}
