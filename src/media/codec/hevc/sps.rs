//! The sequence parameter set of H.265, ISO 23008-2 §7.3.2.2, up to the VUI's timing.

use serde::{Deserialize, Serialize};

use super::{MAXIMUM_SPS_ID, NAL_HEADER_SIZE};
use crate::media::bits::RbspBits;
use crate::media::codec::avc::ParameterSetError;
use crate::media::codec::colour::Colour;
use crate::media::codec::{SAMPLE_ASPECT_RATIOS, reduced_frame_rate};

/// `general_…` fields of `profile_tier_level`, ISO 23008-2 §7.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProfileTierLevel {
    /// `general_profile_space`, 0 to 3.
    pub space: u8,
    /// `general_tier_flag`: the High tier.
    pub high_tier: bool,
    /// `general_profile_idc`: 1 Main, 2 Main 10.
    pub profile: u8,
    /// `general_profile_compatibility_flag[0]` to `[31]`, the first one highest.
    pub compatibility_flags: u32,
    /// The 48 bits from `general_progressive_source_flag` on.
    pub constraint_flags: [u8; 6],
    /// `general_level_idc`: thirty times the level.
    pub level: u8,
}

/// What a packager needs of a sequence parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceParameters {
    /// `sps_seq_parameter_set_id`, 0 to 15.
    pub id: usize,
    /// Profile, tier and level.
    pub profile: ProfileTierLevel,
    /// Temporal layers: 1 to 7.
    pub temporal_layers: u8,
    /// `sps_temporal_id_nesting_flag`.
    pub temporal_layers_nested: bool,
    /// `chroma_format_idc`.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8 to 16.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8 to 16.
    pub bit_depth_chroma: u8,
    /// Cropped width in luma samples.
    pub width: u32,
    /// Cropped height in luma samples.
    pub height: u32,
    /// Sample aspect ratio, (1, 1) if not said.
    pub sample_aspect_ratio: (u16, u16),
    /// Frames per second as a reduced fraction, if the VUI has timing information: `vui_time_scale` over
    /// `vui_num_units_in_tick`.
    pub frame_rate: Option<(u32, u32)>,
    /// If the VUI has a colour description or says the range.
    pub colour: Option<Colour>,
}

impl SequenceParameters {
    /// Parses a sequence parameter set of the base layer, NAL header included.
    pub fn read(nal: &[u8]) -> Result<SequenceParameters, ParameterSetError> {
        let parsed = read(&mut RbspBits::new(nal, NAL_HEADER_SIZE));
        let parameters =
            parsed.ok_or_else(|| ParameterSetError::Sequence("it is cut off or out of bounds".to_owned()))?;
        if parameters.width == 0 || parameters.height == 0 {
            return Err(ParameterSetError::Sequence("the cropped picture is empty".to_owned()));
        }
        Ok(parameters)
    }

    /// `sps_seq_parameter_set_id` alone.
    pub fn read_id(nal: &[u8]) -> Option<usize> {
        let mut bits = RbspBits::new(nal, NAL_HEADER_SIZE);
        bits.skip(4)?;
        let layers = bits.bits(3)?;
        bits.skip(1)?;
        profile_tier_level(&mut bits, layers)?;
        checked_id(&mut bits)
    }
}

fn checked_id(bits: &mut RbspBits<'_>) -> Option<usize> {
    bits.unsigned().and_then(|id| usize::try_from(id).ok()).filter(|id| *id <= MAXIMUM_SPS_ID)
}

