//! Operations on origin endpoints.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::channel_operations::read_channel;
use super::document::{self, EndpointDocument};
use super::keys::Keys;
use super::modelled_errors::ModelledErrors;
use super::origin_endpoint::{
    CreateOriginEndpointRequest, EndpointSettings, OriginEndpoint, OriginEndpointList, UpdateOriginEndpointRequest,
};
use super::path::PathParameters;
use super::rules::{check_identifier, is_identifier};
use super::service::{LiveApi, Plan, Publication};
use crate::api::aws::{ApiError, AwsJson, Caller, PageRequest, QueryParameters, hex_identifier, validate_tags};
use crate::resources::EndpointGuid;
use crate::state::{Precondition, Write};

/// The routes of origin endpoints.
pub fn routes() -> OpenApiRouter<LiveApi> {
    OpenApiRouter::new().routes(routes!(create_origin_endpoint, list_origin_endpoints)).routes(routes!(
        describe_origin_endpoint,
        update_origin_endpoint,
        delete_origin_endpoint
    ))
}

/// Creates an endpoint of a channel with exactly one packager.
#[utoipa::path(post, path = "/origin_endpoints", operation_id = "CreateOriginEndpoint", tag = "mediapackage",
    request_body = CreateOriginEndpointRequest, responses((status = 200, description = "Done.", body = OriginEndpoint), ModelledErrors))]
async fn create_origin_endpoint(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    AwsJson(request): AwsJson<CreateOriginEndpointRequest>,
) -> Result<AwsJson<OriginEndpoint>, ApiError> {
    check_identifier("id", &request.id)?;
    check_identifier("channelId", &request.channel_id)?;
    let (id, channel_id) = (request.id.clone(), request.channel_id.clone());
    let (settings, tags) = request.into_settings(api.settings().limits)?;
    validate_tags(&tags)?;
    let guid = hex_identifier(api.settings().randomness.as_ref())?;
    let created_at = api.settings().clock.now();
    let keys = Keys::of(&caller);
    let key = keys.endpoint(&id);
    api.clone()
        .change(&key.clone(), move |api| {
            let (channel, channel_bytes) = read_channel(api, &keys, &channel_id)?;
            let endpoint = EndpointDocument {
                guid: guid.clone(),
                id: id.clone(),
                channel_id: channel.id,
                channel_guid: channel.guid,
                created_at,
                configuration_version: created_at.as_second(),
                description: settings.description.clone(),
                manifest_name: settings.manifest_name.clone(),
                startover_window_seconds: settings.startover_window_seconds,
                time_delay_seconds: settings.time_delay_seconds,
                whitelist: settings.whitelist.clone(),
                origination: settings.origination,
                authorization: settings.authorization.clone(),
                package: settings.package.clone(),
                tags: tags.clone(),
            };
            let duplicate = format!("origin endpoint {id:?} exists already in this account and region");
            let mut guards = vec![
                (Precondition::Absent(key.clone()), Some(ApiError::unprocessable(duplicate))),
                (Precondition::Unchanged(keys.channel(&channel_id), channel_bytes), None),
            ];
            if let Some(most) = api.settings().limits.endpoints_per_channel() {
                let error = ApiError::quota(format!("at most {most} origin endpoints per channel"));
                guards.push((Precondition::FewerThan(keys.references(&channel_id), most), Some(error)));
            }
            Ok(Plan {
                guards,
                writes: vec![
                    Write::Put(key.clone(), document::encode(&endpoint)?),
                    Write::Put(keys.reference(&channel_id, &id), b"{\"schema\":1}".to_vec()),
                ],
                publication: Publication::PutEndpoint(endpoint.neutral()),
                answer: OriginEndpoint::from_document(&endpoint, &caller, api.urls()),
            })
        })
        .await
        .map(AwsJson)
}

/// Lists endpoints, oldest first.
#[utoipa::path(get, path = "/origin_endpoints", operation_id = "ListOriginEndpoints", tag = "mediapackage",
    params(
        ("channelId" = Option<String>, Query, description = "Only endpoints of this channel"),
        ("maxResults" = Option<i32>, Query, minimum = 1, maximum = 1000, description = "Most endpoints of the page"),
        ("nextToken" = Option<String>, Query, description = "Where the page starts"),
    ),
    responses((status = 200, description = "Done.", body = OriginEndpointList), ModelledErrors))]
async fn list_origin_endpoints(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    query: QueryParameters,
) -> Result<AwsJson<OriginEndpointList>, ApiError> {
    let request = PageRequest::from_query("originEndpoints", &query)?;
    let channel_id = query.first("channelId");
    let endpoints = api.read_all::<EndpointDocument>(&Keys::of(&caller).endpoints())?;
    let of_channel =
        endpoints.into_iter().filter(|endpoint| channel_id.is_none_or(|channel| endpoint.channel_id == channel));
    let page = request.cut(of_channel.map(|endpoint| (endpoint.position(), endpoint)));
    let origin_endpoints =
        page.items.iter().map(|endpoint| OriginEndpoint::from_document(endpoint, &caller, api.urls())).collect();
    Ok(AwsJson(OriginEndpointList { next_token: page.next_token, origin_endpoints }))
}

