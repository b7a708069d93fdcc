//! What HTTP/1.1 forbids and hyper lets pass.
//!
//! hyper itself answers 400 and closes on: obs-fold and control characters inside a head, a space before a
//! header's colon, several different `Content-Length` values, one that is no number, a `Transfer-Encoding` whose
//! last coding is not `chunked` or that comes with HTTP/1.0, and broken chunk sizes. A bare LF ends a line of a
//! head, as RFC 9112 §2.2 permits. A request with both `Content-Length` and `Transfer-Encoding` is read by the
//! latter alone and its connection closed, as §6.1 asks, so that nobody's second request can hide in it.

use http::header::{HOST, TRANSFER_ENCODING};
use http::{Method, Version};

use crate::plane::Request;

/// Why a request is refused, as the sentence of the 400 answer.
pub(super) fn violation(request: &Request) -> Option<&'static str> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Some("the request has more than one Host header (RFC 9112 section 3.2)"),
        (None, None) if request.version() == Version::HTTP_11 => {
            return Some("the request has no Host header (RFC 9112 section 3.2)");
        }
        (Some(host), None) if !is_host(host.as_bytes()) => {
            return Some("the Host header is no host with an optional port (RFC 9110 section 7.2)");
        }
        _ => {}
    }
    if headers.get_all(TRANSFER_ENCODING).iter().count() > 1 {
        return Some("the request has more than one Transfer-Encoding header");
    }
    // "chunked" twice or after another coding: what a proxy in front may have read differently.
    if headers.get(TRANSFER_ENCODING).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Some("the only transfer coding understood is chunked");
    }
    (request.method() == Method::CONNECT).then_some("this server is no proxy: CONNECT is refused")
}

fn is_host(host: &[u8]) -> bool {
    !host.is_empty() && host.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]%~!$&'()*+,;=".contains(byte))
}
