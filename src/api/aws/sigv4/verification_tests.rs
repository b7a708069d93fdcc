//! What the verifier accepts and refuses, with requests signed by the crate's own signer.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::api::aws::ErrorCode;

const NOW: &str = "2026-11-21T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn verifier() -> Verifier {
    let keys = ["test:test", "AKIAOTHER:other-secret:210987654321"].map(|key| key.parse().unwrap());
    Verifier::new(KnownKeys::new(&keys, "000000000000"))
}

/// A signed request, ready to be damaged.
struct Signed {
    method: &'static str,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

struct Signer {
    key: &'static str,
    secret: &'static str,
    token: Option<&'static str>,
    time: Timestamp,
    presigned_for: Option<Duration>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Default for Signer {
    fn default() -> Self {
        Signer { key: "test", secret: "test", token: None, time: now(), presigned_for: None, headers: Vec::new() }
    }
}

impl Signer {
    fn sign(&self, method: &'static str, target: &str, body: &[u8]) -> Signed {
        let token = self.token.map(str::to_owned);
        let identity = Credentials::new(self.key, self.secret, token, None, "test").into();
        let mut settings = SigningSettings::default();
        if let Some(duration) = self.presigned_for {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(duration);
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name("mediapackage")
            .time(SystemTime::from(self.time))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let uri = format!("http://127.0.0.1:4790{target}");
        let mut all = vec![("host", "127.0.0.1:4790")];
        all.extend(&self.headers);
        let request =
            SignableRequest::new(method, uri.as_str(), all.iter().copied(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        let mut request = Request::builder().method(method).uri(&uri).body(()).unwrap();
        for (name, value) in all {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        instructions.apply_to_request_http1x(&mut request);
        let target = request.uri().path_and_query().unwrap().to_string();
        Signed { method, target, headers: request.headers().clone(), body: body.to_vec() }
    }
}

impl Signed {
    fn parts(&self) -> Parts {
        let mut request = Request::builder().method(self.method).uri(self.target.as_str()).body(()).unwrap();
        *request.headers_mut() = self.headers.clone();
        request.into_parts().0
    }

    fn verify_at(&self, now: Timestamp) -> Result<Caller, Refusal> {
        let parts = self.parts();
        let claim = Claim::of(&parts)?;
        verifier().verify(&parts, &self.body, &claim, now)
    }

    fn verify(&self) -> Result<Caller, Refusal> {
        self.verify_at(now())
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }

    fn replace_in_authorization(&mut self, from: &str, to: &str) {
        let authorization = self.headers["authorization"].to_str().unwrap().to_owned();
        assert!(authorization.contains(from), "{authorization} has no {from}");
        self.set("authorization", &authorization.replace(from, to));
    }
}

fn presigner(seconds: u64) -> Signer {
    Signer { presigned_for: Some(Duration::from_secs(seconds)), ..Signer::default() }
}

#[test]
fn a_right_signature_tells_the_caller() {
    let caller = Signer::default().sign("POST", "/channels", b"{\"id\":\"arena\"}").verify().unwrap();
    assert_eq!(
        caller,
        Caller {
            account: "000000000000".into(),
            region: "eu-west-1".into(),
            service: "mediapackage".into(),
            access_key: "test".into()
        }
    );
    let other = Signer { key: "AKIAOTHER", secret: "other-secret", ..Signer::default() };
    assert_eq!(other.sign("GET", "/channels", b"").verify().unwrap().account, "210987654321");
}

#[test]
fn escaped_arns_odd_paths_and_repeated_parameters_verify_in_both_forms() {
    for target in [
        "/tags/arn%3Aaws%3Amediapackage%3Aeu-west-1%3A000000000000%3Achannels%2F0a",
        "/tags/arn%3Aaws%3Ax?tagKeys=b&tagKeys=a%20c&tagKeys=a%2Fb&tagKeys=",
        "/channels/a%20b%C3%BC",
        "/channels//x/./y",
        "/",
    ] {
        for signer in [Signer::default(), presigner(60)] {
            signer.sign("GET", target, b"").verify().unwrap_or_else(|refusal| panic!("{target}: {refusal}"));
        }
    }
}

#[test]
fn a_session_token_and_duplicate_signed_headers_verify() {
    let with_token = Signer { token: Some("tok/en=="), ..Signer::default() };
    with_token.sign("GET", "/channels", b"").verify().unwrap();
    let presigned = Signer { token: Some("tok/en=="), ..presigner(60) };
    presigned.sign("GET", "/channels", b"").verify().unwrap();
    let twice = Signer { headers: vec![("x-amz-meta", "b"), ("x-amz-meta", "a")], ..Signer::default() };
    let mut signed = twice.sign("GET", "/channels", b"");
    signed.verify().unwrap();
    // The order of the values is signed too.
    signed.headers.insert("x-amz-meta", HeaderValue::from_static("a"));
    signed.headers.append("x-amz-meta", HeaderValue::from_static("b"));
    assert_eq!(signed.verify().unwrap_err().code(), ErrorCode::InvalidSignature);
}

#[test]
fn every_changed_bit_of_path_query_body_and_signed_values_is_refused() {
    let target = "/channels/arena?maxResults=10";
    let original = Signer { headers: vec![("content-type", "application/json")], ..Signer::default() };
    let original = || original.sign("PUT", target, b"{\"description\":\"x\"}");
    original().verify().unwrap();

    for bit in 0..original().body.len() * 8 {
        let mut changed = original();
        changed.body[bit / 8] ^= 1 << (bit % 8);
        assert!(changed.verify().is_err(), "bit {bit} of the body");
    }
    for bit in 8..target.len() * 8 {
        let mut bytes = target.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Some(text) = String::from_utf8(bytes).ok().filter(|text| text.parse::<http::Uri>().is_ok()) else {
            continue;
        };
        let changed = Signed { target: text.clone(), ..original() };
        assert!(changed.verify().is_err(), "{text}");
    }
    for name in ["authorization", "x-amz-date", "host", "content-type"] {
        let value = original().headers[name].as_bytes().to_vec();
        for bit in 0..value.len() * 8 {
            let mut bytes = value.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
            let mut changed = original();
            changed.headers.insert(name, value);
            assert!(changed.verify().is_err(), "{name}: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(Signed { method: "POST", ..original() }.verify().is_err());
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    for (minutes, fine) in [(-16, false), (-6, false), (-5, true), (0, true), (5, true), (6, false), (16, false)] {
        let signer = Signer { time: now() + SignedDuration::from_mins(minutes), ..Signer::default() };
        let outcome = signer.sign("GET", "/channels", b"").verify();
        assert_eq!(outcome.is_ok(), fine, "{minutes} minutes: {outcome:?}");
        if let Err(refusal) = outcome {
            assert_eq!(refusal.code(), ErrorCode::InvalidSignature);
            assert!(refusal.to_string().contains("20261121T120000Z"), "{refusal}");
        }
    }
}

#[test]
fn host_and_every_amz_header_must_be_signed() {
    let mut unsigned_header = Signer::default().sign("GET", "/channels", b"");
    unsigned_header.set("x-amz-target", "other");
    assert!(unsigned_header.verify().unwrap_err().to_string().contains("x-amz-target"));

    let mut no_host = Signer::default().sign("GET", "/channels", b"");
    no_host.replace_in_authorization("SignedHeaders=host;", "SignedHeaders=");
    assert!(no_host.verify().unwrap_err().to_string().contains("'Host' must be"));

    let mut absent = Signer { headers: vec![("x-amz-meta", "a")], ..Signer::default() }.sign("GET", "/channels", b"");
    absent.headers.remove("x-amz-meta");
    assert!(absent.verify().unwrap_err().to_string().contains("not in the request"));

    let mut two_dates = Signer::default().sign("GET", "/channels", b"");
    two_dates.headers.append("x-amz-date", HeaderValue::from_static("20261121T120001Z"));
    assert_eq!(two_dates.verify().unwrap_err().code(), ErrorCode::IncompleteSignature);
}

#[test]
fn the_day_of_the_scope_must_be_that_of_the_date() {
    let mut other_day = Signer::default().sign("GET", "/channels", b"");
    other_day.replace_in_authorization("20261121", "20261120");
    assert!(other_day.verify().unwrap_err().to_string().contains("credential scope"));
}

#[test]
fn another_region_or_service_in_the_scope_is_another_signature() {
    for (from, to) in [("eu-west-1", "eu-west-2"), ("/mediapackage/", "/mediapackagev2/")] {
        let mut moved = Signer::default().sign("GET", "/channels", b"");
        moved.replace_in_authorization(from, to);
        assert_eq!(moved.verify().unwrap_err().code(), ErrorCode::InvalidSignature);
    }
}

#[test]
fn an_unknown_key_is_told_which_keys_there_are_and_no_secret() {
    let unknown = Signer { key: "AKIANOBODY", ..Signer::default() }.sign("GET", "/channels", b"");
    let refusal = unknown.verify().unwrap_err();
    assert_eq!(refusal.code(), ErrorCode::UnrecognizedClient);
    let text = refusal.to_string();
    for part in ["AKIANOBODY", "\"test\"", "\"AKIAOTHER\"", "--credentials"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("other-secret"), "{text}");
}

#[test]
fn a_wrong_secret_and_no_signature_have_their_own_codes() {
    let wrong = Signer { secret: "guess", ..Signer::default() }.sign("GET", "/channels", b"");
    assert_eq!(wrong.verify().unwrap_err().code(), ErrorCode::InvalidSignature);
    let mut unsigned = Signer::default().sign("GET", "/channels", b"");
    unsigned.headers.remove("authorization");
    assert_eq!(unsigned.verify().unwrap_err(), Refusal::Unsigned);
    assert_eq!(Refusal::Unsigned.code(), ErrorCode::MissingAuthenticationToken);
}

#[test]
fn a_sent_payload_hash_must_be_the_bodys() {
    let right = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let with_hash = |hash| Signer { headers: vec![("x-amz-content-sha256", hash)], ..Signer::default() };
    with_hash(right).sign("POST", "/channels", b"{}").verify().unwrap();
    for wrong in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "00"] {
        let refusal = with_hash(wrong).sign("POST", "/channels", b"{}").verify().unwrap_err();
        assert!(matches!(refusal, Refusal::Payload(_)), "{wrong}: {refusal}");
    }
}

#[test]
fn a_presigned_url_expires_and_cannot_be_changed() {
    let url = presigner(600).sign("GET", "/channels?maxResults=3", b"");
    url.verify_at(now() + SignedDuration::from_mins(9)).unwrap();
    let expired = url.verify_at(now() + SignedDuration::from_mins(11)).unwrap_err();
    assert!(matches!(expired, Refusal::Expired { .. }));

    let extended = Signed {
        target: url.target.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"),
        ..presigner(600).sign("GET", "/", b"")
    };
    assert!(extended.verify().is_err());
    let extra = Signed { target: format!("{}&nextToken=x", url.target), ..presigner(600).sign("GET", "/", b"") };
    assert!(matches!(extra.verify(), Err(Refusal::Mismatch { .. })));
    let twice = Signed { target: format!("{}&X-Amz-Expires=600", url.target), ..presigner(600).sign("GET", "/", b"") };
    assert!(matches!(twice.verify(), Err(Refusal::Incomplete(_))));
    let too_long = presigner(7 * 24 * 3600 + 1).sign("GET", "/channels", b"");
    assert!(matches!(too_long.verify(), Err(Refusal::Incomplete(_))));
    presigner(7 * 24 * 3600).sign("GET", "/channels", b"").verify().unwrap();
}

#[test]
fn the_order_of_query_parameters_does_not_matter_and_their_values_do() {
    let url = Signer::default().sign("GET", "/channels?a=1&b=2", b"");
    Signed {
        target: "/channels?b=2&a=1".into(),
        headers: url.headers.clone(),
        ..Signer::default().sign("GET", "/", b"")
    }
    .verify()
    .unwrap();
    let swapped = Signed { target: "/channels?a=2&b=1".into(), headers: url.headers.clone(), ..url };
    assert!(swapped.verify().is_err());
}

#[test]
fn a_request_signed_twice_is_refused() {
    let mut both = presigner(60).sign("GET", "/channels", b"");
    both.set("authorization", "AWS4-HMAC-SHA256 Credential=x");
    assert!(matches!(both.verify(), Err(Refusal::Incomplete(_))));
}

proptest::proptest! {
    #[test]
    fn no_authorization_header_makes_the_verifier_panic(text in "\\PC{0,200}", query in "[ -~]{0,80}") {
        let mut request = Request::builder().uri("/channels").body(()).unwrap();
        if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
            request.headers_mut().insert("authorization", value);
        }
        if let Ok(uri) = format!("/x?X-Amz-Date={query}").parse() {
            *request.uri_mut() = uri;
        }
        let parts = request.into_parts().0;
        proptest::prop_assert!(Claim::of(&parts).is_err());
    }
}
