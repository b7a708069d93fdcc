//! The query string, with its rejections in AWS's shape.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;

use super::ApiError;

/// All parameters of the query string, decoded, in their order; names may repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryParameters(pub Vec<(String, String)>);

impl QueryParameters {
    /// The first value of this name; an empty value counts as absent, as clients send it for "none".
    pub fn first(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of this name.
    pub fn all<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| ApiError::unprocessable(format!("the query string is malformed: {rejection}")))?;
        Ok(QueryParameters(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(uri: &str) -> QueryParameters {
        let (mut parts, ()) = http::Request::builder().uri(uri).body(()).unwrap().into_parts();
        QueryParameters::from_request_parts(&mut parts, &()).await.unwrap()
    }

    #[tokio::test]
    async fn names_repeat_and_values_are_decoded() {
        let query = parse("/tags/x?tagKeys=a&tagKeys=b%20c&other=1").await;
        assert_eq!(query.all("tagKeys").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!(query.first("other"), Some("1"));
        assert_eq!(parse("/x?nextToken=").await.first("nextToken"), None);
    }
}
