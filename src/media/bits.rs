//! Bits, the first one highest, as codec headers have them.

/// Bytes one after another.
trait Bytes {
    fn next_byte(&mut self) -> Option<u8>;
}

/// Whole bytes, and what is left of the current one.
#[derive(Debug, Clone)]
struct Cursor<B> {
    bytes: B,
    current: u8,
    left: u8,
}

impl<B: Bytes> Cursor<B> {
    fn new(bytes: B) -> Cursor<B> {
        Cursor { bytes, current: 0, left: 0 }
    }

    fn bits(&mut self, count: u8) -> Option<u32> {
        let mut value = 0u32;
        let mut wanted = count;
        while wanted > 0 {
            if self.left == 0 {
                self.current = self.bytes.next_byte()?;
                self.left = 8;
            }
            let taken = wanted.min(self.left);
            self.left -= taken;
            wanted -= taken;
            let mask = ((1u16 << taken) - 1) as u8;
            value = value << taken | u32::from(self.current >> self.left & mask);
        }
        Some(value)
    }

    fn skip(&mut self, mut count: usize) -> Option<()> {
        while count > 0 {
            let step = count.min(32) as u8;
            self.bits(step)?;
            count -= usize::from(step);
        }
        Some(())
    }
}

/// Plain bytes.
#[derive(Debug, Clone)]
struct Plain<'a>(&'a [u8]);

impl Bytes for Plain<'_> {
    fn next_byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
}

/// Bits of plain bytes. Reads past the end give `None`.
#[derive(Debug, Clone)]
pub struct Bits<'a> {
    cursor: Cursor<Plain<'a>>,
    total: usize,
}

impl<'a> Bits<'a> {
    /// From the first bit of `bytes` on.
    pub fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { cursor: Cursor::new(Plain(bytes)), total: bytes.len() }
    }

    /// The next `count` bits (at most 32), the first of them highest.
    pub fn bits(&mut self, count: u8) -> Option<u32> {
        self.cursor.bits(count)
    }

    /// The next bit.
    pub fn flag(&mut self) -> Option<bool> {
        Some(self.bits(1)? == 1)
    }

    /// Passes over bits.
    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.cursor.skip(count)
    }

    /// Bits that were read so far.
    pub fn position(&self) -> usize {
        (self.total - self.cursor.bytes.0.len()) * 8 - usize::from(self.cursor.left)
    }

    /// Passes over what is left of the byte.
    pub fn align(&mut self) {
        self.cursor.left = 0;
    }
}

/// Bytes of a NAL unit without emulation prevention bytes.
#[derive(Debug, Clone)]
struct Unescaped<'a> {
    bytes: &'a [u8],
    zeros: u8,
}

impl Bytes for Unescaped<'_> {
    fn next_byte(&mut self) -> Option<u8> {
        let (mut byte, mut rest) = self.bytes.split_first()?;
        if self.zeros >= 2 && *byte == 3 {
            (byte, rest) = rest.split_first()?;
            self.zeros = 0;
        }
        self.bytes = rest;
        self.zeros = if *byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        Some(*byte)
    }
}

/// Bits of a NAL unit after its header, with emulation prevention bytes taken out (ISO 14496-10 §7.3.1, ISO 23008-2
/// §7.3.1.1). Reads past the end give `None`.
#[derive(Debug, Clone)]
pub struct RbspBits<'a> {
    cursor: Cursor<Unescaped<'a>>,
}

impl<'a> RbspBits<'a> {
    /// From a whole NAL unit, of which the first `header_size` bytes are its header: 1 in H.264, 2 in H.265.
    pub fn new(nal: &'a [u8], header_size: usize) -> RbspBits<'a> {
        let bytes = nal.get(header_size..).unwrap_or_default();
        RbspBits { cursor: Cursor::new(Unescaped { bytes, zeros: 0 }) }
    }

    /// The next `count` bits (at most 32), the first of them highest.
    pub fn bits(&mut self, count: u8) -> Option<u32> {
        self.cursor.bits(count)
    }

    /// The next bit.
    pub fn flag(&mut self) -> Option<bool> {
        Some(self.bits(1)? == 1)
    }

    /// Passes over bits.
    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.cursor.skip(count)
    }

    /// An unsigned Exp-Golomb code, `ue(v)` of ISO 14496-10 §9.1, up to 2³² − 2.
    pub fn unsigned(&mut self) -> Option<u32> {
        let mut leading_zeros = 0u8;
        while self.bits(1)? == 0 {
            leading_zeros += 1;
            if leading_zeros > 31 {
                return None;
            }
        }
        let suffix = self.bits(leading_zeros)?;
        Some((1u32 << leading_zeros) - 1 + suffix)
    }

    /// A signed Exp-Golomb code, `se(v)` of ISO 14496-10 §9.1.1: 0, 1, −1, 2, −2 and so on.
    pub fn signed(&mut self) -> Option<i64> {
        let code = i64::from(self.unsigned()?);
        Some(if code % 2 == 1 { code / 2 + 1 } else { -(code / 2) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_and_aligned() {
        let mut bits = Bits::new(&[0b1010_0110, 0xFF, 0x12, 0x34, 0x56, 0x78]);
        assert_eq!((bits.bits(3), bits.flag(), bits.position()), (Some(5), Some(false), 4));
        bits.align();
        assert_eq!((bits.position(), bits.bits(8)), (8, Some(0xFF)));
        assert_eq!((bits.bits(32), bits.bits(1)), (Some(0x1234_5678), None));
        assert_eq!((bits.bits(0), bits.skip(1)), (Some(0), None));
    }

    #[test]
    fn emulation_prevention_bytes_are_no_bits() {
        let mut bits = RbspBits::new(&[0x67, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0x03, 0x00], 1);
        assert_eq!(bits.bits(32), Some(1 << 8));
        assert_eq!(bits.bits(16), Some(0));
        assert_eq!(bits.bits(1), None);
    }

    #[test]
    fn exponential_golomb_codes_are_read() {
        // 1 | 010 | 011 | 00100 | 00101
        let bytes = [0, 0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut bits = RbspBits::new(&bytes, 1);
        assert_eq!((0..5).map(|_| bits.unsigned()).collect::<Vec<_>>(), [Some(0), Some(1), Some(2), Some(3), Some(4)]);
        let mut bits = RbspBits::new(&bytes, 1);
        assert_eq!((0..5).map(|_| bits.signed()).collect::<Vec<_>>(), [Some(0), Some(1), Some(-1), Some(2), Some(-2)]);
        assert_eq!(RbspBits::new(&[0, 0, 0, 0, 0, 1], 1).unsigned(), None, "more than 31 leading zeros");
    }
}
