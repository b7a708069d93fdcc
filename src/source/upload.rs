//! HTTP PUT with digest authentication (RFC 7616), as encoders do it.

use std::time::Duration;

use bytes::Bytes;
use digest_auth::{AlgorithmType, AuthContext, HttpMethod, WwwAuthenticateHeader};
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::ingest_url::IngestUrl;

/// A PUT that is not answered by then has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// How much of an error's text is read.
const LARGEST_EXPLANATION: usize = 4_096;

/// Why a file did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The server cannot be reached, or went away.
    #[error("the server at {url} cannot be reached: {reason}")]
    Unreachable {
        /// The file.
        url: Uri,
        /// What happened.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer to PUT {url} within {} seconds", ANSWER_TIMEOUT.as_secs())]
    Timeout {
        /// The file.
        url: Uri,
    },
    /// User name or password are not those of the ingest endpoint.
    #[error("the server at {url} refuses user name or password")]
    Credentials {
        /// The file.
        url: Uri,
    },
    /// The server asks for an authentication that we do not know.
    #[error("the server at {url} asks for an authentication other than digest")]
    Challenge {
        /// The file.
        url: Uri,
    },
    /// The server answered with an error.
    #[error("PUT {url} was answered with {status}: {explanation}")]
    Refused {
        /// The file.
        url: Uri,
        /// The answer's status.
        status: StatusCode,
        /// The answer's text, cut short.
        explanation: String,
    },
    /// The file name cannot be part of a URL.
    #[error("the file name {0:?} cannot be part of a URL")]
    Name(String),
}

impl UploadError {
    /// The same PUT may succeed later, without anybody changing anything but the server.
    pub fn is_passing(&self) -> bool {
        match self {
            UploadError::Unreachable { .. } | UploadError::Timeout { .. } => true,
            UploadError::Refused { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            UploadError::Credentials { .. } | UploadError::Challenge { .. } | UploadError::Name(_) => false,
        }
    }
}

/// Puts files next to one ingest URL, over connections that are kept.
pub struct Uploader {
    client: Client<HttpConnector, Full<Bytes>>,
    target: IngestUrl,
    /// The newest challenge; its nonce is used again, counting up, until the server wants another.
    challenge: Option<WwwAuthenticateHeader>,
}

impl Uploader {
    /// An uploader that has not connected yet.
    pub fn new(target: IngestUrl) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build_http();
        Uploader { client, target, challenge: None }
    }

    /// Where it uploads to.
    pub fn target(&self) -> &IngestUrl {
        &self.target
    }

    /// Puts one file; answers a challenge, and once more if that one is stale.
    pub async fn put(&mut self, name: &str, content_type: &'static str, body: Bytes) -> Result<(), UploadError> {
        let url = self.target.file(name).map_err(|_| UploadError::Name(name.to_owned()))?;
        let mut authenticated = false;
        for _ in 0..3 {
            let authorization = self.authorization(&url)?;
            let answers_this_challenge = authorization.is_some() && authenticated;
            let (status, headers, explanation) = self.send(&url, content_type, authorization, body.clone()).await?;
            if status.is_success() {
                return Ok(());
            }
            if status != StatusCode::UNAUTHORIZED {
                return Err(UploadError::Refused { url, status, explanation });
            }
            let challenge = best_challenge(&headers).ok_or_else(|| UploadError::Challenge { url: url.clone() })?;
            // A kept nonce may have been forgotten by the server; a fresh one that is not stale was answered wrongly.
            if answers_this_challenge && !challenge.stale {
                break;
            }
            self.challenge = Some(challenge);
            authenticated = true;
        }
        self.challenge = None;
        Err(UploadError::Credentials { url })
    }

    /// The `Authorization` header for the newest challenge, if there is one.
    fn authorization(&mut self, url: &Uri) -> Result<Option<HeaderValue>, UploadError> {
        let Some(challenge) = &mut self.challenge else { return Ok(None) };
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let context = AuthContext::new_with_method(
            self.target.username(),
            self.target.password(),
            path,
            None::<&[u8]>,
            HttpMethod::PUT,
        );
        let header = challenge.respond(&context).ok().and_then(|answer| answer.to_string().try_into().ok());
        header.map(Some).ok_or_else(|| UploadError::Challenge { url: url.clone() })
    }

