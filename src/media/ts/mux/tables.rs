//! Program association and program map (ISO 13818-1 §2.4.4).

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
        match stream.language.map(str::as_bytes) {
            Some(&[a, b, c]) if [a, b, c].iter().all(u8::is_ascii_lowercase) => {
                body.extend_from_slice(&[0xF0, 6, descriptor::ISO_639_LANGUAGE, 4, a, b, c, 0]);
            }
            _ => body.extend_from_slice(&[0xF0, 0]),
        }
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

/// Writes a section that fits one packet; the rest of the packet is filled.
pub(super) fn write_section(out: &mut Vec<u8>, pid: u16, counter: u8, section: &[u8]) {
    let end = out.len() + PACKET_SIZE;
    let [high, low] = pid.to_be_bytes();
    out.extend_from_slice(&[SYNC_BYTE, 0x40 | high & 0x1F, low, 0x10 | counter & 0x0F, 0]);
    out.extend_from_slice(section);
    debug_assert!(out.len() <= end, "a table fits one packet");
    out.resize(end, 0xFF);
}
