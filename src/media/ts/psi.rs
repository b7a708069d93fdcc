//! Program specific information: sections, the program association table and the program map table
//! (ISO 13818-1 §2.4.4).
//!
//! ```text
//! table_id                                8 bits
//! section_syntax_indicator, 0, reserved   4
//! section_length                         12   bytes after this field, CRC included
//! table_id_extension                     16   transport stream id or program number
//! reserved, version_number, current_next  8
//! section_number, last_section_number    16
//! … table …
//! CRC_32                                 32
//! ```

use crate::media::codec::aac::HighEfficiency;

/// `table_id` of a program association section.
pub const PAT_TABLE_ID: u8 = 0x00;
/// `table_id` of a program map section.
pub const PMT_TABLE_ID: u8 = 0x02;
/// `table_id` of a SCTE-35 splice information section.
pub const SPLICE_INFO_TABLE_ID: u8 = 0xFC;

/// `stream_type` of PES packets with private data; descriptors tell what it is.
pub const STREAM_TYPE_PRIVATE_PES: u8 = 0x06;
/// `stream_type` of AAC in ADTS frames (ISO 13818-7).
pub const STREAM_TYPE_AAC_ADTS: u8 = 0x0F;
/// `stream_type` of AAC in LATM frames (ISO 14496-3).
pub const STREAM_TYPE_AAC_LATM: u8 = 0x11;
/// `stream_type` of metadata in PES packets, among them ID3.
pub const STREAM_TYPE_METADATA_PES: u8 = 0x15;
/// `stream_type` of H.264.
pub const STREAM_TYPE_H264: u8 = 0x1B;
/// `stream_type` of H.265.
pub const STREAM_TYPE_H265: u8 = 0x24;
/// `stream_type` of AC-3 (ATSC A/52).
pub const STREAM_TYPE_AC3: u8 = 0x81;
/// `stream_type` of SCTE-35 sections.
pub const STREAM_TYPE_SCTE35: u8 = 0x86;
/// `stream_type` of E-AC-3 (ATSC A/52).
pub const STREAM_TYPE_EAC3: u8 = 0x87;

/// Descriptor tags that tell what a stream is.
pub(super) mod descriptor {
    pub const REGISTRATION: u8 = 0x05;
    pub const ISO_639_LANGUAGE: u8 = 0x0A;
    pub const MPEG4_AUDIO: u8 = 0x1C;
    pub const METADATA: u8 = 0x26;
    pub const DVB_TELETEXT: u8 = 0x56;
    pub const DVB_SUBTITLING: u8 = 0x59;
    pub const DVB_AC3: u8 = 0x6A;
    pub const DVB_EAC3: u8 = 0x7A;
    pub const DVB_AAC: u8 = 0x7C;
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 0x8000_0000 != 0 { value << 1 ^ 0x04C1_1DB7 } else { value << 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

/// CRC_32 of ISO 13818-1 annex A: polynomial 0x04C11DB7, all ones at the start, not reflected, not inverted.
/// Over a whole section with its CRC it is 0.
pub fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| crc << 8 ^ CRC_TABLE[usize::from((crc >> 24) as u8 ^ byte)])
}

/// Total length of the section whose first three bytes these are.
pub fn section_size(start: &[u8]) -> Option<usize> {
    match start {
        [_, high, low, ..] => Some(3 + (usize::from(high & 0x0F) << 8 | usize::from(*low))),
        _ => None,
    }
}

/// One line of a program association table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramAssociation {
    /// Number of the program; never 0 (which would name the network information table).
    pub program_number: u16,
    /// Where the program's map is.
    pub map_pid: u16,
}

