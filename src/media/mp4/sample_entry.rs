//! Sample entries: what `stsd` says of the codec (ISO 14496-12 §8.5.2, ISO 14496-15 §5.4.2, ISO 14496-14 §6.7).

use h264_reader::nal::sps::{ChromaFormat, SeqParameterSet};
use h264_reader::nal::{Nal, RefNal};

use super::Mp4WriteError;
use super::box_writer::BoxWriter;
use crate::media::codec::{AacConfig, AvcConfig, CodecConfig};

/// What is known of a sample entry before it is written, so that writing cannot fail half way.
pub(super) enum SampleEntry<'a> {
    Avc { config: &'a AvcConfig, width: u16, height: u16, high_profile: Option<HighProfileFields> },
    Aac { config: &'a AacConfig },
}

/// The fields that `avcC` has only for the High profiles.
pub(super) struct HighProfileFields {
    chroma_format: u8,
    bit_depth_luma_minus8: u8,
    bit_depth_chroma_minus8: u8,
}

impl<'a> SampleEntry<'a> {
    /// Checks that the format can carry the configuration.
    pub(super) fn new(config: &'a CodecConfig) -> Result<SampleEntry<'a>, Mp4WriteError> {
        match config {
            CodecConfig::Avc(config) => avc_entry(config),
            CodecConfig::Aac(config) => {
                at_most("AudioSpecificConfig length", config.audio_specific_config.len(), 1_024)?;
                Ok(SampleEntry::Aac { config })
            }
        }
    }

    /// Writes the entry.
    pub(super) fn write(&self, writer: &mut BoxWriter) {
        match self {
            SampleEntry::Avc { config, width, height, high_profile } => {
                write_avc(writer, config, *width, *height, high_profile.as_ref());
            }
            SampleEntry::Aac { config } => write_aac(writer, config),
        }
    }
}

fn at_most(field: &'static str, value: usize, limit: usize) -> Result<(), Mp4WriteError> {
    if value > limit { Err(Mp4WriteError::TooLarge { field, value, limit }) } else { Ok(()) }
}

fn avc_entry(config: &AvcConfig) -> Result<SampleEntry<'_>, Mp4WriteError> {
    at_most("number of sequence parameter sets", config.sequence_parameter_sets.len(), 31)?;
    at_most("number of picture parameter sets", config.picture_parameter_sets.len(), 255)?;
    for set in config.sequence_parameter_sets.iter().chain(&config.picture_parameter_sets) {
        at_most("parameter set length", set.len(), usize::from(u16::MAX))?;
    }
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
            let parsed = SeqParameterSet::from_bits(nal.rbsp_bits()).map_err(|error| sequence(format!("{error:?}")))?;
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
    let sixteen = |field, value: u32| {
        u16::try_from(value).map_err(|_| Mp4WriteError::TooLarge {
            field,
            value: usize::try_from(value).unwrap_or(usize::MAX),
            limit: usize::from(u16::MAX),
        })
    };
    let (width, height) = (sixteen("width", config.width)?, sixteen("height", config.height)?);
    Ok(SampleEntry::Avc { config, width, height, high_profile })
}

fn write_avc(
    writer: &mut BoxWriter,
    config: &AvcConfig,
    width: u16,
    height: u16,
    high_profile: Option<&HighProfileFields>,
) {
    writer.boxed(b"avc1", |writer| {
        writer.zeros(6);
        writer.u16(1); // data_reference_index
        writer.zeros(16);
        writer.u16(width);
        writer.u16(height);
        writer.u32(0x0048_0000); // 72 dpi
        writer.u32(0x0048_0000);
        writer.u32(0);
        writer.u16(1); // frames per sample
        writer.zeros(32); // compressor name
        writer.u16(0x0018); // depth
        writer.u16(0xFFFF); // pre_defined = -1
        writer.boxed(b"avcC", |writer| write_avc_configuration(writer, config, high_profile));
        let (horizontal, vertical) = config.sample_aspect_ratio;
        if horizontal != vertical && horizontal != 0 && vertical != 0 {
            writer.boxed(b"pasp", |writer| {
                writer.u32(u32::from(horizontal));
                writer.u32(u32::from(vertical));
            });
        }
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

fn write_aac(writer: &mut BoxWriter, config: &AacConfig) {
    writer.boxed(b"mp4a", |writer| {
        writer.zeros(6);
        writer.u16(1); // data_reference_index
        writer.zeros(8);
        writer.u16(u16::from(config.channels));
        writer.u16(16); // bits per sample
        writer.u32(0);
        // 16.16; a rate that does not fit is told by the AudioSpecificConfig alone.
        writer.u32(u16::try_from(config.sampling_rate).map_or(0, |rate| u32::from(rate) << 16));
        writer.full_box(b"esds", 0, 0, |writer| write_elementary_stream_descriptor(writer, config));
    });
}

/// ES_Descriptor, ISO 14496-1 §7.2.6.5.
fn write_elementary_stream_descriptor(writer: &mut BoxWriter, config: &AacConfig) {
    let specific = config.audio_specific_config.len();
    let decoder = 13 + descriptor_size(specific);
    descriptor_header(writer, 0x03, 3 + descriptor_size(decoder) + descriptor_size(1));
    writer.u16(0); // ES_ID is 0 in a file, ISO 14496-14 §3.1.2
    writer.u8(0);
    descriptor_header(writer, 0x04, decoder);
    writer.u8(0x40); // audio, ISO 14496-3
    writer.u8(0x05 << 2 | 1); // audio stream
    writer.u24(0);
    writer.u32(0); // maximum bit rate: not known
    writer.u32(0); // average bit rate: not known
    descriptor_header(writer, 0x05, specific);
    writer.bytes(&config.audio_specific_config);
    descriptor_header(writer, 0x06, 1);
    writer.u8(2); // predefined for MP4 files
}

/// Bytes of a descriptor with `body` bytes in it.
fn descriptor_size(body: usize) -> usize {
    1 + if body < 0x80 { 1 } else { 2 } + body
}

/// Tag and expandable size; bodies are below 16 KiB.
fn descriptor_header(writer: &mut BoxWriter, tag: u8, body: usize) {
    writer.u8(tag);
    if body >= 0x80 {
        writer.u8(0x80 | (body >> 7) as u8 & 0x7F);
    }
    writer.u8(body as u8 & 0x7F);
}
