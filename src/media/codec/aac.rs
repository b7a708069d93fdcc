//! AAC (ISO 14496-3): ADTS headers and AudioSpecificConfig.

use std::ops::Range;

use super::AacConfig;
use crate::media::bits::Bits;

/// Samples per channel in a frame of AAC-LC.
pub const SAMPLES_PER_FRAME: u32 = 1024;

/// Bytes of an ADTS header without CRC.
pub const ADTS_HEADER_SIZE: usize = 7;

/// Samples per second by `sampling_frequency_index`, ISO 14496-3 table 1.18.
pub const SAMPLING_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// What HE-AAC adds to the AAC-LC at its core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HighEfficiency {
    /// Spectral band replication (SBR): twice the sampling rate. HE-AAC.
    BandReplication,
    /// Parametric stereo (PS) as well: two channels from one. HE-AAC v2.
    ParametricStereo,
}

impl AacConfig {
    /// Says explicitly that the stream is HE-AAC: the AudioSpecificConfig gets the extension that old decoders pass over
    /// (ISO 14496-3 §1.6.6.1, backward compatible signalling):
    ///
    /// ```text
    /// syncExtensionType 0x2B7                11 bits
    /// extensionAudioObjectType 5              5
    /// sbrPresentFlag 1, its sampling rate's index 4
    /// syncExtensionType 0x548                11      if there is parametric stereo
    /// psPresentFlag 1                         1
    /// ```
    ///
    /// Nothing changes where that cannot be: another object type than LC, twice a rate that has no index, parametric
    /// stereo of more than one channel, channels that a program config element tells.
    pub fn extend(&mut self, extension: HighEfficiency) {
        let doubled = SAMPLING_RATES.iter().position(|rate| *rate == self.sampling_rate * 2);
        let &[first, second] = self.audio_specific_config.as_ref() else { return };
        let (Some(index), 2) = (doubled, self.object_type) else { return };
        let band_replication = 0x2B7 << 21 | 5 << 16 | 1 << 15 | (index as u32) << 11;
        let [a, b, c, _] = band_replication.to_be_bytes();
        let config = match extension {
            HighEfficiency::BandReplication => vec![first, second, a, b, c],
            HighEfficiency::ParametricStereo if self.channels == 1 => {
                // 21 bits are used: the next eleven end the fourth byte.
                let [a, b, c, d] = (band_replication | 0x548).to_be_bytes();
                vec![first, second, a, b, c, d, 0x80]
            }
            HighEfficiency::ParametricStereo => return,
        };
        self.audio_specific_config = config.into();
        (self.object_type, self.channels) = match extension {
            HighEfficiency::BandReplication => (5, self.channels),
            HighEfficiency::ParametricStereo => (29, 2),
        };
    }

    /// Samples per second that come out of a decoder: twice those of the core for HE-AAC.
    pub fn output_sampling_rate(&self) -> u32 {
        if matches!(self.object_type, 5 | 29) { self.sampling_rate.saturating_mul(2) } else { self.sampling_rate }
    }
}

/// An ADTS header (ISO 14496-3 §1.A.2.2):
///
/// ```text
/// syncword 0xFFF                         12 bits
/// ID, layer 0 (2 bits)                    3
/// protection_absent                       1
/// profile_ObjectType                      2   audio object type − 1
/// sampling_frequency_index                4
/// private_bit                             1
/// channel_configuration                   3
/// original_copy, home, copyright bits     4
/// aac_frame_length                       13   header included
/// adts_buffer_fullness                   11
/// number_of_raw_data_blocks_in_frame      2   blocks − 1
/// raw_data_block_position                16   of each block but the first, if protection_absent is 0
/// crc_check                              16   if protection_absent is 0
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdtsHeader {
    /// Audio object type: 1 Main, 2 LC, 3 SSR, 4 LTP.
    pub object_type: u8,
    /// Index into [`SAMPLING_RATES`].
    pub sampling_frequency_index: u8,
    /// 1 to 6 are that many channels, 7 is eight; 0 says that the stream itself tells (program config element).
    pub channel_configuration: u8,
    /// 7; with CRC 9 and two for each raw data block but the first.
    pub header_size: usize,
    /// Header and payload together.
    pub frame_size: usize,
    /// Raw data blocks in the frame: 1 to 4.
    pub raw_data_blocks: u8,
}

