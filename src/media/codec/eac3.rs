//! E-AC-3 (ETSI TS 102 366 annex E): the header of a frame, and what several frames of one access unit say together.

use serde::{Deserialize, Serialize};

use super::ac3::{BIT_RATES, SAMPLING_RATES, SYNC_WORD, channel_count, channel_map};
use crate::media::bits::Bits;

/// Bytes of a frame that its header may take, up to the additional bit stream information.
pub const HEADER_SIZE: usize = 128;

/// Blocks of 256 samples in an access unit of ISO BMFF and DASH, from one frame or more (ETSI TS 102 366 §F.6.1).
pub const BLOCKS_PER_ACCESS_UNIT: u8 = 6;

/// Whose sound a frame carries (`strmtyp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubstreamKind {
    /// A programme of its own, or an AC-3 stream that was converted.
    Independent,
    /// More channels of the independent substream before it.
    Dependent,
}

/// What an E-AC-3 frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eac3Header {
    /// `strmtyp`.
    pub kind: SubstreamKind,
    /// `substreamid`, counted by kind.
    pub substream: u8,
    /// Bytes of the frame, header included.
    pub frame_size: usize,
    /// Samples per second.
    pub sampling_rate: u32,
    /// `fscod`; 3 stands for half the customary rates.
    pub sampling_rate_code: u8,
    /// Blocks of 256 samples: 1, 2, 3 or 6.
    pub blocks: u8,
    /// `bsid`: 16.
    pub bit_stream_identification: u8,
    /// `bsmod`; 0 where the frame does not say.
    pub bit_stream_mode: u8,
    /// `acmod`.
    pub audio_coding_mode: u8,
    /// `lfeon`.
    pub has_low_frequency_effects: bool,
    /// `chanmap` of a dependent substream, where it says.
    pub channel_map: Option<u16>,
    /// `complexity_index_type_a` of the additional bit stream information: objects of a Dolby Atmos stream
    /// (ETSI TS 103 420 §8.3).
    pub object_complexity: Option<u8>,
}

impl Eac3Header {
    /// Reads the header of a frame; `None` if it is none or has reserved values.
    ///
    /// Where the frame is cut off, what comes last (mode, objects) is taken as not said.
    pub fn read(frame: &[u8]) -> Option<Eac3Header> {
        if !frame.starts_with(&SYNC_WORD) {
            return None;
        }
        let words = u16::from_be_bytes([*frame.get(2)?, *frame.get(3)?]) & 0x07FF;
        let frame_size = (usize::from(words) + 1) * 2;
        let mut bits = Bits::new(frame.get(..frame_size).unwrap_or(frame).get(2..)?);
        let kind = match bits.bits(2)? {
            0 | 2 => SubstreamKind::Independent,
            1 => SubstreamKind::Dependent,
            _ => return None,
        };
        let substream = bits.bits(3)? as u8;
        bits.skip(11)?; // frmsiz
        let sampling_rate_code = bits.bits(2)? as u8;
        let (sampling_rate, blocks_code) = if sampling_rate_code == 3 {
            (*SAMPLING_RATES.get(bits.bits(2)? as usize)? / 2, 3)
        } else {
            (*SAMPLING_RATES.get(usize::from(sampling_rate_code))?, bits.bits(2)?)
        };
        let audio_coding_mode = bits.bits(3)? as u8;
        let has_low_frequency_effects = bits.flag()?;
        let bit_stream_identification = bits.bits(5).filter(|id| (11..=16).contains(id))? as u8;
        let mut header = Eac3Header {
            kind,
            substream,
            frame_size,
            sampling_rate,
            sampling_rate_code,
            blocks: *[1, 2, 3, 6].get(blocks_code as usize)?,
            bit_stream_identification,
            bit_stream_mode: 0,
            audio_coding_mode,
            has_low_frequency_effects,
            channel_map: None,
            object_complexity: None,
        };
        let is_converted = frame.get(2).is_some_and(|byte| byte >> 6 == 2);
        let _ = read_rest(&mut bits, &mut header, is_converted);
        Some(header)
    }
}

