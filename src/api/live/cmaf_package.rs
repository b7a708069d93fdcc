//! CMAF segments with HLS playlists.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::encryption::CmafEncryption;
use super::markers::{AdMarkers, AdTrigger, AdsOnDeliveryRestrictions, PlaylistType, check_daterange, hls_ads};
use super::rules::{SEGMENT_DURATION_SECONDS, check_identifier, check_range};
use super::stream_selection::StreamSelection;
use crate::api::aws::{ApiError, Limits};
use crate::resources;

/// One HLS manifest of a CMAF endpoint, as clients set it. Absent members have their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HlsManifestCreateOrUpdateParameters {
    /// How ad markers appear.
    #[serde(default)]
    pub ad_markers: AdMarkers,
    /// Which SCTE-35 messages make ad markers; absent means the service's five, empty means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_triggers: Option<Vec<AdTrigger>>,
    /// Which `time_signal` messages become ads; RESTRICTED if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ads_on_delivery_restrictions: Option<AdsOnDeliveryRestrictions>,
    /// Its id, unique in the endpoint; an element of its URL.
    pub id: String,
    /// Adds a playlist of I-frames.
    #[serde(default)]
    pub include_iframe_only_stream: bool,
    /// File name of the playlist without extension; that of the endpoint if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_name: Option<String>,
    /// `EXT-X-PLAYLIST-TYPE`.
    #[serde(default)]
    pub playlist_type: PlaylistType,
    /// Length of a live media playlist, in seconds.
    #[serde(default = "default_window_seconds")]
    pub playlist_window_seconds: i32,
    /// Seconds between `EXT-X-PROGRAM-DATE-TIME` tags; 0 writes none.
    #[serde(default)]
    pub program_date_time_interval_seconds: i32,
}

/// Settings of a CMAF endpoint, as clients set them. Absent members have their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CmafPackageCreateOrUpdateParameters {
    /// Encryption, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<CmafEncryption>,
    /// The manifests; at least one.
    pub hls_manifests: Vec<HlsManifestCreateOrUpdateParameters>,
    /// Target duration of segments, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_duration_seconds: Option<i32>,
    /// What the names of segments start with; the channel's id if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_prefix: Option<String>,
    /// Which streams are offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_selection: Option<StreamSelection>,
}

/// One HLS manifest of a CMAF endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HlsManifest {
    /// How ad markers appear.
    #[schema(required = false)]
    pub ad_markers: AdMarkers,
    /// Which SCTE-35 messages make ad markers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_triggers: Option<Vec<AdTrigger>>,
    /// Which `time_signal` messages become ads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ads_on_delivery_restrictions: Option<AdsOnDeliveryRestrictions>,
    /// Its id.
    pub id: String,
    /// Adds a playlist of I-frames.
    #[schema(required = false)]
    pub include_iframe_only_stream: bool,
    /// File name of the playlist without extension.
    #[schema(required = false)]
    pub manifest_name: String,
    /// `EXT-X-PLAYLIST-TYPE`.
    #[schema(required = false)]
    pub playlist_type: PlaylistType,
    /// Length of a live media playlist, in seconds.
    #[schema(required = false)]
    pub playlist_window_seconds: i32,
    /// Seconds between `EXT-X-PROGRAM-DATE-TIME` tags.
    #[schema(required = false)]
    pub program_date_time_interval_seconds: i32,
    /// Where it is played.
    #[schema(required = false)]
    pub url: String,
}

/// Settings of a CMAF endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CmafPackage {
    /// Encryption, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<CmafEncryption>,
    /// The manifests.
    #[schema(required = false)]
    pub hls_manifests: Vec<HlsManifest>,
    /// Target duration of segments, in seconds.
    #[schema(required = false)]
    pub segment_duration_seconds: i32,
    /// What the names of segments start with.
    #[schema(required = false)]
    pub segment_prefix: String,
    /// Which streams are offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_selection: Option<StreamSelection>,
}

/// Target duration of segments when nothing is said.
const DEFAULT_SEGMENT_SECONDS: i32 = 6;

fn default_window_seconds() -> i32 {
    60
}

