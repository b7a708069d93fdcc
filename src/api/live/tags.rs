//! Operations on tags, of channels and endpoints, by ARN.

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::arns::SERVICE;
use super::channel_operations::{change_channel, read_channel};
use super::endpoint_operations::{change_endpoint, read_endpoint};
use super::keys::Keys;
use super::modelled_errors::AnyError;
use super::path::PathParameters;
use super::service::LiveApi;
use crate::api::aws::{ApiError, Arn, AwsJson, Caller, QueryParameters, Tags, validate_tag_keys, validate_tags};
use crate::resources::{ChannelGuid, EndpointGuid};

/// What TagResource takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagResourceRequest {
    /// Tags to add or overwrite.
    #[schema(value_type = BTreeMap<String, String>)]
    pub tags: Tags,
}

/// What ListTagsForResource answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListTagsForResourceResponse {
    /// All tags.
    #[schema(required = false, value_type = BTreeMap<String, String>)]
    pub tags: Tags,
}

/// The routes of tags.
pub fn routes() -> OpenApiRouter<LiveApi> {
    OpenApiRouter::new().routes(routes!(list_tags_for_resource, tag_resource, untag_resource))
}

/// Lists a resource's tags.
#[utoipa::path(get, path = "/tags/{resource-arn}", operation_id = "ListTagsForResource", tag = "mediapackage",
    params(("resource-arn" = String, Path, description = "The resource's ARN, percent-encoded")),
    responses((status = 200, description = "Done.", body = ListTagsForResourceResponse), AnyError))]
async fn list_tags_for_resource(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(arn): PathParameters<String>,
) -> Result<AwsJson<ListTagsForResourceResponse>, ApiError> {
    let keys = Keys::of(&caller);
    let tags = match Tagged::find(&api, &caller, &arn)? {
        Tagged::Channel { id, .. } => read_channel(&api, &keys, &id)?.0.tags,
        Tagged::Endpoint { id, .. } => read_endpoint(&api, &keys, &id)?.0.tags,
    };
    Ok(AwsJson(ListTagsForResourceResponse { tags }))
}

/// Adds tags to a resource, or overwrites them.
#[utoipa::path(post, path = "/tags/{resource-arn}", operation_id = "TagResource", tag = "mediapackage",
    params(("resource-arn" = String, Path, description = "The resource's ARN, percent-encoded")),
    request_body = TagResourceRequest, responses((status = 204, description = "Done."), AnyError))]
async fn tag_resource(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(arn): PathParameters<String>,
    AwsJson(request): AwsJson<TagResourceRequest>,
) -> Result<StatusCode, ApiError> {
    change_tags(&api, caller, &arn, move |tags| {
        tags.extend(request.tags.clone());
        validate_tags(tags)
    })
    .await
}

/// Takes tags from a resource; keys that it does not have are passed over.
#[utoipa::path(delete, path = "/tags/{resource-arn}", operation_id = "UntagResource", tag = "mediapackage",
    params(
        ("resource-arn" = String, Path, description = "The resource's ARN, percent-encoded"),
        ("tagKeys" = Vec<String>, Query, description = "The keys; the parameter repeats"),
    ),
    responses((status = 204, description = "Done."), AnyError))]
async fn untag_resource(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(arn): PathParameters<String>,
    query: QueryParameters,
) -> Result<StatusCode, ApiError> {
    let keys: Vec<String> = query.all("tagKeys").map(str::to_owned).collect();
    if keys.is_empty() {
        return Err(ApiError::missing("tagKeys"));
    }
    validate_tag_keys(keys.iter().map(String::as_str))?;
    change_tags(&api, caller, &arn, move |tags| {
        tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await
}

/// A resource that has tags.
enum Tagged {
    Channel { id: String, guid: String },
    Endpoint { id: String, guid: String },
}

impl Tagged {
    /// The resource of this ARN, if it is the caller's.
    fn find(api: &LiveApi, caller: &Caller, text: &str) -> Result<Self, ApiError> {
        let arn = Arn::parse(text)?;
        let not_found = || ApiError::not_found("resource", text);
        if arn.service != SERVICE || arn.account != caller.account || arn.region != caller.region {
            return Err(not_found());
        }
        let keys = Keys::of(caller);
        let catalogue = api.settings().catalogue.load();
        // The catalogue holds the resources of all accounts and regions, so the document has the last word.
        match arn.resource.split_once('/') {
            Some(("channels", guid)) => {
                let channel = catalogue.channel(&ChannelGuid(guid.to_owned())).ok_or_else(not_found)?;
                let (document, _) = read_channel(api, &keys, &channel.id).map_err(|_| not_found())?;
                (document.guid == guid).then_some(Tagged::Channel { id: document.id, guid: document.guid })
            }
            Some(("origin_endpoints", guid)) => {
                let endpoint = catalogue.endpoint(&EndpointGuid(guid.to_owned())).ok_or_else(not_found)?;
                let (document, _) = read_endpoint(api, &keys, &endpoint.id).map_err(|_| not_found())?;
                (document.guid == guid).then_some(Tagged::Endpoint { id: document.id, guid: document.guid })
            }
            _ => None,
        }
        .ok_or_else(not_found)
    }
}

async fn change_tags(
    api: &LiveApi,
    caller: Caller,
    arn: &str,
    edit: impl Fn(&mut Tags) -> Result<(), ApiError> + Send + 'static,
) -> Result<StatusCode, ApiError> {
    let gone = ApiError::not_found("resource", arn);
    match Tagged::find(api, &caller, arn)? {
        Tagged::Channel { id, guid } => {
            change_channel(api, caller, id, move |_, channel| match channel.guid == guid {
                true => edit(&mut channel.tags),
                false => Err(gone.clone()),
            })
            .await?;
        }
        Tagged::Endpoint { id, guid } => {
            change_endpoint(api, caller, id, move |_, endpoint| match endpoint.guid == guid {
                true => edit(&mut endpoint.tags),
                false => Err(gone.clone()),
            })
            .await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