impl AdtsHeader {
    /// Reads a header from the first seven bytes; `None` if it is none, has a reserved sampling rate, or a length that
    /// is shorter than itself.
    pub fn read(start: &[u8]) -> Option<AdtsHeader> {
        let [sync, flags, format, channels, length, fullness, blocks, ..] = *start else { return None };
        if sync != 0xFF || flags & 0xF6 != 0xF0 {
            return None;
        }
        let header = AdtsHeader {
            object_type: (format >> 6) + 1,
            sampling_frequency_index: format >> 2 & 0x0F,
            channel_configuration: (format & 1) << 2 | channels >> 6,
            header_size: ADTS_HEADER_SIZE + if flags & 1 == 0 { 2 + 2 * usize::from(blocks & 3) } else { 0 },
            frame_size: usize::from(channels & 3) << 11 | usize::from(length) << 3 | usize::from(fullness >> 5),
            raw_data_blocks: (blocks & 3) + 1,
        };
        let is_sound = usize::from(header.sampling_frequency_index) < SAMPLING_RATES.len()
            && header.frame_size >= header.header_size;
        is_sound.then_some(header)
    }

    /// Samples per second.
    pub fn sampling_rate(&self) -> u32 {
        SAMPLING_RATES.get(usize::from(self.sampling_frequency_index)).copied().unwrap_or(SAMPLING_RATES[3])
    }

    /// Output channels; `None` where the stream itself tells.
    pub fn channels(&self) -> Option<u8> {
        match self.channel_configuration {
            0 => None,
            7 => Some(8),
            count => Some(count),
        }
    }

    /// Where the raw data blocks of the frame are, without header and checksums.
    ///
    /// `None` where nothing tells: several blocks without CRC have no positions, and only a decoder finds their ends.
    pub fn raw_data_block_ranges(&self, frame: &[u8]) -> Option<Vec<Range<usize>>> {
        let count = usize::from(self.raw_data_blocks);
        let has_checksums = self.header_size > ADTS_HEADER_SIZE;
        if count == 1 {
            return Some(std::iter::once(self.header_size..self.frame_size).collect());
        }
        if !has_checksums {
            return None;
        }
        let positions = frame.get(ADTS_HEADER_SIZE..self.header_size)?.as_chunks::<2>().0;
        let mut starts = vec![self.header_size];
        for position in positions.get(..count - 1)? {
            starts.push(self.header_size + usize::from(u16::from_be_bytes(*position)));
        }
        starts.push(self.frame_size);
        // Each block has its own checksum behind it.
        let ranges: Vec<Range<usize>> =
            starts.windows(2).filter_map(|pair| Some(*pair.first()?..pair.last()?.checked_sub(2)?)).collect();
        let is_sound = ranges.iter().all(|range| range.start < range.end && range.end <= frame.len());
        (is_sound && ranges.len() == count).then_some(ranges)
    }

    /// The configuration of the stream, with an AudioSpecificConfig:
    ///
    /// ```text
    /// audioObjectType 5 bits, samplingFrequencyIndex 4, channelConfiguration 4
    /// frameLengthFlag 0 (1024 samples), dependsOnCoreCoder 0, extensionFlag 0
    /// program_config_element   if channelConfiguration is 0
    /// ```
    ///
    /// ADTS cannot say that a stream is HE-AAC: there it looks like AAC-LC of half the sampling rate, and the decoder
    /// finds the extension in the frames (implicit signalling, ISO 14496-3 §1.6.6.2). It stays so here, `mp4a.40.2`
    /// with the core's sampling rate, unless [`AacConfig::extend`] is told better. Where the stream itself tells the channels, the program config element must be
    /// the first thing in `raw_data_block`; `None` if it is not.
    pub fn config(&self, raw_data_block: &[u8]) -> Option<AacConfig> {
        let first = self.object_type << 3 | self.sampling_frequency_index >> 1;
        let second = self.sampling_frequency_index << 7 | self.channel_configuration << 3;
        let mut audio_specific_config = vec![first, second];
        let channels = match self.channels() {
            Some(channels) => channels,
            None => {
                let program = ProgramConfig::read_first_of(raw_data_block)?;
                audio_specific_config.extend_from_slice(&program.bytes);
                program.channels
            }
        };
        Some(AacConfig {
            audio_specific_config: audio_specific_config.into(),
            object_type: self.object_type,
            sampling_rate: self.sampling_rate(),
            channels,
        })
    }
}

