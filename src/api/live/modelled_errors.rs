//! The errors of the service's model, as the OpenAPI document shows them.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};

use crate::api::aws::ErrorCode;

/// The six errors that every operation has, except those on tags.
pub struct ModelledErrors;

/// The operations on tags have no errors in the model; what they answer is said once.
pub struct AnyError;

impl IntoResponses for ModelledErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [
            (ErrorCode::Forbidden, "The caller may not do that."),
            (ErrorCode::NotFound, "No such resource in this account and region."),
            (ErrorCode::UnprocessableEntity, "A parameter breaks a rule; the text names member, rule and value."),
            (ErrorCode::TooManyRequests, "A quota of the account is reached."),
            (ErrorCode::InternalServerError, "The server failed."),
            (ErrorCode::ServiceUnavailable, "Try again later."),
        ]
        .into_iter()
        .map(|(code, text)| (code.status().as_u16().to_string(), RefOr::T(error_response(code.name(), text))))
        .collect()
    }
}

impl IntoResponses for AnyError {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let text = "An error; the header x-amzn-ErrorType names its code.";
        BTreeMap::from([("default".to_owned(), RefOr::T(error_response("Error", text)))])
    }
}

fn error_response(name: &str, text: &str) -> Response {
    let message: Object = ObjectBuilder::new().schema_type(Type::String).build();
    let body = ObjectBuilder::new().title(Some(name)).property("message", message).build();
    ResponseBuilder::new()
        .description(text)
        .content("application/json", ContentBuilder::new().schema(Some(body)).build())
        .build()
}
