//! Operations on channels.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access_logs::ConfigureLogsRequest;
use super::channel::{Channel, ChannelList, CreateChannelRequest, UpdateChannelRequest};
use super::document::{self, ChannelDocument, IngestEndpointDocument};
use super::keys::Keys;
use super::modelled_errors::ModelledErrors;
use super::path::PathParameters;
use super::rules::{check_identifier, is_identifier};
use super::service::{LiveApi, Plan, Publication};
use crate::api::aws::{ApiError, AwsJson, Caller, PageRequest, QueryParameters, hex_identifier, validate_tags};
use crate::resources::ChannelGuid;
use crate::state::{Precondition, Write};

/// The routes of channels.
#[allow(deprecated)] // RotateChannelCredentials is deprecated for clients, but it is served
pub fn routes() -> OpenApiRouter<LiveApi> {
    OpenApiRouter::new()
        .routes(routes!(create_channel, list_channels))
        .routes(routes!(describe_channel, update_channel, delete_channel))
        .routes(routes!(configure_logs))
        .routes(routes!(rotate_channel_credentials))
        .routes(routes!(rotate_ingest_endpoint_credentials))
}

/// Creates a channel with two ingest URLs and credentials for each. It can receive content at once.
#[utoipa::path(post, path = "/channels", operation_id = "CreateChannel", tag = "mediapackage",
    request_body = CreateChannelRequest, responses((status = 200, description = "Done.", body = Channel), ModelledErrors))]
async fn create_channel(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    AwsJson(request): AwsJson<CreateChannelRequest>,
) -> Result<AwsJson<Channel>, ApiError> {
    check_identifier("id", &request.id)?;
    let tags = request.tags.unwrap_or_default();
    validate_tags(&tags)?;
    let randomness = api.settings().randomness.as_ref();
    let guid = hex_identifier(randomness)?;
    let channel = ChannelDocument {
        // The first door has the channel's own guid, as at AWS.
        ingest_endpoints: [new_door(&api, guid.clone())?, new_door(&api, hex_identifier(randomness)?)?],
        guid,
        id: request.id,
        created_at: api.settings().clock.now(),
        description: request.description,
        egress_log_group: None,
        ingress_log_group: None,
        tags,
    };
    let keys = Keys::of(&caller);
    let key = keys.channel(&channel.id);
    api.clone()
        .change(&key.clone(), move |api| {
            let duplicate = format!("channel {:?} exists already in this account and region", channel.id);
            let mut guards = vec![(Precondition::Absent(key.clone()), Some(ApiError::unprocessable(duplicate)))];
            if let Some(most) = api.settings().limits.channels() {
                let error = ApiError::quota(format!("at most {most} channels per account and region"));
                guards.push((Precondition::FewerThan(keys.channels(), most), Some(error)));
            }
            Ok(Plan {
                guards,
                writes: vec![Write::Put(key.clone(), document::encode(&channel)?)],
                publication: Publication::PutChannel(channel.neutral(caller.owner())),
                answer: Channel::from_document(&channel, &caller, api.urls()),
            })
        })
        .await
        .map(AwsJson)
}

/// Lists channels, oldest first.
#[utoipa::path(get, path = "/channels", operation_id = "ListChannels", tag = "mediapackage",
    params(
        ("maxResults" = Option<i32>, Query, minimum = 1, maximum = 1000, description = "Most channels of the page"),
        ("nextToken" = Option<String>, Query, description = "Where the page starts"),
    ),
    responses((status = 200, description = "Done.", body = ChannelList), ModelledErrors))]
async fn list_channels(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    query: QueryParameters,
) -> Result<AwsJson<ChannelList>, ApiError> {
    let request = PageRequest::from_query("channels", &query)?;
    let channels = api.read_all::<ChannelDocument>(&Keys::of(&caller).channels())?;
    let page = request.cut(channels.into_iter().map(|channel| (channel.position(), channel)));
    let channels = page.items.iter().map(|channel| Channel::from_document(channel, &caller, api.urls())).collect();
    Ok(AwsJson(ChannelList { channels, next_token: page.next_token }))
}

/// Describes a channel.
#[utoipa::path(get, path = "/channels/{id}", operation_id = "DescribeChannel", tag = "mediapackage",
    params(("id" = String, Path, description = "The channel's id")),
    responses((status = 200, description = "Done.", body = Channel), ModelledErrors))]
async fn describe_channel(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
) -> Result<AwsJson<Channel>, ApiError> {
    let (channel, _) = read_channel(&api, &Keys::of(&caller), &id)?;
    Ok(AwsJson(Channel::from_document(&channel, &caller, api.urls())))
}

/// Changes a channel's description.
#[utoipa::path(put, path = "/channels/{id}", operation_id = "UpdateChannel", tag = "mediapackage",
    params(("id" = String, Path, description = "The channel's id")),
    request_body = UpdateChannelRequest, responses((status = 200, description = "Done.", body = Channel), ModelledErrors))]
async fn update_channel(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
    AwsJson(request): AwsJson<UpdateChannelRequest>,
) -> Result<AwsJson<Channel>, ApiError> {
    change_channel(&api, caller, id, move |_, channel| {
        if let Some(description) = &request.description {
            channel.description = Some(description.clone());
        }
        Ok(())
    })
    .await
}

