//! Video: ISO 14496-12 §12.1.3, ISO 14496-15 §5.4.2 (H.264) and §8.4.1 (H.265).

use bytes::Bytes;
use h264_reader::nal::sps::{ChromaFormat, SeqParameterSet};
use h264_reader::nal::{Nal, RefNal};

use super::at_most;
use crate::media::codec::colour::{Colour, ContentLightLevel, MasteringDisplay};
use crate::media::codec::hevc::nal_unit_type;
use crate::media::codec::{AvcConfig, HevcConfig};
use crate::media::mp4::Mp4WriteError;
use crate::media::mp4::box_writer::BoxWriter;

/// A checked `VisualSampleEntry`.
pub(in crate::media::mp4) struct VideoEntry<'a> {
    width: u16,
    height: u16,
    sample_aspect_ratio: (u16, u16),
    decoder: Decoder<'a>,
}

enum Decoder<'a> {
    Avc { config: &'a AvcConfig, high_profile: Option<HighProfileFields> },
    Hevc { config: &'a HevcConfig },
}

/// The fields that `avcC` has only for the High profiles.
struct HighProfileFields {
    chroma_format: u8,
    bit_depth_luma_minus8: u8,
    bit_depth_chroma_minus8: u8,
}

impl<'a> VideoEntry<'a> {
    /// Checks that `avc1` can carry the configuration.
    pub(super) fn avc(config: &'a AvcConfig) -> Result<VideoEntry<'a>, Mp4WriteError> {
        at_most("number of sequence parameter sets", config.sequence_parameter_sets.len(), 31)?;
        at_most("number of picture parameter sets", config.picture_parameter_sets.len(), 255)?;
        check_lengths(config.sequence_parameter_sets.iter().chain(&config.picture_parameter_sets))?;
        if config.picture_parameter_sets.is_empty() {
            return Err(Mp4WriteError::ParameterSet { what: "picture", reason: "there is none".to_owned() });
        }
        let sequence = |reason: String| Mp4WriteError::ParameterSet { what: "sequence", reason };
        let first = config
            .sequence_parameter_sets
            .first()
            .filter(|set| !set.is_empty())
            .ok_or_else(|| sequence("there is none".to_owned()))?;
        let high_profile = match config.profile_idc {
            // ISO 14496-15 §5.3.3.1.2 names these profiles.
            100 | 110 | 122 | 144 | 244 | 44 => {
                let nal = RefNal::new(first, &[], true);
                let parsed =
                    SeqParameterSet::from_bits(nal.rbsp_bits()).map_err(|error| sequence(format!("{error:?}")))?;
                let chroma_format = match parsed.chroma_info.chroma_format {
                    ChromaFormat::Monochrome => 0,
                    ChromaFormat::YUV420 => 1,
                    ChromaFormat::YUV422 => 2,
                    ChromaFormat::YUV444 => 3,
                    ChromaFormat::Invalid(value) => return Err(sequence(format!("chroma_format_idc is {value}"))),
                };
                Some(HighProfileFields {
                    chroma_format,
                    bit_depth_luma_minus8: parsed.chroma_info.bit_depth_luma_minus8,
                    bit_depth_chroma_minus8: parsed.chroma_info.bit_depth_chroma_minus8,
                })
            }
            _ => None,
        };
        Ok(VideoEntry {
            width: sixteen("width", config.width)?,
            height: sixteen("height", config.height)?,
            sample_aspect_ratio: config.sample_aspect_ratio,
            decoder: Decoder::Avc { config, high_profile },
        })
    }

    /// Checks that `hvc1` can carry the configuration.
    pub(super) fn hevc(config: &'a HevcConfig) -> Result<VideoEntry<'a>, Mp4WriteError> {
        for (what, sets) in [
            ("video", &config.video_parameter_sets),
            ("sequence", &config.sequence_parameter_sets),
            ("picture", &config.picture_parameter_sets),
        ] {
            if sets.is_empty() {
                return Err(Mp4WriteError::ParameterSet { what, reason: "there is none".to_owned() });
            }
            at_most("number of parameter sets", sets.len(), usize::from(u16::MAX))?;
            check_lengths(sets)?;
        }
        Ok(VideoEntry {
            width: sixteen("width", config.width)?,
            height: sixteen("height", config.height)?,
            sample_aspect_ratio: config.sample_aspect_ratio,
            decoder: Decoder::Hevc { config },
        })
    }

    /// Writes the entry.
    pub(super) fn write(&self, writer: &mut BoxWriter) {
        let name = match self.decoder {
            Decoder::Avc { .. } => b"avc1",
            Decoder::Hevc { .. } => b"hvc1",
        };
        writer.boxed(name, |writer| {
            writer.zeros(6);
            writer.u16(1); // data_reference_index
            writer.zeros(16);
            writer.u16(self.width);
            writer.u16(self.height);
            writer.u32(0x0048_0000); // 72 dpi
            writer.u32(0x0048_0000);
            writer.u32(0);
            writer.u16(1); // frames per sample
            writer.zeros(32); // compressor name
            writer.u16(0x0018); // depth
            writer.u16(0xFFFF); // pre_defined = -1
            match &self.decoder {
                Decoder::Avc { config, high_profile } => {
                    writer.boxed(b"avcC", |writer| write_avc_configuration(writer, config, high_profile.as_ref()));
                }
                Decoder::Hevc { config } => {
                    writer.boxed(b"hvcC", |writer| write_hevc_configuration(writer, config));
                    config.colour.iter().for_each(|colour| write_colour(writer, colour));
                    config.mastering_display.iter().for_each(|display| write_mastering_display(writer, display));
                    config.content_light_level.iter().for_each(|level| write_content_light_level(writer, level));
                }
            }
            let (horizontal, vertical) = self.sample_aspect_ratio;
            if horizontal != vertical && horizontal != 0 && vertical != 0 {
                writer.boxed(b"pasp", |writer| {
                    writer.u32(u32::from(horizontal));
                    writer.u32(u32::from(vertical));
                });
            }
        });
    }
}

fn sixteen(field: &'static str, value: u32) -> Result<u16, Mp4WriteError> {
    u16::try_from(value).map_err(|_| Mp4WriteError::TooLarge {
        field,
        value: usize::try_from(value).unwrap_or(usize::MAX),
        limit: usize::from(u16::MAX),
    })
}

fn check_lengths<'a>(sets: impl IntoIterator<Item = &'a Bytes>) -> Result<(), Mp4WriteError> {
    sets.into_iter().try_for_each(|set| at_most("parameter set length", set.len(), usize::from(u16::MAX)))
}

/// HEVCDecoderConfigurationRecord, ISO 14496-15 §8.3.3.1.2.
fn write_hevc_configuration(writer: &mut BoxWriter, config: &HevcConfig) {
    let profile = &config.profile;
    writer.u8(1);
    writer.u8(profile.space << 6 | u8::from(profile.high_tier) << 5 | profile.profile & 0x1F);
    writer.u32(profile.compatibility_flags);
    writer.bytes(&profile.constraint_flags);
    writer.u8(profile.level);
    writer.u16(0xF000); // min_spatial_segmentation_idc: not known
    writer.u8(0xFC); // parallelismType: not known
    writer.u8(0xFC | config.chroma_format & 3);
    writer.u8(0xF8 | config.bit_depth_luma.saturating_sub(8) & 7);
    writer.u8(0xF8 | config.bit_depth_chroma.saturating_sub(8) & 7);
    writer.u16(0); // avgFrameRate: not known
    // constantFrameRate 0: not known; NAL lengths have four bytes.
    writer.u8((config.temporal_layers & 7) << 3 | u8::from(config.temporal_layers_nested) << 2 | 3);
    writer.u8(3);
    for (kind, sets) in [
        (nal_unit_type::VPS, &config.video_parameter_sets),
        (nal_unit_type::SPS, &config.sequence_parameter_sets),
        (nal_unit_type::PPS, &config.picture_parameter_sets),
    ] {
        writer.u8(0x80 | kind); // array_completeness: none are in the samples
        writer.u16(sets.len() as u16);
        for set in sets {
            writer.u16(set.len() as u16);
            writer.bytes(set);
        }
    }
}

/// `ColourInformationBox` of type `nclx`, ISO 14496-12 §12.1.5.
fn write_colour(writer: &mut BoxWriter, colour: &Colour) {
    writer.boxed(b"colr", |writer| {
        writer.bytes(b"nclx");
        writer.u16(u16::from(colour.primaries));
        writer.u16(u16::from(colour.transfer));
        writer.u16(u16::from(colour.matrix));
        writer.u8(u8::from(colour.full_range) << 7);
    });
}

/// `MasteringDisplayColourVolumeBox`, ISO 14496-12 §12.1.7.
fn write_mastering_display(writer: &mut BoxWriter, display: &MasteringDisplay) {
    writer.boxed(b"mdcv", |writer| {
        for (x, y) in display.primaries.iter().chain([&display.white_point]) {
            writer.u16(*x);
            writer.u16(*y);
        }
        writer.u32(display.maximum_luminance);
        writer.u32(display.minimum_luminance);
    });
}

/// `ContentLightLevelBox`, ISO 14496-12 §12.1.6.
fn write_content_light_level(writer: &mut BoxWriter, level: &ContentLightLevel) {
    writer.boxed(b"clli", |writer| {
        writer.u16(level.maximum_content);
        writer.u16(level.maximum_frame_average);
    });
}

/// AVCDecoderConfigurationRecord, ISO 14496-15 §5.3.3.1.2.
fn write_avc_configuration(writer: &mut BoxWriter, config: &AvcConfig, high_profile: Option<&HighProfileFields>) {
    writer.u8(1);
    writer.u8(config.profile_idc);
    writer.u8(config.constraint_flags);
    writer.u8(config.level_idc);
    writer.u8(0xFC | 3); // NAL lengths have four bytes
    writer.u8(0xE0 | config.sequence_parameter_sets.len() as u8);
    for set in &config.sequence_parameter_sets {
        writer.u16(set.len() as u16);
        writer.bytes(set);
    }
    writer.u8(config.picture_parameter_sets.len() as u8);
    for set in &config.picture_parameter_sets {
        writer.u16(set.len() as u16);
        writer.bytes(set);
    }
    if let Some(fields) = high_profile {
        writer.u8(0xFC | fields.chroma_format);
        writer.u8(0xF8 | fields.bit_depth_luma_minus8);
        writer.u8(0xF8 | fields.bit_depth_chroma_minus8);
        writer.u8(0); // sequence parameter set extensions
    }
}
