//! The `Authorization` header:
//! `AWS4-HMAC-SHA256 Credential=…/aws4_request, SignedHeaders=host;x-amz-date, Signature=…`.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::signed_headers::{self, only_value};
use super::{Claim, Form, Refusal, Scope, date, signature};

/// Reads the claim of a request that is signed by header.
pub(super) fn claim(headers: &HeaderMap) -> Result<Claim, Refusal> {
    let text = only_value(headers, &AUTHORIZATION)?.unwrap_or_default();
    let Some(list) = text.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Err(Refusal::Incomplete("Authorization must begin with AWS4-HMAC-SHA256".into()));
    };
    let (mut credential, mut headers_signed, mut signature) = (None, None, None);
    for item in list.split(',') {
        let place = match item.trim().split_once('=') {
            Some(("Credential", value)) => (&mut credential, value),
            Some(("SignedHeaders", value)) => (&mut headers_signed, value),
            Some(("Signature", value)) => (&mut signature, value),
            _ => {
                return Err(Refusal::Incomplete(
                    "Authorization has a part that is not Credential, SignedHeaders or Signature".into(),
                ));
            }
        };
        if place.0.replace(place.1).is_some() {
            return Err(Refusal::Incomplete("Authorization has a part twice".into()));
        }
    }
    let missing = |name: &str| Refusal::Incomplete(format!("Authorization header requires '{name}' parameter"));
    let scope = Scope::parse(credential.ok_or_else(|| missing("Credential"))?)?;
    let signed_headers = signed_headers::parse(headers_signed.ok_or_else(|| missing("SignedHeaders"))?)?;
    let signature = signature::parse(signature.ok_or_else(|| missing("Signature"))?)?;
    let date = only_value(headers, &signed_headers::X_AMZ_DATE)?.ok_or_else(|| {
        Refusal::Incomplete("a request that is signed by header requires the header X-Amz-Date".into())
    })?;
    Ok(Claim { scope, form: Form::Header, time: date::parse(date)?, signed_headers, signature })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const SIGNATURE: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

    fn claim_of(authorization: &str) -> Result<Claim, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        headers.insert("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
        claim(&headers)
    }

    #[test]
    fn the_three_parts_come_in_any_order_with_or_without_spaces() {
        let scope = "AKID/20150830/us-east-1/mediapackage/aws4_request";
        for text in [
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"),
            format!("AWS4-HMAC-SHA256 Signature={SIGNATURE},Credential={scope},SignedHeaders=host;x-amz-date"),
        ] {
            let claim = claim_of(&text).unwrap();
            assert_eq!(claim.scope.service, "mediapackage");
            assert_eq!(claim.signed_headers, ["host", "x-amz-date"]);
        }
    }

    #[test]
    fn anything_else_is_incomplete() {
        let scope = "AKID/20150830/us-east-1/mediapackage/aws4_request";
        for text in [
            "Basic dGVzdDp0ZXN0".to_owned(),
            "AWS4-HMAC-SHA256".to_owned(),
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host"),
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=ab"),
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;Date, Signature={SIGNATURE}"),
            format!(
                "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={SIGNATURE}, Signature={SIGNATURE}"
            ),
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={SIGNATURE}, Extra=1"),
        ] {
            assert!(matches!(claim_of(&text), Err(Refusal::Incomplete(_))), "{text}");
        }
    }
}