/// What a stream is, by its stream type and descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// H.264 video.
    H264,
    /// AAC in ADTS frames.
    AacAdts,
    /// AAC in LATM frames.
    AacLatm,
    /// H.265 video.
    H265,
    /// AC-3 audio.
    Ac3,
    /// E-AC-3 audio.
    Eac3,
    /// ID3 tags in PES packets (Apple's "Timed Metadata for HTTP Live Streaming").
    Id3,
    /// SCTE-35 sections.
    Scte35,
    /// KLV metadata in access unit cells, each with its time (MISB ST 1402, synchronous).
    KlvSynchronous,
    /// KLV metadata as it comes (MISB ST 1402, asynchronous).
    KlvAsynchronous,
    /// DVB subtitles.
    DvbSubtitles,
    /// DVB teletext.
    DvbTeletext,
    /// Encrypted with SAMPLE-AES (Apple's stream types 0xCF, 0xDB and others).
    SampleAes,
    /// Anything else.
    Other,
}

impl StreamKind {
    /// Video that is packaged.
    pub fn is_video(self) -> bool {
        matches!(self, StreamKind::H264 | StreamKind::H265)
    }

    /// Audio that is packaged.
    pub fn is_audio(self) -> bool {
        matches!(self, StreamKind::AacAdts | StreamKind::Ac3 | StreamKind::Eac3)
    }
}

/// One elementary stream of a program map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamDescription {
    /// Where it is.
    pub pid: u16,
    /// `stream_type`, ISO 13818-1 table 2-34.
    pub stream_type: u8,
    /// What that and the descriptors mean.
    pub kind: StreamKind,
    /// The three letters of the ISO 639 language descriptor, if they are lowercase letters.
    pub language: Option<String>,
    /// The stream is HE-AAC, by the profile of its MPEG-4 audio or DVB AAC descriptor.
    pub high_efficiency: Option<HighEfficiency>,
}

/// The program map table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramMap {
    /// The program that it describes.
    pub program_number: u16,
    /// The PID that carries the program clock reference.
    pub pcr_pid: u16,
    /// Its streams, in the order of the table.
    pub streams: Vec<StreamDescription>,
}

/// The table inside a section with the long syntax: checks table id, length and CRC.
///
/// `Err` if broken; `Ok(None)` if it is another table, or one that applies only later (`current_next_indicator` 0).
fn table(section: &[u8], table_id: u8) -> Result<Option<(u16, &[u8])>, BadSection> {
    let [id, flags, _, extension_high, extension_low, version, _, _, rest @ ..] = section else {
        return Err(BadSection);
    };
    if section_size(section) != Some(section.len()) || rest.len() < 4 || crc32(section) != 0 {
        return Err(BadSection);
    }
    if *id != table_id || flags & 0x80 == 0 || version & 1 == 0 {
        return Ok(None);
    }
    let extension = u16::from(*extension_high) << 8 | u16::from(*extension_low);
    Ok(Some((extension, rest.get(..rest.len() - 4).unwrap_or_default())))
}

/// A section whose length, CRC or inner lengths do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("section has a wrong crc or length")]
pub struct BadSection;

/// Reads one section of a program association table; `Ok(None)` if it is none or not current.
pub fn read_program_associations(section: &[u8]) -> Result<Option<Vec<ProgramAssociation>>, BadSection> {
    let Some((_, body)) = table(section, PAT_TABLE_ID)? else { return Ok(None) };
    let (entries, _) = body.as_chunks::<4>();
    let associations = entries.iter().map(|[number_high, number_low, pid_high, pid_low]| ProgramAssociation {
        program_number: u16::from(*number_high) << 8 | u16::from(*number_low),
        map_pid: u16::from(pid_high & 0x1F) << 8 | u16::from(*pid_low),
    });
    Ok(Some(associations.filter(|association| association.program_number != 0).collect()))
}

