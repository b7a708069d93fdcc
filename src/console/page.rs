//! The files of the page that plays, built into the binary.

use std::io::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::plane::{Response, ResponseBody};

/// Nothing from other hosts, nothing inline; players hand media and their worker over as `blob:`.
const POLICY: &str = "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; img-src 'self' data:; \
                      object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
struct File {
    /// Path below `/_openmediapackage/`; the page itself has none.
    path: &'static str,
    content_type: &'static str,
    cache_control: &'static str,
    bytes: &'static [u8],
    made: OnceLock<Made>,
}

/// What is made of a file when it is first asked for.
struct Made {
    gzipped: Bytes,
    /// Entity tags of the file as it is and gzipped: a strong tag names the bytes that are sent (RFC 9110 §8.8.3).
    tag: HeaderValue,
    gzipped_tag: HeaderValue,
}

impl File {
    const fn new(
        path: &'static str,
        content_type: &'static str,
        cache_control: &'static str,
        bytes: &'static [u8],
    ) -> Self {
        File { path, content_type, cache_control, bytes, made: OnceLock::new() }
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let sum = Sha256::digest(self.bytes);
            let short = hex::encode(sum.get(..12).unwrap_or_default());
            // Hexadecimal digits and quotes fit into a header.
            let tag = |suffix: &str| {
                HeaderValue::from_str(&format!("\"{short}{suffix}\"")).unwrap_or(HeaderValue::from_static("\"\""))
            };
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            // Writing to memory cannot fail.
            let gzipped = encoder.write_all(self.bytes).and_then(|()| encoder.finish()).unwrap_or_default();
            Made { gzipped: gzipped.into(), tag: tag(""), gzipped_tag: tag("-gz") }
        })
    }
}

/// Changes with the binary: asked for again each time, answered by 304 mostly.
const REVALIDATED: &str = "no-cache";

/// The version stands in the path.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

const SCRIPT: &str = "text/javascript; charset=utf-8";

static FILES: [File; 5] = [
    File::new("", "text/html; charset=utf-8", REVALIDATED, include_bytes!("page/index.html")),
    File::new("page.css", "text/css; charset=utf-8", REVALIDATED, include_bytes!("page/page.css")),
    File::new("page.js", SCRIPT, REVALIDATED, include_bytes!("page/page.js")),
    File::new("vendor/hls-1.7.4.min.js", SCRIPT, FOR_EVER, include_bytes!("vendor/hls.min.js")),
    File::new("vendor/dash-5.2.1.min.js", SCRIPT, FOR_EVER, include_bytes!("vendor/dash.mediaplayer.min.js")),
];

/// The answer to a GET of a file of the page, `path` being what follows `/_openmediapackage/`; `None` if there is
/// no such file. The server leaves the body out for HEAD.
pub(super) fn answer(path: &str, request: &HeaderMap) -> Option<Response> {
    let file = FILES.iter().find(|file| file.path == path)?;
    let made = file.made();
    let (body, tag, encoding) = if accepts_gzip(request) {
        (made.gzipped.clone(), &made.gzipped_tag, Some("gzip"))
    } else {
        (Bytes::from_static(file.bytes), &made.tag, None)
    };
    let known = request.get_all(IF_NONE_MATCH).iter().any(|value| names_tag(value, tag));
    let mut answer = Response::new(if known { ResponseBody::empty() } else { ResponseBody::whole(body) });
    if known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = answer.headers_mut();
    headers.insert(ETAG, tag.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(file.cache_control));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if !known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    Some(answer)
}

/// `gzip` is named and not forbidden by `q=0` (RFC 9110 §12.5.3).
fn accepts_gzip(request: &HeaderMap) -> bool {
    let codings = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(0.0)
    })
}

/// `If-None-Match` names the tag, weakly compared (RFC 9110 §13.1.2), or `*`.
fn names_tag(value: &HeaderValue, tag: &HeaderValue) -> bool {
    let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.map(|one| one.strip_prefix("W/").unwrap_or(one)).any(|one| one == "*" || one.as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn body(answer: Response) -> Bytes {
        answer.into_body().collect().await.unwrap().to_bytes()
    }

    fn headers(lines: &[(http::HeaderName, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[tokio::test]
    async fn a_file_is_sent_gzipped_where_asked_and_not_again_when_known() {
        let plain = answer("page.js", &headers(&[(ACCEPT_ENCODING, "gzip;q=0, br")])).unwrap();
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        let plain_tag = plain.headers()[ETAG].clone();
        let plain = body(plain).await;
        let gzipped = answer("page.js", &headers(&[(ACCEPT_ENCODING, "br, gzip")])).unwrap();
        assert_eq!(gzipped.headers()[CONTENT_ENCODING], "gzip");
        let tag = gzipped.headers()[ETAG].clone();
        assert_ne!(tag, plain_tag);
        let mut unpacked = Vec::new();
        let gzipped = body(gzipped).await;
        std::io::copy(&mut flate2::read::GzDecoder::new(gzipped.as_ref()), &mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
        let again = headers(&[(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, tag.to_str().unwrap())]);
        let again = answer("page.js", &again).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(body(again).await.is_empty());
        assert!(answer("page.html", &HeaderMap::new()).is_none());
    }

    #[test]
    fn the_page_needs_no_inline_script_and_no_other_host() {
        let page = std::str::from_utf8(FILES[0].bytes).unwrap();
        for tag in page.split("<script").skip(1) {
            assert!(tag.starts_with(" src=\"") && tag.contains("></script>"), "{tag}");
        }
        assert!(!page.contains("//") && !page.contains(" style=") && !page.contains(" onclick="));
        for path in ["page.css", "page.js", "vendor/hls-1.7.4.min.js", "vendor/dash-5.2.1.min.js"] {
            assert!(page.contains(path) && answer(path, &HeaderMap::new()).is_some(), "{path}");
        }
    }

    #[test]
    fn built_in_players_are_those_of_the_list() {
        let list = include_str!("vendor/README.md");
        for file in FILES.iter().filter(|file| file.path.starts_with("vendor/")) {
            assert!(list.contains(&hex::encode(Sha256::digest(file.bytes))), "{}", file.path);
        }
    }
}