/// Describes an endpoint.
#[utoipa::path(get, path = "/origin_endpoints/{id}", operation_id = "DescribeOriginEndpoint", tag = "mediapackage",
    params(("id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, description = "Done.", body = OriginEndpoint), ModelledErrors))]
async fn describe_origin_endpoint(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
) -> Result<AwsJson<OriginEndpoint>, ApiError> {
    let (endpoint, _) = read_endpoint(&api, &Keys::of(&caller), &id)?;
    Ok(AwsJson(OriginEndpoint::from_document(&endpoint, &caller, api.urls())))
}

/// Changes an endpoint. Absent members stay; a package that is present replaces the old one as a whole.
#[utoipa::path(put, path = "/origin_endpoints/{id}", operation_id = "UpdateOriginEndpoint", tag = "mediapackage",
    params(("id" = String, Path, description = "The endpoint's id")),
    request_body = UpdateOriginEndpointRequest, responses((status = 200, description = "Done.", body = OriginEndpoint), ModelledErrors))]
async fn update_origin_endpoint(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
    AwsJson(request): AwsJson<UpdateOriginEndpointRequest>,
) -> Result<AwsJson<OriginEndpoint>, ApiError> {
    change_endpoint(&api, caller, id, move |api, endpoint| {
        let settings = request.clone().applied_to(endpoint, api.settings().limits)?;
        let EndpointSettings {
            description,
            manifest_name,
            startover_window_seconds,
            time_delay_seconds,
            whitelist,
            origination,
            authorization,
            package,
        } = settings;
        *endpoint = EndpointDocument {
            description,
            manifest_name,
            startover_window_seconds,
            time_delay_seconds,
            whitelist,
            origination,
            authorization,
            package,
            ..endpoint.clone()
        };
        Ok(())
    })
    .await
}

/// Deletes an endpoint; its URL stops working.
#[utoipa::path(delete, path = "/origin_endpoints/{id}", operation_id = "DeleteOriginEndpoint", tag = "mediapackage",
    params(("id" = String, Path, description = "The endpoint's id")),
    responses((status = 202, description = "An empty object.", body = Object), ModelledErrors))]
async fn delete_origin_endpoint(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
) -> Result<Response, ApiError> {
    let keys = Keys::of(&caller);
    let key = keys.endpoint(&id);
    api.change(&key.clone(), move |api| {
        let (endpoint, bytes) = read_endpoint(api, &keys, &id)?;
        Ok(Plan {
            guards: vec![(Precondition::Unchanged(key.clone(), bytes), None)],
            writes: vec![Write::Delete(key.clone()), Write::Delete(keys.reference(&endpoint.channel_id, &id))],
            publication: Publication::RemoveEndpoint(EndpointGuid(endpoint.guid)),
            answer: (),
        })
    })
    .await?;
    Ok((StatusCode::ACCEPTED, AwsJson(serde_json::json!({}))).into_response())
}

pub(super) fn read_endpoint(api: &LiveApi, keys: &Keys, id: &str) -> Result<(EndpointDocument, Vec<u8>), ApiError> {
    let found = if is_identifier(id) { api.read(&keys.endpoint(id))? } else { None };
    found.ok_or_else(|| ApiError::not_found("origin endpoint", id))
}

/// Reads an endpoint, changes it, commits it. What players can see gets a new configuration version.
pub(super) async fn change_endpoint(
    api: &LiveApi,
    caller: Caller,
    id: String,
    edit: impl Fn(&LiveApi, &mut EndpointDocument) -> Result<(), ApiError> + Send + 'static,
) -> Result<AwsJson<OriginEndpoint>, ApiError> {
    let keys = Keys::of(&caller);
    let key = keys.endpoint(&id);
    api.change(&key.clone(), move |api| {
        let (mut endpoint, bytes) = read_endpoint(api, &keys, &id)?;
        let before = endpoint.neutral();
        edit(api, &mut endpoint)?;
        if endpoint.neutral() != before {
            let now = api.settings().clock.now().as_second();
            endpoint.configuration_version = now.max(before.configuration_version.saturating_add(1));
        }
        Ok(Plan {
            guards: vec![(Precondition::Unchanged(key.clone(), bytes), None)],
            writes: vec![Write::Put(key.clone(), document::encode(&endpoint)?)],
            publication: Publication::PutEndpoint(endpoint.neutral()),
            answer: OriginEndpoint::from_document(&endpoint, &caller, api.urls()),
        })
    })
    .await
    .map(AwsJson)
}
