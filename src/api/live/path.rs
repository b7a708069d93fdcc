//! Parameters in the path, with their rejections in AWS's shape.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::api::aws::ApiError;

/// The decoded parameters of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathParameters<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(value) = Path::<T>::from_request_parts(parts, state).await.map_err(|rejection| {
            ApiError::unprocessable(format!("the path is malformed: {}", rejection.body_text()))
        })?;
        Ok(PathParameters(value))
    }
}
