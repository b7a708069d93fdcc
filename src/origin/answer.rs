//! Answers: status, headers and body.
//!
//! **Cross-origin reading.** Browsers may read everything here from any page (GET and HEAD): the page's origin is
//! echoed, `*` without one and for the opaque origin `null`. `Access-Control-Allow-Credentials` is never sent: no
//! answer here depends on a cookie, so a page that asks for credentials has no reason to.
//!
//! **Caching.** Manifests may be kept for half a segment's duration, at least one second; segments for two weeks, as
//! their bytes never change; refusals for one second where they may turn into content, else not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};

use super::manifests::ReadyManifest;
use super::range::{self, Wanted};
use super::refusal::Refusal;
use super::segments::ReadySegment;
use crate::plane::{Response, ResponseBody};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-mediapackage-request-id");
const LAST_SEQUENCE: HeaderName = HeaderName::from_static("x-mediapackage-manifest-last-sequence");
const LAST_UPDATED: HeaderName = HeaderName::from_static("x-mediapackage-manifest-last-updated");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Length, Content-Range, Date, ETag, X-MediaPackage-Request-ID, X-MediaPackage-Manifest-Last-Sequence, \
     X-MediaPackage-Manifest-Last-Updated",
);
const SEGMENT_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("max-age=1209600");

/// What a request gets.
pub enum Content {
    /// A manifest.
    Manifest {
        /// The manifest.
        manifest: Arc<ReadyManifest>,
        /// Target duration of the endpoint's segments.
        segment_seconds: u32,
    },
    /// A segment.
    Segment(ReadySegment),
}

/// Makes answers and names each with an id of its own.
pub struct Answers {
    /// Tells this run of the program from others.
    prefix: u64,
    count: AtomicU64,
}

impl Default for Answers {
    fn default() -> Self {
        Answers { prefix: uuid::Uuid::new_v4().as_u64_pair().0, count: AtomicU64::new(1) }
    }
}

