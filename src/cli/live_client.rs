//! Calls the live API as any client does: over HTTP, signed.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde_json::Value;

use crate::api::aws::sigv4::sign_request;
use crate::config::AccessKey;

/// No answer that we ask for is larger.
const LARGEST_ANSWER: usize = 1 << 20;

/// A client of one server's live API.
pub(super) struct LiveClient {
    client: Client<HttpConnector, Full<Bytes>>,
    /// `http://` and authority.
    origin: String,
    key: AccessKey,
    region: String,
}

impl LiveClient {
    /// A client that signs with `key` for `region`.
    pub(super) fn new(origin: String, key: AccessKey, region: String) -> Self {
        LiveClient { client: Client::builder(TokioExecutor::new()).build_http(), origin, key, region }
    }

    /// The resource at `path`, made by a POST of `wanted` to `collection` if it is not there.
    pub(super) async fn find_or_create(&self, path: &str, collection: &str, wanted: Value) -> Result<Value, String> {
        match self.call(Method::GET, path, None).await? {
            (StatusCode::OK, found) => Ok(found),
            (StatusCode::NOT_FOUND, _) => match self.call(Method::POST, collection, Some(wanted)).await? {
                (StatusCode::OK, made) => Ok(made),
                (status, answer) => Err(format!("POST {collection} was answered with {status}: {answer}")),
            },
            (status, answer) => Err(format!("GET {path} was answered with {status}: {answer}")),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<(StatusCode, Value), String> {
        let failed = |reason: String| format!("the call of {path} failed: {reason}");
        let uri = format!("{}{path}", self.origin).parse().map_err(|error| failed(format!("{error}")))?;
        let mut request = Request::new(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        sign_request(&mut request, &self.key, &self.region, "mediapackage", Timestamp::now())
            .map_err(|error| failed(error.to_string()))?;
        let answer = self.client.request(request.map(Full::new)).await.map_err(|error| failed(error.to_string()))?;
        let status = answer.status();
        let bytes = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        let bytes = bytes.map_err(|error| failed(error.to_string()))?.to_bytes();
        let value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok((status, value))
    }
}