/// Deletes a channel that has no endpoints.
#[utoipa::path(delete, path = "/channels/{id}", operation_id = "DeleteChannel", tag = "mediapackage",
    params(("id" = String, Path, description = "The channel's id")),
    responses((status = 202, description = "An empty object.", body = Object), ModelledErrors))]
async fn delete_channel(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
) -> Result<Response, ApiError> {
    let keys = Keys::of(&caller);
    let key = keys.channel(&id);
    api.change(&key.clone(), move |api| {
        let (channel, bytes) = read_channel(api, &keys, &id)?;
        let in_use = format!("channel {id:?} still has origin endpoints; they must be deleted first");
        Ok(Plan {
            guards: vec![
                (Precondition::Unchanged(key.clone(), bytes), None),
                (Precondition::NoneWithPrefix(keys.references(&id)), Some(ApiError::unprocessable(in_use))),
            ],
            writes: vec![Write::Delete(key.clone())],
            publication: Publication::RemoveChannel(ChannelGuid(channel.guid)),
            answer: (),
        })
    })
    .await?;
    Ok((StatusCode::ACCEPTED, AwsJson(serde_json::json!({}))).into_response())
}

/// Sets a channel's access logs as a whole: an absent member switches that log off.
#[utoipa::path(put, path = "/channels/{id}/configure_logs", operation_id = "ConfigureLogs", tag = "mediapackage",
    params(("id" = String, Path, description = "The channel's id")),
    request_body = ConfigureLogsRequest, responses((status = 200, description = "Done.", body = Channel), ModelledErrors))]
async fn configure_logs(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
    AwsJson(request): AwsJson<ConfigureLogsRequest>,
) -> Result<AwsJson<Channel>, ApiError> {
    let (egress, ingress) = request.log_groups()?;
    change_channel(&api, caller, id, move |_, channel| {
        channel.egress_log_group.clone_from(&egress);
        channel.ingress_log_group.clone_from(&ingress);
        Ok(())
    })
    .await
}

/// Gives the first ingest endpoint a new user name and password.
#[utoipa::path(put, path = "/channels/{id}/credentials", operation_id = "RotateChannelCredentials",
    tag = "mediapackage", params(("id" = String, Path, description = "The channel's id")),
    responses((status = 200, description = "Done.", body = Channel), ModelledErrors))]
#[deprecated(note = "as at AWS: use RotateIngestEndpointCredentials")]
async fn rotate_channel_credentials(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
) -> Result<AwsJson<Channel>, ApiError> {
    change_channel(&api, caller, id, |api, channel| {
        let [first, _] = &mut channel.ingest_endpoints;
        *first = new_door(api, first.id.clone())?;
        Ok(())
    })
    .await
}

/// Gives an ingest endpoint a new user name and password; the old ones are refused at once.
#[utoipa::path(put, path = "/channels/{id}/ingest_endpoints/{ingest_endpoint_id}/credentials",
    operation_id = "RotateIngestEndpointCredentials", tag = "mediapackage",
    params(
        ("id" = String, Path, description = "The channel's id"),
        ("ingest_endpoint_id" = String, Path, description = "The ingest endpoint's id"),
    ),
    responses((status = 200, description = "Done.", body = Channel), ModelledErrors))]
async fn rotate_ingest_endpoint_credentials(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters((id, ingest_endpoint_id)): PathParameters<(String, String)>,
) -> Result<AwsJson<Channel>, ApiError> {
    change_channel(&api, caller, id, move |api, channel| {
        let found = channel.ingest_endpoints.iter_mut().find(|endpoint| endpoint.id == ingest_endpoint_id);
        let endpoint = found.ok_or_else(|| ApiError::not_found("ingest endpoint", &ingest_endpoint_id))?;
        *endpoint = new_door(api, endpoint.id.clone())?;
        Ok(())
    })
    .await
}

/// The channel of this id, and its bytes.
pub(super) fn read_channel(api: &LiveApi, keys: &Keys, id: &str) -> Result<(ChannelDocument, Vec<u8>), ApiError> {
    let found = if is_identifier(id) { api.read(&keys.channel(id))? } else { None };
    found.ok_or_else(|| ApiError::not_found("channel", id))
}

/// Reads a channel, changes it, commits it.
pub(super) async fn change_channel(
    api: &LiveApi,
    caller: Caller,
    id: String,
    edit: impl Fn(&LiveApi, &mut ChannelDocument) -> Result<(), ApiError> + Send + 'static,
) -> Result<AwsJson<Channel>, ApiError> {
    let keys = Keys::of(&caller);
    let key = keys.channel(&id);
    api.change(&key.clone(), move |api| {
        let (mut channel, bytes) = read_channel(api, &keys, &id)?;
        edit(api, &mut channel)?;
        Ok(Plan {
            guards: vec![(Precondition::Unchanged(key.clone(), bytes), None)],
            writes: vec![Write::Put(key.clone(), document::encode(&channel)?)],
            publication: Publication::PutChannel(channel.neutral(caller.owner())),
            answer: Channel::from_document(&channel, &caller, api.urls()),
        })
    })
    .await
    .map(AwsJson)
}

/// A door of this id with new credentials.
fn new_door(api: &LiveApi, id: String) -> Result<IngestEndpointDocument, ApiError> {
    let randomness = api.settings().randomness.as_ref();
    Ok(IngestEndpointDocument { id, username: hex_identifier(randomness)?, password: hex_identifier(randomness)? })
}