fn read(bits: &mut RbspBits<'_>) -> Option<SequenceParameters> {
    bits.skip(4)?; // sps_video_parameter_set_id
    let more_layers = bits.bits(3).filter(|layers| *layers <= 6)?;
    let temporal_layers_nested = bits.flag()?;
    let profile = profile_tier_level(bits, more_layers)?;
    let id = checked_id(bits)?;
    let chroma_format = bits.unsigned().filter(|format| *format <= 3)? as u8;
    let separate_planes = chroma_format == 3 && bits.flag()?;
    let (coded_width, coded_height) = (bits.unsigned()?, bits.unsigned()?);
    let (mut width, mut height) = (coded_width, coded_height);
    if bits.flag()? {
        // ISO 23008-2 table 6-1: offsets count chroma samples.
        let horizontal = if matches!(chroma_format, 1 | 2) && !separate_planes { 2 } else { 1 };
        let vertical = if chroma_format == 1 { 2 } else { 1 };
        let (left, right, top, bottom) = (bits.unsigned()?, bits.unsigned()?, bits.unsigned()?, bits.unsigned()?);
        width = width.checked_sub(left.checked_add(right)?.checked_mul(horizontal)?)?;
        height = height.checked_sub(top.checked_add(bottom)?.checked_mul(vertical)?)?;
    }
    let mut bit_depth = || Some(bits.unsigned().filter(|more| *more <= 8)? as u8 + 8);
    let (bit_depth_luma, bit_depth_chroma) = (bit_depth()?, bit_depth()?);
    let order_count_bits = bits.unsigned().filter(|more| *more <= 12)? as u8 + 4;
    let orderings = if bits.flag()? { more_layers + 1 } else { 1 };
    // max_dec_pic_buffering, num_reorder_pics, max_latency_increase; then six sizes of blocks.
    for _ in 0..orderings * 3 + 6 {
        bits.unsigned()?;
    }
    if bits.flag()? && bits.flag()? {
        scaling_lists(bits)?;
    }
    bits.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag()? {
        bits.skip(8)?; // bit depths of PCM samples
        bits.unsigned()?;
        bits.unsigned()?;
        bits.skip(1)?;
    }
    short_term_reference_picture_sets(bits)?;
    if bits.flag()? {
        let count = bits.unsigned().filter(|count| *count <= 32)?;
        for _ in 0..count {
            bits.skip(usize::from(order_count_bits) + 1)?;
        }
    }
    bits.skip(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    let usability = if bits.flag()? { usability_information(bits)? } else { Usability::default() };
    Some(SequenceParameters {
        id,
        profile,
        temporal_layers: more_layers as u8 + 1,
        temporal_layers_nested,
        chroma_format,
        bit_depth_luma,
        bit_depth_chroma,
        width,
        height,
        sample_aspect_ratio: usability.sample_aspect_ratio.unwrap_or((1, 1)),
        frame_rate: usability.frame_rate,
        colour: usability.colour,
    })
}

fn profile_tier_level(bits: &mut RbspBits<'_>, more_layers: u32) -> Option<ProfileTierLevel> {
    let space = bits.bits(2)? as u8;
    let high_tier = bits.flag()?;
    let profile = bits.bits(5)? as u8;
    let compatibility_flags = bits.bits(32)?;
    let mut constraint_flags = [0; 6];
    for byte in &mut constraint_flags {
        *byte = bits.bits(8)? as u8;
    }
    let level = bits.bits(8)? as u8;
    if more_layers > 0 {
        // Two flags for each of eight layers, those that are not there reserved.
        let present = bits.bits(16)?;
        for layer in 0..more_layers {
            let flags = present >> (14 - 2 * layer) & 3;
            bits.skip(if flags & 2 != 0 { 88 } else { 0 } + if flags & 1 != 0 { 8 } else { 0 })?;
        }
    }
    Some(ProfileTierLevel { space, high_tier, profile, compatibility_flags, constraint_flags, level })
}

/// Passes over `scaling_list_data`, ISO 23008-2 §7.3.4.
fn scaling_lists(bits: &mut RbspBits<'_>) -> Option<()> {
    for size in 0..4u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.flag()? {
                bits.unsigned()?;
                continue;
            }
            let coefficients = (1u32 << (4 + 2 * size)).min(64) + u32::from(size > 1);
            for _ in 0..coefficients {
                bits.signed()?;
            }
        }
    }
    Some(())
}

/// Passes over the sets, ISO 23008-2 §7.3.7.
fn short_term_reference_picture_sets(bits: &mut RbspBits<'_>) -> Option<()> {
    let count = bits.unsigned().filter(|count| *count <= 64)?;
    let mut pictures_before = 0;
    for index in 0..count {
        let mut pictures = 0;
        if index > 0 && bits.flag()? {
            bits.skip(1)?; // delta_rps_sign
            bits.unsigned()?;
            for _ in 0..=pictures_before {
                let is_used = bits.flag()?;
                if is_used || bits.flag()? {
                    pictures += 1;
                }
            }
        } else {
            pictures = bits.unsigned()?.checked_add(bits.unsigned()?).filter(|pictures| *pictures <= 32)?;
            for _ in 0..pictures {
                bits.unsigned()?;
                bits.skip(1)?;
            }
        }
        pictures_before = pictures;
    }
    Some(())
}

#[derive(Default)]
struct Usability {
    sample_aspect_ratio: Option<(u16, u16)>,
    colour: Option<Colour>,
    frame_rate: Option<(u32, u32)>,
}

/// `vui_parameters`, ISO 23008-2 §E.2.1, up to the timing.
fn usability_information(bits: &mut RbspBits<'_>) -> Option<Usability> {
    let mut usability = Usability::default();
    if bits.flag()? {
        usability.sample_aspect_ratio = match bits.bits(8)? {
            255 => Some((bits.bits(16)? as u16, bits.bits(16)? as u16)),
            index => SAMPLE_ASPECT_RATIOS.get(index as usize).copied(),
        };
    }
    if bits.flag()? {
        bits.skip(1)?; // overscan_appropriate_flag
    }
    if bits.flag()? {
        bits.skip(3)?; // video_format
        let full_range = bits.flag()?;
        let (primaries, transfer, matrix) =
            if bits.flag()? { (bits.bits(8)? as u8, bits.bits(8)? as u8, bits.bits(8)? as u8) } else { (2, 2, 2) };
        usability.colour = Some(Colour { primaries, transfer, matrix, full_range });
    }
    if bits.flag()? {
        bits.unsigned()?; // chroma sample locations
        bits.unsigned()?;
    }
    bits.skip(3)?; // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
    if bits.flag()? {
        for _ in 0..4 {
            bits.unsigned()?; // default display window
        }
    }
    if bits.flag()? {
        let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
        usability.frame_rate = reduced_frame_rate(time_scale, u64::from(units_in_tick));
    }
    Some(usability)
}
