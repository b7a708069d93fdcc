//! Byte ranges of segments, RFC 9110 §14.

use crate::plane::BodySlice;

/// What a `Range` header asks of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: there is no range, or one that we may ignore (another unit, several ranges, not understood).
    Whole,
    /// Bytes from the first to the last, inclusive.
    Part {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
    },
    /// Nothing that exists.
    Unsatisfiable,
}

/// Reads a `Range` header for a body of `length` bytes. Several ranges get the whole body: no player asks for them,
/// and answering them would multiply bytes for whoever does.
pub fn wanted(header: &str, length: u64) -> Wanted {
    let Some(range) = header.trim().strip_prefix("bytes=") else { return Wanted::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::Whole };
    let number = |text: &str| {
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number beyond 64 bits is beyond every end.
        is_digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (None, Some(suffix)) if first.is_empty() => match suffix.min(length) {
            0 => Wanted::Unsatisfiable,
            suffix => Wanted::Part { first: length - suffix, last: length - 1 },
        },
        (Some(first), None) if last.is_empty() && first < length => Wanted::Part { first, last: length - 1 },
        (Some(_), None) if last.is_empty() => Wanted::Unsatisfiable,
        (Some(first), Some(last)) if first > last => Wanted::Whole,
        (Some(first), Some(_)) if first >= length => Wanted::Unsatisfiable,
        (Some(first), Some(last)) => Wanted::Part { first, last: last.min(length - 1) },
        _ => Wanted::Whole,
    }
}

/// The bytes from `first` to `last`, inclusive, of a body in slices; nothing is copied.
pub fn cut(slices: &[BodySlice], first: u64, last: u64) -> Vec<BodySlice> {
    let mut position = 0u64;
    let mut cut = Vec::new();
    for slice in slices {
        let length = slice.len() as u64;
        let from = first.saturating_sub(position).min(length);
        let to = (last + 1).saturating_sub(position).min(length);
        if from < to {
            cut.push(slice.slice(from as usize, to as usize));
        }
        position += length;
    }
    cut
}

#[cfg(test)]
mod tests {
    use bytes::{Buf, Bytes};

    use super::*;

    #[test]
    fn single_ranges_are_understood() {
        assert_eq!(wanted("bytes=0-99", 1000), Wanted::Part { first: 0, last: 99 });
        assert_eq!(wanted("bytes=990-", 1000), Wanted::Part { first: 990, last: 999 });
        assert_eq!(wanted("bytes=-10", 1000), Wanted::Part { first: 990, last: 999 });
        assert_eq!(wanted("bytes=-5000", 1000), Wanted::Part { first: 0, last: 999 });
        assert_eq!(wanted("bytes=5-99999999999999999999999", 1000), Wanted::Part { first: 5, last: 999 });
        assert_eq!(wanted("bytes=1000-", 1000), Wanted::Unsatisfiable);
        assert_eq!(wanted("bytes=-0", 1000), Wanted::Unsatisfiable);
        assert_eq!(wanted("bytes=0-0", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn what_is_no_single_range_gets_everything() {
        for header in ["bytes=0-1,5-6", "items=0-5", "bytes=x-y", "bytes=5-1", "bytes=-", "bytes", "bytes=--5"] {
            assert_eq!(wanted(header, 1000), Wanted::Whole, "{header}");
        }
    }

    #[test]
    fn a_part_is_cut_across_slices() {
        let slices = [b"abc", b"def", b"ghi"].map(|part| BodySlice::from(Bytes::from_static(part)));
        let joined = |first, last| {
            let part = cut(&slices, first, last);
            part.into_iter().flat_map(|mut slice| slice.copy_to_bytes(slice.len())).collect::<Vec<u8>>()
        };
        assert_eq!(joined(0, 8), b"abcdefghi");
        assert_eq!(joined(2, 6), b"cdefg");
        assert_eq!(joined(3, 3), b"d");
    }
}