/// `bsi` after `bsid`, ETSI TS 102 366 §E.1.2.2.
fn read_rest(bits: &mut Bits<'_>, header: &mut Eac3Header, is_converted: bool) -> Option<()> {
    let mode = header.audio_coding_mode;
    let is_independent = header.kind == SubstreamKind::Independent && !is_converted;
    // dialnorm and compr, twice where there are two mono channels.
    for _ in 0..if mode == 0 { 2 } else { 1 } {
        bits.skip(5)?;
        skip_if_told(bits, 8)?;
    }
    if header.kind == SubstreamKind::Dependent && bits.flag()? {
        header.channel_map = Some(bits.bits(16)? as u16);
    }
    if bits.flag()? {
        mixing_metadata(bits, header, is_independent)?;
    }
    if bits.flag()? {
        header.bit_stream_mode = bits.bits(3)? as u8;
        bits.skip(2)?;
        if mode == 2 {
            bits.skip(4)?;
        }
        if mode >= 6 {
            bits.skip(2)?;
        }
        for _ in 0..if mode == 0 { 2 } else { 1 } {
            skip_if_told(bits, 8)?;
        }
        if header.sampling_rate_code < 3 {
            bits.skip(1)?;
        }
    }
    if is_independent && header.blocks != BLOCKS_PER_ACCESS_UNIT {
        bits.skip(1)?; // convsync
    }
    if is_converted && (header.blocks == BLOCKS_PER_ACCESS_UNIT || bits.flag()?) {
        bits.skip(6)?; // frmsizecod
    }
    if bits.flag()? {
        let size = bits.bits(6)? + 1;
        // Seven reserved bits, the flag for objects, and their number.
        if size >= 2 && bits.bits(8)? & 1 == 1 {
            header.object_complexity = Some(bits.bits(8)? as u8).filter(|complexity| (1..=16).contains(complexity));
        }
    }
    Some(())
}

fn mixing_metadata(bits: &mut Bits<'_>, header: &Eac3Header, is_independent: bool) -> Option<()> {
    let mode = header.audio_coding_mode;
    if mode > 2 {
        bits.skip(2)?; // dmixmod
    }
    if mode & 1 != 0 && mode > 2 {
        bits.skip(6)?; // levels of the centre
    }
    if mode & 4 != 0 {
        bits.skip(6)?; // levels of the surround channels
    }
    if header.has_low_frequency_effects {
        skip_if_told(bits, 5)?;
    }
    if !is_independent {
        return Some(());
    }
    // Scales of this programme (two where it is two mono channels) and of an external one.
    for _ in 0..if mode == 0 { 3 } else { 2 } {
        skip_if_told(bits, 6)?;
    }
    match bits.bits(2)? {
        1 => bits.skip(5)?,
        2 => bits.skip(12)?,
        3 => {
            let bytes = bits.bits(5)? as usize + 2;
            bits.skip(bytes * 8)?;
        }
        _ => {}
    }
    if mode < 2 {
        for _ in 0..if mode == 0 { 2 } else { 1 } {
            skip_if_told(bits, 14)?;
        }
    }
    if bits.flag()? {
        if header.blocks == 1 {
            bits.skip(5)?;
        } else {
            for _ in 0..header.blocks {
                skip_if_told(bits, 5)?;
            }
        }
    }
    Some(())
}

/// A bit that says whether a field follows, and the field.
fn skip_if_told(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    if bits.flag()? { bits.skip(size) } else { Some(()) }
}

/// An independent substream with what its dependent ones add; a line of `EC3SpecificBox`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Eac3Substream {
    /// `fscod`.
    pub sampling_rate_code: u8,
    /// `bsid`.
    pub bit_stream_identification: u8,
    /// `bsmod`.
    pub bit_stream_mode: u8,
    /// `acmod`.
    pub audio_coding_mode: u8,
    /// `lfeon`.
    pub has_low_frequency_effects: bool,
    /// Dependent substreams, 0 to 8.
    pub dependent_substreams: u8,
    /// Channels of the dependent substreams together, as `chan_loc` has them (ETSI TS 102 366 table F.4): 9 bits.
    pub dependent_channels: u16,
}

/// E-AC-3 configuration: what `EC3SpecificBox` has (ETSI TS 102 366 §F.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Eac3Config {
    /// Samples per second.
    pub sampling_rate: u32,
    /// Kilobits per second: the customary rate nearest to that of the first access unit.
    pub data_rate: u16,
    /// The independent substreams: 1 to 8.
    pub substreams: Vec<Eac3Substream>,
    /// Objects of a Dolby Atmos stream (`complexity_index_type_a`, ETSI TS 103 420 §8.3), 1 to 16.
    pub object_complexity: Option<u8>,
}

