//! Writes boxes; the size of a box is put in when it is closed (ISO 14496-12 §4.2).

/// A buffer that boxes are appended to.
pub(super) struct BoxWriter {
    bytes: Vec<u8>,
}

impl BoxWriter {
    /// An empty buffer with room for `capacity` bytes.
    pub(super) fn with_capacity(capacity: usize) -> BoxWriter {
        BoxWriter { bytes: Vec::with_capacity(capacity) }
    }

    /// A box of type `kind` with what `fill` writes into it.
    ///
    /// Callers keep boxes below 4 GiB: payload never goes through here, and sample counts are limited first.
    pub(super) fn boxed(&mut self, kind: &[u8; 4], fill: impl FnOnce(&mut BoxWriter)) {
        let start = self.bytes.len();
        self.u32(0);
        self.bytes.extend_from_slice(kind);
        fill(self);
        let size = self.bytes.len().saturating_sub(start);
        debug_assert!(u32::try_from(size).is_ok(), "a box is smaller than 4 GiB");
        self.patch_u32(start, size as u32);
    }

    /// A box that starts with a version and 24 flags.
    pub(super) fn full_box(&mut self, kind: &[u8; 4], version: u8, flags: u32, fill: impl FnOnce(&mut BoxWriter)) {
        self.boxed(kind, |writer| {
            writer.u32(u32::from(version) << 24 | flags & 0x00FF_FFFF);
            fill(writer);
        });
    }

    /// Where the next byte goes.
    pub(super) fn position(&self) -> usize {
        self.bytes.len()
    }

    /// Overwrites the four bytes at `position`.
    pub(super) fn patch_u32(&mut self, position: usize, value: u32) {
        if let Some(place) = self.bytes.get_mut(position..position.saturating_add(4)) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u24(&mut self, value: u32) {
        let [_, high, middle, low] = value.to_be_bytes();
        self.bytes.extend_from_slice(&[high, middle, low]);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    pub(super) fn zeros(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len().saturating_add(count), 0);
    }

    /// What was written.
    pub(super) fn finish(self) -> bytes::Bytes {
        self.bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_boxes_know_their_sizes() {
        let mut writer = BoxWriter::with_capacity(0);
        writer.boxed(b"outr", |writer| {
            writer.full_box(b"innr", 1, 0x0203, |writer| writer.u24(0x010203));
            writer.u8(9);
        });
        assert_eq!(writer.finish().as_ref(), b"\0\0\0\x18outr\0\0\0\x0Finnr\x01\0\x02\x03\x01\x02\x03\x09");
    }
}
