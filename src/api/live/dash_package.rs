//! DASH with fMP4 segments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::encryption::DashEncryption;
use super::markers::{AdTrigger, AdsOnDeliveryRestrictions, ad_selection};
use super::rules::{SEGMENT_DURATION_SECONDS, UP_TO_A_DAY_SECONDS, check_range};
use super::stream_selection::StreamSelection;
use crate::api::aws::{ApiError, Limits};
use crate::resources;

/// Where elements that repeat stand in the MPD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ManifestLayout {
    /// In every Representation.
    #[default]
    Full,
    /// In the AdaptationSet.
    Compact,
    /// As COMPACT, with ContentProtection at the top.
    DrmTopLevelCompact,
}

/// DASH profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Profile {
    /// The live profile of the standard.
    #[default]
    #[serde(rename = "NONE")]
    None,
    /// HbbTV 1.5.
    #[serde(rename = "HBBTV_1_5")]
    Hbbtv15,
    /// Hybridcast.
    #[serde(rename = "HYBRIDCAST")]
    Hybridcast,
    /// DVB-DASH 2014.
    #[serde(rename = "DVB_DASH_2014")]
    DvbDash2014,
}

/// How segments are addressed, ISO 23009-1 §5.3.9.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SegmentTemplateFormat {
    /// `$Number$` with a SegmentTimeline.
    #[default]
    NumberWithTimeline,
    /// `$Time$` with a SegmentTimeline.
    TimeWithTimeline,
    /// `$Number$` with a constant duration.
    NumberWithDuration,
}

/// What starts a new Period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PeriodTrigger {
    /// Boundaries of ads.
    Ads,
}

/// `UTCTiming@schemeIdUri`, ISO 23009-1 §5.8.4.11.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum UtcTiming {
    /// No UTCTiming.
    #[default]
    #[serde(rename = "NONE")]
    None,
    /// The Date header of an answer.
    #[serde(rename = "HTTP-HEAD")]
    HttpHead,
    /// A body in ISO 8601.
    #[serde(rename = "HTTP-ISO")]
    HttpIso,
    /// A body in the form of xs:dateTime.
    #[serde(rename = "HTTP-XSDATE")]
    HttpXsdate,
}

/// Settings of a DASH endpoint. Absent members have their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DashPackage {
    /// Which SCTE-35 messages make ads; absent means the service's five, empty means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_triggers: Option<Vec<AdTrigger>>,
    /// Which `time_signal` messages become ads; RESTRICTED if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ads_on_delivery_restrictions: Option<AdsOnDeliveryRestrictions>,
    /// Encryption, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<DashEncryption>,
    /// Adds a trick-mode AdaptationSet.
    pub include_iframe_only_stream: bool,
    /// Where elements that repeat stand.
    pub manifest_layout: ManifestLayout,
    /// Length of a live MPD, in seconds.
    pub manifest_window_seconds: i32,
    /// `MPD@minBufferTime`, in seconds.
    pub min_buffer_time_seconds: i32,
    /// `MPD@minimumUpdatePeriod`, in seconds.
    pub min_update_period_seconds: i32,
    /// What starts a new Period.
    pub period_triggers: Vec<PeriodTrigger>,
    /// The profile.
    pub profile: Profile,
    /// Target duration of segments, in seconds.
    pub segment_duration_seconds: i32,
    /// How segments are addressed.
    pub segment_template_format: SegmentTemplateFormat,
    /// Which streams are offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_selection: Option<StreamSelection>,
    /// `MPD@suggestedPresentationDelay`, in seconds.
    pub suggested_presentation_delay_seconds: i32,
    /// Where players read the time.
    pub utc_timing: UtcTiming,
    /// `UTCTiming@value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_timing_uri: Option<String>,
}

impl Default for DashPackage {
    fn default() -> Self {
        DashPackage {
            ad_triggers: None,
            ads_on_delivery_restrictions: None,
            encryption: None,
            include_iframe_only_stream: false,
            manifest_layout: ManifestLayout::Full,
            manifest_window_seconds: 60,
            min_buffer_time_seconds: 30,
            min_update_period_seconds: 15,
            period_triggers: Vec::new(),
            profile: Profile::None,
            segment_duration_seconds: 2,
            segment_template_format: SegmentTemplateFormat::NumberWithTimeline,
            stream_selection: None,
            suggested_presentation_delay_seconds: 25,
            utc_timing: UtcTiming::None,
            utc_timing_uri: None,
        }
    }
}

