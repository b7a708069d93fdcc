//! Moves a transport stream segment in time: PTS, DTS and PCR by one distance, continuity counters carried on.
//!
//! Nothing else changes, and no byte moves, so that a loop of segments becomes an endless stream.

use std::collections::BTreeMap;

use crate::media::ts::packet::{PACKET_SIZE, PacketHeader};
use crate::media::ts::timestamp;

/// Bits of the adaptation field's flags (ISO 13818-1 §2.4.3.4).
const PCR_FLAG: u8 = 0x10;
const OPCR_FLAG: u8 = 0x08;

/// Per packet identifier, the continuity counter of its next packet with payload, 0 to 15.
///
/// A counter that is not there begins at 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContinuityCounters {
    next: BTreeMap<u16, u8>,
}

impl ContinuityCounters {
    /// The counters after `segments` have been sent `rounds` times and then `more` once, from the beginning of time.
    ///
    /// Counters are modulo 16 and so are the numbers of packets: no history is needed.
    pub fn after<'a>(
        rounds: u64,
        segments: impl IntoIterator<Item = &'a [u8]>,
        more: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let rounds = (rounds % 16) as u8;
        let mut counters = ContinuityCounters::default();
        for segment in segments {
            counters.count(segment, rounds);
        }
        for segment in more {
            counters.count(segment, 1);
        }
        counters
    }

    /// Counts each of the segment's packets with payload `times` times.
    fn count(&mut self, segment: &[u8], times: u8) {
        for packet in segment.as_chunks::<PACKET_SIZE>().0 {
            if let Some(header) = PacketHeader::read(packet)
                && header.has_payload
            {
                let next = self.next.entry(header.pid).or_default();
                *next = next.wrapping_add(times) % 16;
            }
        }
    }

    /// The counter for a packet of this identifier: packets without payload repeat the last one (§2.4.3.3).
    fn take(&mut self, header: &PacketHeader) -> u8 {
        let next = self.next.entry(header.pid).or_default();
        if !header.has_payload {
            return next.wrapping_sub(1) % 16;
        }
        let counter = *next;
        *next = (counter + 1) % 16;
        counter
    }
}

/// The segment, `ticks` of 90 kHz later; `counters` are those before it and become those after it.
///
/// Timestamps wrap at 33 bits. What is not a transport stream packet, and what comes after the last whole one, is
/// passed on as it is.
pub fn restamp(segment: &[u8], ticks: i64, counters: &mut ContinuityCounters) -> Vec<u8> {
    let mut restamped = segment.to_vec();
    for packet in restamped.as_chunks_mut::<PACKET_SIZE>().0 {
        let Some(header) = PacketHeader::read(packet) else { continue };
        let [_, _, _, fourth, ..] = packet;
        *fourth = *fourth & 0xF0 | counters.take(&header);
        move_clock_references(packet, ticks);
        if header.unit_start
            && let Some(payload) = packet.get_mut(header.payload_start..)
        {
            move_pes_timestamps(payload, ticks);
        }
    }
    restamped
}

/// Moves PCR and OPCR: 33 bits of 90 kHz, 6 reserved bits, 9 bits of 27 MHz that stay.
fn move_clock_references(packet: &mut [u8; PACKET_SIZE], ticks: i64) {
    let [_, _, _, control, length, flags, fields @ ..] = packet;
    if *control & 0x20 == 0 || *length == 0 {
        return;
    }
    let mut fields = fields.get_mut(..usize::from(*length) - 1).unwrap_or_default();
    for flag in [PCR_FLAG, OPCR_FLAG] {
        if *flags & flag == 0 {
            continue;
        }
        let Some((field, rest)) = fields.split_first_chunk_mut::<6>() else { return };
        let [a, b, c, d, e, low] = field.map(u64::from);
        let base = a << 25 | b << 17 | c << 9 | d << 1 | e >> 7;
        let moved = timestamp::add(base, ticks) << 15 | (e & 0x7F) << 8 | low;
        let [_, _, bytes @ ..] = moved.to_be_bytes();
        *field = bytes;
        fields = rest;
    }
}

