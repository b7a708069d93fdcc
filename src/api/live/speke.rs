//! Key providers of the SPEKE protocol.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules::{check_arn, check_not_empty, check_role_arn};
use crate::api::aws::ApiError;

/// Audio preset of SPEKE 2.0: which tracks share a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum PresetSpeke20Audio {
    /// One key for all audio.
    #[serde(rename = "PRESET-AUDIO-1")]
    PresetAudio1,
    /// Stereo and multichannel apart.
    #[serde(rename = "PRESET-AUDIO-2")]
    PresetAudio2,
    /// Stereo, multichannel and immersive apart.
    #[serde(rename = "PRESET-AUDIO-3")]
    PresetAudio3,
    /// One key for audio and video.
    #[serde(rename = "SHARED")]
    Shared,
    /// Clear.
    #[serde(rename = "UNENCRYPTED")]
    Unencrypted,
}

/// Video preset of SPEKE 2.0: which tracks share a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum PresetSpeke20Video {
    /// Preset 1.
    #[serde(rename = "PRESET-VIDEO-1")]
    PresetVideo1,
    /// Preset 2.
    #[serde(rename = "PRESET-VIDEO-2")]
    PresetVideo2,
    /// Preset 3.
    #[serde(rename = "PRESET-VIDEO-3")]
    PresetVideo3,
    /// Preset 4.
    #[serde(rename = "PRESET-VIDEO-4")]
    PresetVideo4,
    /// Preset 5.
    #[serde(rename = "PRESET-VIDEO-5")]
    PresetVideo5,
    /// Preset 6.
    #[serde(rename = "PRESET-VIDEO-6")]
    PresetVideo6,
    /// Preset 7.
    #[serde(rename = "PRESET-VIDEO-7")]
    PresetVideo7,
    /// Preset 8.
    #[serde(rename = "PRESET-VIDEO-8")]
    PresetVideo8,
    /// One key for audio and video.
    #[serde(rename = "SHARED")]
    Shared,
    /// Clear.
    #[serde(rename = "UNENCRYPTED")]
    Unencrypted,
}

/// Which tracks share keys. Its presence selects SPEKE 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptionContractConfiguration {
    /// Preset for audio.
    pub preset_speke20_audio: PresetSpeke20Audio,
    /// Preset for video.
    pub preset_speke20_video: PresetSpeke20Video,
}

/// The server that gives keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpekeKeyProvider {
    /// ARN of the certificate that encrypts content keys on their way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_arn: Option<String>,
    /// Which tracks share keys; selects SPEKE 2.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_contract_configuration: Option<EncryptionContractConfiguration>,
    /// The content id of key requests.
    pub resource_id: String,
    /// ARN of the role that signs key requests.
    pub role_arn: String,
    /// UUIDs of the DRM systems.
    pub system_ids: Vec<String>,
    /// Where key requests go.
    pub url: String,
}

/// What a packager allows of its key provider.
#[derive(Debug, Clone, Copy)]
pub struct SpekeRules {
    /// Most DRM systems.
    pub most_systems: usize,
    /// Whether SPEKE 2.0 contracts are allowed.
    pub contract_allowed: bool,
}

impl SpekeKeyProvider {
    /// Holds all members against the rules; `encryption` is the name of the object around it.
    pub fn validate(&self, encryption: &str, rules: SpekeRules) -> Result<(), ApiError> {
        let member = |name: &str| format!("{encryption}.spekeKeyProvider.{name}");
        check_not_empty(&member("resourceId"), &self.resource_id)?;
        check_role_arn(&member("roleArn"), &self.role_arn)?;
        if !(1..=rules.most_systems).contains(&self.system_ids.len()) {
            let rule = match rules.most_systems {
                1 => "a list of exactly 1 system id".to_owned(),
                most => format!("a list of 1 to {most} system ids"),
            };
            let value = format!("a list of {}", self.system_ids.len());
            return Err(ApiError::invalid(&member("systemIds"), &rule, value));
        }
        if let Some(id) = self.system_ids.iter().find(|id| id.len() != 36 || Uuid::try_parse(id).is_err()) {
            return Err(ApiError::invalid(&member("systemIds"), "a list of UUIDs", id));
        }
        let host = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) || self.url.parse::<http::Uri>().is_err() {
            return Err(ApiError::invalid(&member("url"), "an http or https URL", &self.url));
        }
        if let Some(certificate) = &self.certificate_arn {
            let form = "arn:aws:acm:<region>:<account>:certificate/<id>";
            check_arn(&member("certificateArn"), certificate, "acm", "certificate/", form)?;
        }
        match self.encryption_contract_configuration {
            Some(_) if !rules.contract_allowed => Err(ApiError::unprocessable(format!(
                "{} is allowed in cmafPackage and dashPackage only",
                member("encryptionContractConfiguration")
            ))),
            Some(contract) => contract.validate(&member("encryptionContractConfiguration")),
            None => Ok(()),
        }
    }
}

