//! Audio: ISO 14496-12 §12.2.3, ISO 14496-14 §6.7 (AAC), ETSI TS 102 366 annex F (AC-3, E-AC-3).

use crate::media::codec::{AacConfig, Ac3Config, Eac3Config};
use crate::media::mp4::box_writer::BoxWriter;

/// An `AudioSampleEntry` with what `fill` writes behind its fields.
fn audio_entry(
    writer: &mut BoxWriter,
    name: &[u8; 4],
    channels: u16,
    sampling_rate: u32,
    fill: impl FnOnce(&mut BoxWriter),
) {
    writer.boxed(name, |writer| {
        writer.zeros(6);
        writer.u16(1); // data_reference_index
        writer.zeros(8);
        writer.u16(channels);
        writer.u16(16); // bits per sample
        writer.u32(0);
        // 16.16; a rate that does not fit is told by the codec's own box alone.
        writer.u32(u16::try_from(sampling_rate).map_or(0, |rate| u32::from(rate) << 16));
        fill(writer);
    });
}

/// `AC3SampleEntry` with `AC3SpecificBox`, ETSI TS 102 366 §F.3 and §F.4.
pub(super) fn write_ac3(writer: &mut BoxWriter, config: &Ac3Config) {
    audio_entry(writer, b"ac-3", u16::from(config.channels()), config.sampling_rate(), |writer| {
        writer.boxed(b"dac3", |writer| {
            let fields = u32::from(config.sampling_rate_code) << 22
                | u32::from(config.bit_stream_identification) << 17
                | u32::from(config.bit_stream_mode) << 14
                | u32::from(config.audio_coding_mode) << 11
                | u32::from(config.has_low_frequency_effects) << 10
                | u32::from(config.bit_rate_code) << 5;
            writer.u24(fields);
        });
    });
}

/// `EC3SampleEntry` with `EC3SpecificBox`, ETSI TS 102 366 §F.5 and §F.6; what says that there are objects is of
/// ETSI TS 103 420 §C.3.
pub(super) fn write_eac3(writer: &mut BoxWriter, config: &Eac3Config) {
    audio_entry(writer, b"ec-3", u16::from(config.channels()), config.sampling_rate, |writer| {
        writer.boxed(b"dec3", |writer| {
            let count = config.substreams.len().saturating_sub(1) as u16;
            writer.u16(config.data_rate << 3 | count & 7);
            for substream in &config.substreams {
                let fields = u32::from(substream.sampling_rate_code) << 22
                    | u32::from(substream.bit_stream_identification) << 17
                    // one bit reserved, asvc 0
                    | u32::from(substream.bit_stream_mode) << 12
                    | u32::from(substream.audio_coding_mode) << 9
                    | u32::from(substream.has_low_frequency_effects) << 8
                    | u32::from(substream.dependent_substreams) << 1;
                if substream.dependent_substreams > 0 {
                    writer.u24(fields | u32::from(substream.dependent_channels >> 8 & 1));
                    writer.u8(substream.dependent_channels as u8);
                } else {
                    writer.u24(fields);
                }
            }
            if let Some(complexity) = config.object_complexity {
                writer.u8(1); // flag_ec3_extension_type_a
                writer.u8(complexity);
            }
        });
    });
}

pub(super) fn write_aac(writer: &mut BoxWriter, config: &AacConfig) {
    audio_entry(writer, b"mp4a", u16::from(config.channels), config.sampling_rate, |writer| {
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