/// Reads a program map section; `Ok(None)` if it is none or not current.
pub fn read_program_map(section: &[u8]) -> Result<Option<ProgramMap>, BadSection> {
    let Some((program_number, body)) = table(section, PMT_TABLE_ID)? else { return Ok(None) };
    let [pcr_high, pcr_low, length_high, length_low, rest @ ..] = body else { return Err(BadSection) };
    let pcr_pid = u16::from(pcr_high & 0x1F) << 8 | u16::from(*pcr_low);
    let program_info_length = usize::from(length_high & 0x0F) << 8 | usize::from(*length_low);
    let mut rest = rest.get(program_info_length..).ok_or(BadSection)?;
    let mut streams = Vec::new();
    while let [stream_type, pid_high, pid_low, length_high, length_low, after @ ..] = rest {
        let length = usize::from(length_high & 0x0F) << 8 | usize::from(*length_low);
        let descriptors = after.get(..length).ok_or(BadSection)?;
        rest = after.get(length..).ok_or(BadSection)?;
        streams.push(describe(u16::from(pid_high & 0x1F) << 8 | u16::from(*pid_low), *stream_type, descriptors));
    }
    Ok(Some(ProgramMap { program_number, pcr_pid, streams }))
}

fn describe(pid: u16, stream_type: u8, mut descriptors: &[u8]) -> StreamDescription {
    let mut language = None;
    let mut private = StreamKind::Other;
    let mut metadata = StreamKind::Other;
    let mut high_efficiency = None;
    while let [tag, length, after @ ..] = descriptors {
        let Some((body, rest)) = after.split_at_checked(usize::from(*length)) else { break };
        descriptors = rest;
        match (*tag, body) {
            (descriptor::ISO_639_LANGUAGE, [letters @ .., _]) => {
                let letters = letters.get(..3).filter(|letters| letters.iter().all(u8::is_ascii_lowercase));
                language = language.or(letters.and_then(|letters| String::from_utf8(letters.to_vec()).ok()));
            }
            (descriptor::DVB_AC3, _) | (descriptor::REGISTRATION, [b'A', b'C', b'-', b'3', ..]) => {
                private = StreamKind::Ac3
            }
            (descriptor::DVB_EAC3, _) | (descriptor::REGISTRATION, [b'E', b'A', b'C', b'3', ..]) => {
                private = StreamKind::Eac3
            }
            // ISO 13818-1 table 2-72, which ETSI EN 300 468 §H.2.1 refers to.
            (descriptor::MPEG4_AUDIO | descriptor::DVB_AAC, [profile_and_level, ..]) => {
                high_efficiency = match profile_and_level {
                    0x58..=0x5B => Some(HighEfficiency::BandReplication),
                    0x60..=0x63 => Some(HighEfficiency::ParametricStereo),
                    _ => high_efficiency,
                };
            }
            (descriptor::DVB_SUBTITLING, _) => private = StreamKind::DvbSubtitles,
            (descriptor::DVB_TELETEXT, _) => private = StreamKind::DvbTeletext,
            (descriptor::REGISTRATION, [b'H', b'E', b'V', b'C', ..]) => private = StreamKind::H265,
            // metadata_application_format 0xFFFF with its identifier, then metadata_format 0xFF with its identifier.
            (descriptor::METADATA, [0xFF, 0xFF, _, _, _, _, 0xFF, b'I', b'D', b'3', b' ', ..]) => {
                metadata = StreamKind::Id3
            }
            (descriptor::METADATA, [0xFF, 0xFF, _, _, _, _, 0xFF, b'K', b'L', b'V', b'A', ..])
            | (descriptor::METADATA, [0x01, _, 0xFF, b'K', b'L', b'V', b'A', ..]) => {
                metadata = StreamKind::KlvSynchronous
            }
            (descriptor::REGISTRATION, [b'K', b'L', b'V', b'A', ..]) => {
                private = StreamKind::KlvAsynchronous;
                metadata = StreamKind::KlvSynchronous;
            }
            (descriptor::REGISTRATION, [b'C', b'U', b'E', b'I', ..]) => private = StreamKind::Scte35,
            _ => {}
        }
    }
    let kind = match stream_type {
        STREAM_TYPE_H264 => StreamKind::H264,
        STREAM_TYPE_AAC_ADTS => StreamKind::AacAdts,
        STREAM_TYPE_AAC_LATM => StreamKind::AacLatm,
        STREAM_TYPE_H265 => StreamKind::H265,
        STREAM_TYPE_AC3 => StreamKind::Ac3,
        STREAM_TYPE_EAC3 => StreamKind::Eac3,
        STREAM_TYPE_SCTE35 => StreamKind::Scte35,
        STREAM_TYPE_METADATA_PES => metadata,
        STREAM_TYPE_PRIVATE_PES => private,
        0xC1 | 0xC2 | 0xCF | 0xDB => StreamKind::SampleAes,
        _ => StreamKind::Other,
    };
    StreamDescription { pid, stream_type, kind, language, high_efficiency }
}

