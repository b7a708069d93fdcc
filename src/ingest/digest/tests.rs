//! The digest rows of the list of hostile cases, with an independent client.

use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};

use super::*;
use crate::resources::Secret;

const TARGET: &str = "/in/v2/channel/one/seg_1.ts";

fn endpoint() -> IngestEndpoint {
    IngestEndpoint { id: "one".into(), username: "us\"er".into(), password: Secret::new("pass:word\\") }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

struct Client {
    gate: DigestGate,
    challenge: Option<WwwAuthenticateHeader>,
    connection: ConnectionMemory,
    now: Timestamp,
}

impl Client {
    fn new() -> Self {
        Client { gate: DigestGate::new([1; 32]), challenge: None, connection: ConnectionMemory::default(), now: at(0) }
    }

    fn take_challenge(&mut self, algorithm: &str) {
        let agent = HeaderValue::from_static("curl/8");
        let refusal = DigestRefusal::NoAuthorization;
        let challenges = self.gate.challenges(&refusal, "channel", &endpoint(), Some(&agent), self.now);
        let wanted = challenges.iter().find(|value| value.to_str().unwrap().contains(algorithm)).unwrap();
        self.challenge = Some(digest_auth::parse(wanted.to_str().unwrap()).unwrap());
    }

    fn answer(&mut self, target: &str, password: &str) -> String {
        let context = AuthContext::new_with_method("us\"er", password, target, None::<&[u8]>, HttpMethod::PUT);
        self.challenge.as_mut().unwrap().respond(&context).unwrap().to_header_string()
    }

    fn send(&self, header: &str, target: &str, channel: &str) -> Result<(), DigestRefusal> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().unwrap());
        let claim = Claim { method: &Method::PUT, target, headers: &headers, channel };
        self.gate.check(&claim, &endpoint(), &self.connection, self.now)
    }

    fn put(&mut self) -> Result<(), DigestRefusal> {
        let header = self.answer(TARGET, "pass:word\\");
        self.send(&header, TARGET, "channel")
    }
}

#[test]
fn a_client_that_answers_a_challenge_is_let_in_with_md5_and_sha_256() {
    for algorithm in ["MD5", "SHA-256"] {
        let mut client = Client::new();
        client.take_challenge(algorithm);
        for _ in 0..5 {
            assert_eq!(client.put(), Ok(()), "{algorithm}");
        }
    }
}

