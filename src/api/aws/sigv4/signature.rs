//! The signature itself: computed again by the crate `aws-sigv4` and compared in constant time.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::request::Parts;
use subtle::ConstantTimeEq;

use super::{Claim, Form, Refusal, presigned};

/// Reads 64 lower-case hexadecimal digits.
pub(super) fn parse(text: &str) -> Result<String, Refusal> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() == 64 && text.bytes().all(digit) {
        return Ok(text.to_owned());
    }
    Err(Refusal::Incomplete("Signature must be 64 lower-case hexadecimal digits".into()))
}

/// How a service wants paths in the canonical request.
#[derive(Debug, Clone, Copy)]
pub(super) struct PathRules {
    /// Resolve `.`, `..` and `//` first. All services but S3 do.
    pub(super) normalise: bool,
    /// Escape again what came escaped. All services but S3 do.
    pub(super) double_encode: bool,
}

/// The rules of the services that this server has.
const OUR_PATHS: PathRules = PathRules { normalise: true, double_encode: true };

/// The request must be what the owner of the secret signed.
pub(super) fn check(parts: &Parts, body: &[u8], claim: &Claim, secret: &str) -> Result<(), Refusal> {
    let rules = OUR_PATHS;
    let expected = compute(parts, body, claim, secret, rules, false)?;
    if equal(&expected, &claim.signature) {
        return Ok(());
    }
    // Some signers add the token of temporary credentials after signing.
    let query = parts.uri.query().unwrap_or_default();
    if matches!(claim.form, Form::Query { .. }) && presigned::has_token(query) {
        let expected = compute(parts, body, claim, secret, rules, true)?;
        if equal(&expected, &claim.signature) {
            return Ok(());
        }
    }
    Err(Refusal::Mismatch { access_key: claim.scope.access_key.clone() })
}

fn equal(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// The signature that the owner of `secret` gives this request.
pub(super) fn compute(
    parts: &Parts,
    body: &[u8],
    claim: &Claim,
    secret: &str,
    rules: PathRules,
    token_added_after_signing: bool,
) -> Result<String, Refusal> {
    let unsignable = |what: String| Refusal::Incomplete(format!("the request cannot be signed as it is: {what}"));
    let mut headers = Vec::new();
    for name in claim.signed_headers.iter().filter(|name| claim.form != Form::Header || *name != "x-amz-date") {
        for value in parts.headers.get_all(name.as_str()) {
            let value = value.to_str().map_err(|_| unsignable(format!("the header {name} is not ASCII text")))?;
            headers.push((name.as_str(), value));
        }
    }

    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode =
        if rules.double_encode { PercentEncodingMode::Double } else { PercentEncodingMode::Single };
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::from(rules.normalise);
    // The client's list is the list: nothing is left out of it, nothing comes to it.
    settings.excluded_headers = None;
    let query = parts.uri.query().unwrap_or_default();
    let query = match claim.form {
        Form::Header => query.to_owned(),
        Form::Query { expires_in_seconds } => {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(u64::from(expires_in_seconds)));
            presigned::without_own(query, token_added_after_signing)
        }
    };
    // The signer takes the host from the headers; this one only completes the URI.
    let path = if parts.uri.path().is_empty() { "/" } else { parts.uri.path() };
    let uri = format!("http://host.invalid{path}{}{query}", if query.is_empty() { "" } else { "?" });

    let identity = Credentials::new(claim.scope.access_key.as_str(), secret, None, None, "openmediapackage").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&claim.scope.region)
        .name(&claim.scope.service)
        .time(SystemTime::from(claim.time))
        .settings(settings)
        .build()
        .map_err(|error| unsignable(error.to_string()))?
        .into();
    let request = SignableRequest::new(parts.method.as_str(), uri, headers.into_iter(), SignableBody::Bytes(body))
        .map_err(|error| unsignable(error.to_string()))?;
    let signed = sign(request, &parameters).map_err(|error| unsignable(error.to_string()))?;
    Ok(signed.signature().to_owned())
}
