//! AAC (ISO 14496-3): ADTS headers and AudioSpecificConfig.

use bytes::Bytes;

use super::AacConfig;

/// Samples per channel in a frame of AAC-LC.
pub const SAMPLES_PER_FRAME: u32 = 1024;

/// Bytes of an ADTS header without CRC.
pub const ADTS_HEADER_SIZE: usize = 7;

/// Samples per second by `sampling_frequency_index`, ISO 14496-3 table 1.18.
pub const SAMPLING_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

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
    /// 7, or 9 with CRC.
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
            header_size: if flags & 1 == 0 { ADTS_HEADER_SIZE + 2 } else { ADTS_HEADER_SIZE },
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

    /// The configuration of the stream, with a two-byte AudioSpecificConfig:
    ///
    /// ```text
    /// audioObjectType 5 bits, samplingFrequencyIndex 4, channelConfiguration 4
    /// frameLengthFlag 0 (1024 samples), dependsOnCoreCoder 0, extensionFlag 0
    /// ```
    ///
    /// ADTS cannot say that a stream is HE-AAC: there it looks like AAC-LC of half the sampling rate, and the decoder
    /// finds the extension in the frames (implicit signalling, ISO 14496-3 §1.6.6.2). It stays so here: `mp4a.40.2`
    /// with the core's sampling rate. `None` where the stream itself tells the channels.
    pub fn config(&self) -> Option<AacConfig> {
        let channels = self.channels()?;
        let first = self.object_type << 3 | self.sampling_frequency_index >> 1;
        let second = self.sampling_frequency_index << 7 | self.channel_configuration << 3;
        Some(AacConfig {
            audio_specific_config: Bytes::copy_from_slice(&[first, second]),
            object_type: self.object_type,
            sampling_rate: self.sampling_rate(),
            channels,
        })
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
        let config = header.config().unwrap();
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
}
