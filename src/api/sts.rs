//! STS, as far as clients need it to start: `GetCallerIdentity`, version 2011-06-15.
//!
//! Requests are forms (`POST /` with `Action=…` in body or query, or `GET /?Action=…`), answers are XML.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::percent_decode_str;

use super::aws::Caller;
use super::xml::{self, XmlError, escaped};

/// The namespace of STS answers.
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers one request to STS.
pub fn answer(parts: &Parts, body: &Bytes, caller: &Caller, request_id: &str) -> Response<String> {
    let action = parameter(parts, body, "Action");
    match action.as_deref() {
        Some("GetCallerIdentity") if parts.method == Method::POST || parts.method == Method::GET => {
            caller_identity(caller, request_id)
        }
        Some(action) => refuse(
            StatusCode::BAD_REQUEST,
            "InvalidAction",
            &format!(
                "of STS this server has GetCallerIdentity only, not {}; set AWS_ENDPOINT_URL_STS to where the others are",
                shortened(action)
            ),
            request_id,
        ),
        None => refuse(StatusCode::BAD_REQUEST, "MissingAction", "the request has no Action parameter", request_id),
    }
}

fn refuse(status: StatusCode, code: &str, message: &str, request_id: &str) -> Response<String> {
    xml::error(XmlError::Query { namespace: NAMESPACE }, status, code, message, request_id)
}

fn caller_identity(caller: &Caller, request_id: &str) -> Response<String> {
    let account = escaped(&caller.account);
    let key = escaped(&caller.access_key);
    let text = format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::{account}:root</Arn><UserId>{key}</UserId><Account>{account}</Account>\
         </GetCallerIdentityResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>",
        escaped(request_id)
    );
    let mut answer = Response::new(text);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    answer
}

/// A parameter of the query or of a form body; the query goes first.
fn parameter(parts: &Parts, body: &[u8], wanted: &str) -> Option<String> {
    let body = std::str::from_utf8(body).unwrap_or_default();
    let pairs = parts.uri.query().unwrap_or_default().split('&').chain(body.split('&'));
    let mut values = pairs.filter_map(|pair| pair.split_once('=')).filter(|(name, _)| *name == wanted);
    values.next().map(|(_, value)| percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
}

fn shortened(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn ask(method: &str, target: &str, body: &'static str) -> Response<String> {
        let parts = Request::builder().method(method).uri(target).body(()).unwrap().into_parts().0;
        let caller = Caller {
            account: "123456789012".into(),
            region: "us-east-1".into(),
            service: "sts".into(),
            access_key: "test".into(),
        };
        answer(&parts, &Bytes::from_static(body.as_bytes()), &caller, "id-1")
    }

    #[test]
    fn the_caller_is_told_who_it_is_by_form_and_by_query() {
        for answer in [
            ask("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15"),
            ask("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", ""),
        ] {
            assert_eq!(answer.status(), 200);
            assert!(answer.body().contains("<Account>123456789012</Account>"), "{}", answer.body());
            assert!(answer.body().contains("<Arn>arn:aws:iam::123456789012:root</Arn>"));
            assert!(answer.body().contains("<UserId>test</UserId>"));
        }
    }

    #[test]
    fn another_action_is_refused_with_the_variable_to_set() {
        let answer = ask("POST", "/", "Action=Assume<Role>");
        assert_eq!(answer.status(), 400);
        assert!(answer.body().contains("<Code>InvalidAction</Code>"));
        assert!(answer.body().contains("AWS_ENDPOINT_URL_STS"));
        assert!(answer.body().contains("Assume&lt;Role&gt;"), "{}", answer.body());
        assert!(ask("POST", "/", "").body().contains("MissingAction"));
    }
}