/// Moves PTS and DTS if a PES packet with such a header begins here (§2.4.3.6).
fn move_pes_timestamps(payload: &mut [u8], ticks: i64) {
    let [0, 0, 1, stream_id, _, _, marker, flags, _, fields @ ..] = payload else { return };
    // Private stream 1, audio and video; the other streams that HLS knows have no such header.
    if !matches!(stream_id, 0xBD | 0xC0..=0xEF) || *marker & 0xC0 != 0x80 {
        return;
    }
    let stamps = match *flags >> 6 {
        2 => 1,
        3 => 2,
        _ => 0,
    };
    for field in fields.as_chunks_mut::<5>().0.iter_mut().take(stamps) {
        let prefix = field[0] >> 4;
        if let Some(stamp) = timestamp::read(*field) {
            *field = timestamp::write(prefix, timestamp::add(stamp, ticks));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ts::timestamp::TIMESTAMP_MODULUS;

    fn packet(start: &[u8]) -> Vec<u8> {
        let mut packet = vec![0xFF; PACKET_SIZE];
        packet[..start.len()].copy_from_slice(start);
        packet
    }

    /// A packet of PID 0x100 with PCR, and a PES header with PTS and DTS.
    fn video_packet(clock: u64, extension: u16, presentation: u64, decoding: u64) -> Vec<u8> {
        let mut start = vec![0x47, 0x41, 0x00, 0x35, 7, 0x10];
        start.extend_from_slice(&(clock << 15 | 0x7E00 | u64::from(extension)).to_be_bytes()[2..]);
        start.extend_from_slice(&[0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10]);
        start.extend_from_slice(&timestamp::write(3, presentation));
        start.extend_from_slice(&timestamp::write(1, decoding));
        packet(&start)
    }

    #[test]
    fn clock_and_timestamps_move_together_and_nothing_else_does() {
        let moved = restamp(&video_packet(1_000, 299, 5_000, 2_000), 90_000, &mut ContinuityCounters::default());
        let mut expected = video_packet(91_000, 299, 95_000, 92_000);
        expected[3] = 0x30;
        assert_eq!(moved, expected);
    }

    #[test]
    fn timestamps_wrap_at_33_bits() {
        let last = TIMESTAMP_MODULUS - 1;
        let moved = restamp(&video_packet(last, 0, last, last - 10), 5, &mut ContinuityCounters::default());
        let mut expected = video_packet(4, 0, 4, last - 5);
        expected[3] = 0x30;
        assert_eq!(moved, expected);
        let back = restamp(&moved, -5, &mut ContinuityCounters::default());
        let mut original = video_packet(last, 0, last, last - 10);
        original[3] = 0x30;
        assert_eq!(back, original);
    }

    #[test]
    fn counters_count_payload_per_identifier_and_repeat_without_payload() {
        let stream = [
            packet(&[0x47, 0x01, 0x00, 0x1F]),
            packet(&[0x47, 0x02, 0x00, 0x1F]),
            packet(&[0x47, 0x01, 0x00, 0x2F, 183, 0x00]),
            packet(&[0x47, 0x01, 0x00, 0x1F]),
        ]
        .concat();
        let mut counters = ContinuityCounters::after(15, [stream.as_slice()], []);
        let counted: Vec<u8> = restamp(&stream, 0, &mut counters).chunks(PACKET_SIZE).map(|at| at[3] & 0x0F).collect();
        assert_eq!(counted, [14, 15, 14, 15]);
        assert_eq!(counters, ContinuityCounters::after(16, [stream.as_slice()], []));
    }

    #[test]
    fn what_is_no_transport_stream_is_passed_on() {
        let text = b"#EXTM3U\n".repeat(50);
        assert_eq!(restamp(&text, 90_000, &mut ContinuityCounters::default()), text);
        // An adaptation field too short for the clock reference that it announces.
        let short = packet(&[0x47, 0x01, 0x00, 0x20, 3, 0x18, 1, 2]);
        assert_eq!(restamp(&short, 90_000, &mut ContinuityCounters::default())[4..], short[4..]);
    }
}