impl DashPackage {
    /// Holds all members against the rules and fills in defaults that depend on other members.
    pub fn complete(&mut self, limits: Limits) -> Result<(), ApiError> {
        let windows = 1..=limits.live_manifest_seconds();
        for (member, value, bounds) in [
            ("segmentDurationSeconds", self.segment_duration_seconds, SEGMENT_DURATION_SECONDS),
            ("manifestWindowSeconds", self.manifest_window_seconds, windows),
            ("minUpdatePeriodSeconds", self.min_update_period_seconds, UP_TO_A_DAY_SECONDS),
            ("minBufferTimeSeconds", self.min_buffer_time_seconds, UP_TO_A_DAY_SECONDS),
            ("suggestedPresentationDelaySeconds", self.suggested_presentation_delay_seconds, UP_TO_A_DAY_SECONDS),
        ] {
            check_range(&format!("dashPackage.{member}"), value, bounds)?;
        }
        if self.period_triggers.contains(&PeriodTrigger::Ads) {
            if self.segment_template_format == SegmentTemplateFormat::NumberWithDuration {
                return Err(ApiError::invalid(
                    "dashPackage.segmentTemplateFormat",
                    "NUMBER_WITH_TIMELINE or TIME_WITH_TIMELINE when periodTriggers holds ADS",
                    "NUMBER_WITH_DURATION",
                ));
            }
            if self.profile == Profile::Hybridcast {
                let rule = "other than HYBRIDCAST when periodTriggers holds ADS";
                return Err(ApiError::invalid("dashPackage.profile", rule, "HYBRIDCAST"));
            }
        }
        if self.utc_timing != UtcTiming::None && self.utc_timing_uri.as_deref().is_none_or(str::is_empty) {
            let value = self.utc_timing_uri.as_deref().unwrap_or("absent");
            return Err(ApiError::invalid("dashPackage.utcTimingUri", "set when utcTiming is not NONE", value));
        }
        if let Some(encryption) = &mut self.encryption {
            encryption.complete("dashPackage.encryption")?;
        }
        if let Some(selection) = &self.stream_selection {
            selection.validate("dashPackage.streamSelection")?;
        }
        Ok(())
    }

    /// Holds an update against the settings that cannot change after creation.
    pub fn validate_change_to(&self, next: &Self) -> Result<(), ApiError> {
        let frozen = SegmentTemplateFormat::NumberWithDuration;
        if self.segment_template_format != next.segment_template_format
            && (self.segment_template_format == frozen || next.segment_template_format == frozen)
        {
            return Err(ApiError::unprocessable(format!(
                "dashPackage.segmentTemplateFormat cannot be changed to or from NUMBER_WITH_DURATION, but is {:?} and was to become {:?}",
                self.segment_template_format, next.segment_template_format
            )));
        }
        if self.segment_template_format == frozen && self.segment_duration_seconds != next.segment_duration_seconds {
            return Err(ApiError::unprocessable(format!(
                "dashPackage.segmentDurationSeconds cannot be changed with NUMBER_WITH_DURATION, but is {} and was to become {}",
                self.segment_duration_seconds, next.segment_duration_seconds
            )));
        }
        Ok(())
    }

    /// What the engine must know of it.
    pub fn neutral(&self) -> resources::DashSettings {
        let scheme_id_uri = match self.utc_timing {
            UtcTiming::None => None,
            UtcTiming::HttpHead => Some("urn:mpeg:dash:utc:http-head:2014"),
            UtcTiming::HttpIso => Some("urn:mpeg:dash:utc:http-iso:2014"),
            UtcTiming::HttpXsdate => Some("urn:mpeg:dash:utc:http-xsdate:2014"),
        };
        resources::DashSettings {
            segment_duration_seconds: self.segment_duration_seconds.unsigned_abs(),
            manifest_window_seconds: self.manifest_window_seconds.unsigned_abs(),
            min_update_period_seconds: self.min_update_period_seconds.unsigned_abs(),
            min_buffer_time_seconds: self.min_buffer_time_seconds.unsigned_abs(),
            suggested_presentation_delay_seconds: self.suggested_presentation_delay_seconds.unsigned_abs(),
            segment_template_format: match self.segment_template_format {
                SegmentTemplateFormat::NumberWithTimeline => resources::SegmentTemplateFormat::NumberWithTimeline,
                SegmentTemplateFormat::TimeWithTimeline => resources::SegmentTemplateFormat::TimeWithTimeline,
                SegmentTemplateFormat::NumberWithDuration => resources::SegmentTemplateFormat::NumberWithDuration,
            },
            manifest_layout: match self.manifest_layout {
                ManifestLayout::Full => resources::ManifestLayout::Full,
                ManifestLayout::Compact => resources::ManifestLayout::Compact,
                ManifestLayout::DrmTopLevelCompact => resources::ManifestLayout::DrmTopLevelCompact,
            },
            profile: match self.profile {
                Profile::None => resources::DashProfile::None,
                Profile::Hbbtv15 => resources::DashProfile::Hbbtv15,
                Profile::DvbDash2014 => resources::DashProfile::DvbDash2014,
                Profile::Hybridcast => resources::DashProfile::Hybridcast,
            },
            include_iframe_only_stream: self.include_iframe_only_stream,
            utc_timing: scheme_id_uri.map(|scheme_id_uri| resources::UtcTiming {
                scheme_id_uri,
                value: self.utc_timing_uri.clone().unwrap_or_default(),
            }),
            ad_periods: self
                .period_triggers
                .contains(&PeriodTrigger::Ads)
                .then(|| ad_selection(self.ad_triggers.as_deref(), self.ads_on_delivery_restrictions)),
            stream_selection: StreamSelection::neutral(self.stream_selection.as_ref()),
        }
    }

