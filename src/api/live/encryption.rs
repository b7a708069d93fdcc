//! Encryption of the four packagers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::check_range;
use super::speke::{SpekeKeyProvider, SpekeRules};
use crate::api::aws::ApiError;

/// How long a key is used when nothing is said, in seconds.
const DEFAULT_ROTATION_SECONDS: i32 = 60;

/// How HLS segments are encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum EncryptionMethod {
    /// Whole segments with AES-128 in CBC mode.
    #[default]
    #[serde(rename = "AES_128")]
    Aes128,
    /// Samples, for FairPlay.
    #[serde(rename = "SAMPLE_AES")]
    SampleAes,
}

/// How CMAF samples are encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum CmafEncryptionMethod {
    /// `cbcs`.
    #[default]
    #[serde(rename = "SAMPLE_AES")]
    SampleAes,
    /// `cenc`.
    #[serde(rename = "AES_CTR")]
    AesCtr,
}

/// Encryption of an HLS endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HlsEncryption {
    /// A fixed initialization vector, 32 hexadecimal digits; if absent it changes with the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant_initialization_vector: Option<String>,
    /// How segments are encrypted.
    #[serde(default)]
    pub encryption_method: EncryptionMethod,
    /// Seconds between keys; 0 never changes the key.
    #[serde(default = "default_rotation_seconds")]
    pub key_rotation_interval_seconds: i32,
    /// Repeats `EXT-X-KEY` before every segment.
    #[serde(default)]
    pub repeat_ext_x_key: bool,
    /// Where keys come from.
    pub speke_key_provider: SpekeKeyProvider,
}

/// Encryption of a CMAF endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CmafEncryption {
    /// A fixed initialization vector, 32 hexadecimal digits; one is made if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant_initialization_vector: Option<String>,
    /// How samples are encrypted.
    #[serde(default)]
    pub encryption_method: CmafEncryptionMethod,
    /// Seconds between keys; 0 never changes the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_rotation_interval_seconds: Option<i32>,
    /// Where keys come from.
    pub speke_key_provider: SpekeKeyProvider,
}

/// Encryption of a DASH endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DashEncryption {
    /// Seconds between keys; 0 never changes the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_rotation_interval_seconds: Option<i32>,
    /// Where keys come from.
    pub speke_key_provider: SpekeKeyProvider,
}

/// Encryption of a Smooth Streaming endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MssEncryption {
    /// Where keys come from.
    pub speke_key_provider: SpekeKeyProvider,
}

impl HlsEncryption {
    /// Holds all members against the rules.
    pub fn validate(&self, member: &str) -> Result<(), ApiError> {
        check_vector(member, self.constant_initialization_vector.as_deref())?;
        check_rotation(member, self.key_rotation_interval_seconds)?;
        self.speke_key_provider.validate(member, SpekeRules { most_systems: 1, contract_allowed: false })
    }
}

impl CmafEncryption {
    /// Holds all members against the rules and fills in defaults that depend on other members.
    pub fn complete(&mut self, member: &str) -> Result<(), ApiError> {
        check_vector(member, self.constant_initialization_vector.as_deref())?;
        self.speke_key_provider.validate(member, SpekeRules { most_systems: 3, contract_allowed: true })?;
        let has_contract = self.speke_key_provider.encryption_contract_configuration.is_some();
        if self.encryption_method == CmafEncryptionMethod::AesCtr && !has_contract {
            return Err(ApiError::invalid(
                &format!("{member}.encryptionMethod"),
                "SAMPLE_AES unless spekeKeyProvider.encryptionContractConfiguration is set",
                "AES_CTR",
            ));
        }
        let rotation = effective_rotation(member, self.key_rotation_interval_seconds, has_contract)?;
        self.key_rotation_interval_seconds = Some(rotation);
        Ok(())
    }
}

impl DashEncryption {
    /// Holds all members against the rules and fills in defaults that depend on other members.
    pub fn complete(&mut self, member: &str) -> Result<(), ApiError> {
        self.speke_key_provider.validate(member, SpekeRules { most_systems: 2, contract_allowed: true })?;
        let has_contract = self.speke_key_provider.encryption_contract_configuration.is_some();
        let rotation = effective_rotation(member, self.key_rotation_interval_seconds, has_contract)?;
        self.key_rotation_interval_seconds = Some(rotation);
        Ok(())
    }
}

