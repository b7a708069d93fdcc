//! H.265 (ISO 23008-2, ITU-T H.265): parameter sets, and the few bits of NAL units that a packager reads.

mod sei;
mod sps;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::avc::ParameterSetError;
use super::colour::{Colour, ContentLightLevel, MasteringDisplay};
use crate::media::bits::RbspBits;

pub use sei::{BrightnessMessages, read_brightness_messages};
pub use sps::{ProfileTierLevel, SequenceParameters};

/// `nal_unit_type`, ISO 23008-2 table 7-1.
pub mod nal_unit_type {
    /// The last of the slice segments that are no random access point.
    pub const LAST_SLICE: u8 = 31;
    /// First kind of random access point picture: broken link access with leading pictures.
    pub const BLA_W_LP: u8 = 16;
    /// Last kind of random access point picture in use: clean random access.
    pub const CRA: u8 = 21;
    /// Video parameter set.
    pub const VPS: u8 = 32;
    /// Sequence parameter set.
    pub const SPS: u8 = 33;
    /// Picture parameter set.
    pub const PPS: u8 = 34;
    /// Access unit delimiter.
    pub const ACCESS_UNIT_DELIMITER: u8 = 35;
    /// Supplemental enhancement information before the picture that it is about.
    pub const PREFIX_SEI: u8 = 39;
}

/// Bytes of a NAL unit's header.
pub const NAL_HEADER_SIZE: usize = 2;
/// The highest `sps_seq_parameter_set_id`.
pub const MAXIMUM_SPS_ID: usize = 15;
/// The highest `pps_pic_parameter_set_id`.
pub const MAXIMUM_PPS_ID: usize = 63;

/// The two bytes in front of every NAL unit, ISO 23008-2 §7.3.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NalHeader {
    /// `nal_unit_type`.
    pub unit_type: u8,
    /// `nuh_layer_id`: 0 is the base layer, which every decoder shows.
    pub layer: u8,
}

impl NalHeader {
    /// Reads the header; `None` if the unit is shorter.
    pub fn read(nal: &[u8]) -> Option<NalHeader> {
        let [first, second, ..] = *nal else { return None };
        Some(NalHeader { unit_type: first >> 1 & 0x3F, layer: (first & 1) << 5 | second >> 3 })
    }

    /// It is a slice segment of the base layer.
    pub fn is_slice(self) -> bool {
        self.unit_type <= nal_unit_type::LAST_SLICE && self.layer == 0
    }

    /// It belongs to a picture at which a decoder can start (`IRAP`).
    pub fn is_random_access_point(self) -> bool {
        (nal_unit_type::BLA_W_LP..=nal_unit_type::CRA).contains(&self.unit_type)
    }
}

/// Whether a slice segment is the first of its picture: `first_slice_segment_in_pic_flag`.
pub fn is_first_slice(nal: &[u8]) -> bool {
    nal.get(NAL_HEADER_SIZE).is_some_and(|byte| byte & 0x80 != 0)
}

/// `vps_video_parameter_set_id`, 0 to 15.
pub fn video_parameter_set_id(nal: &[u8]) -> Option<usize> {
    nal.get(NAL_HEADER_SIZE).map(|byte| usize::from(byte >> 4))
}

/// `pps_pic_parameter_set_id`, checked.
pub fn picture_parameter_set_id(nal: &[u8]) -> Option<usize> {
    let mut bits = RbspBits::new(nal, NAL_HEADER_SIZE);
    let (id, sequence) = (bits.unsigned()? as usize, bits.unsigned()? as usize);
    (id <= MAXIMUM_PPS_ID && sequence <= MAXIMUM_SPS_ID).then_some(id)
}

/// H.265 parameter sets and what they say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HevcConfig {
    /// Video parameter sets, NAL header included, without start code.
    pub video_parameter_sets: Vec<Bytes>,
    /// Sequence parameter sets, NAL header included, without start code.
    pub sequence_parameter_sets: Vec<Bytes>,
    /// Picture parameter sets, NAL header included, without start code.
    pub picture_parameter_sets: Vec<Bytes>,
    /// Profile, tier and level of the first sequence parameter set.
    pub profile: ProfileTierLevel,
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample.
    pub bit_depth_chroma: u8,
    /// Temporal layers: 1 to 7.
    pub temporal_layers: u8,
    /// `sps_temporal_id_nesting_flag`.
    pub temporal_layers_nested: bool,
    /// Cropped width in luma samples.
    pub width: u32,
    /// Cropped height in luma samples.
    pub height: u32,
    /// Sample aspect ratio, horizontal to vertical; (1, 1) if not said.
    pub sample_aspect_ratio: (u16, u16),
    /// Frames per second as a fraction, from the VUI's timing; `None` if it does not say.
    pub frame_rate: Option<(u32, u32)>,
    /// From the VUI; `None` if it does not say.
    pub colour: Option<Colour>,
    /// From the SEI messages (HDR10).
    pub mastering_display: Option<MasteringDisplay>,
    /// From the SEI messages (HDR10).
    pub content_light_level: Option<ContentLightLevel>,
}

impl HevcConfig {
    /// The configuration of these parameter sets (each with its NAL header, without start code); what is said of the
    /// picture comes from the first sequence parameter set.
    pub fn from_parameter_sets(
        video_parameter_sets: Vec<Bytes>,
        sequence_parameter_sets: Vec<Bytes>,
        picture_parameter_sets: Vec<Bytes>,
        brightness: BrightnessMessages,
    ) -> Result<HevcConfig, ParameterSetError> {
        let first = sequence_parameter_sets.first();
        let first = first.ok_or_else(|| ParameterSetError::Sequence("there is none".to_owned()))?;
        let sequence = SequenceParameters::read(first)?;
        Ok(HevcConfig {
            video_parameter_sets,
            profile: sequence.profile,
            chroma_format: sequence.chroma_format,
            bit_depth_luma: sequence.bit_depth_luma,
            bit_depth_chroma: sequence.bit_depth_chroma,
            temporal_layers: sequence.temporal_layers,
            temporal_layers_nested: sequence.temporal_layers_nested,
            width: sequence.width,
            height: sequence.height,
            sample_aspect_ratio: sequence.sample_aspect_ratio,
            frame_rate: sequence.frame_rate,
            colour: sequence.colour,
            mastering_display: brightness.mastering_display,
            content_light_level: brightness.content_light_level,
            sequence_parameter_sets,
            picture_parameter_sets,
        })
    }

    /// `hvc1.…`, ISO 14496-15 annex E: profile space and profile, compatibility flags in reverse order of bits, tier
    /// and level, constraint bytes without the trailing ones that are 0.
    pub fn rfc6381(&self) -> String {
        let profile = &self.profile;
        let space = match profile.space {
            1 => "A",
            2 => "B",
            3 => "C",
            _ => "",
        };
        let tier = if profile.high_tier { 'H' } else { 'L' };
        let compatibility = profile.compatibility_flags.reverse_bits();
        let mut text = format!("hvc1.{space}{}.{compatibility:X}.{tier}{}", profile.profile, profile.level);
        let used = profile.constraint_flags.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for byte in profile.constraint_flags.iter().take(used) {
            text.push_str(&format!(".{byte:X}"));
        }
        text
    }
}

#[cfg(test)]
mod tests;
