//! Program association and program map (ISO 13818-1 §2.4.4).

use super::packets::PAYLOAD_SIZE;
use super::{PROGRAM_MAP_PID, Stream};
use crate::media::ts::packet::{PACKET_SIZE, SYNC_BYTE};
use crate::media::ts::psi::{self, crc32, descriptor};

/// The one program of the segment.
const PROGRAM_NUMBER: u16 = 1;

/// The section that says where the program map is.
pub(super) fn program_association() -> Vec<u8> {
    let mut body = Vec::with_capacity(4);
    body.extend_from_slice(&PROGRAM_NUMBER.to_be_bytes());
    body.extend_from_slice(&(0xE000 | PROGRAM_MAP_PID).to_be_bytes());
    section(psi::PAT_TABLE_ID, 1, &body)
}

/// The section that says what the streams are.
pub(super) fn program_map(clock_pid: u16, streams: &[Stream<'_>]) -> Vec<u8> {
    let mut body = Vec::with_capacity(4 + streams.len() * 11);
    body.extend_from_slice(&(0xE000 | clock_pid).to_be_bytes());
    body.extend_from_slice(&0xF000u16.to_be_bytes()); // no descriptors of the program
    for stream in streams {
        body.push(stream.stream_type);
        body.extend_from_slice(&(0xE000 | stream.pid).to_be_bytes());
        let mut descriptors = Vec::with_capacity(12);
        if let Some(identifier) = stream.registration {
            descriptors.extend_from_slice(&[descriptor::REGISTRATION, 4]);
            descriptors.extend_from_slice(identifier);
        }
        if let Some(&[a, b, c]) = stream.language.map(str::as_bytes)
            && [a, b, c].iter().all(u8::is_ascii_lowercase)
        {
            descriptors.extend_from_slice(&[descriptor::ISO_639_LANGUAGE, 4, a, b, c, 0]);
        }
        // At most 12 bytes.
        body.extend_from_slice(&(0xF000 | descriptors.len() as u16).to_be_bytes());
        body.extend_from_slice(&descriptors);
    }
    section(psi::PMT_TABLE_ID, PROGRAM_NUMBER, &body)
}

/// A section with the long syntax.
///
/// Its version is made from what it says, since no state tells when it last changed: other content has, 31 times out
/// of 32, another version, and equal content always the same.
fn section(table_id: u8, table_id_extension: u16, body: &[u8]) -> Vec<u8> {
    let length = body.len() + 9;
    let version = (crc32(body) & 0x1F) as u8;
    let mut section = Vec::with_capacity(length + 3);
    section.push(table_id);
    section.extend_from_slice(&(0xB000 | length as u16 & 0x0FFF).to_be_bytes());
    section.extend_from_slice(&table_id_extension.to_be_bytes());
    section.extend_from_slice(&[0xC1 | version << 1, 0, 0]);
    section.extend_from_slice(body);
    let crc = crc32(&section);
    section.extend_from_slice(&crc.to_be_bytes());
    section
}

/// Packets that a section takes, its pointer field included.
pub(super) fn section_packets(section: &[u8]) -> usize {
    (section.len() + 1).div_ceil(PAYLOAD_SIZE)
}

/// Writes a section; the rest of its last packet is filled.
///
/// Counters go on from segment to segment as long as the section keeps its number of packets.
pub(super) fn write_section(out: &mut Vec<u8>, pid: u16, sequence_number: u64, section: &[u8]) {
    let [high, low] = pid.to_be_bytes();
    let first = sequence_number.wrapping_mul(section_packets(section) as u64);
    let payload = [&[0], section].concat(); // pointer_field
    for (index, chunk) in payload.chunks(PAYLOAD_SIZE).enumerate() {
        let end = out.len() + PACKET_SIZE;
        let start = if index == 0 { 0x40 } else { 0 };
        let counter = (first.wrapping_add(index as u64) & 0x0F) as u8;
        out.extend_from_slice(&[SYNC_BYTE, start | high & 0x1F, low, 0x10 | counter]);
        out.extend_from_slice(chunk);
        out.resize(end, 0xFF);
    }
}