/// Puts sections together from the payloads of one PID's packets (ISO 13818-1 §2.4.4.1, `pointer_field`).
#[derive(Debug, Default)]
pub struct SectionAssembler {
    partial: Vec<u8>,
    is_open: bool,
}

impl SectionAssembler {
    /// Forgets the section that was begun; packets are missing.
    pub fn lost(&mut self) {
        self.partial.clear();
        self.is_open = false;
    }

    /// Takes the payload of the next packet and calls `whole` with every section that it completes.
    ///
    /// `unit_start` is the packet's `payload_unit_start_indicator`. False if the `pointer_field` points past the
    /// packet or cuts a section short.
    pub fn push(&mut self, payload: &[u8], unit_start: bool, mut whole: impl FnMut(&[u8])) -> bool {
        if !unit_start {
            if self.is_open {
                self.partial.extend_from_slice(payload);
                self.take_whole(&mut whole);
            }
            return true;
        }
        let Some((pointer, rest)) = payload.split_first() else { return false };
        let Some((tail, begin)) = rest.split_at_checked(usize::from(*pointer)) else {
            self.lost();
            return false;
        };
        let mut is_sound = true;
        if self.is_open {
            self.partial.extend_from_slice(tail);
            self.take_whole(&mut whole);
            is_sound = self.partial.is_empty();
        }
        self.partial.clear();
        self.partial.extend_from_slice(begin);
        self.is_open = true;
        self.take_whole(&mut whole);
        is_sound
    }

