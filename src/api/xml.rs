//! Errors as the XML protocols of AWS write them.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// The shapes that XML protocols give to errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum XmlError {
    /// Query protocol (STS, IAM, …): `ErrorResponse`.
    Query {
        /// The `xmlns` of the service's answers.
        namespace: &'static str,
    },
    /// EC2's own form of it: `Response/Errors`.
    Ec2,
    /// rest-xml as S3 writes it: a bare `Error`.
    S3,
    /// rest-xml as the other services write it (CloudFront, Route 53): `ErrorResponse` without namespace.
    Rest,
}

/// An error answer.
pub(super) fn error(
    shape: XmlError,
    status: StatusCode,
    code: &str,
    message: &str,
    request_id: &str,
) -> Response<String> {
    let (code, message, id) = (escaped(code), escaped(message), escaped(request_id));
    let fault = if status.is_server_error() { "Receiver" } else { "Sender" };
    let inner = format!("<Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    let text = match shape {
        XmlError::Query { namespace } => {
            format!("<ErrorResponse xmlns=\"{namespace}\">{inner}<RequestId>{id}</RequestId></ErrorResponse>")
        }
        XmlError::Rest => format!("<ErrorResponse>{inner}<RequestId>{id}</RequestId></ErrorResponse>"),
        XmlError::Ec2 => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>{code}</Code>\
             <Message>{message}</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
        ),
        XmlError::S3 => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message>\
             <RequestId>{id}</RequestId></Error>"
        ),
    };
    let mut answer = Response::new(text);
    *answer.status_mut() = status;
    let content_type = if shape == XmlError::S3 { "application/xml" } else { "text/xml" };
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let (XmlError::S3, Ok(value)) = (shape, HeaderValue::from_str(request_id)) {
        answer.headers_mut().insert(HeaderName::from_static("x-amz-request-id"), value);
    }
    answer
}

/// Text that may stand between tags and in attributes; control characters, which XML 1.0 forbids, become spaces.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
