//! H.264 (ISO 14496-10): the parameter sets' contents, and the few bits of NAL units that a packager reads.

use bytes::Bytes;
use h264_reader::nal::sps::{FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};

use super::sei::message_header;
use super::{AvcConfig, reduced_frame_rate};
use crate::media::bits::RbspBits;

/// `nal_unit_type`, ISO 14496-10 table 7-1.
pub mod nal_unit_type {
    /// Slice of a picture that is no IDR picture.
    pub const SLICE: u8 = 1;
    /// First partition of a slice.
    pub const SLICE_PARTITION_A: u8 = 2;
    /// Slice of an IDR picture: a decoder can start here.
    pub const IDR_SLICE: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const ACCESS_UNIT_DELIMITER: u8 = 9;
}

/// The highest `seq_parameter_set_id`.
pub const MAXIMUM_SPS_ID: usize = 31;
/// The highest `pic_parameter_set_id`.
pub const MAXIMUM_PPS_ID: usize = 255;

/// The `nal_unit_type` in a NAL unit's first byte.
pub fn unit_type(first_byte: u8) -> u8 {
    first_byte & 0x1F
}

/// Why a parameter set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParameterSetError {
    /// It does not parse.
    #[error("sequence parameter set does not parse: {0}")]
    Sequence(String),
    /// The picture parameter set's identifiers are missing or too large.
    #[error("picture parameter set has no valid identifiers")]
    Picture,
}

/// What a packager needs of a sequence parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceParameters {
    /// `seq_parameter_set_id`, 0 to 31.
    pub id: usize,
    /// Cropped width in luma samples.
    pub width: u32,
    /// Cropped height in luma samples.
    pub height: u32,
    /// Sample aspect ratio, (1, 1) if not said.
    pub sample_aspect_ratio: (u16, u16),
    /// Frames per second as a reduced fraction, if the VUI has timing information: `time_scale` over twice
    /// `num_units_in_tick`.
    pub frame_rate: Option<(u32, u32)>,
    /// Bits of `frame_num` in slice headers, 4 to 16.
    pub frame_num_bits: u8,
    /// No picture is a single field.
    pub frames_only: bool,
    /// Slice headers have a `colour_plane_id`.
    pub separate_colour_planes: bool,
}

impl SequenceParameters {
    /// Parses a sequence parameter set, NAL header included.
    ///
    /// The level is not held against the picture size: streams whose level is set too low are common and decode.
    pub fn read(nal: &[u8]) -> Result<SequenceParameters, ParameterSetError> {
        let wrong = |reason: &dyn std::fmt::Display| ParameterSetError::Sequence(reason.to_string());
        if nal.len() < 5 {
            return Err(wrong(&"shorter than five bytes"));
        }
        let mut rbsp = decode_nal(nal).map_err(|error| wrong(&error))?.into_owned();
        if let Some(level) = rbsp.get_mut(2) {
            *level = 62;
        }
        let parsed =
            SeqParameterSet::from_bits(BitReader::new(rbsp.as_slice())).map_err(|e| wrong(&format!("{e:?}")))?;
        let (width, height) = parsed.pixel_dimensions().map_err(|error| wrong(&format!("{error:?}")))?;
        if width == 0 || height == 0 {
            return Err(wrong(&"the cropped picture is empty"));
        }
        let usability = parsed.vui_parameters.as_ref();
        let aspect = usability.and_then(|vui| vui.aspect_ratio_info.as_ref()).and_then(|aspect| aspect.get());
        let timing = usability.and_then(|vui| vui.timing_info.as_ref());
        Ok(SequenceParameters {
            id: usize::from(parsed.id().id()),
            width,
            height,
            sample_aspect_ratio: aspect.unwrap_or((1, 1)),
            frame_rate: timing
                .and_then(|timing| reduced_frame_rate(timing.time_scale, u64::from(timing.num_units_in_tick) * 2)),
            frame_num_bits: parsed.log2_max_frame_num(),
            frames_only: parsed.frame_mbs_flags == FrameMbsFlags::Frames,
            separate_colour_planes: parsed.chroma_info.separate_colour_plane_flag,
        })
    }
}

/// `pic_parameter_set_id` and `seq_parameter_set_id` of a picture parameter set, NAL header included.
pub fn picture_parameter_ids(nal: &[u8]) -> Result<(usize, usize), ParameterSetError> {
    let mut bits = RbspBits::new(nal, 1);
    let mut id = |maximum: usize| {
        bits.unsigned()
            .and_then(|id| usize::try_from(id).ok())
            .filter(|id| *id <= maximum)
            .ok_or(ParameterSetError::Picture)
    };
    Ok((id(MAXIMUM_PPS_ID)?, id(MAXIMUM_SPS_ID)?))
}

/// Whether a slice is the first of its picture: `first_mb_in_slice` is 0, which as `ue(v)` is the single bit 1.
pub fn is_first_slice(nal: &[u8]) -> bool {
    nal.get(1).is_some_and(|byte| byte & 0x80 != 0)
}

/// The start of a slice header (ISO 14496-10 §7.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceStart {
    /// All macroblocks are intra coded (`slice_type` I or SI).
    pub is_intra: bool,
    /// `pic_parameter_set_id`.
    pub picture_parameter_set: usize,
}

