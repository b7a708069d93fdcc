//! The query of a presigned URL: `X-Amz-Algorithm`, `-Credential`, `-Date`, `-Expires`, `-SignedHeaders` and
//! `-Signature`, all required, each once.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{Claim, Form, Refusal, Scope, date, signature, signed_headers};

/// The parameters that the signer adds itself; every other one is signed like any parameter.
const OWN: [&str; 6] =
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"];

/// The token of temporary credentials.
pub(super) const TOKEN: &str = "X-Amz-Security-Token";

/// Seven days, the longest that a presigned URL may live.
const LONGEST_SECONDS: u32 = 7 * 24 * 60 * 60;

/// Whether a query carries a signature or a part of one.
pub(super) fn is_presigned(query: &str) -> bool {
    parameters(query).any(|(name, _, _)| OWN.contains(&name.as_ref()))
}

/// Reads the claim of a request that is signed by query.
pub(super) fn claim(query: &str) -> Result<Claim, Refusal> {
    if one(query, "X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
        return Err(Refusal::Incomplete("X-Amz-Algorithm must be AWS4-HMAC-SHA256".into()));
    }
    let expires = one(query, "X-Amz-Expires")?;
    let digits = !expires.is_empty() && expires.bytes().all(|byte| byte.is_ascii_digit());
    let expires_in_seconds = expires.parse().ok().filter(|seconds| digits && (1..=LONGEST_SECONDS).contains(seconds));
    let expires_in_seconds = expires_in_seconds.ok_or_else(|| {
        Refusal::Incomplete(format!("X-Amz-Expires must be a number of seconds from 1 to {LONGEST_SECONDS} (7 days)"))
    })?;
    Ok(Claim {
        scope: Scope::parse(&one(query, "X-Amz-Credential")?)?,
        form: Form::Query { expires_in_seconds },
        time: date::parse(&one(query, "X-Amz-Date")?)?,
        signed_headers: signed_headers::parse(&one(query, "X-Amz-SignedHeaders")?)?,
        signature: signature::parse(&one(query, "X-Amz-Signature")?)?,
    })
}

/// The query without what the signer adds itself, as it was written.
pub(super) fn without_own(query: &str, also_without_token: bool) -> String {
    let kept = parameters(query)
        .filter(|(name, _, _)| !OWN.contains(&name.as_ref()))
        .filter(|(name, _, _)| name != TOKEN || !also_without_token)
        .map(|(_, _, written)| written);
    kept.collect::<Vec<_>>().join("&")
}

/// Whether the query carries a session token.
pub(super) fn has_token(query: &str) -> bool {
    parameters(query).any(|(name, _, _)| name == TOKEN)
}

fn one<'a>(query: &'a str, wanted: &str) -> Result<Cow<'a, str>, Refusal> {
    let mut found = parameters(query).filter(|(name, _, _)| name == wanted).map(|(_, value, _)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Refusal::Incomplete(format!("a presigned URL requires the parameter {wanted}"))),
        (Some(_), Some(_)) => Err(Refusal::Incomplete(format!("the parameter {wanted} occurs more than once"))),
    }
}

/// Name, value and the text of each parameter.
fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>, &str)> {
    query.split('&').filter(|written| !written.is_empty()).map(|written| {
        let (name, value) = written.split_once('=').unwrap_or((written, ""));
        (percent_decode_str(name).decode_utf8_lossy(), percent_decode_str(value).decode_utf8_lossy(), written)
    })
}
