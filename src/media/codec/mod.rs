//! Codecs: what a decoder must know before the first sample, and how manifests name it.

pub mod aac;
pub mod avc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What kind of track a codec belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TrackKind {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
}

/// Decoder configuration of a track. Two segments can share an init segment only if theirs are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CodecConfig {
    /// H.264 (ISO 14496-10).
    Avc(AvcConfig),
    /// AAC (ISO 14496-3).
    Aac(AacConfig),
}

impl CodecConfig {
    /// Video or audio.
    pub fn kind(&self) -> TrackKind {
        match self {
            CodecConfig::Avc(_) => TrackKind::Video,
            CodecConfig::Aac(_) => TrackKind::Audio,
        }
    }

    /// The `codecs` parameter of RFC 6381, such as `avc1.64001F` or `mp4a.40.2`.
    pub fn rfc6381(&self) -> String {
        match self {
            CodecConfig::Avc(avc) => avc.rfc6381(),
            CodecConfig::Aac(aac) => aac.rfc6381(),
        }
    }
}

/// H.264 parameter sets and what they say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AvcConfig {
    /// Sequence parameter sets, NAL header included, without start code.
    pub sequence_parameter_sets: Vec<Bytes>,
    /// Picture parameter sets, NAL header included, without start code.
    pub picture_parameter_sets: Vec<Bytes>,
    /// `profile_idc` of the first sequence parameter set.
    pub profile_idc: u8,
    /// The constraint flags byte of the first sequence parameter set.
    pub constraint_flags: u8,
    /// `level_idc` of the first sequence parameter set.
    pub level_idc: u8,
    /// Cropped width in luma samples.
    pub width: u32,
    /// Cropped height in luma samples.
    pub height: u32,
    /// Sample aspect ratio, horizontal to vertical; (1, 1) if not said.
    pub sample_aspect_ratio: (u16, u16),
    /// Frames per second as a fraction, from the VUI's timing; `None` if it does not say.
    pub frame_rate: Option<(u32, u32)>,
}

impl AvcConfig {
    /// `avc1.PPCCLL`, RFC 6381 §3.3 with ISO 14496-15 annex E.
    pub fn rfc6381(&self) -> String {
        format!("avc1.{:02X}{:02X}{:02X}", self.profile_idc, self.constraint_flags, self.level_idc)
    }
}

/// AAC configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AacConfig {
    /// AudioSpecificConfig, ISO 14496-3 §1.6.2.1.
    pub audio_specific_config: Bytes,
    /// Audio object type: 2 is AAC-LC, 5 SBR, 29 PS.
    pub object_type: u8,
    /// Samples per second.
    pub sampling_rate: u32,
    /// Output channels.
    pub channels: u8,
}

impl AacConfig {
    /// `mp4a.40.N`, RFC 6381 §3.3.
    pub fn rfc6381(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }
}
