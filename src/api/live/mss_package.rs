//! Microsoft Smooth Streaming.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::encryption::MssEncryption;
use super::rules::{SEGMENT_DURATION_SECONDS, check_range};
use super::stream_selection::StreamSelection;
use crate::api::aws::{ApiError, Limits};
use crate::resources;

/// Settings of a Smooth Streaming endpoint. Absent members have their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MssPackage {
    /// Encryption, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<MssEncryption>,
    /// Length of a live manifest, in seconds.
    pub manifest_window_seconds: i32,
    /// Target duration of segments, in seconds.
    pub segment_duration_seconds: i32,
    /// Which streams are offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_selection: Option<StreamSelection>,
}

impl Default for MssPackage {
    fn default() -> Self {
        MssPackage {
            encryption: None,
            manifest_window_seconds: 60,
            segment_duration_seconds: 2,
            stream_selection: None,
        }
    }
}

impl MssPackage {
    /// Holds all members against the rules.
    pub fn validate(&self, limits: Limits) -> Result<(), ApiError> {
        check_range("mssPackage.segmentDurationSeconds", self.segment_duration_seconds, SEGMENT_DURATION_SECONDS)?;
        let windows = 1..=limits.live_manifest_seconds();
        check_range("mssPackage.manifestWindowSeconds", self.manifest_window_seconds, windows)?;
        if let Some(encryption) = &self.encryption {
            encryption.validate("mssPackage.encryption")?;
        }
        if let Some(selection) = &self.stream_selection {
            selection.validate("mssPackage.streamSelection")?;
        }
        Ok(())
    }

    /// What the engine must know of it.
    pub fn neutral(&self) -> resources::MssSettings {
        resources::MssSettings {
            segment_duration_seconds: self.segment_duration_seconds.unsigned_abs(),
            manifest_window_seconds: self.manifest_window_seconds.unsigned_abs(),
            stream_selection: StreamSelection::neutral(self.stream_selection.as_ref()),
        }
    }

    /// The settings that the engine cannot obey yet, as the API names them.
    pub fn not_built_yet(&self) -> impl Iterator<Item = &'static str> {
        self.encryption.iter().map(|_| "mssPackage.encryption")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_obey_the_quota() {
        let package = |seconds| MssPackage { manifest_window_seconds: seconds, ..MssPackage::default() };
        assert!(package(300).validate(Limits::Aws).is_ok());
        assert!(package(301).validate(Limits::Aws).is_err());
        assert!(package(301).validate(Limits::Relaxed).is_ok());
    }
}
