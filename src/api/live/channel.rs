//! Channels as clients see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access_logs::{EgressAccessLogs, IngressAccessLogs};
use super::document::ChannelDocument;
use super::urls::Urls;
use crate::api::aws::{Caller, Tags};
use crate::resources;

/// A channel: where encoders push one live stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its ARN; ends with a generated guid, not with the id.
    #[schema(required = false)]
    pub arn: String,
    /// When it was created, ISO 8601 in whole seconds.
    #[schema(required = false)]
    pub created_at: String,
    /// Free text; absent if never set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Log of players' requests; absent is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_access_logs: Option<EgressAccessLogs>,
    /// Where encoders push to.
    #[schema(required = false)]
    pub hls_ingest: HlsIngest,
    /// Its id.
    #[schema(required = false)]
    pub id: String,
    /// Log of encoders' requests; absent is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_access_logs: Option<IngressAccessLogs>,
    /// Tags.
    #[schema(required = false, value_type = BTreeMap<String, String>)]
    pub tags: Tags,
}

/// Where encoders push to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HlsIngest {
    /// Two doors, always in the same order.
    #[schema(required = false)]
    pub ingest_endpoints: Vec<IngestEndpoint>,
}

/// A door for encoders.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngestEndpoint {
    /// Its id.
    #[schema(required = false)]
    pub id: String,
    /// Password of the digest authentication.
    #[schema(required = false)]
    pub password: String,
    /// The playlist's URL without `.m3u8`; other files are its siblings.
    #[schema(required = false)]
    pub url: String,
    /// User name of the digest authentication.
    #[schema(required = false)]
    pub username: String,
}

impl std::fmt::Debug for IngestEndpoint {
    /// Keeps the credentials out of logs.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("IngestEndpoint").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

/// What CreateChannel takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateChannelRequest {
    /// Free text.
    pub description: Option<String>,
    /// The new channel's id: unique in the account and region, 1 to 256 of `a-z A-Z 0-9 _ -`.
    pub id: String,
    /// Tags.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub tags: Option<Tags>,
}

/// What UpdateChannel takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateChannelRequest {
    /// Free text; the old one stays if absent.
    pub description: Option<String>,
}

/// What ListChannels answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelList {
    /// A page of channels, oldest first.
    #[schema(required = false)]
    pub channels: Vec<Channel>,
    /// Where the next page starts; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl Channel {
    /// The channel as its owner sees it.
    pub fn from_document(document: &ChannelDocument, owner: &Caller, urls: &Urls) -> Self {
        let ingest_endpoints = document.ingest_endpoints.iter().map(|endpoint| IngestEndpoint {
            id: endpoint.id.clone(),
            password: endpoint.password.clone(),
            url: urls.ingest(&document.guid, &endpoint.id),
            username: endpoint.username.clone(),
        });
        Channel {
            arn: super::arns::channel(owner, &document.guid),
            created_at: super::arns::created_at(document.created_at),
            description: document.description.clone(),
            egress_access_logs: document
                .egress_log_group
                .clone()
                .map(|name| EgressAccessLogs { log_group_name: Some(name) }),
            hls_ingest: HlsIngest { ingest_endpoints: ingest_endpoints.collect() },
            id: document.id.clone(),
            ingress_access_logs: document
                .ingress_log_group
                .clone()
                .map(|name| IngressAccessLogs { log_group_name: Some(name) }),
            tags: document.tags.clone(),
        }
    }
}

impl ChannelDocument {
    /// What the engine must know of the channel of this owner.
    pub fn neutral(&self, owner: resources::Owner) -> resources::Channel {
        resources::Channel {
            guid: resources::ChannelGuid(self.guid.clone()),
            id: self.id.clone(),
            owner,
            ingest_endpoints: self.ingest_endpoints.clone().map(|endpoint| resources::IngestEndpoint {
                id: endpoint.id,
                username: endpoint.username,
                password: resources::Secret::new(endpoint.password),
            }),
        }
    }
}