impl Answers {
    /// The answer to an OPTIONS request, which a browser sends before it reads from another origin.
    pub fn preflight(&self, request: &Parts) -> Response {
        let mut answer = self.start(request, StatusCode::NO_CONTENT, ResponseBody::empty());
        let headers = answer.headers_mut();
        headers.insert(header::ALLOW, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        if let Some(wanted) = request.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        answer
    }

    /// The answer that refuses.
    pub fn refusal(&self, request: &Parts, refusal: &Refusal) -> Response {
        let status = refusal.status();
        // What went wrong inside is for the log.
        let sentence = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "this could not be read; the server's log says why\n".to_owned(),
            _ => format!("{refusal}\n"),
        };
        let length = sentence.len();
        let body = if request.method == Method::HEAD { ResponseBody::empty() } else { ResponseBody::whole(sentence) };
        let mut answer = self.start(request, status, body);
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let caching = if status == StatusCode::NOT_FOUND { "max-age=1" } else { "no-store" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, METHODS);
        }
        if let Refusal::Range { length } = refusal {
            headers
                .extend(HeaderValue::try_from(format!("bytes */{length}")).map(|range| (header::CONTENT_RANGE, range)));
        }
        answer
    }

    /// The answer with content.
    pub fn content(&self, request: &Parts, content: Content) -> Response {
        match content {
            Content::Manifest { manifest, segment_seconds } => self.manifest(request, &manifest, segment_seconds),
            Content::Segment(segment) => self.segment(request, &segment),
        }
    }

    fn manifest(&self, request: &Parts, manifest: &ReadyManifest, segment_seconds: u32) -> Response {
        let unchanged = names_etag(&request.headers, header::IF_NONE_MATCH, &manifest.etag);
        let compressed = Some(()).filter(|()| takes_gzip(&request.headers)).map(|()| manifest.compressed());
        let is_compressed = compressed.as_ref().is_some_and(|bytes| !bytes.is_empty());
        let body = compressed.filter(|_| is_compressed).unwrap_or_else(|| manifest.body.clone());
        let length = body.len();
        let (status, body) = match () {
            () if unchanged => (StatusCode::NOT_MODIFIED, ResponseBody::empty()),
            () if request.method == Method::HEAD => (StatusCode::OK, ResponseBody::empty()),
            () => (StatusCode::OK, ResponseBody::whole(body)),
        };
        let mut answer = self.start(request, status, body);
        let headers = answer.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(header::ETAG, manifest.etag.clone());
        let seconds = (segment_seconds / 2).max(1);
        headers.extend(HeaderValue::try_from(format!("max-age={seconds}")).map(|value| (header::CACHE_CONTROL, value)));
        if let Some(value) = &manifest.last_sequence {
            headers.insert(LAST_SEQUENCE, value.clone());
        }
        if let Some(value) = &manifest.last_updated {
            headers.insert(LAST_UPDATED, value.clone());
        }
        if !unchanged {
            headers.insert(header::CONTENT_TYPE, manifest.content_type.clone());
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            if is_compressed {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        answer
    }

    fn segment(&self, request: &Parts, segment: &ReadySegment) -> Response {
        let unchanged = names_etag(&request.headers, header::IF_NONE_MATCH, &segment.etag);
        // A range of another version's bytes would be of no use: then everything is sent.
        let may_cut = request.method == Method::GET
            && request.headers.get(header::IF_RANGE).is_none_or(|value| *value == segment.etag);
        let wanted = request
            .headers
            .get(header::RANGE)
            .filter(|_| may_cut && !unchanged)
            .and_then(|range| range.to_str().ok())
            .map_or(Wanted::Whole, |header| range::wanted(header, segment.length));
        let (status, length, content_range) = match wanted {
            Wanted::Unsatisfiable => {
                return self.refusal(request, &Refusal::Range { length: segment.length });
            }
            Wanted::Part { first, last } => {
                let content_range = format!("bytes {first}-{last}/{}", segment.length);
                (StatusCode::PARTIAL_CONTENT, last - first + 1, Some(content_range))
            }
            Wanted::Whole if unchanged => (StatusCode::NOT_MODIFIED, 0, None),
            Wanted::Whole => (StatusCode::OK, segment.length, None),
        };
        let body = match wanted {
            _ if unchanged || request.method == Method::HEAD => ResponseBody::empty(),
            Wanted::Part { first, last } => ResponseBody::slices(range::cut(&segment.slices, first, last)),
            _ => ResponseBody::slices(segment.slices.iter().cloned()),
        };
        let mut answer = self.start(request, status, body);
        let headers = answer.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::ETAG, segment.etag.clone());
        headers.insert(header::CACHE_CONTROL, SEGMENT_CACHE_CONTROL);
        if !unchanged {
            headers.insert(header::CONTENT_TYPE, segment.content_type.clone());
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        headers
            .extend(content_range.and_then(|range| Some((header::CONTENT_RANGE, HeaderValue::try_from(range).ok()?))));
        answer
    }

    /// An answer with the headers that all have.
    fn start(&self, request: &Parts, status: StatusCode, body: ResponseBody) -> Response {
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.reserve(14);
        let id = format!("{:016x}{:016x}", self.prefix, self.count.fetch_add(1, Ordering::Relaxed));
        headers.extend(HeaderValue::try_from(id).map(|id| (REQUEST_ID, id)));
        let origin = request.headers.get(header::ORIGIN).filter(|origin| *origin != "null").cloned();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.unwrap_or(HeaderValue::from_static("*")));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        answer
    }
}

/// The header lists this entity tag, or all.
fn names_etag(headers: &HeaderMap, name: HeaderName, etag: &HeaderValue) -> bool {
    let Ok(etag) = etag.to_str() else { return false };
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |named| {
            let named = named.trim();
            named == "*" || named.strip_prefix("W/").unwrap_or(named) == etag
        },
    )
}

/// The client takes gzip: it says so, and not with a weight of 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            is_gzip && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
        })
}