impl Eac3Config {
    /// What the frames of one access unit say together; `None` if the first is no independent substream 0.
    pub fn of_access_unit(frames: &[Eac3Header]) -> Option<Eac3Config> {
        let first = frames.first().filter(|first| first.kind == SubstreamKind::Independent && first.substream == 0)?;
        let mut substreams: Vec<Eac3Substream> = Vec::new();
        let mut blocks = 0u32;
        let mut is_repeated = false;
        for frame in frames {
            match frame.kind {
                SubstreamKind::Independent => {
                    if frame.substream == 0 {
                        blocks += u32::from(frame.blocks);
                    }
                    // Frames with fewer blocks come several times.
                    is_repeated = usize::from(frame.substream) < substreams.len();
                    if !is_repeated {
                        substreams.push(Eac3Substream {
                            sampling_rate_code: frame.sampling_rate_code,
                            bit_stream_identification: frame.bit_stream_identification,
                            bit_stream_mode: frame.bit_stream_mode,
                            audio_coding_mode: frame.audio_coding_mode,
                            has_low_frequency_effects: frame.has_low_frequency_effects,
                            dependent_substreams: 0,
                            dependent_channels: 0,
                        });
                    }
                }
                SubstreamKind::Dependent if !is_repeated => {
                    if let Some(owner) = substreams.last_mut() {
                        owner.dependent_substreams = (owner.dependent_substreams + 1).min(8);
                        owner.dependent_channels |= chan_loc(frame.channel_map.unwrap_or(0));
                    }
                }
                SubstreamKind::Dependent => {}
            }
        }
        substreams.truncate(8);
        let bytes: u64 = frames.iter().map(|frame| frame.frame_size as u64).sum();
        let rate = bytes * 8 * u64::from(first.sampling_rate) / (u64::from(blocks.max(1)) * 256 * 1000);
        Some(Eac3Config {
            sampling_rate: first.sampling_rate,
            data_rate: customary_rate(rate),
            substreams,
            object_complexity: frames.iter().find_map(|frame| frame.object_complexity),
        })
    }

    /// Channels of the first independent substream with its dependent ones.
    pub fn channels(&self) -> u8 {
        let Some(first) = self.substreams.first() else { return 0 };
        let dependent = (0..9).filter(|bit| first.dependent_channels >> bit & 1 == 1);
        // Of the places only Cs (bit 2 counted from below), Ts, Vhc and LFE2 are single channels.
        let more: u8 = dependent.map(|bit| if CHAN_LOC_PAIRS >> bit & 1 == 1 { 2 } else { 1 }).sum();
        channel_count(first.audio_coding_mode, first.has_low_frequency_effects) + more
    }

    /// Where the channels are, as bits of `chanmap` (ETSI TS 102 366 table E.1.4).
    pub fn channel_map(&self) -> u16 {
        let Some(first) = self.substreams.first() else { return 0 };
        let own = channel_map(first.audio_coding_mode, first.has_low_frequency_effects);
        let places = CHAN_LOC_TO_MAP.iter().enumerate();
        let dependent = places.filter(|(bit, _)| first.dependent_channels >> bit & 1 == 1).map(|(_, map)| map);
        dependent.fold(own, |all, place| all | place)
    }
}

/// Bits of `chanmap` by the bits of `chan_loc` from the lowest on: Lc/Rc, Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh,
/// Cvh, LFE2 (ETSI TS 102 366 tables E.1.4 and F.4).
const CHAN_LOC_TO_MAP: [u16; 9] = [1 << 10, 1 << 9, 1 << 8, 1 << 7, 1 << 6, 1 << 5, 1 << 4, 1 << 3, 1 << 1];

/// Bits of `chan_loc` that are two channels each.
const CHAN_LOC_PAIRS: u16 = 0b0_0111_0011;

fn chan_loc(map: u16) -> u16 {
    let places = CHAN_LOC_TO_MAP.iter().enumerate().filter(|(_, place)| map & **place != 0);
    places.fold(0, |all, (bit, _)| all | 1 << bit)
}