    async fn send(
        &self,
        url: &Uri,
        content_type: &'static str,
        authorization: Option<HeaderValue>,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, String), UploadError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::PUT;
        *request.uri_mut() = url.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let agent = concat!("openmediapackage/", env!("CARGO_PKG_VERSION"));
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| describe(&error))?;
            let (head, body) = answer.into_parts();
            // Read to the end, so that the connection can be kept.
            let text = Limited::new(body, LARGEST_EXPLANATION).collect().await;
            let text = text.map(|text| String::from_utf8_lossy(&text.to_bytes()).trim().to_owned()).unwrap_or_default();
            Ok((head.status, head.headers, text))
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => Err(UploadError::Unreachable { url: url.clone(), reason }),
            Err(_) => Err(UploadError::Timeout { url: url.clone() }),
        }
    }
}

/// An error and its causes in one sentence.
fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The digest challenge with the strongest hash; servers send one header per hash.
fn best_challenge(headers: &HeaderMap) -> Option<WwwAuthenticateHeader> {
    let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    challenges.filter_map(|text| digest_auth::parse(text).ok()).max_by_key(|challenge| match challenge.algorithm.algo {
        AlgorithmType::MD5 => 0,
        AlgorithmType::SHA2_256 => 2,
        AlgorithmType::SHA2_512_256 => 1,
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_server::{Script, TestServer};
    use super::*;

    fn uploader(server: &TestServer, password: &str) -> Uploader {
        Uploader::new(IngestUrl::parse(&server.url(password), None).unwrap())
    }

    #[tokio::test]
    async fn one_challenge_and_one_connection_serve_many_files() {
        let server = TestServer::start(Script { nonce_uses: 100, ..Script::default() }).await;
        let mut uploader = uploader(&server, "right");
        for number in 1..=3 {
            uploader.put(&format!("a {number}.ts"), "video/mp2t", Bytes::from(vec![number; 5])).await.unwrap();
        }
        let taken = server.script.lock().unwrap().taken.clone();
        let expected = |number: u8| {
            (format!("/in/v2/1/2/a%20{number}.ts"), format!("{number} SHA-256"), Bytes::from(vec![number; 5]))
        };
        assert_eq!(taken, [expected(1), expected(2), expected(3)]);
        assert_eq!((server.challenges(), server.connections()), (1, 1));
    }

    #[tokio::test]
    async fn a_stale_nonce_is_replaced() {
        let server = TestServer::start(Script { nonce_uses: 2, ..Script::default() }).await;
        let mut uploader = uploader(&server, "right");
        for number in 0..5 {
            uploader.put(&format!("{number}.ts"), "video/mp2t", Bytes::from_static(b"x")).await.unwrap();
        }
        assert_eq!(server.taken_names(), ["0.ts", "1.ts", "2.ts", "3.ts", "4.ts"]);
        assert_eq!(server.challenges(), 3);
    }

    #[tokio::test]
    async fn a_wrong_password_is_told_and_does_not_pass() {
        let server = TestServer::start(Script { nonce_uses: 9, ..Script::default() }).await;
        let error = uploader(&server, "wrong").put("1.ts", "video/mp2t", Bytes::new()).await.unwrap_err();
        assert!(matches!(error, UploadError::Credentials { .. }) && !error.is_passing(), "{error}");
        assert!(!error.to_string().contains("wrong"));
    }

    #[tokio::test]
    async fn failures_say_whether_they_pass() {
        let failures = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::NOT_FOUND].into();
        let server = TestServer::start(Script { nonce_uses: 9, failures, ..Script::default() }).await;
        let mut uploader = uploader(&server, "right");
        let busy = uploader.put("1.ts", "video/mp2t", Bytes::new()).await.unwrap_err();
        assert!(
            busy.is_passing() && busy.to_string().contains("503") && busy.to_string().contains("on demand"),
            "{busy}"
        );
        assert!(!uploader.put("1.ts", "video/mp2t", Bytes::new()).await.unwrap_err().is_passing());
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let target = IngestUrl::parse(&format!("http://{nobody}/channel"), Some(("u", "p"))).unwrap();
        let refused = Uploader::new(target).put("1.ts", "video/mp2t", Bytes::new()).await.unwrap_err();
        assert!(matches!(refused, UploadError::Unreachable { .. }) && refused.is_passing(), "{refused}");
    }
}
