//! Which plane answers: told by the raw path, before anything is decoded.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use super::framing;
use crate::plane::{Connection, Plane, Request, Response, ResponseBody};

/// The planes of one server.
#[derive(Clone)]
pub struct Planes {
    /// Paths below `/in/`: encoders.
    pub ingest: Arc<dyn Plane>,
    /// Paths below `/out/`: players.
    pub origin: Arc<dyn Plane>,
    /// Paths below `/_openmediapackage/`, `/_localstack/health`, and what a browser asks for at `/`.
    pub console: Arc<dyn Plane>,
    /// Everything else: AWS APIs.
    pub api: Arc<dyn Plane>,
}

impl Planes {
    pub(super) async fn answer(&self, connection: &Arc<Connection>, request: Request) -> Response {
        if let Some(violation) = framing::violation(&request) {
            return refuse(violation);
        }
        let path = request.uri().path();
        let plane = if path.starts_with("/out/") {
            &self.origin
        } else if path.starts_with("/in/") {
            &self.ingest
        } else if path.starts_with("/_openmediapackage/") || path == "/_localstack/health" {
            &self.console
        } else {
            &self.api
        };
        plane.answer(connection, request).await
    }
}

/// A 400 that closes the connection: what follows on it cannot be trusted.
fn refuse(sentence: &'static str) -> Response {
    let mut answer = Response::new(ResponseBody::whole(format!("{sentence}\n")));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
