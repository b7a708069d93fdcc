//! The AWS control plane: who is calling, which service is meant, wire types, validation and answers.
//!
//! Each API has a room of its own over the shared habits of all AWS APIs in [`aws`]; [`ApiPlane`] is the door.

pub mod aws;
mod foreign;
mod front;
pub mod live;
pub mod sts;
mod xml;

pub use front::{Access, ApiPlane};

use foreign::Dialect;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// An error answer in the dialect that the client reads.
fn error_answer(dialect: Dialect, status: StatusCode, code: &str, message: &str, request_id: &str) -> Response<String> {
    match dialect {
        Dialect::Xml(shape) => xml::error(shape, status, code, message, request_id),
        Dialect::Json => {
            let mut answer = Response::new(serde_json::json!({ "__type": code, "message": message }).to_string());
            *answer.status_mut() = status;
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Ok(code) = HeaderValue::from_str(code) {
                headers.insert(HeaderName::from_static("x-amzn-errortype"), code);
            }
            answer
        }
    }
}
