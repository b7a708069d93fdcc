//! Reading fields one after another; an error names the field that is cut off.

use super::Scte35Error;

/// What is left of a section, a command or a descriptor.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Fields { rest: bytes }
    }

    /// Bytes that are left.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn bytes(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], Scte35Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Scte35Error::Truncated(field))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// A big-endian number of `length` bytes, 8 at most.
    pub(super) fn number(&mut self, length: usize, field: &'static str) -> Result<u64, Scte35Error> {
        Ok(self.bytes(length, field)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, Scte35Error> {
        Ok(self.number(1, field)? as u8)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, Scte35Error> {
        Ok(self.number(2, field)? as u16)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, Scte35Error> {
        Ok(self.number(4, field)? as u32)
    }
}
