//! Errors as AWS clients read them: status, `x-amzn-ErrorType` header and a JSON body with `message`.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::{ArnError, RandomnessError};
use crate::state::StateError;

/// The header that clients take an error's code from before they look into the body.
pub const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The codes of the services' models, of the shared front end, and of what this build cannot do yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// 422: a parameter breaks a rule; also duplicates and dependants. Clients do not retry it.
    UnprocessableEntity,
    /// 403: the caller may not do that.
    Forbidden,
    /// 404: no such resource.
    NotFound,
    /// 429: a quota of the account is reached.
    TooManyRequests,
    /// 500: our fault.
    InternalServerError,
    /// 503: try again later.
    ServiceUnavailable,
    /// 501: the operation exists at AWS but not in this build. Clients do not retry 501.
    NotImplemented,
    /// 413: the request's body is larger than any valid request.
    RequestEntityTooLarge,
    /// 403: no signature, or a path that no operation has.
    MissingAuthenticationToken,
    /// 403: parts of the signature are missing or malformed.
    IncompleteSignature,
    /// 403: an access key that this server does not know.
    UnrecognizedClient,
    /// 403: the signature does not match, is too old or lies too far ahead.
    InvalidSignature,
    /// 403: a session token that has run out.
    ExpiredToken,
    /// 403: known, but not allowed.
    AccessDenied,
}

impl ErrorCode {
    /// The name that clients turn into an exception class.
    pub fn name(self) -> &'static str {
        match self {
            ErrorCode::UnprocessableEntity => "UnprocessableEntityException",
            ErrorCode::Forbidden => "ForbiddenException",
            ErrorCode::NotFound => "NotFoundException",
            ErrorCode::TooManyRequests => "TooManyRequestsException",
            ErrorCode::InternalServerError => "InternalServerErrorException",
            ErrorCode::ServiceUnavailable => "ServiceUnavailableException",
            ErrorCode::NotImplemented => "NotImplementedException",
            ErrorCode::RequestEntityTooLarge => "RequestEntityTooLargeException",
            ErrorCode::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            ErrorCode::IncompleteSignature => "IncompleteSignatureException",
            ErrorCode::UnrecognizedClient => "UnrecognizedClientException",
            ErrorCode::InvalidSignature => "InvalidSignatureException",
            ErrorCode::ExpiredToken => "ExpiredTokenException",
            ErrorCode::AccessDenied => "AccessDeniedException",
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        match self {
            ErrorCode::UnprocessableEntity => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            ErrorCode::RequestEntityTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::Forbidden
            | ErrorCode::MissingAuthenticationToken
            | ErrorCode::IncompleteSignature
            | ErrorCode::UnrecognizedClient
            | ErrorCode::InvalidSignature
            | ErrorCode::ExpiredToken
            | ErrorCode::AccessDenied => StatusCode::FORBIDDEN,
        }
    }
}

/// An error answer of the control plane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub struct ApiError {
    /// What kind of error.
    pub code: ErrorCode,
    /// One sentence that names the member, the rule and the value.
    pub message: String,
}

impl ApiError {
    /// An error of this kind with this text.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ApiError { code, message: message.into() }
    }

    /// A member that breaks a rule: 422.
    pub fn invalid(member: &str, rule: &str, value: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::UnprocessableEntity, format!("{member} must be {rule}, but is {}", shortened(&value)))
    }

    /// A required member that is not there: 422.
    pub fn missing(member: &str) -> Self {
        Self::new(ErrorCode::UnprocessableEntity, format!("{member} is required, but is missing"))
    }

    /// A broken rule that is not about the value of one member: 422.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::UnprocessableEntity, message)
    }

    /// A resource that is not there: 404.
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("{kind} {} does not exist in this account and region", shortened(&id)))
    }

    /// A quota that is used up: 429.
    pub fn quota(message: impl Into<String>) -> Self {
        Self::new(
            ErrorCode::TooManyRequests,
            format!("Too many requests, please try again. Resource limit exceeded: {}", message.into()),
        )
    }
}

/// A value from outside as errors show it: quoted, escaped, and never longer than a line.
fn shortened(value: &impl std::fmt::Display) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        format!("{text:?}")
    } else {
        let head: String = text.chars().take(LONGEST).collect();
        format!("{head:?} and {} more characters", text.chars().count() - LONGEST)
    }
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        tracing::error!(%error, "the state store failed");
        ApiError::new(ErrorCode::InternalServerError, error.to_string())
    }
}

impl From<RandomnessError> for ApiError {
    fn from(error: RandomnessError) -> Self {
        tracing::error!(%error, "the source of randomness failed");
        ApiError::new(ErrorCode::InternalServerError, error.to_string())
    }
}

impl From<ArnError> for ApiError {
    fn from(error: ArnError) -> Self {
        ApiError::unprocessable(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "__type": self.code.name(), "message": self.message }).to_string();
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ERROR_TYPE, HeaderValue::from_static(self.code.name()));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_member_the_rule_and_the_value() {
        let error = ApiError::invalid("timeDelaySeconds", "0 or between 5 and 86400", 3);
        assert_eq!(error.message, "timeDelaySeconds must be 0 or between 5 and 86400, but is \"3\"");
    }

    #[test]
    fn a_value_from_outside_is_escaped_and_cut() {
        assert!(ApiError::invalid("id", "short", "a\r\nb").message.ends_with("\"a\\r\\nb\""));
        let long = ApiError::invalid("id", "short", "x".repeat(1_000_000));
        assert!(long.message.len() < 300, "{}", long.message.len());
        assert!(long.message.ends_with("and 999880 more characters"));
    }

    #[tokio::test]
    async fn an_answer_carries_the_code_in_header_and_body() {
        let response = ApiError::not_found("channel", "arena").into_response();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["x-amzn-errortype"], "NotFoundException");
        assert_eq!(response.headers()["content-type"], "application/json");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["message"], "channel \"arena\" does not exist in this account and region");
        assert_eq!(body["__type"], "NotFoundException");
    }
}
