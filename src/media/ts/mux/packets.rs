//! PES packets into transport packets (ISO 13818-1 §2.4.3.2).

use super::units::{LONGEST_PES_HEADER, Unit, first_field_size};
use crate::media::ts::packet::SYNC_BYTE;

/// Bytes of a packet after its four-byte header.
pub(super) const PAYLOAD_SIZE: usize = 184;
/// Adaptation field with nothing but flags: length, flags.
pub(super) const RANDOM_ACCESS_FIELD_SIZE: usize = 2;
/// Adaptation field with a program clock reference: length, flags, six bytes.
pub(super) const CLOCK_FIELD_SIZE: usize = 8;

const RANDOM_ACCESS: u8 = 0x40;
const HAS_CLOCK: u8 = 0x10;
const STUFFING: [u8; PAYLOAD_SIZE] = [0xFF; PAYLOAD_SIZE];

/// Writes the packets of one PID and counts them.
pub(super) struct Packetizer {
    pid: u16,
    counter: u8,
}

impl Packetizer {
    /// The next packet with payload has counter 0.
    pub(super) fn new(pid: u16) -> Packetizer {
        Packetizer { pid, counter: 0 }
    }

    /// Writes one PES packet, `pes`, to the number of packets that its unit says.
    ///
    /// `clock` is the program clock in ticks of 90 kHz, of which 33 bits are written.
    pub(super) fn write_unit(&mut self, out: &mut Vec<u8>, pes: &[u8], unit: &Unit, clock: Option<u64>) {
        let mut rest = pes;
        for index in 0..unit.packets {
            let field = if index == 0 { first_field_size(clock.is_some(), unit.is_sync) } else { 0 };
            let room = PAYLOAD_SIZE - field;
            let share = match unit.is_spread {
                false => rest.len(),
                // Some readers expect the whole PES header in the first packet.
                true if index == 0 => {
                    let spare = rest.len().saturating_sub(unit.packets - 1);
                    rest.len().div_ceil(unit.packets).max(LONGEST_PES_HEADER.min(spare))
                }
                true => rest.len().div_ceil(unit.packets - index),
            };
            let (payload, after) = rest.split_at(share.min(room).min(rest.len()));
            rest = after;
            let stuffing = room - payload.len();
            self.write_header(out, index == 0, field + stuffing > 0);
            match (field, stuffing) {
                (0, 0) => {}
                (0, 1) => out.push(0),
                (0, _) => {
                    out.extend_from_slice(&[(stuffing - 1) as u8, 0]);
                    out.extend_from_slice(&STUFFING[..stuffing - 2]);
                }
                _ => {
                    let flags = if unit.is_sync { RANDOM_ACCESS } else { 0 };
                    write_field(out, flags, clock, stuffing);
                }
            }
            out.extend_from_slice(payload);
        }
        debug_assert!(rest.is_empty(), "the packets hold the unit");
    }

    /// Writes a packet without payload, for its program clock reference. Such a packet does not count.
    pub(super) fn write_clock_only(&self, out: &mut Vec<u8>, clock: u64) {
        let [high, low] = self.pid.to_be_bytes();
        let counter = self.counter.wrapping_sub(1) & 0x0F;
        out.extend_from_slice(&[SYNC_BYTE, high & 0x1F, low, 0x20 | counter]);
        write_field(out, 0, Some(clock), PAYLOAD_SIZE - CLOCK_FIELD_SIZE);
    }

    fn write_header(&mut self, out: &mut Vec<u8>, starts_unit: bool, has_field: bool) {
        let [high, low] = self.pid.to_be_bytes();
        let start = if starts_unit { 0x40 } else { 0 };
        let control = if has_field { 0x30 } else { 0x10 };
        out.extend_from_slice(&[SYNC_BYTE, start | high & 0x1F, low, control | self.counter]);
        self.counter = (self.counter + 1) & 0x0F;
    }
}

/// An adaptation field with flags, maybe a clock reference, and stuffing.
fn write_field(out: &mut Vec<u8>, flags: u8, clock: Option<u64>, stuffing: usize) {
    let clock_size = if clock.is_some() { 6 } else { 0 };
    out.push((1 + clock_size + stuffing) as u8);
    match clock {
        None => out.push(flags),
        Some(clock) => {
            out.push(flags | HAS_CLOCK);
            // 33 bits of base, six reserved bits, nine bits of extension: 0.
            let field = (clock & 0x1_FFFF_FFFF) << 15 | 0x7E00;
            let [_, _, bytes @ ..] = field.to_be_bytes();
            out.extend_from_slice(&bytes);
        }
    }
    out.extend_from_slice(&STUFFING[..stuffing]);
}