impl CmafPackageCreateOrUpdateParameters {
    /// Holds all members against the rules and fills in defaults that depend on other members.
    pub fn complete(&mut self, limits: Limits) -> Result<(), ApiError> {
        let segment_seconds = *self.segment_duration_seconds.get_or_insert(DEFAULT_SEGMENT_SECONDS);
        check_range("cmafPackage.segmentDurationSeconds", segment_seconds, SEGMENT_DURATION_SECONDS)?;
        if let Some(prefix) = &self.segment_prefix {
            check_identifier("cmafPackage.segmentPrefix", prefix)?;
        }
        if self.hls_manifests.is_empty() {
            return Err(ApiError::invalid("cmafPackage.hlsManifests", "a list of at least one manifest", "empty"));
        }
        let mut ids = BTreeSet::new();
        for (index, manifest) in self.hls_manifests.iter().enumerate() {
            manifest.validate(&format!("cmafPackage.hlsManifests[{index}]"), limits)?;
            if !ids.insert(&manifest.id) {
                let member = format!("cmafPackage.hlsManifests[{index}].id");
                return Err(ApiError::invalid(&member, "unique in the endpoint", &manifest.id));
            }
        }
        if let Some(encryption) = &mut self.encryption {
            encryption.complete("cmafPackage.encryption")?;
        }
        if let Some(selection) = &self.stream_selection {
            selection.validate("cmafPackage.streamSelection")?;
        }
        Ok(())
    }

    /// Holds an update against what cannot change: the id of a manifest. Manifests may be added or taken away;
    /// doing both at once is taken as the attempt to rename one.
    pub fn validate_change_to(&self, next: &Self) -> Result<(), ApiError> {
        let has = |package: &Self, id: &str| package.hls_manifests.iter().any(|manifest| manifest.id == id);
        let gone = self.hls_manifests.iter().find(|manifest| !has(next, &manifest.id));
        let new = next.hls_manifests.iter().find(|manifest| !has(self, &manifest.id));
        match (gone, new) {
            (Some(gone), Some(new)) => Err(ApiError::unprocessable(format!(
                "cmafPackage.hlsManifests: the id of a manifest cannot be changed, but {:?} is gone and {:?} is new",
                gone.id, new.id
            ))),
            _ => Ok(()),
        }
    }

    /// The package as answers show it. `url_of` makes the URL from a manifest's id and name.
    pub fn answer(
        &self,
        channel_id: &str,
        endpoint_manifest_name: &str,
        url_of: impl Fn(&str, &str) -> String,
    ) -> CmafPackage {
        let manifest_answer = |manifest: &HlsManifestCreateOrUpdateParameters| {
            let name = manifest.manifest_name.as_deref().unwrap_or(endpoint_manifest_name);
            HlsManifest {
                ad_markers: manifest.ad_markers,
                ad_triggers: manifest.ad_triggers.clone(),
                ads_on_delivery_restrictions: manifest.ads_on_delivery_restrictions,
                id: manifest.id.clone(),
                include_iframe_only_stream: manifest.include_iframe_only_stream,
                manifest_name: name.to_owned(),
                playlist_type: manifest.playlist_type,
                playlist_window_seconds: manifest.playlist_window_seconds,
                program_date_time_interval_seconds: manifest.program_date_time_interval_seconds,
                url: url_of(&manifest.id, name),
            }
        };
        CmafPackage {
            encryption: self.encryption.clone(),
            hls_manifests: self.hls_manifests.iter().map(manifest_answer).collect(),
            segment_duration_seconds: self.segment_duration_seconds.unwrap_or(DEFAULT_SEGMENT_SECONDS),
            segment_prefix: self.segment_prefix.as_deref().unwrap_or(channel_id).to_owned(),
            stream_selection: self.stream_selection.clone(),
        }
    }
}

impl CmafPackageCreateOrUpdateParameters {
    /// What the engine must know of it; `channel_id` and `endpoint_manifest_name` fill in what was not said.
    pub fn neutral(&self, channel_id: &str, endpoint_manifest_name: &str) -> resources::CmafSettings {
        let manifest = |manifest: &HlsManifestCreateOrUpdateParameters| resources::CmafManifest {
            id: manifest.id.clone(),
            manifest_name: manifest.manifest_name.as_deref().unwrap_or(endpoint_manifest_name).to_owned(),
            playlist: resources::PlaylistSettings {
                window_seconds: manifest.playlist_window_seconds.unsigned_abs(),
                playlist_type: manifest.playlist_type.neutral(),
                program_date_time_interval_seconds: manifest.program_date_time_interval_seconds.unsigned_abs(),
                ads: hls_ads(
                    manifest.ad_markers,
                    manifest.ad_triggers.as_deref(),
                    manifest.ads_on_delivery_restrictions,
                ),
            },
        };
        resources::CmafSettings {
            segment_duration_seconds: self.segment_duration_seconds.unwrap_or(DEFAULT_SEGMENT_SECONDS).unsigned_abs(),
            segment_prefix: self.segment_prefix.as_deref().unwrap_or(channel_id).to_owned(),
            manifests: self.hls_manifests.iter().map(manifest).collect(),
            stream_selection: StreamSelection::neutral(self.stream_selection.as_ref()),
        }
    }