    fn take_whole(&mut self, whole: &mut impl FnMut(&[u8])) {
        let mut position = 0;
        while let Some(rest) = self.partial.get(position..) {
            // A table id of 0xFF is stuffing up to the end of the packet.
            if rest.is_empty() || rest.first() == Some(&0xFF) {
                self.lost();
                return;
            }
            let Some(section) = section_size(rest).and_then(|size| rest.get(..size)) else { break };
            whole(section);
            position += section.len();
        }
        self.partial.drain(..position.min(self.partial.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(mut section: Vec<u8>) -> Vec<u8> {
        let length = section.len() + 4 - 3;
        section[1] = 0xB0 | (length >> 8) as u8;
        section[2] = length as u8;
        let crc = crc32(&section);
        section.extend_from_slice(&crc.to_be_bytes());
        section
    }

    fn pat() -> Vec<u8> {
        sealed(vec![0, 0, 0, 0, 1, 0xC1, 0, 0, 0, 0, 0xE0, 0x10, 0, 1, 0xF0, 0x00])
    }

    fn pmt(streams: &[u8]) -> Vec<u8> {
        let mut section = vec![2, 0, 0, 0, 1, 0xC1, 0, 0, 0xE1, 0x00, 0xF0, 0x00];
        section.extend_from_slice(streams);
        sealed(section)
    }

    #[test]
    fn the_crc_is_the_one_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0x0376_E6E7);
    }

    #[test]
    fn a_pat_names_its_programs_and_not_the_network() {
        let programs = read_program_associations(&pat()).unwrap().unwrap();
        assert_eq!(programs, [ProgramAssociation { program_number: 1, map_pid: 0x1000 }]);
    }

    #[test]
    fn one_flipped_bit_makes_a_section_bad() {
        for bit in 0..pat().len() * 8 {
            let mut section = pat();
            section[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_program_associations(&section), Err(BadSection), "bit {bit}");
        }
    }

    #[test]
    fn a_pmt_tells_streams_languages_and_kinds() {
        let streams = [
            &[0x1B, 0xE1, 0x00, 0xF0, 0x00][..],
            &[0x0F, 0xE1, 0x01, 0xF0, 0x06, 0x0A, 4, b'd', b'e', b'u', 0],
            &[0x06, 0xE1, 0x02, 0xF0, 0x02, 0x59, 0],
            &[0x06, 0xE1, 0x03, 0xF0, 0x06, 0x05, 4, b'A', b'C', b'-', b'3'],
            &[0x86, 0xE1, 0x04, 0xF0, 0x00],
            &[0x15, 0xE1, 0x05, 0xF0, 0x0D, 0x26, 11, 0xFF, 0xFF, b'I', b'D', b'3', b' ', 0xFF, b'I', b'D', b'3', b' '],
        ]
        .concat();
        let map = read_program_map(&pmt(&streams)).unwrap().unwrap();
        assert_eq!((map.program_number, map.pcr_pid), (1, 0x100));
        let kinds: Vec<StreamKind> = map.streams.iter().map(|stream| stream.kind).collect();
        use StreamKind::*;
        assert_eq!(kinds, [H264, AacAdts, DvbSubtitles, Ac3, Scte35, Id3]);
        assert_eq!(map.streams[1].language.as_deref(), Some("deu"));
    }

    #[test]
    fn descriptors_tell_he_aac() {
        let of = |descriptor: &[u8]| {
            let length = descriptor.len() as u8;
            let map = pmt(&[&[0x0F, 0xE1, 0x01, 0xF0, length], descriptor].concat());
            read_program_map(&map).unwrap().unwrap().streams[0].high_efficiency
        };
        assert_eq!(of(&[0x1C, 1, 0x58]), Some(HighEfficiency::BandReplication));
        assert_eq!(of(&[0x7C, 2, 0x61, 0x7F]), Some(HighEfficiency::ParametricStereo));
        assert_eq!(of(&[0x7C, 2, 0x51, 0x7F]), None, "aac-lc");
        assert_eq!(of(&[0x7C, 0]), None);
    }

    #[test]
    fn descriptors_longer_than_the_section_are_refused() {
        assert_eq!(read_program_map(&pmt(&[0x1B, 0xE1, 0x00, 0xF0, 0x01])), Err(BadSection));
    }

    #[test]
    fn a_table_that_applies_only_later_is_passed_over() {
        let section = sealed(vec![0, 0, 0, 0, 1, 0xC0, 0, 0, 0, 1, 0xF0, 0x00]);
        assert_eq!(read_program_associations(&section), Ok(None));
    }

    #[test]
    fn sections_are_put_together_across_packets_and_taken_apart_within_one() {
        let section = pat();
        let (head, tail) = section.split_at(5);
        let mut found = Vec::new();
        let mut assembler = SectionAssembler::default();
        assert!(assembler.push(&[&[0], head].concat(), true, |section| found.push(section.to_vec())));
        let second = [&[tail.len() as u8], tail, &section, &section, &[0xFF; 20]].concat();
        assert!(assembler.push(&second, true, |section| found.push(section.to_vec())));
        assert_eq!(found, [section.clone(), section.clone(), section.clone()]);
    }

    #[test]
    fn a_pointer_past_the_packet_is_refused() {
        assert!(!SectionAssembler::default().push(&[9, 1, 2], true, |_| panic!("there is no section")));
    }
}