#[test]
fn the_hashes_are_those_of_the_rfc_examples() {
    let rfc_7616 = |algorithm: Algorithm| {
        let secret = algorithm.hash(&["Mufasa", "http-auth@example.org", "Circle of Life"]);
        let request = algorithm.hash(&["GET", "/dir/index.html"]);
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let client_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        algorithm.hash(&[&secret, nonce, "00000001", client_nonce, "auth", &request])
    };
    assert_eq!(rfc_7616(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
    assert_eq!(rfc_7616(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    let secret = Algorithm::Md5.hash(&["Mufasa", "testrealm@host.com", "Circle Of Life"]);
    let request = Algorithm::Md5.hash(&["GET", "/dir/index.html"]);
    let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
    let rfc_2617 = Algorithm::Md5.hash(&[&secret, nonce, "00000001", "0a4f113b", "auth", &request]);
    assert_eq!(rfc_2617, "6629fae49393a05397450978507c4ef1");
}

#[test]
fn a_captured_request_is_refused_the_second_time() {
    let mut client = Client::new();
    client.take_challenge("MD5");
    let header = client.answer(TARGET, "pass:word\\");
    assert_eq!(client.send(&header, TARGET, "channel"), Ok(()));
    assert!(matches!(client.send(&header, TARGET, "channel"), Err(DigestRefusal::StaleNonce(_))));
    client.connection = ConnectionMemory::default();
    assert!(matches!(client.send(&header, TARGET, "channel"), Err(DigestRefusal::StaleNonce(_))));
}

#[test]
fn an_expired_nonce_with_the_right_password_is_stale_and_with_a_wrong_one_is_not() {
    let mut client = Client::new();
    client.take_challenge("MD5");
    client.now = at(301);
    let refusal = client.put().unwrap_err();
    assert!(matches!(refusal, DigestRefusal::StaleNonce(_)));
    let challenge = client.gate.challenges(&refusal, "channel", &endpoint(), None, client.now);
    assert!(challenge[0].to_str().unwrap().ends_with(", stale=true"), "{challenge:?}");
    let header = client.answer(TARGET, "wrong");
    assert_eq!(client.send(&header, TARGET, "channel"), Err(DigestRefusal::WrongCredentials));
}

#[test]
fn a_nonce_in_use_never_expires_on_its_connection() {
    let mut client = Client::new();
    client.take_challenge("MD5");
    client.now = at(299);
    assert_eq!(client.put(), Ok(()));
    client.now = at(86_400 * 30);
    assert_eq!(client.put(), Ok(()));
}

#[test]
fn an_answer_for_another_uri_or_method_is_refused() {
    let mut client = Client::new();
    client.take_challenge("MD5");
    let header = client.answer(TARGET, "pass:word\\");
    let other = "/in/v2/channel/one/seg_2.ts";
    assert_eq!(client.send(&header, other, "channel"), Err(DigestRefusal::OtherUri));
    let forged = header.replace(TARGET, other);
    assert_eq!(client.send(&forged, other, "channel"), Err(DigestRefusal::WrongCredentials));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, header.parse().unwrap());
    let claim = Claim { method: &Method::DELETE, target: TARGET, headers: &headers, channel: "channel" };
    let refused = client.gate.check(&claim, &endpoint(), &client.connection, client.now);
    assert_eq!(refused, Err(DigestRefusal::WrongCredentials));
}

#[test]
fn a_uri_without_the_request_lines_percent_encoding_is_the_same_as_ffmpeg_sends_it() {
    let plain = "/in/v2/channel/one/ä seg 1.ts";
    let mut client = Client::new();
    client.take_challenge("MD5");
    let header = client.answer(plain, "pass:word\\");
    assert_eq!(client.send(&header, "/in/v2/channel/one/%C3%A4%20seg%201.ts", "channel"), Ok(()));
    for (uri, target) in [("/a/b?c", "/a/b%3fc"), ("/a/b/c", "/a/b%2Fc"), ("/a%20b", "/a%2520b"), ("/a b", "/a%20c")] {
        let header = client.answer(uri, "pass:word\\");
        assert_eq!(client.send(&header, target, "channel"), Err(DigestRefusal::OtherUri), "{target}");
    }
}

#[test]
fn what_was_not_offered_is_refused() {
    let mut client = Client::new();
    client.take_challenge("MD5");
    let header = client.answer(TARGET, "pass:word\\");
    for (from, to) in [
        ("qop=auth", "qop=auth-int"),
        ("algorithm=MD5", "algorithm=MD5-sess"),
        ("algorithm=MD5", "algorithm=SHA-512-256"),
        ("algorithm=MD5", "userhash=true, algorithm=MD5"),
    ] {
        let changed = header.replace(from, to);
        assert_ne!(changed, header, "{from}");
        let refused = client.send(&changed, TARGET, "channel");
        assert!(matches!(refused, Err(DigestRefusal::NotOffered(_))), "{to}: {refused:?}");
    }
    assert_eq!(client.send(&header, TARGET, "channel"), Ok(()), "refusals use nothing up");
}

#[test]
fn an_answer_without_qop_is_good_for_one_request() {
    let client = Client::new();
    let nonce = client.gate.mint.issue("channel", "one", client.now);
    let secret = Algorithm::Md5.hash(&["us\"er", REALM, "pass:word\\"]);
    let request = Algorithm::Md5.hash(&["PUT", TARGET]);
    let response = Algorithm::Md5.hash(&[&secret, &nonce, &request]);
    let header =
        format!(r#"Digest username="us\"er", realm="{REALM}", nonce="{nonce}", uri="{TARGET}", response="{response}""#);
    assert_eq!(client.send(&header, TARGET, "channel"), Ok(()));
    assert!(matches!(client.send(&header, TARGET, "channel"), Err(DigestRefusal::StaleNonce(_))));
}

#[test]
fn a_nonce_of_another_process_or_channel_is_refused_though_the_password_is_right() {
    let mut client = Client::new();
    client.take_challenge("MD5");
    let header = client.answer(TARGET, "pass:word\\");
    assert!(matches!(client.send(&header, TARGET, "other"), Err(DigestRefusal::StaleNonce(_))));
    client.gate = DigestGate::new([2; 32]);
    assert!(matches!(client.send(&header, TARGET, "channel"), Err(DigestRefusal::StaleNonce(_))));
}

#[test]
fn challenges_leave_nothing_behind() {
    let client = Client::new();
    for _ in 0..10_000 {
        client.gate.challenges(&DigestRefusal::NoAuthorization, "channel", &endpoint(), None, client.now);
    }
    assert_eq!(format!("{:?}", client.gate.accepted), format!("{:?}", AcceptedNonces::default()));
}

#[test]
fn only_curl_is_offered_sha_256_and_md5_comes_last() {
    let client = Client::new();
    let offered = |agent: Option<&'static str>| {
        let agent = agent.map(HeaderValue::from_static);
        let refusal = DigestRefusal::NoAuthorization;
        let headers = client.gate.challenges(&refusal, "channel", &endpoint(), agent.as_ref(), client.now);
        headers.iter().map(|header| header.to_str().unwrap().contains("SHA-256")).collect::<Vec<_>>()
    };
    assert_eq!(offered(Some("curl/7.88.1")), [true, false]);
    assert_eq!(offered(Some("Lavf/59.27.100")), [false]);
    assert_eq!(offered(Some("python-requests/2.32")), [false]);
    assert_eq!(offered(None), [false]);
}