    /// The settings that the engine cannot obey yet, as the API names them.
    pub fn not_built_yet(&self) -> impl Iterator<Item = String> {
        let encryption = self.encryption.as_ref().map(|_| "cmafPackage.encryption".to_owned());
        let of_manifests = self.hls_manifests.iter().enumerate().flat_map(|(index, manifest)| {
            manifest
                .include_iframe_only_stream
                .then(|| format!("cmafPackage.hlsManifests[{index}].includeIframeOnlyStream"))
        });
        encryption.into_iter().chain(of_manifests)
    }
}

impl HlsManifestCreateOrUpdateParameters {
    fn validate(&self, member: &str, limits: Limits) -> Result<(), ApiError> {
        check_identifier(&format!("{member}.id"), &self.id)?;
        if let Some(name) = &self.manifest_name {
            check_identifier(&format!("{member}.manifestName"), name)?;
        }
        let windows = 1..=limits.live_manifest_seconds();
        check_range(&format!("{member}.playlistWindowSeconds"), self.playlist_window_seconds, windows)?;
        let interval = self.program_date_time_interval_seconds;
        check_range(&format!("{member}.programDateTimeIntervalSeconds"), interval, 0..=i32::MAX)?;
        check_daterange(member, self.ad_markers, interval)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn complete(value: Value) -> Result<CmafPackageCreateOrUpdateParameters, ApiError> {
        let mut package: CmafPackageCreateOrUpdateParameters = serde_json::from_value(value).unwrap();
        package.complete(Limits::Aws).map(|()| package)
    }

    fn with_ids(ids: &[&str]) -> CmafPackageCreateOrUpdateParameters {
        complete(json!({"hlsManifests": ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()})).unwrap()
    }

    #[test]
    fn answers_have_effective_names_and_urls() {
        let package = complete(json!({"hlsManifests": [{"id": "a"}, {"id": "b", "manifestName": "own"}]})).unwrap();
        let answer = package.answer("arena", "live", |id, name| format!("/{id}/{name}.m3u8"));
        let urls: Vec<_> = answer.hls_manifests.iter().map(|manifest| manifest.url.as_str()).collect();
        assert_eq!(urls, ["/a/live.m3u8", "/b/own.m3u8"]);
        assert_eq!((answer.segment_prefix.as_str(), answer.segment_duration_seconds), ("arena", 6));
    }

    #[test]
    fn the_engine_gets_effective_names_and_learns_what_it_cannot_obey() {
        let package = complete(json!({"hlsManifests": [
            {"id": "a", "playlistType": "EVENT"},
            {"id": "b", "manifestName": "own", "includeIframeOnlyStream": true, "adMarkers": "PASSTHROUGH"},
        ]}))
        .unwrap();
        let neutral = package.neutral("arena", "live");
        assert_eq!(neutral.segment_prefix, "arena");
        let names: Vec<_> = neutral.manifests.iter().map(|manifest| manifest.manifest_name.as_str()).collect();
        assert_eq!(names, ["live", "own"]);
        assert_eq!(neutral.manifests[0].playlist.playlist_type, resources::PlaylistType::Event);
        assert_eq!(
            package.not_built_yet().collect::<Vec<_>>(),
            ["cmafPackage.hlsManifests[1].includeIframeOnlyStream"]
        );
    }

    #[test]
    fn manifests_are_needed_and_have_ids_of_their_own() {
        assert!(complete(json!({})).unwrap_err().message.contains("at least one manifest"));
        let twice = complete(json!({"hlsManifests": [{"id": "a"}, {"id": "a"}]})).unwrap_err();
        assert!(twice.message.starts_with("cmafPackage.hlsManifests[1].id must be unique"), "{twice}");
        assert!(complete(json!({"hlsManifests": [{"id": "a/b"}]})).is_err());
        assert!(complete(json!({"segmentPrefix": "..", "hlsManifests": [{"id": "a"}]})).is_err());
    }

    #[test]
    fn manifests_come_and_go_but_keep_their_ids() {
        let old = with_ids(&["a", "b"]);
        assert!(old.validate_change_to(&with_ids(&["b", "a"])).is_ok());
        assert!(old.validate_change_to(&with_ids(&["a", "b", "c"])).is_ok());
        assert!(old.validate_change_to(&with_ids(&["b"])).is_ok());
        let error = old.validate_change_to(&with_ids(&["a", "c"])).unwrap_err();
        assert!(error.message.contains("\"b\" is gone and \"c\" is new"), "{error}");
    }
}