/// The nearest of AC-3's rates, so that frames of sizes that alternate give one configuration; above them the nearest
/// multiple of 64.
fn customary_rate(rate: u64) -> u16 {
    let nearest = BIT_RATES.iter().copied().min_by_key(|known| u64::from(*known).abs_diff(rate)).unwrap_or(0);
    if rate <= u64::from(nearest) + 32 { nearest } else { u16::try_from((rate + 32) / 64 * 64).unwrap_or(0x1FC0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame's header from text of 0 and 1, with the size of the frame in words.
    fn frame(kind: u8, substream: u8, words: u16, rest: &str) -> Vec<u8> {
        let start = format!("{kind:02b}{substream:03b}{:011b}", words - 1);
        let bits: Vec<u8> = start.bytes().chain(rest.bytes()).filter(|bit| matches!(bit, b'0' | b'1')).collect();
        let bytes = bits
            .chunks(8)
            .map(|byte| byte.iter().fold(0u8, |value, bit| value << 1 | (bit - b'0')) << (8 - byte.len()));
        SYNC_WORD.into_iter().chain(bytes).collect()
    }

    // fscod 48 kHz, six blocks, acmod, lfeon, bsid 16, dialnorm, no compr.
    const SURROUND: &str = "00 11 111 1 10000 11011 0";

    #[test]
    fn a_frame_of_5_1_is_read() {
        let header = Eac3Header::read(&frame(0, 0, 384, &format!("{SURROUND} 0 0 0"))).unwrap();
        assert_eq!((header.frame_size, header.sampling_rate, header.blocks), (768, 48_000, 6));
        let config = Eac3Config::of_access_unit(&[header]).unwrap();
        assert_eq!((config.channels(), config.channel_map(), config.data_rate), (6, 0xF801, 192));
        assert_eq!(config.object_complexity, None);
    }

    #[test]
    fn objects_are_found_behind_mixing_and_informational_metadata() {
        // dmixmod, centre and surround levels, lfe level; scales; mixdef 1; no configuration of blocks.
        let mixing = "1 01 000000 000000 1 00000 0 1 000000 01 00000 0";
        // bsmod 0, copyright, original; dsurexmod; production information; sourcefscod.
        let information = "1 000 11 00 1 00000000 0";
        let added = "1 000001 0000000 1 00010000";
        let header =
            Eac3Header::read(&frame(0, 0, 768, &format!("{SURROUND} {mixing} {information} {added}"))).unwrap();
        assert_eq!(header.object_complexity, Some(16));
    }

    #[test]
    fn a_dependent_substream_adds_its_channels() {
        let independent = Eac3Header::read(&frame(0, 0, 384, &format!("{SURROUND} 0 0 0"))).unwrap();
        // acmod 2, no lfe; chanmap: Lrs/Rrs.
        let more = frame(1, 0, 192, "00 11 010 0 10000 11011 0 1 0000001000000000 0 0 0");
        let dependent = Eac3Header::read(&more).unwrap();
        assert_eq!((dependent.kind, dependent.channel_map), (SubstreamKind::Dependent, Some(0x0200)));
        let config = Eac3Config::of_access_unit(&[independent, dependent]).unwrap();
        assert_eq!((config.channels(), config.channel_map()), (8, 0xFA01));
        assert_eq!(config.substreams[0].dependent_channels, 0b10);
        assert_eq!(config.data_rate, 256, "288 kbit/s lie between 256 and 320");
    }

    #[test]
    fn frames_of_fewer_blocks_are_one_access_unit_with_one_substream() {
        let third = Eac3Header::read(&frame(0, 0, 128, "00 01 010 0 10000 11011 0 0 0 0 0")).unwrap();
        assert_eq!(third.blocks, 2);
        let config = Eac3Config::of_access_unit(&[third; 3]).unwrap();
        assert_eq!((config.substreams.len(), config.channels(), config.data_rate), (1, 2, 192));
    }

    #[test]
    fn half_the_sampling_rates_have_six_blocks() {
        let header = Eac3Header::read(&frame(0, 0, 384, "11 01 010 0 10000 11011 0 0 0 0")).unwrap();
        assert_eq!((header.sampling_rate, header.blocks), (22_050, 6));
    }

    #[test]
    fn other_bits_are_no_header() {
        assert_eq!(Eac3Header::read(&frame(3, 0, 384, SURROUND)), None, "reserved kind");
        assert_eq!(Eac3Header::read(&frame(0, 0, 384, "11 11 010 0 10000 11011 0 0 0 0")), None, "reserved rate");
        assert_eq!(Eac3Header::read(&frame(0, 0, 384, "00 11 111 1 01000 11011 0")), None, "ac-3");
        assert_eq!(Eac3Header::read(&SYNC_WORD), None, "cut off");
    }
}
