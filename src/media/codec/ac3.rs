//! AC-3 (ETSI TS 102 366 §4, ATSC A/52): the header of a frame.

use serde::{Deserialize, Serialize};

use crate::media::bits::Bits;

/// First two bytes of every frame of AC-3 and E-AC-3.
pub const SYNC_WORD: [u8; 2] = [0x0B, 0x77];

/// Bytes of a frame that [`Ac3Header::read`] looks at, at most.
pub const HEADER_SIZE: usize = 8;

/// Samples per channel in a frame: six blocks of 256.
pub const SAMPLES_PER_FRAME: u32 = 1536;

/// Samples per second by `fscod`.
pub(super) const SAMPLING_RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// Kilobits per second by `frmsizecod >> 1`, ETSI TS 102 366 table 4.13.
pub(super) const BIT_RATES: [u16; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

/// Full-bandwidth channels by `acmod`.
pub(super) const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];

/// What an AC-3 frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ac3Header {
    /// The configuration.
    pub config: Ac3Config,
    /// Bytes of the frame, header included.
    pub frame_size: usize,
}

/// AC-3 configuration: what `AC3SpecificBox` has (ETSI TS 102 366 §F.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ac3Config {
    /// `fscod`: 0 is 48 kHz, 1 44.1 kHz, 2 32 kHz.
    pub sampling_rate_code: u8,
    /// `bsid`: at most 8 in AC-3.
    pub bit_stream_identification: u8,
    /// `bsmod`: 0 complete main, 2 visually impaired, and so on.
    pub bit_stream_mode: u8,
    /// `acmod`: which full-bandwidth channels there are.
    pub audio_coding_mode: u8,
    /// `lfeon`: there is a channel for low frequency effects.
    pub has_low_frequency_effects: bool,
    /// `frmsizecod >> 1`: 0 to 18 for 32 to 640 kbit/s.
    pub bit_rate_code: u8,
}

impl Ac3Config {
    /// Samples per second.
    pub fn sampling_rate(&self) -> u32 {
        SAMPLING_RATES.get(usize::from(self.sampling_rate_code)).copied().unwrap_or(SAMPLING_RATES[0])
    }

    /// Channels, that for low frequency effects included.
    pub fn channels(&self) -> u8 {
        channel_count(self.audio_coding_mode, self.has_low_frequency_effects)
    }

    /// Where the channels are, as [`channel_map`] has it.
    pub fn channel_map(&self) -> u16 {
        channel_map(self.audio_coding_mode, self.has_low_frequency_effects)
    }
}

/// Channels of a coding mode.
pub(super) fn channel_count(audio_coding_mode: u8, has_low_frequency_effects: bool) -> u8 {
    let full = CHANNELS.get(usize::from(audio_coding_mode)).copied().unwrap_or(0);
    full + u8::from(has_low_frequency_effects)
}

/// Where the channels of a coding mode are, as bits of `chanmap` (ETSI TS 102 366 table E.1.4): left is the highest,
/// then centre, right, left surround, right surround; the lowest is that for low frequency effects.
pub(super) fn channel_map(audio_coding_mode: u8, has_low_frequency_effects: bool) -> u16 {
    const CENTRE_SURROUND: u16 = 1 << 8;
    let places = match audio_coding_mode {
        1 => 0x4000,
        3 => 0xE000,
        4 => 0xA000 | CENTRE_SURROUND,
        5 => 0xE000 | CENTRE_SURROUND,
        6 => 0xB800,
        7 => 0xF800,
        _ => 0xA000,
    };
    places | u16::from(has_low_frequency_effects)
}

/// `bsid`, which tells AC-3 (up to 8) from E-AC-3 (11 to 16); it lies at the same place in both.
pub fn bit_stream_identification(frame: &[u8]) -> Option<u8> {
    frame.get(5).map(|byte| byte >> 3)
}

impl Ac3Header {
    /// Reads the header of a frame; `None` if it is none or has reserved values.
    pub fn read(frame: &[u8]) -> Option<Ac3Header> {
        if !frame.starts_with(&SYNC_WORD) {
            return None;
        }
        let mut bits = Bits::new(frame.get(4..)?);
        let sampling_rate_code = bits.bits(2).filter(|code| *code < 3)? as u8;
        let size_code = bits.bits(6)?;
        let bit_stream_identification = bits.bits(5).filter(|id| *id <= 8)? as u8;
        let bit_stream_mode = bits.bits(3)? as u8;
        let audio_coding_mode = bits.bits(3)? as u8;
        if audio_coding_mode & 1 != 0 && audio_coding_mode != 1 {
            bits.skip(2)?; // cmixlev
        }
        if audio_coding_mode & 4 != 0 {
            bits.skip(2)?; // surmixlev
        }
        if audio_coding_mode == 2 {
            bits.skip(2)?; // dsurmod
        }
        let has_low_frequency_effects = bits.flag()?;
        let bit_rate_code = (size_code >> 1) as u8;
        let kilobits = usize::from(*BIT_RATES.get(usize::from(bit_rate_code))?);
        // Words of two bytes, rounded down; at 44.1 kHz the lowest bit of the code adds one.
        let words = match sampling_rate_code {
            0 => kilobits * 2,
            1 => kilobits * 1000 * SAMPLES_PER_FRAME as usize / (44_100 * 16) + (size_code & 1) as usize,
            _ => kilobits * 3,
        };
        Some(Ac3Header {
            config: Ac3Config {
                sampling_rate_code,
                bit_stream_identification,
                bit_stream_mode,
                audio_coding_mode,
                has_low_frequency_effects,
                bit_rate_code,
            },
            frame_size: words * 2,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_5_1_at_384_kbit_is_read() {
        // bsid 8, bsmod 0, acmod 7, cmixlev 1, surmixlev 1, lfeon 1
        let header = Ac3Header::read(&[0x0B, 0x77, 0, 0, 0x1C, 0x40, 0xEB, 0x80]).unwrap();
        assert_eq!(header.frame_size, 1536);
        assert_eq!((header.config.sampling_rate(), header.config.channels()), (48_000, 6));
        assert_eq!((header.config.bit_rate_code, header.config.channel_map()), (14, 0xF801));
    }

    #[test]
    fn frames_of_44_100_hz_alternate_in_size() {
        // 192 kbit/s: 417 and 418 words, table 4.13.
        let size = |code: u8| Ac3Header::read(&[0x0B, 0x77, 0, 0, 0x40 | code, 0x40, 0x40, 0]).unwrap().frame_size;
        assert_eq!((size(20), size(21)), (834, 836));
        assert_eq!((size(0), size(1), size(36), size(37)), (69 * 2, 70 * 2, 1393 * 2, 1394 * 2));
    }

    #[test]
    fn other_bits_are_no_header() {
        assert_eq!(Ac3Header::read(&[0x0B, 0x77, 0, 0, 0xC0, 0x40, 0x40, 0]), None, "reserved sampling rate");
        assert_eq!(Ac3Header::read(&[0x0B, 0x77, 0, 0, 0x26, 0x40, 0x40, 0]), None, "reserved size");
        assert_eq!(Ac3Header::read(&[0x0B, 0x77, 0, 0, 0x1C, 0x80, 0x40, 0]), None, "e-ac-3");
        assert_eq!(Ac3Header::read(&[0x0B, 0x77, 0, 0, 0x1C, 0x40]), None, "cut off");
    }
}
