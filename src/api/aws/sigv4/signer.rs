//! Signs requests to AWS APIs, for commands that call this server through its front door.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue, Request};
use jiff::Timestamp;

use crate::config::AccessKey;

/// The request cannot be signed as it is.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct SignError(String);

impl SignError {
    fn because(reason: impl ToString) -> Self {
        SignError(reason.to_string())
    }
}

/// Signs a request in its headers: adds `Host`, `X-Amz-Date` and `Authorization`. The request's URI is absolute.
pub fn sign_request<B: AsRef<[u8]>>(
    request: &mut Request<B>,
    key: &AccessKey,
    region: &str,
    service: &str,
    now: Timestamp,
) -> Result<(), SignError> {
    let authority = request.uri().authority().map(|authority| authority.as_str()).unwrap_or_default();
    let host = HeaderValue::from_str(authority).map_err(SignError::because)?;
    request.headers_mut().insert(HOST, host);
    let identity = Credentials::new(key.id.as_str(), key.secret.as_str(), None, None, "openmediapackage").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build()
        .map_err(SignError::because)?
        .into();
    let headers = request.headers().iter();
    let headers: Vec<(&str, &str)> =
        headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let body = SignableBody::Bytes(request.body().as_ref());
    let signable =
        SignableRequest::new(request.method().as_str(), request.uri().to_string(), headers.into_iter(), body)
            .map_err(SignError::because)?;
    let (instructions, _) = sign(signable, &parameters).map_err(SignError::because)?.into_parts();
    for (name, value) in instructions.headers() {
        let name = HeaderName::try_from(name).map_err(SignError::because)?;
        request.headers_mut().insert(name, HeaderValue::from_str(value).map_err(SignError::because)?);
    }
    if request.headers().contains_key(AUTHORIZATION) {
        Ok(())
    } else {
        Err(SignError::because("no signature was made"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Claim, KnownKeys, Refusal, Verifier};
    use super::*;

    #[test]
    fn what_is_signed_is_verified_and_what_is_changed_afterwards_is_not() {
        let key: AccessKey = "demo:secret".parse().unwrap();
        let now: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        let mut request = Request::put("http://127.0.0.1:4790/channels/a%20b?x=1").body(b"{}".as_slice()).unwrap();
        sign_request(&mut request, &key, "eu-central-1", "mediapackage", now).unwrap();
        let (parts, body) = request.into_parts();
        let claim = Claim::of(&parts).unwrap();
        let verifier = Verifier::new(KnownKeys::new(&[key], "000000000000"));
        let caller = verifier.verify(&parts, body, &claim, now).unwrap();
        assert_eq!((caller.region.as_str(), caller.service.as_str()), ("eu-central-1", "mediapackage"));
        assert!(matches!(verifier.verify(&parts, b"{ }", &claim, now), Err(Refusal::Mismatch { .. })));
    }
}