impl MssEncryption {
    /// Holds all members against the rules.
    pub fn validate(&self, member: &str) -> Result<(), ApiError> {
        self.speke_key_provider.validate(member, SpekeRules { most_systems: 1, contract_allowed: false })
    }
}

fn default_rotation_seconds() -> i32 {
    DEFAULT_ROTATION_SECONDS
}

/// SPEKE 2.0 contracts exclude rotation, so with one an absent interval means 0.
fn effective_rotation(member: &str, given: Option<i32>, has_contract: bool) -> Result<i32, ApiError> {
    match given {
        None if has_contract => Ok(0),
        None => Ok(DEFAULT_ROTATION_SECONDS),
        Some(seconds) if has_contract && seconds != 0 => Err(ApiError::invalid(
            &format!("{member}.keyRotationIntervalSeconds"),
            "0 when spekeKeyProvider.encryptionContractConfiguration is set",
            seconds,
        )),
        Some(seconds) => check_rotation(member, seconds).map(|()| seconds),
    }
}

fn check_rotation(member: &str, seconds: i32) -> Result<(), ApiError> {
    check_range(&format!("{member}.keyRotationIntervalSeconds"), seconds, 0..=i32::MAX)
}

fn check_vector(member: &str, vector: Option<&str>) -> Result<(), ApiError> {
    match vector {
        Some(digits) if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            Err(ApiError::invalid(&format!("{member}.constantInitializationVector"), "32 hexadecimal digits", digits))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::live::speke::tests::provider;

    fn cmaf(value: serde_json::Value) -> Result<CmafEncryption, ApiError> {
        let mut encryption: CmafEncryption = serde_json::from_value(value).unwrap();
        encryption.complete("e").map(|()| encryption)
    }

    #[test]
    fn rotation_is_60_seconds_by_default_and_0_with_a_contract() {
        let contract = json!({"presetSpeke20Audio": "SHARED", "presetSpeke20Video": "SHARED"});
        let plain = cmaf(json!({"spekeKeyProvider": provider(1, None)})).unwrap();
        assert_eq!(plain.key_rotation_interval_seconds, Some(60));
        let with = cmaf(json!({"spekeKeyProvider": provider(1, Some(contract.clone()))})).unwrap();
        assert_eq!(with.key_rotation_interval_seconds, Some(0));
        let error = cmaf(json!({"keyRotationIntervalSeconds": 5, "spekeKeyProvider": provider(1, Some(contract))}));
        assert!(error.unwrap_err().message.contains("keyRotationIntervalSeconds must be 0 when"));
    }

    #[test]
    fn cenc_needs_a_contract() {
        let error = cmaf(json!({"encryptionMethod": "AES_CTR", "spekeKeyProvider": provider(1, None)})).unwrap_err();
        assert!(error.message.starts_with("e.encryptionMethod must be SAMPLE_AES unless"), "{error}");
    }

    #[test]
    fn each_packager_allows_its_number_of_systems() {
        let hls = |systems| {
            let value = json!({"spekeKeyProvider": provider(systems, None)});
            serde_json::from_value::<HlsEncryption>(value).unwrap().validate("e").is_ok()
        };
        let dash = |systems| {
            let value = json!({"spekeKeyProvider": provider(systems, None)});
            serde_json::from_value::<DashEncryption>(value).unwrap().complete("e").is_ok()
        };
        let cmaf = |systems| cmaf(json!({"spekeKeyProvider": provider(systems, None)})).is_ok();
        assert_eq!([0, 1, 2].map(hls), [false, true, false]);
        assert_eq!([0, 2, 3].map(dash), [false, true, false]);
        assert_eq!([0, 3, 4].map(cmaf), [false, true, false]);
    }

    #[test]
    fn a_constant_vector_has_32_hexadecimal_digits() {
        for vector in ["", "0x", &"g".repeat(32), &"0".repeat(31)] {
            let value = json!({"constantInitializationVector": vector, "spekeKeyProvider": provider(1, None)});
            assert!(serde_json::from_value::<HlsEncryption>(value).unwrap().validate("e").is_err(), "{vector}");
        }
    }
}
