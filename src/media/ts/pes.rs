//! PES packets (ISO 13818-1 §2.4.3.6): the header in front of access units.
//!
//! ```text
//! packet_start_code_prefix 0x000001      24 bits
//! stream_id                               8
//! PES_packet_length                      16   bytes after this field; 0 (video only): up to the next one
//! '10', PES_scrambling_control 2, priority, data_alignment_indicator, copyright, original_or_copy
//! PTS_DTS_flags 2, other flags 6
//! PES_header_data_length                  8   bytes after this field, stuffing included
//! PTS 40, DTS 40, …
//! ```

use super::timestamp;

/// `stream_id` of the first video stream.
pub const STREAM_ID_VIDEO: u8 = 0xE0;
/// `stream_id` of the first audio stream.
pub const STREAM_ID_AUDIO: u8 = 0xC0;
/// `stream_id` of private data with the full header; used for AC-3, subtitles and metadata.
pub const STREAM_ID_PRIVATE_1: u8 = 0xBD;

/// What a PES header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PesHeader {
    /// Kind and number of the stream.
    pub stream_id: u8,
    /// Size of header and data together, if it is announced: `PES_packet_length` + 6.
    pub packet_size: Option<usize>,
    /// The data is scrambled (`PES_scrambling_control` is not 0).
    pub scrambled: bool,
    /// Presentation time of the first access unit that begins in this packet, 33 bits, 90 kHz.
    pub pts: Option<u64>,
    /// Its decoding time where it differs.
    pub dts: Option<u64>,
    /// Where the data begins, counted from the start code prefix.
    pub data_start: usize,
}

/// Why a PES header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PesError {
    /// Shorter than its header says.
    #[error("pes packet ends within its header")]
    Truncated,
    /// No 0x000001 at the start.
    #[error("pes packet begins with {0:02x?} instead of the start code 000001")]
    StartCode([u8; 3]),
    /// The two marker bits after the length are not '10'.
    #[error("pes packet of stream id {0:#04x} has no '10' after its length")]
    Marker(u8),
    /// `PTS_DTS_flags` is 1, which is forbidden, or the header has no room for what it announces, or a marker bit is 0.
    #[error("pes packet of stream id {0:#04x} has a broken timestamp")]
    Timestamp(u8),
}

impl PesHeader {
    /// Reads the header at the start of a PES packet.
    ///
    /// Padding and the few kinds of stream that have no flags after the length (ISO 13818-1 table 2-21) are not
    /// elementary streams of HLS and are refused by [`PesError::Marker`], unless their first data bits are '10'.
    pub fn read(packet: &[u8]) -> Result<PesHeader, PesError> {
        let [a, b, c, stream_id, length_high, length_low, first_flags, second_flags, header_length, rest @ ..] = packet
        else {
            return Err(PesError::Truncated);
        };
        if [*a, *b, *c] != [0, 0, 1] {
            return Err(PesError::StartCode([*a, *b, *c]));
        }
        if first_flags & 0xC0 != 0x80 {
            return Err(PesError::Marker(*stream_id));
        }
        let fields = rest.get(..usize::from(*header_length)).ok_or(PesError::Truncated)?;
        let broken = PesError::Timestamp(*stream_id);
        let stamp = |field: &[u8; 5]| timestamp::read(*field).ok_or(broken);
        let (pts, dts) = match second_flags >> 6 {
            0 => (None, None),
            1 => return Err(broken),
            2 => (Some(stamp(fields.first_chunk().ok_or(broken)?)?), None),
            _ => {
                let (pts, after) = fields.split_first_chunk().ok_or(broken)?;
                (Some(stamp(pts)?), Some(stamp(after.first_chunk().ok_or(broken)?)?))
            }
        };
        let length = usize::from(*length_high) << 8 | usize::from(*length_low);
        Ok(PesHeader {
            stream_id: *stream_id,
            packet_size: (length > 0).then_some(length + 6),
            scrambled: first_flags & 0x30 != 0,
            pts,
            dts,
            data_start: 9 + usize::from(*header_length),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(flags: u8, fields: &[u8]) -> Vec<u8> {
        [&[0, 0, 1, 0xE0, 0, 0, 0x80, flags, fields.len() as u8], fields].concat()
    }

    #[test]
    fn reads_pts_and_dts_and_passes_over_stuffing() {
        let fields = [&timestamp::write(3, 180_000)[..], &timestamp::write(1, 90_000), &[0xFF; 4]].concat();
        let read = PesHeader::read(&header(0xC0, &fields)).unwrap();
        assert_eq!((read.pts, read.dts), (Some(180_000), Some(90_000)));
        assert_eq!((read.data_start, read.packet_size, read.stream_id), (23, None, 0xE0));
    }

    #[test]
    fn an_announced_length_includes_the_six_bytes_before_it() {
        let mut packet = header(0, &[]);
        packet[5] = 100;
        assert_eq!(PesHeader::read(&packet).unwrap().packet_size, Some(106));
    }

    #[test]
    fn every_shorter_prefix_is_truncated() {
        let whole = header(0x80, &timestamp::write(2, 1));
        for length in 0..whole.len() {
            assert_eq!(PesHeader::read(&whole[..length]), Err(PesError::Truncated), "length {length}");
        }
        assert!(PesHeader::read(&whole).is_ok());
    }

    #[test]
    fn forbidden_flags_and_missing_room_for_timestamps_are_refused() {
        assert_eq!(PesHeader::read(&header(0x40, &[0; 10])), Err(PesError::Timestamp(0xE0)));
        assert_eq!(PesHeader::read(&header(0x80, &[0x21, 0, 1, 0])), Err(PesError::Timestamp(0xE0)));
        assert_eq!(PesHeader::read(&header(0xC0, &timestamp::write(3, 0))), Err(PesError::Timestamp(0xE0)));
        assert_eq!(PesHeader::read(&header(0x80, &[0; 5])), Err(PesError::Timestamp(0xE0)));
    }

    #[test]
    fn another_start_is_refused() {
        let mut packet = header(0, &[]);
        packet[2] = 2;
        assert_eq!(PesHeader::read(&packet), Err(PesError::StartCode([0, 0, 2])));
    }
}