impl SliceStart {
    /// Reads a slice's first three fields.
    pub fn read(nal: &[u8]) -> Option<SliceStart> {
        Self::read_bits(&mut RbspBits::new(nal, 1))
    }

    fn read_bits(bits: &mut RbspBits<'_>) -> Option<SliceStart> {
        bits.unsigned()?;
        let is_intra = matches!(bits.unsigned()? % 5, 2 | 4);
        Some(SliceStart { is_intra, picture_parameter_set: usize::try_from(bits.unsigned()?).ok()? })
    }
}

/// A picture that is one field of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// `frame_num`, the same in both fields of a frame.
    pub frame_num: u32,
    /// The field of the odd lines.
    pub is_bottom: bool,
}

impl Field {
    /// Reads a slice header up to `bottom_field_flag`; `None` if the picture is a whole frame.
    pub fn read(nal: &[u8], sequence: &SequenceParameters) -> Option<Field> {
        if sequence.frames_only {
            return None;
        }
        let mut bits = RbspBits::new(nal, 1);
        SliceStart::read_bits(&mut bits)?;
        if sequence.separate_colour_planes {
            bits.bits(2)?;
        }
        let frame_num = bits.bits(sequence.frame_num_bits)?;
        let is_field = bits.bits(1)? == 1;
        let is_bottom = is_field && bits.bits(1)? == 1;
        is_field.then_some(Field { frame_num, is_bottom })
    }

    /// Whether `second` completes the frame that this field began: same frame, other lines.
    pub fn is_completed_by(&self, second: &Field) -> bool {
        self.frame_num == second.frame_num && self.is_bottom != second.is_bottom
    }
}

/// Whether an SEI NAL unit has a recovery point message (payload type 6, ISO 14496-10 §D.1.8).
pub fn has_recovery_point(sei: &[u8]) -> bool {
    let mut bits = RbspBits::new(sei, 1);
    while let Some((kind, size)) = message_header(&mut bits) {
        if kind == 6 {
            return true;
        }
        if bits.skip(size as usize * 8).is_none() {
            return false;
        }
    }
    false
}

impl AvcConfig {
    /// The configuration of these parameter sets (each with its NAL header, without start code); what is said of the
    /// picture comes from the first sequence parameter set.
    pub fn from_parameter_sets(
        sequence_parameter_sets: Vec<Bytes>,
        picture_parameter_sets: Vec<Bytes>,
    ) -> Result<AvcConfig, ParameterSetError> {
        let first = sequence_parameter_sets.first().map(Bytes::as_ref).unwrap_or_default();
        let [_, profile_idc, constraint_flags, level_idc, ..] = *first else {
            return Err(ParameterSetError::Sequence("there is none".to_owned()));
        };
        let sequence = SequenceParameters::read(first)?;
        Ok(AvcConfig {
            profile_idc,
            constraint_flags,
            level_idc,
            width: sequence.width,
            height: sequence.height,
            sample_aspect_ratio: sequence.sample_aspect_ratio,
            frame_rate: sequence.frame_rate,
            sequence_parameter_sets,
            picture_parameter_sets,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x264, 320x180, high profile, level 2.1, 25 frames per second; 180 lines are 192 cropped by 12.
    const SPS_320X180: &[u8] = &[
        0x67, 0x64, 0x00, 0x15, 0xAC, 0x76, 0x11, 0x05, 0x06, 0x7E, 0x7C, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40,
        0x00, 0x00, 0x0C, 0x83, 0xC5, 0x8B, 0x61, 0x18,
    ];

    #[test]
    fn a_configuration_says_size_rate_and_codec() {
        let config = AvcConfig::from_parameter_sets(vec![Bytes::from_static(SPS_320X180)], vec![]).unwrap();
        assert_eq!((config.width, config.height, config.frame_rate), (320, 180, Some((25, 1))));
        assert_eq!(config.sample_aspect_ratio, (1, 1));
        assert_eq!(config.rfc6381(), "avc1.640015");
    }

    #[test]
    fn a_level_too_low_for_the_size_is_no_error() {
        let mut sps = SPS_320X180.to_vec();
        sps[3] = 9;
        assert_eq!(SequenceParameters::read(&sps).unwrap().width, 320);
    }

    #[test]
    fn every_truncated_parameter_set_is_an_error_and_no_panic() {
        for length in 0..SPS_320X180.len() - 1 {
            assert!(SequenceParameters::read(&SPS_320X180[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn fields_pair_by_frame_number_and_parity() {
        let top = Field { frame_num: 7, is_bottom: false };
        assert!(top.is_completed_by(&Field { frame_num: 7, is_bottom: true }));
        assert!(!top.is_completed_by(&Field { frame_num: 7, is_bottom: false }));
        assert!(!top.is_completed_by(&Field { frame_num: 8, is_bottom: true }));
    }

    #[test]
    fn a_recovery_point_is_found_behind_other_messages() {
        assert!(has_recovery_point(&[0x06, 0x01, 0x02, 0xAA, 0xBB, 0x06, 0x01, 0xC4, 0x80]));
        assert!(!has_recovery_point(&[0x06, 0x05, 0x02, 0x06, 0x01, 0x80]));
        assert!(!has_recovery_point(&[0x06, 0xFF, 0xFF]));
    }
}
