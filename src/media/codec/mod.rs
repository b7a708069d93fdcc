//! Codecs: what a decoder must know before the first sample, and how manifests name it.

pub mod aac;
pub mod ac3;
pub mod avc;
pub mod colour;
pub mod eac3;
pub mod hevc;
mod sei;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use ac3::Ac3Config;
use colour::DynamicRange;
pub use eac3::Eac3Config;
pub use hevc::HevcConfig;

/// What kind of track a codec belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TrackKind {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles.
    Text,
}

/// Decoder configuration of a track. Two segments can share an init segment only if theirs are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CodecConfig {
    /// H.264 (ISO 14496-10).
    Avc(AvcConfig),
    /// AAC (ISO 14496-3).
    Aac(AacConfig),
    /// H.265 (ISO 23008-2).
    Hevc(HevcConfig),
    /// AC-3 (ETSI TS 102 366).
    Ac3(Ac3Config),
    /// E-AC-3 (ETSI TS 102 366 annex E).
    Eac3(Eac3Config),
    /// WebVTT subtitles, which need nothing said beforehand.
    WebVtt,
}

/// What every video codec says of its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Cropped width in luma samples.
    pub width: u32,
    /// Cropped height in luma samples.
    pub height: u32,
    /// Sample aspect ratio, horizontal to vertical; (1, 1) if not said.
    pub sample_aspect_ratio: (u16, u16),
    /// Frames per second as a fraction; `None` if the codec does not say.
    pub frame_rate: Option<(u32, u32)>,
    /// Standard if the codec does not say.
    pub dynamic_range: DynamicRange,
}

/// What every audio codec says of its sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound {
    /// Samples per second that come out of a decoder.
    pub sampling_rate: u32,
    /// Output channels.
    pub channels: u8,
    /// Objects beside the channels (Dolby Atmos): the complexity of the stream.
    pub objects: Option<u8>,
}

impl CodecConfig {
    /// Video or audio.
    pub fn kind(&self) -> TrackKind {
        match self {
            CodecConfig::Avc(_) | CodecConfig::Hevc(_) => TrackKind::Video,
            CodecConfig::Aac(_) | CodecConfig::Ac3(_) | CodecConfig::Eac3(_) => TrackKind::Audio,
            CodecConfig::WebVtt => TrackKind::Text,
        }
    }

    /// The `codecs` parameter of RFC 6381, such as `avc1.64001F` or `mp4a.40.2`.
    pub fn rfc6381(&self) -> String {
        match self {
            CodecConfig::Avc(avc) => avc.rfc6381(),
            CodecConfig::Hevc(hevc) => hevc.rfc6381(),
            CodecConfig::Aac(aac) => aac.rfc6381(),
            // ETSI TS 102 366 §F.2 and §F.5: the names of the sample entries.
            CodecConfig::Ac3(_) => "ac-3".to_owned(),
            CodecConfig::Eac3(_) => "ec-3".to_owned(),
            // What it becomes in fragmented MP4: TTML in XML.
            CodecConfig::WebVtt => "stpp".to_owned(),
        }
    }

    /// The pictures of a video codec.
    pub fn picture(&self) -> Option<Picture> {
        match self {
            CodecConfig::Avc(avc) => Some(Picture {
                width: avc.width,
                height: avc.height,
                sample_aspect_ratio: avc.sample_aspect_ratio,
                frame_rate: avc.frame_rate,
                dynamic_range: DynamicRange::Standard,
            }),
            CodecConfig::Hevc(hevc) => Some(Picture {
                width: hevc.width,
                height: hevc.height,
                sample_aspect_ratio: hevc.sample_aspect_ratio,
                frame_rate: hevc.frame_rate,
                dynamic_range: hevc.colour.map_or(DynamicRange::Standard, |colour| colour.dynamic_range()),
            }),
            CodecConfig::Aac(_) | CodecConfig::Ac3(_) | CodecConfig::Eac3(_) | CodecConfig::WebVtt => None,
        }
    }

    /// The sound of an audio codec.
    pub fn sound(&self) -> Option<Sound> {
        match self {
            CodecConfig::Aac(aac) => {
                Some(Sound { sampling_rate: aac.output_sampling_rate(), channels: aac.channels, objects: None })
            }
            CodecConfig::Ac3(ac3) => {
                Some(Sound { sampling_rate: ac3.sampling_rate(), channels: ac3.channels(), objects: None })
            }
            CodecConfig::Eac3(eac3) => Some(Sound {
                sampling_rate: eac3.sampling_rate,
                channels: eac3.channels(),
                objects: eac3.object_complexity,
            }),
            CodecConfig::Avc(_) | CodecConfig::Hevc(_) | CodecConfig::WebVtt => None,
        }
    }
}

/// Sample aspect ratios by `aspect_ratio_idc`, the same in H.264 (table E-1) and H.265 (table E.1); 0 does not say.
const SAMPLE_ASPECT_RATIOS: [(u16, u16); 17] = [
    (1, 1),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Frames per second as a reduced fraction: `time_scale / units`; `None` if either is 0 or the fraction does not fit.
fn reduced_frame_rate(time_scale: u32, units: u64) -> Option<(u32, u32)> {
    let (numerator, denominator) = (u64::from(time_scale), units);
    if numerator == 0 || denominator == 0 {
        return None;
    }
    let (mut divisor, mut remainder) = (numerator, denominator);
    while remainder != 0 {
        (divisor, remainder) = (remainder, divisor % remainder);
    }
    Some((u32::try_from(numerator / divisor).ok()?, u32::try_from(denominator / divisor).ok()?))
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
    /// Samples per second of the core: half of what comes out of a decoder for HE-AAC.
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

#[cfg(test)]
mod tests {
    use super::reduced_frame_rate;

    #[test]
    fn frame_rates_are_reduced() {
        assert_eq!(reduced_frame_rate(60_000, 2002), Some((30_000, 1001)));
        assert_eq!(reduced_frame_rate(50, 2), Some((25, 1)));
        assert_eq!(reduced_frame_rate(0, 1), None);
        assert_eq!(reduced_frame_rate(1, 0), None);
        assert_eq!(reduced_frame_rate(1, 2 * u64::from(u32::MAX)), None, "the denominator does not fit");
    }
}
