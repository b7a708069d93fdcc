//! Our own paths: health, metrics, reset and the page that plays.

mod overview;
mod page;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;

use crate::channels::Channels;
use crate::plane::{AnswerFuture, Connection, Plane, Request, Response, ResponseBody};
use crate::resources::CatalogueHandle;
use crate::telemetry::metrics;

/// Forgets every resource and all media, as if the server had just been installed.
pub trait Reset: Send + Sync + 'static {
    /// Resolves when everything is gone, durably; or says in one sentence what failed.
    fn reset(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;
}

/// The plane of our own paths.
pub struct Console {
    reset: Arc<dyn Reset>,
    catalogue: CatalogueHandle,
    channels: Arc<Channels>,
}

impl Console {
    /// A console that resets through `reset`, whose page lists `catalogue` and whose metrics are those of `channels`.
    pub fn new(reset: Arc<dyn Reset>, catalogue: CatalogueHandle, channels: Arc<Channels>) -> Self {
        Console { reset, catalogue, channels }
    }

    fn metrics(&self) -> Response {
        let mut answer = Response::new(ResponseBody::whole(metrics::to_text(&self.channels.metrics())));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    fn channels(&self) -> Response {
        match serde_json::to_value(overview::Overview::of(&self.catalogue.load())) {
            Ok(overview) => answer(StatusCode::OK, overview),
            Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, json!({"message": error.to_string()})),
        }
    }

    /// The page and its files, and the list that it reads.
    fn page(&self, path: &str, method: &Method, headers: &HeaderMap) -> Response {
        let found = match path {
            "channels.json" => Some(self.channels()),
            "metrics" => Some(self.metrics()),
            _ => page::answer(path, headers),
        };
        match found {
            Some(answer) if matches!(*method, Method::GET | Method::HEAD) => answer,
            Some(_) => not_allowed("GET, HEAD"),
            None => {
                answer(StatusCode::NOT_FOUND, json!({"message": format!("there is no page /_openmediapackage/{path}")}))
            }
        }
    }

    async fn reset(&self, headers: &HeaderMap) -> Response {
        if comes_from_another_site(headers) {
            return answer(StatusCode::FORBIDDEN, json!({"message": "a page of another site asked for the reset"}));
        }
        match self.reset.reset().await {
            Ok(()) => answer(StatusCode::OK, json!({"status": "reset"})),
            Err(message) => {
                tracing::error!(message, "reset failed");
                answer(StatusCode::INTERNAL_SERVER_ERROR, json!({ "message": message }))
            }
        }
    }
}

impl Plane for Console {
    fn answer<'a>(&'a self, _connection: &'a Arc<Connection>, request: Request) -> AnswerFuture<'a> {
        Box::pin(async move {
            match (request.uri().path(), request.method()) {
                ("/_openmediapackage/health" | "/_localstack/health", &Method::GET | &Method::HEAD) => {
                    answer(StatusCode::OK, health())
                }
                ("/_openmediapackage/reset", &Method::POST) => self.reset(request.headers()).await,
                ("/_openmediapackage/health" | "/_localstack/health", _) => not_allowed("GET, HEAD"),
                ("/_openmediapackage/reset", _) => not_allowed("POST"),
                (path, method) => {
                    self.page(path.strip_prefix("/_openmediapackage/").unwrap_or(path), method, request.headers())
                }
            }
        })
    }
}

fn health() -> serde_json::Value {
    json!({
        "status": "running",
        "services": {"mediapackage": "running", "sts": "running"},
        "edition": "openmediapackage",
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// Browsers say where a request comes from; SDKs and curl do not send these headers. A page whose own name was rebound
/// to this address counts as the same origin, so a browser must also have asked for an address or for localhost.
fn comes_from_another_site(headers: &HeaderMap) -> bool {
    let fetch_site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if fetch_site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().ok().and_then(|origin| origin.split_once("://")));
    let is_browser = fetch_site.is_some() || origin.is_some();
    let is_foreign_origin = origin.is_some_and(|origin| origin.map(|(_, authority)| authority) != Some(host));
    is_foreign_origin || (is_browser && !is_address_or_localhost(host))
}

/// Whether a `Host` names no name that somebody else's DNS answers for.
fn is_address_or_localhost(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host();
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || literal.parse::<std::net::IpAddr>().is_ok()
}

fn answer(status: StatusCode, body: serde_json::Value) -> Response {
    let mut answer = Response::new(ResponseBody::whole(body.to_string()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn not_allowed(methods: &'static str) -> Response {
    let mut answer = answer(StatusCode::METHOD_NOT_ALLOWED, json!({"message": format!("use {methods}")}));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn tools_and_the_own_page_may_reset() {
        assert!(!comes_from_another_site(&headers(&[("host", "openmediapackage:4790")])));
        for host in ["127.0.0.1:4790", "localhost:4790", "[::1]:4790", "localhost"] {
            assert!(!comes_from_another_site(&headers(&[("host", host), ("sec-fetch-site", "same-origin")])), "{host}");
        }
        let own = [("host", "127.0.0.1:4790"), ("origin", "http://127.0.0.1:4790"), ("sec-fetch-site", "same-origin")];
        assert!(!comes_from_another_site(&headers(&own)));
    }

    #[test]
    fn pages_of_other_sites_may_not_reset() {
        let host = ("host", "127.0.0.1:4790");
        assert!(comes_from_another_site(&headers(&[host, ("sec-fetch-site", "cross-site")])));
        assert!(comes_from_another_site(&headers(&[host, ("origin", "http://evil.example")])));
        assert!(comes_from_another_site(&headers(&[host, ("origin", "null")])));
    }

    #[test]
    fn a_page_whose_name_was_rebound_to_this_address_may_not_reset() {
        let rebound = [("host", "evil.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")];
        assert!(comes_from_another_site(&headers(&rebound)));
        assert!(comes_from_another_site(&headers(&[("host", "evil.example"), ("sec-fetch-site", "same-origin")])));
    }
}