    /// The settings that the engine cannot obey yet, as the API names them.
    pub fn not_built_yet(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.encryption.is_some(), "dashPackage.encryption"),
            (self.include_iframe_only_stream, "dashPackage.includeIframeOnlyStream"),
        ]
        .into_iter()
        .filter_map(|(is_set, setting)| is_set.then_some(setting))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn complete(value: Value) -> Result<DashPackage, ApiError> {
        let mut package: DashPackage = serde_json::from_value(value).unwrap();
        package.complete(Limits::Aws).map(|()| package)
    }

    #[test]
    fn an_empty_package_has_the_defaults_of_the_service() {
        let echo = json!({
            "includeIframeOnlyStream": false, "manifestLayout": "FULL", "manifestWindowSeconds": 60,
            "minBufferTimeSeconds": 30, "minUpdatePeriodSeconds": 15, "periodTriggers": [], "profile": "NONE",
            "segmentDurationSeconds": 2, "segmentTemplateFormat": "NUMBER_WITH_TIMELINE",
            "suggestedPresentationDelaySeconds": 25, "utcTiming": "NONE",
        });
        assert_eq!(serde_json::to_value(complete(json!({})).unwrap()).unwrap(), echo);
    }

    #[test]
    fn settings_that_exclude_each_other_are_refused() {
        for (value, text) in [
            (
                json!({"periodTriggers": ["ADS"], "segmentTemplateFormat": "NUMBER_WITH_DURATION"}),
                "segmentTemplateFormat",
            ),
            (json!({"periodTriggers": ["ADS"], "profile": "HYBRIDCAST"}), "profile"),
            (json!({"utcTiming": "HTTP-ISO"}), "utcTimingUri"),
            (json!({"manifestWindowSeconds": 301}), "manifestWindowSeconds"),
            (json!({"minUpdatePeriodSeconds": -1}), "minUpdatePeriodSeconds"),
        ] {
            let error = complete(value).unwrap_err();
            assert!(error.message.starts_with(&format!("dashPackage.{text} must be")), "{error}");
        }
    }

    #[test]
    fn constant_durations_are_frozen() {
        let package = |format: &str, seconds: i32| {
            complete(json!({"segmentTemplateFormat": format, "segmentDurationSeconds": seconds})).unwrap()
        };
        let constant = package("NUMBER_WITH_DURATION", 2);
        assert!(constant.validate_change_to(&constant).is_ok());
        assert!(constant.validate_change_to(&package("NUMBER_WITH_DURATION", 4)).is_err());
        assert!(constant.validate_change_to(&package("NUMBER_WITH_TIMELINE", 2)).is_err());
        assert!(package("TIME_WITH_TIMELINE", 2).validate_change_to(&constant).is_err());
        assert!(package("TIME_WITH_TIMELINE", 2).validate_change_to(&package("NUMBER_WITH_TIMELINE", 4)).is_ok());
    }

    #[test]
    fn what_the_engine_cannot_obey_is_named() {
        let package = complete(json!({"includeIframeOnlyStream": true}));
        let named: Vec<_> = package.unwrap().not_built_yet().collect();
        assert_eq!(named, ["dashPackage.includeIframeOnlyStream"]);
    }
}
