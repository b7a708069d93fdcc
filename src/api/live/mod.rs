//! The live API: service `mediapackage`, version 2017-10-12.

mod access_logs;
mod arns;
mod authorization;
mod channel;
mod channel_operations;
mod cmaf_package;
mod dash_package;
mod document;
mod encryption;
mod endpoint_operations;
mod harvest_job;
mod harvest_operations;
mod harvest_queue;
mod harvest_rules;
mod hls_package;
mod keys;
mod markers;
mod modelled_errors;
mod mss_package;
mod neutral;
mod origin_endpoint;
mod path;
mod rules;
mod service;
mod speke;
mod stream_selection;
mod tags;
mod urls;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tower::ServiceExt;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

pub use self::service::{LiveApi, LiveSettings};
use super::aws::{ApiError, ErrorCode};

/// Largest request body. The largest valid request, with all tags at their longest, is far smaller.
const LARGEST_BODY: usize = 128 * 1024;

/// All operations as routes. Requests need a [`Caller`](super::aws::Caller) as extension.
pub fn router(api: LiveApi) -> Router {
    let (router, _) = documented_router().split_for_parts();
    let operations = router
        .fallback(unknown_operation)
        .method_not_allowed_fallback(unknown_operation)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(api);
    // Clients escape an ARN in the path as a whole, but an unescaped one is understood too.
    Router::new().fallback(normalised).with_state(operations)
}

/// The OpenAPI document of all operations, as JSON that people can read.
pub fn openapi() -> Result<String, serde_json::Error> {
    let document: OpenApi = documented_router().split_for_parts().1;
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

fn documented_router() -> OpenApiRouter<LiveApi> {
    let info = InfoBuilder::new()
        .title("AWS Elemental MediaPackage")
        .description(Some("The live API of MediaPackage, version 2017-10-12, as OpenMediaPackage serves it."))
        .version("2017-10-12")
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build())
        .merge(channel_operations::routes())
        .merge(endpoint_operations::routes())
        .merge(harvest_operations::routes())
        .merge(tags::routes())
}

async fn unknown_operation(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(200).collect();
    let text = format!("no operation of mediapackage is called by {} {path}", request.method());
    ApiError::new(ErrorCode::MissingAuthenticationToken, text)
}

async fn normalised(State(operations): State<Router>, mut request: Request) -> Response {
    if let Some(uri) = normal_form(request.uri()) {
        *request.uri_mut() = uri;
    }
    operations.oneshot(request).await.into_response()
}

/// The path without the stage prefix `/prod` of old API pages, and with an unescaped ARN escaped; `None` if that is
/// what it is already.
fn normal_form(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let bare = path.strip_prefix("/prod").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let arn = bare.strip_prefix("/tags/").filter(|arn| arn.contains('/'));
    let normal = match arn {
        Some(arn) => {
            let decoded = percent_encoding::percent_decode_str(arn).decode_utf8().ok()?;
            format!("/tags/{}", utf8_percent_encode(&decoded, NON_ALPHANUMERIC))
        }
        None if bare.len() == path.len() => return None,
        None => bare.to_owned(),
    };
    let with_query = match uri.query() {
        Some(query) => format!("{normal}?{query}"),
        None => normal,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(with_query.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests;
