//! `x-amz-content-sha256`: what the client says its body hashes to.
//!
//! The control plane reads whole bodies, so the body's own hash is always what is verified; `UNSIGNED-PAYLOAD`
//! and the streaming forms, which S3 has for large bodies, are refused.

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Refusal;
use super::signed_headers::only_value;

const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// A hash that is sent must be the body's.
pub(super) fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let Some(sent) = only_value(headers, &X_AMZ_CONTENT_SHA256)? else { return Ok(()) };
    if sent == "UNSIGNED-PAYLOAD" || sent.starts_with("STREAMING-") {
        return Err(Refusal::Payload(format!("x-amz-content-sha256 is {sent}, but this API requires a signed body")));
    }
    let actual = hex::encode(Sha256::digest(body));
    if bool::from(actual.as_bytes().ct_eq(sent.as_bytes())) {
        return Ok(());
    }
    Err(Refusal::Payload("the SHA-256 in x-amz-content-sha256 is not that of the body that arrived".into()))
}