/// `ChannelConfiguration` of ISO 23091-3 table 1: the AudioSpecificConfig has the same numbers. Where its program config
/// element tells the channels, it is the customary layout of so many.
pub fn channel_configuration(config: &AacConfig) -> u8 {
    let told = config.audio_specific_config.get(1).map_or(0, |byte| byte >> 3 & 0x0F);
    match (told, config.channels) {
        // Parametric stereo.
        (1, 2) => 2,
        (0, 7) => 11,
        (0, 8) => 12,
        (0, 24) => 13,
        (0, count) => count,
        (told, _) => told,
    }
}

/// A program config element (ISO 14496-3 §4.4.1.1, table 4.2): which channels there are.
struct ProgramConfig {
    channels: u8,
    /// The element without its comment, as it stands behind the first two bytes of an AudioSpecificConfig.
    bytes: Vec<u8>,
}

/// `id_syn_ele` of a program config element.
const ID_PCE: u32 = 5;

impl ProgramConfig {
    /// Reads the element at the start of a raw data block.
    fn read_first_of(raw_data_block: &[u8]) -> Option<ProgramConfig> {
        let mut bits = Bits::new(raw_data_block);
        if bits.bits(3)? != ID_PCE {
            return None;
        }
        let mut copy = BitCopy::default();
        // element_instance_tag, object_type, sampling_frequency_index
        copy.copy(&mut bits, 10)?;
        let (front, side, back) = (copy.copy(&mut bits, 4)?, copy.copy(&mut bits, 4)?, copy.copy(&mut bits, 4)?);
        let low_frequency = copy.copy(&mut bits, 2)?;
        let (associated_data, coupling) = (copy.copy(&mut bits, 3)?, copy.copy(&mut bits, 4)?);
        // Mixdown elements: mono, stereo, matrix.
        for size in [4, 4, 3] {
            if copy.copy(&mut bits, 1)? == 1 {
                copy.copy(&mut bits, size)?;
            }
        }
        let mut channels = low_frequency;
        for _ in 0..front + side + back {
            channels += 1 + copy.copy(&mut bits, 1)?;
            copy.copy(&mut bits, 4)?;
        }
        for _ in 0..low_frequency + associated_data {
            copy.copy(&mut bits, 4)?;
        }
        for _ in 0..coupling {
            copy.copy(&mut bits, 5)?;
        }
        let mut bytes = copy.finish();
        bytes.push(0); // comment_field_bytes, after byte_alignment
        Some(ProgramConfig { channels: u8::try_from(channels).ok().filter(|channels| *channels > 0)?, bytes })
    }
}

/// Bits that are read and written elsewhere in one.
#[derive(Default)]
struct BitCopy {
    bytes: Vec<u8>,
    used: u8,
}

