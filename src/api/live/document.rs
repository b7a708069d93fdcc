//! What is stored: wire values without URLs, as JSON with a schema number.

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::authorization::Authorization;
use super::cmaf_package::CmafPackageCreateOrUpdateParameters;
use super::dash_package::DashPackage;
use super::harvest_job::{S3Destination, Status};
use super::hls_package::HlsPackage;
use super::mss_package::MssPackage;
use super::origin_endpoint::Origination;
use crate::api::aws::{Position, Tags};
use crate::state::{Document, StateError};

/// The newest schema that this build reads, and the one that it writes.
const SCHEMA: u32 = 1;

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelDocument {
    /// Its name in ARNs and URLs, 32 hexadecimal digits.
    pub guid: String,
    /// Its id.
    pub id: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Free text.
    pub description: Option<String>,
    /// Its two doors for encoders.
    pub ingest_endpoints: [IngestEndpointDocument; 2],
    /// The log group of players' requests; `None` is off.
    pub egress_log_group: Option<String>,
    /// The log group of encoders' requests; `None` is off.
    pub ingress_log_group: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// A door for encoders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestEndpointDocument {
    /// An element of its URL, 32 hexadecimal digits.
    pub id: String,
    /// User name, 32 hexadecimal digits.
    pub username: String,
    /// Password, 32 hexadecimal digits.
    pub password: String,
}

/// An origin endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointDocument {
    /// Its name in ARNs and URLs, 32 hexadecimal digits.
    pub guid: String,
    /// Its id.
    pub id: String,
    /// The id of its channel.
    pub channel_id: String,
    /// The guid of its channel.
    pub channel_guid: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Epoch seconds of the last change that players can see; it never stays the same over such a change.
    pub configuration_version: i64,
    /// Free text.
    pub description: Option<String>,
    /// File name of the manifest, without extension.
    pub manifest_name: String,
    /// How far back `start` may reach, in seconds.
    pub startover_window_seconds: i32,
    /// By how much everybody's "now" lags, in seconds.
    pub time_delay_seconds: i32,
    /// Networks that may play; empty means everyone.
    pub whitelist: Vec<Ipv4Net>,
    /// Whether playback is allowed at all.
    pub origination: Origination,
    /// The CDN's secret.
    pub authorization: Option<Authorization>,
    /// The packager.
    pub package: Package,
    /// Tags.
    pub tags: Tags,
}

/// The one packager of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Package {
    /// HLS.
    #[serde(rename = "hlsPackage")]
    Hls(HlsPackage),
    /// CMAF.
    #[serde(rename = "cmafPackage")]
    Cmaf(CmafPackageCreateOrUpdateParameters),
    /// DASH.
    #[serde(rename = "dashPackage")]
    Dash(DashPackage),
    /// Smooth Streaming.
    #[serde(rename = "mssPackage")]
    Mss(MssPackage),
}

/// A harvest job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarvestJobDocument {
    /// Its id.
    pub id: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The id of its endpoint.
    pub origin_endpoint_id: String,
    /// The guid of its endpoint.
    pub endpoint_guid: String,
    /// The id of its endpoint's channel.
    pub channel_id: String,
    /// Where it starts, as it was asked for.
    pub start_time: String,
    /// Where it ends, as it was asked for.
    pub end_time: String,
    /// Where its files go.
    pub s3_destination: S3Destination,
    /// How far it is.
    pub status: Status,
    /// Why it failed: never in the API's answers, as at AWS.
    pub reason: Option<String>,
}

impl ChannelDocument {
    /// Where it stands in lists.
    pub fn position(&self) -> Position {
        Position { created_nanoseconds: self.created_at.as_nanosecond(), id: self.id.clone() }
    }
}

impl EndpointDocument {
    /// Where it stands in lists.
    pub fn position(&self) -> Position {
        Position { created_nanoseconds: self.created_at.as_nanosecond(), id: self.id.clone() }
    }
}

impl HarvestJobDocument {
    /// Where it stands in lists.
    pub fn position(&self) -> Position {
        Position { created_nanoseconds: self.created_at.as_nanosecond(), id: self.id.clone() }
    }
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    schema: u32,
    #[serde(flatten)]
    content: T,
}

#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

/// Writes a document.
pub fn encode<T: Serialize>(content: &T) -> Result<Document, StateError> {
    serde_json::to_vec(&Envelope { schema: SCHEMA, content })
        .map_err(|error| StateError { message: format!("a document cannot be written: {error}") })
}

/// Reads the document of this key.
pub fn decode<T: DeserializeOwned>(key: &str, document: &[u8]) -> Result<T, StateError> {
    let unreadable = |error: serde_json::Error| match serde_json::from_slice::<SchemaOnly>(document) {
        Ok(SchemaOnly { schema }) if schema > SCHEMA => {
            StateError { message: format!("document {key} has schema {schema}, but this build reads up to {SCHEMA}") }
        }
        _ => StateError { message: format!("document {key} cannot be read: {error}") },
    };
    serde_json::from_slice(document).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_say_their_schema_and_newer_ones_are_refused() {
        let endpoint = IngestEndpointDocument { id: "a".into(), username: "b".into(), password: "c".into() };
        let document = encode(&endpoint).unwrap();
        assert!(document.starts_with(br#"{"schema":1,"#), "{document:?}");
        assert_eq!(decode::<IngestEndpointDocument>("key", &document).unwrap(), endpoint);
        let error = decode::<IngestEndpointDocument>("key", br#"{"schema":2}"#).unwrap_err();
        assert!(error.message.contains("key has schema 2"), "{error}");
    }
}
