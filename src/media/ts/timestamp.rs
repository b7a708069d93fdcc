//! 33-bit timestamps of 90 kHz, which wrap every 26.5 hours (ISO 13818-1 §2.4.3.7).

/// One more than the largest timestamp.
pub const TIMESTAMP_MODULUS: u64 = 1 << 33;

/// `later − earlier` on the circle of 33 bits, as the shorter way round: −2³² up to 2³² − 1.
///
/// Both may be any number; only their low 33 bits count.
pub fn difference(later: u64, earlier: u64) -> i64 {
    let distance = later.wrapping_sub(earlier) % TIMESTAMP_MODULUS;
    let distance = i64::try_from(distance).unwrap_or(0);
    if distance >= 1 << 32 { distance - (1 << 33) } else { distance }
}

/// `timestamp + ticks` on the circle of 33 bits.
pub fn add(timestamp: u64, ticks: i64) -> u64 {
    timestamp.wrapping_add_signed(ticks) % TIMESTAMP_MODULUS
}

/// Reads the five bytes of a PTS or DTS in a PES header, 90 kHz:
///
/// ```text
/// prefix 4 bits, timestamp 32..30, marker 1
/// timestamp 29..15, marker 1
/// timestamp 14..0, marker 1
/// ```
///
/// `None` if one of the three marker bits is 0.
pub fn read(field: [u8; 5]) -> Option<u64> {
    let [a, b, c, d, e] = field.map(u64::from);
    if a & c & e & 1 == 0 {
        return None;
    }
    Some((a & 0x0E) << 29 | b << 22 | (c & 0xFE) << 14 | d << 7 | e >> 1)
}

/// Writes the five bytes of a PTS or DTS; `prefix` is 2 for a PTS alone, 3 for a PTS before a DTS, 1 for that DTS.
/// Only the low 33 bits of the timestamp and the low 4 bits of the prefix count.
pub fn write(prefix: u8, timestamp: u64) -> [u8; 5] {
    let bits = |shift: u32, mask: u64| ((timestamp >> shift) & mask) as u8;
    [prefix << 4 | bits(30, 7) << 1 | 1, bits(22, 0xFF), bits(15, 0x7F) << 1 | 1, bits(7, 0xFF), bits(0, 0x7F) << 1 | 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_goes_the_shorter_way_round() {
        assert_eq!(difference(3, 1), 2);
        assert_eq!(difference(1, 3), -2);
        assert_eq!(difference(5, TIMESTAMP_MODULUS - 5), 10);
        assert_eq!(difference(TIMESTAMP_MODULUS - 5, 5), -10);
        assert_eq!(difference(1 << 32, 0), -(1 << 32));
        assert_eq!(difference((1 << 32) - 1, 0), (1 << 32) - 1);
    }

    #[test]
    fn adding_wraps_both_ways() {
        assert_eq!(add(TIMESTAMP_MODULUS - 1, 2), 1);
        assert_eq!(add(1, -2), TIMESTAMP_MODULUS - 1);
    }

    #[test]
    fn what_is_written_is_read() {
        for timestamp in [0, 1, 90_000, 0x1_5555_5555, TIMESTAMP_MODULUS - 1] {
            assert_eq!(read(write(2, timestamp)), Some(timestamp));
        }
        assert_eq!(write(2, 0), [0x21, 0x00, 0x01, 0x00, 0x01]);
        assert_eq!(write(3, TIMESTAMP_MODULUS - 1), [0x3F, 0xFF, 0xFF, 0xFF, 0xFF]);
    }

    #[test]
    fn a_missing_marker_bit_is_refused() {
        assert_eq!(read([0x20, 0x00, 0x01, 0x00, 0x01]), None);
    }
}
