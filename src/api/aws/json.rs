//! JSON bodies: read strictly, with errors that name the member; written compactly.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::objects_only::ObjectsOnly;
use super::{ApiError, ErrorCode};

/// A JSON body. As an extractor it refuses with 422 what is malformed, of a wrong type, unknown or missing; an
/// absent body counts as `{}` and a member that is `null` as absent. As an answer it has status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsJson<T>(pub T);

impl<T: DeserializeOwned> AwsJson<T> {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
        let parsed = if memchr::memmem::find(body, b"null").is_some() {
            let mut value: Value = serde_json::from_slice(body).map_err(malformed)?;
            drop_null_members(&mut value);
            serde_path_to_error::deserialize(ObjectsOnly(value))
        } else {
            let mut reader = serde_json::Deserializer::from_slice(body);
            let parsed = serde_path_to_error::deserialize(ObjectsOnly(&mut reader));
            if parsed.is_ok() {
                reader.end().map_err(malformed)?;
            }
            parsed
        };
        parsed.map(AwsJson).map_err(|error| wrong_member(&error))
    }
}

fn malformed(error: serde_json::Error) -> ApiError {
    ApiError::unprocessable(format!("the request body must be a JSON object, but is malformed: {error}"))
}

/// Turns serde's error into one that names the member.
fn wrong_member(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let (path, inner) = (error.path().to_string(), error.inner());
    if inner.is_syntax() || inner.is_eof() {
        return ApiError::unprocessable(format!("the request body must be a JSON object, but is malformed: {inner}"));
    }
    let text = inner
        .to_string()
        .replace("expected i32", "expected an integer of 32 bits")
        .replace("expected struct ", "expected an object ");
    let text: String = text.chars().take(600).collect();
    match path.as_str() {
        "." | "?" | "" => ApiError::unprocessable(text),
        path => ApiError::unprocessable(format!("{path}: {text}")),
    }
}

/// Takes members that are `null` out of objects; recursion is bounded by the parser's own limit of 128 levels.
fn drop_null_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_null_members);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null_members),
        _ => {}
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for AwsJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                ApiError::new(ErrorCode::RequestEntityTooLarge, "the request body is larger than any valid request")
            }
            _ => ApiError::unprocessable(format!("the request body cannot be read: {}", rejection.body_text())),
        })?;
        AwsJson::parse(&body)
    }
}

impl<T: Serialize> IntoResponse for AwsJson<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let mut response = body.into_response();
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(error) => ApiError::new(ErrorCode::InternalServerError, error.to_string()).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Outer {
        id: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Inner {
        segment_seconds: Option<i32>,
    }

    fn refusal(body: &str) -> String {
        let error = AwsJson::<Outer>::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.code, ErrorCode::UnprocessableEntity);
        error.message
    }

    #[test]
    fn null_members_count_as_absent() {
        let AwsJson(outer) = AwsJson::<Outer>::parse(br#"{"id":"null","inner":{"segmentSeconds":null}}"#).unwrap();
        assert_eq!(outer, Outer { id: "null".into(), inner: Some(Inner { segment_seconds: None }) });
        assert!(refusal(r#"{"id":null}"#).contains("missing field `id`"));
    }

    #[test]
    fn errors_name_the_member_and_the_value() {
        let text = refusal(r#"{"id":"x","inner":{"segmentSeconds":"6"}}"#);
        assert!(text.starts_with("inner.segmentSeconds: invalid type: string \"6\", expected an integer"), "{text}");
        assert!(refusal(r#"{"id":"x","inner":{"segmentSeconds":6.5}}"#).contains("6.5"));
        assert!(refusal(r#"{"id":"x","inner":{"segmentSeconds":99999999999}}"#).contains("99999999999"));
        assert!(refusal(r#"{"id":"x","colour":1}"#).contains("unknown field `colour`"));
        assert!(refusal(r#"{"id":"x","id":"y"}"#).contains("duplicate field `id`"));
        assert!(refusal("").contains("missing field `id`"));
        assert!(refusal(r#"{"id":"x","inner":[6]}"#).starts_with("inner: invalid type: sequence, expected an object"));
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        let deep = "[".repeat(100_000);
        for body in ["{", "[]", "1", "\"x\"", "{\"id\":\"x\"} x", "{\"id\":\"\u{0}\"}", deep.as_str()] {
            assert!(!refusal(body).is_empty());
        }
        assert!(AwsJson::<Outer>::parse(b"{\"id\":\"\xff\"}").is_err());
    }
}
