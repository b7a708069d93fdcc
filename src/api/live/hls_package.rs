//! HLS with MPEG-TS segments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::encryption::HlsEncryption;
use super::markers::{AdMarkers, AdTrigger, AdsOnDeliveryRestrictions, PlaylistType, check_daterange, hls_ads};
use super::rules::{SEGMENT_DURATION_SECONDS, check_range};
use super::stream_selection::StreamSelection;
use crate::api::aws::{ApiError, Limits};
use crate::resources;

/// Settings of an HLS endpoint. Absent members have their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HlsPackage {
    /// How ad markers appear.
    pub ad_markers: AdMarkers,
    /// Which SCTE-35 messages make ad markers; absent means the service's five, empty means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_triggers: Option<Vec<AdTrigger>>,
    /// Which `time_signal` messages become ads; RESTRICTED if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ads_on_delivery_restrictions: Option<AdsOnDeliveryRestrictions>,
    /// Encryption, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<HlsEncryption>,
    /// Passes DVB subtitles through.
    pub include_dvb_subtitles: bool,
    /// Adds a playlist of I-frames.
    pub include_iframe_only_stream: bool,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub playlist_type: PlaylistType,
    /// Length of a live media playlist, in seconds.
    pub playlist_window_seconds: i32,
    /// Seconds between `EXT-X-PROGRAM-DATE-TIME` tags; 0 writes none.
    pub program_date_time_interval_seconds: i32,
    /// Target duration of segments, in seconds.
    pub segment_duration_seconds: i32,
    /// Which streams are offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_selection: Option<StreamSelection>,
    /// Audio leaves the muxed segments and goes into a rendition group.
    pub use_audio_rendition_group: bool,
}

impl Default for HlsPackage {
    fn default() -> Self {
        HlsPackage {
            ad_markers: AdMarkers::None,
            ad_triggers: None,
            ads_on_delivery_restrictions: None,
            encryption: None,
            include_dvb_subtitles: false,
            include_iframe_only_stream: false,
            playlist_type: PlaylistType::None,
            playlist_window_seconds: 60,
            program_date_time_interval_seconds: 0,
            segment_duration_seconds: 6,
            stream_selection: None,
            use_audio_rendition_group: false,
        }
    }
}

impl HlsPackage {
    /// Holds all members against the rules.
    pub fn validate(&self, limits: Limits) -> Result<(), ApiError> {
        check_range("hlsPackage.segmentDurationSeconds", self.segment_duration_seconds, SEGMENT_DURATION_SECONDS)?;
        let windows = 1..=limits.live_manifest_seconds();
        check_range("hlsPackage.playlistWindowSeconds", self.playlist_window_seconds, windows)?;
        let interval = self.program_date_time_interval_seconds;
        check_range("hlsPackage.programDateTimeIntervalSeconds", interval, 0..=i32::MAX)?;
        check_daterange("hlsPackage", self.ad_markers, interval)?;
        if let Some(encryption) = &self.encryption {
            encryption.validate("hlsPackage.encryption")?;
        }
        if let Some(selection) = &self.stream_selection {
            selection.validate("hlsPackage.streamSelection")?;
        }
        Ok(())
    }

    /// What the engine must know of it.
    pub fn neutral(&self) -> resources::HlsSettings {
        resources::HlsSettings {
            segment_duration_seconds: self.segment_duration_seconds.unsigned_abs(),
            playlist: resources::PlaylistSettings {
                window_seconds: self.playlist_window_seconds.unsigned_abs(),
                playlist_type: self.playlist_type.neutral(),
                program_date_time_interval_seconds: self.program_date_time_interval_seconds.unsigned_abs(),
                ads: hls_ads(self.ad_markers, self.ad_triggers.as_deref(), self.ads_on_delivery_restrictions),
            },
            use_audio_rendition_group: self.use_audio_rendition_group,
            stream_selection: StreamSelection::neutral(self.stream_selection.as_ref()),
        }
    }

    /// The settings that the engine cannot obey yet, as the API names them.
    pub fn not_built_yet(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.encryption.is_some(), "hlsPackage.encryption"),
            (self.include_iframe_only_stream, "hlsPackage.includeIframeOnlyStream"),
            (self.include_dvb_subtitles, "hlsPackage.includeDvbSubtitles"),
        ]
        .into_iter()
        .filter_map(|(is_set, setting)| is_set.then_some(setting))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(value: serde_json::Value, limits: Limits) -> Option<String> {
        let package: HlsPackage = serde_json::from_value(value).unwrap();
        package.validate(limits).err().map(|error| error.message)
    }

    #[test]
    fn an_empty_package_has_the_defaults_of_the_service() {
        let package: HlsPackage = serde_json::from_value(json!({})).unwrap();
        let echo = json!({
            "adMarkers": "NONE", "includeDvbSubtitles": false, "includeIframeOnlyStream": false,
            "playlistType": "NONE", "playlistWindowSeconds": 60, "programDateTimeIntervalSeconds": 0,
            "segmentDurationSeconds": 6, "useAudioRenditionGroup": false,
        });
        assert_eq!(serde_json::to_value(&package).unwrap(), echo);
        assert_eq!(package.not_built_yet().count(), 0);
    }

    #[test]
    fn numbers_outside_their_bounds_are_refused() {
        for (member, value) in [
            ("segmentDurationSeconds", 0),
            ("segmentDurationSeconds", 31),
            ("playlistWindowSeconds", 0),
            ("playlistWindowSeconds", 301),
            ("programDateTimeIntervalSeconds", -1),
        ] {
            let text = refusal(json!({member: value}), Limits::Aws).unwrap();
            assert!(text.starts_with(&format!("hlsPackage.{member} must be between")), "{text}");
            assert!(text.ends_with(&format!("but is \"{value}\"")), "{text}");
        }
        assert_eq!(refusal(json!({"playlistWindowSeconds": 301}), Limits::Relaxed), None);
        assert!(refusal(json!({"playlistWindowSeconds": 86_401}), Limits::Relaxed).is_some());
    }

    #[test]
    fn dateranges_need_dates() {
        let text = refusal(json!({"adMarkers": "DATERANGE"}), Limits::Aws).unwrap();
        assert!(text.starts_with("hlsPackage.programDateTimeIntervalSeconds must be greater than 0"), "{text}");
        let both = json!({"adMarkers": "DATERANGE", "programDateTimeIntervalSeconds": 1});
        assert_eq!(refusal(both, Limits::Aws), None);
    }
}
