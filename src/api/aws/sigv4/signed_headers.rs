//! Which headers a signature covers, and which it must.

use http::header::HOST;
use http::{HeaderMap, HeaderName};

use super::{Claim, Form, Refusal};

/// The header that carries the signature's date.
pub(super) const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");

/// The token of temporary credentials: some signers add it after signing, so it need not be covered.
const X_AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";

/// Reads `host;x-amz-date`: lower-case names, ascending, no name twice.
pub(super) fn parse(text: &str) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    let lower = names.iter().all(|name| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase()));
    if !lower || !names.is_sorted_by(|left, right| left < right) {
        return Err(Refusal::Incomplete(
            "SignedHeaders must be lower-case names in order, separated by semicolons".into(),
        ));
    }
    Ok(names)
}

/// `host` and every `x-amz-…` header must be covered, and what is said to be covered must be there.
pub(super) fn check(headers: &HeaderMap, claim: &Claim) -> Result<(), Refusal> {
    let covered = |name: &str| claim.signed_headers.iter().any(|signed| signed == name);
    if !covered("host") {
        return Err(Refusal::Incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization".into()));
    }
    for name in headers.keys().map(HeaderName::as_str) {
        if name.starts_with("x-amz-") && name != X_AMZ_SECURITY_TOKEN && !covered(name) {
            return Err(Refusal::Incomplete(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization")));
        }
    }
    for name in &claim.signed_headers {
        if !headers.contains_key(name.as_str()) {
            return Err(Refusal::Incomplete(format!("the signed header {name:?} is not in the request")));
        }
    }
    only_value(headers, &HOST)?;
    // The signer writes the date itself, so a second place for it would not be looked at.
    if matches!(claim.form, Form::Query { .. }) && headers.contains_key(X_AMZ_DATE) && !covered(X_AMZ_DATE.as_str()) {
        return Err(Refusal::Incomplete("the request has both X-Amz-Date forms".into()));
    }
    Ok(())
}

/// The value of a header that may occur once only.
pub(super) fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            value.to_str().map(Some).map_err(|_| Refusal::Incomplete(format!("the header {name} is not ASCII text")))
        }
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Refusal::Incomplete(format!("the header {name} occurs more than once"))),
    }
}