impl EncryptionContractConfiguration {
    fn validate(&self, member: &str) -> Result<(), ApiError> {
        use PresetSpeke20Audio as Audio;
        use PresetSpeke20Video as Video;
        let (audio, video) = (self.preset_speke20_audio, self.preset_speke20_video);
        if (audio == Audio::Shared) != (video == Video::Shared) {
            return Err(ApiError::unprocessable(format!(
                "{member} must have SHARED as both presets or as neither, but has {audio:?} for audio and {video:?} for video"
            )));
        }
        if audio == Audio::Unencrypted && video == Video::Unencrypted {
            return Err(ApiError::unprocessable(format!("{member} must not have UNENCRYPTED as both presets")));
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A valid provider with this many systems.
    pub fn provider(systems: usize, contract: Option<Value>) -> Value {
        let mut provider = json!({
            "resourceId": "arena",
            "roleArn": "arn:aws:iam::123456789012:role/speke",
            "systemIds": vec!["edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"; systems],
            "url": "https://keys.example.net/copyProtection",
        });
        if let Some(contract) = contract {
            provider["encryptionContractConfiguration"] = contract;
        }
        provider
    }

    fn refusal(change: &str, value: Value) -> String {
        let mut changed = provider(1, None);
        changed[change] = value;
        let provider: SpekeKeyProvider = serde_json::from_value(changed).unwrap();
        let error = provider.validate("e", SpekeRules { most_systems: 1, contract_allowed: true });
        error.unwrap_err().message
    }

    #[test]
    fn each_member_has_its_rule() {
        assert!(refusal("resourceId", json!("")).starts_with("e.spekeKeyProvider.resourceId"));
        assert!(refusal("roleArn", json!("role")).starts_with("e.spekeKeyProvider.roleArn"));
        assert!(refusal("systemIds", json!(["widevine"])).contains("UUIDs"));
        for url in ["keys.example.net", "ftp://x/", "https://", "https:///x", "https://a b/"] {
            assert!(refusal("url", json!(url)).starts_with("e.spekeKeyProvider.url"), "{url}");
        }
        assert!(refusal("certificateArn", json!("arn:aws:acm:x:1:certificate/")).contains("certificateArn"));
    }

    #[test]
    fn presets_that_do_not_go_together_are_refused() {
        for (audio, video, good) in [
            ("SHARED", "SHARED", true),
            ("PRESET-AUDIO-1", "PRESET-VIDEO-8", true),
            ("UNENCRYPTED", "PRESET-VIDEO-1", true),
            ("PRESET-AUDIO-2", "UNENCRYPTED", true),
            ("SHARED", "PRESET-VIDEO-1", false),
            ("PRESET-AUDIO-1", "SHARED", false),
            ("UNENCRYPTED", "SHARED", false),
            ("SHARED", "UNENCRYPTED", false),
            ("UNENCRYPTED", "UNENCRYPTED", false),
        ] {
            let contract = json!({"presetSpeke20Audio": audio, "presetSpeke20Video": video});
            let contract: EncryptionContractConfiguration = serde_json::from_value(contract).unwrap();
            assert_eq!(contract.validate("c").is_ok(), good, "{audio} {video}");
        }
    }
}
