//! A small ingest server for the tests of the sending side: digest with MD5 and SHA-256, and failures on demand.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use digest_auth::{AuthContext, AuthorizationHeader, HttpMethod};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What the server has seen and shall do.
#[derive(Default)]
pub(super) struct Script {
    /// Path, `nc` and algorithm of every file that was taken, with its bytes.
    pub(super) taken: Vec<(String, String, Bytes)>,
    /// Answers to authenticated requests before any is taken.
    pub(super) failures: VecDeque<StatusCode>,
    /// How many requests a nonce is good for; the next one is `stale`.
    pub(super) nonce_uses: u32,
    pub(super) challenges: u32,
    pub(super) uses: u32,
    pub(super) connections: u32,
}

/// A running server; it ends with the test's runtime.
#[derive(Clone)]
pub(super) struct TestServer {
    pub(super) address: SocketAddr,
    pub(super) script: Arc<Mutex<Script>>,
}

impl TestServer {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = TestServer { address, script: Arc::new(Mutex::new(script)) };
        let accepting = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepting.script.lock().unwrap().connections += 1;
                let server = accepting.clone();
                let service = service_fn(move |request| server.clone().answer(request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        server
    }

    /// The ingest URL of user `encoder`.
    pub(super) fn url(&self, password: &str) -> String {
        format!("http://encoder:{password}@{}/in/v2/1/2/channel", self.address)
    }

    pub(super) fn taken_names(&self) -> Vec<String> {
        let script = self.script.lock().unwrap();
        script.taken.iter().map(|(path, _, _)| path.rsplit('/').next().unwrap().to_owned()).collect()
    }

    pub(super) fn connections(&self) -> u32 {
        self.script.lock().unwrap().connections
    }

    pub(super) fn challenges(&self) -> u32 {
        self.script.lock().unwrap().challenges
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let path = request.uri().path().to_owned();
        let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
        let method = request.method().clone();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut script = self.script.lock().unwrap();
        let mut stale = false;
        if let Some(header) = header {
            let given = AuthorizationHeader::parse(&header).unwrap();
            let mut expected = given.clone();
            let context =
                AuthContext::new_with_method("encoder", "right", path.as_str(), None::<&[u8]>, HttpMethod::PUT);
            expected.digest(&context);
            let nonce_is_ours = given.nonce == format!("nonce{}", script.challenges);
            if method == http::Method::PUT && given.response == expected.response && given.uri == path {
                stale = !nonce_is_ours || script.uses >= script.nonce_uses;
                if !stale {
                    assert_eq!(given.nc, script.uses + 1, "the nonce count goes up by one");
                    script.uses += 1;
                    if let Some(status) = script.failures.pop_front() {
                        return Ok(Response::builder().status(status).body(Full::from("on demand")).unwrap());
                    }
                    let how = format!("{} {}", given.nc, given.algorithm);
                    script.taken.push((path, how, body));
                    return Ok(Response::builder().status(StatusCode::CREATED).body(Full::default()).unwrap());
                }
            }
        }
        script.challenges += 1;
        script.uses = 0;
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
        for algorithm in ["MD5", "SHA-256"] {
            let challenge = format!(
                "Digest realm=\"r\", qop=\"auth\", algorithm={algorithm}, nonce=\"nonce{}\", stale={stale}",
                script.challenges
            );
            answer.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::try_from(challenge).unwrap());
        }
        Ok(answer)
    }
}