impl BitCopy {
    fn copy(&mut self, from: &mut Bits<'_>, count: u8) -> Option<u32> {
        let value = from.bits(count)?;
        for bit in (0..count).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.used);
            }
            self.used = (self.used + 1) % 8;
        }
        Some(value)
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_stereo_header_of_48_khz() {
        let header = AdtsHeader::read(&[0xFF, 0xF1, 0x4C, 0x80, 0x2E, 0x7F, 0xFC]).unwrap();
        assert_eq!((header.object_type, header.sampling_rate(), header.channels()), (2, 48_000, Some(2)));
        assert_eq!((header.header_size, header.frame_size, header.raw_data_blocks), (7, 0x173, 1));
        let config = header.config(&[]).unwrap();
        assert_eq!(config.audio_specific_config.as_ref(), [0x11, 0x90]);
        assert_eq!(config.rfc6381(), "mp4a.40.2");
    }

    #[test]
    fn a_header_with_crc_is_two_bytes_longer() {
        assert_eq!(AdtsHeader::read(&[0xFF, 0xF0, 0x4C, 0x80, 0x2E, 0x7F, 0xFC]).unwrap().header_size, 9);
    }

    #[test]
    fn other_bits_are_no_header() {
        assert_eq!(AdtsHeader::read(&[0xFF, 0xF3, 0x4C, 0x80, 0x2E, 0x7F, 0xFC]), None, "layer");
        assert_eq!(AdtsHeader::read(&[0xFF, 0xF1, 0x74, 0x80, 0x2E, 0x7F, 0xFC]), None, "sampling rate 13");
        assert_eq!(AdtsHeader::read(&[0xFF, 0xF1, 0x4C, 0x80, 0x00, 0xDF, 0xFC]), None, "six bytes long");
        assert_eq!(AdtsHeader::read(&[0xFF, 0xF1, 0x4C, 0x80, 0x2E, 0x7F]), None, "cut off");
    }

    #[test]
    fn raw_data_blocks_are_found_by_their_positions() {
        // Two blocks of three bytes with a checksum each, CRC in the header: 7 + 2 + 2 + 2 · (3 + 2) bytes.
        let mut frame = vec![0xFF, 0xF0, 0x4C, 0x80, 0x02, 0xBF, 0xFD, 0x00, 0x05, 0xCC, 0xCC];
        frame.extend_from_slice(b"onexxtwoxx");
        let header = AdtsHeader::read(&frame).unwrap();
        assert_eq!((header.frame_size, header.header_size, header.raw_data_blocks), (21, 11, 2));
        assert_eq!(header.raw_data_block_ranges(&frame), Some(vec![11..14, 16..19]));
        frame[8] = 0xFF;
        assert_eq!(header.raw_data_block_ranges(&frame), None, "a position past the frame");
        frame[1] = 0xF1;
        let header = AdtsHeader::read(&frame).unwrap();
        assert_eq!(header.raw_data_block_ranges(&frame), None, "no positions");
    }

    #[test]
    fn channels_that_only_the_stream_tells_come_from_its_program_config_element() {
        let header = AdtsHeader::read(&[0xFF, 0xF1, 0x4C, 0x00, 0x2E, 0x7F, 0xFC]).unwrap();
        assert_eq!(header.channels(), None);
        assert_eq!(header.config(&[0x20, 0]), None, "a channel pair comes first");
        // ID_PCE, tag 0, LC, 48 kHz; one pair and one single in front, one pair at the back, one for low frequencies;
        // no mixdown; the pairs' and singles' flags and tags.
        let text = "101 0000 01 0011 0010 0000 0001 01 000 0000 000 0 0000 1 0000 1 0001 0000";
        let bits: Vec<u8> = text.bytes().filter(|bit| *bit != b' ').map(|bit| bit - b'0').collect();
        let block: Vec<u8> =
            bits.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit) << (8 - byte.len())).collect();
        let config = header.config(&block).unwrap();
        assert_eq!(config.channels, 6);
        // The same bits but for the first three, from the third byte on.
        assert_eq!(config.audio_specific_config[..2], [0x11, 0x80]);
        assert_eq!(config.audio_specific_config[2], block[0] << 3 | block[1] >> 5);
        assert_eq!(config.audio_specific_config.last(), Some(&0));
    }

    #[test]
    fn he_aac_is_told_in_a_way_that_old_decoders_pass_over() {
        let config = |channels: u8| {
            // 24 kHz, one or two channels.
            let header = [0xFF, 0xF1, 0x58, channels << 6, 0x2E, 0x7F, 0xFC];
            AdtsHeader::read(&header).unwrap().config(&[]).unwrap()
        };
        let mut stereo = config(2);
        stereo.extend(HighEfficiency::ParametricStereo);
        assert_eq!(stereo, config(2), "parametric stereo needs one channel");
        stereo.extend(HighEfficiency::BandReplication);
        assert_eq!(stereo.audio_specific_config.as_ref(), [0x13, 0x10, 0x56, 0xE5, 0x98]);
        assert_eq!(
            (stereo.rfc6381().as_str(), stereo.sampling_rate, stereo.output_sampling_rate()),
            ("mp4a.40.5", 24_000, 48_000)
        );
        let mut mono = config(1);
        mono.extend(HighEfficiency::ParametricStereo);
        assert_eq!(mono.audio_specific_config.as_ref(), [0x13, 0x08, 0x56, 0xE5, 0x9D, 0x48, 0x80]);
        assert_eq!((mono.rfc6381().as_str(), mono.channels, channel_configuration(&mono)), ("mp4a.40.29", 2, 2));
    }
}
