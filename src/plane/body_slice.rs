//! A part of an answer's body: bytes in memory, or a range of a file that the kernel sends by itself.
//!
//! HTTP is hyper's, and hyper wants to see bytes. A file's range shows it a placeholder of the same length instead;
//! the server's socket recognises the placeholder by its address and sends the file's bytes with `sendfile(2)`, so
//! that payload goes from the page cache to the socket without a copy in between. Whoever collects a body in memory
//! gets the file's bytes as well: [`Buf::copy_to_bytes`] and [`Buf::copy_to_slice`] read them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

/// What a file's range shows of itself: at most so many bytes at once. Never read.
static PLACEHOLDER: [u8; 512 * 1024] = [0; 512 * 1024];

/// Whether these bytes stand for the next ones of a file.
pub fn is_placeholder(bytes: &[u8]) -> bool {
    PLACEHOLDER.as_ptr_range().contains(&bytes.as_ptr())
}

/// A range of an open file whose bytes never change.
#[derive(Debug, Clone)]
pub struct FileSlice {
    file: Arc<File>,
    offset: u64,
    length: usize,
}

impl FileSlice {
    /// `length` bytes from `offset` on; the file must have them.
    pub fn new(file: Arc<File>, offset: u64, length: usize) -> Self {
        FileSlice { file, offset, length }
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where the range begins in the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes in the range.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The range has no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Drops so many bytes at the front.
    pub fn advance(&mut self, count: usize) {
        let count = count.min(self.length);
        self.offset += count as u64;
        self.length -= count;
    }

    /// All its bytes.
    pub fn load(&self) -> std::io::Result<Bytes> {
        let mut bytes = BytesMut::zeroed(self.length);
        self.file.read_exact_at(&mut bytes, self.offset)?;
        Ok(bytes.freeze())
    }

    fn read(&self, into: &mut [u8]) {
        // `Buf` has no errors; whoever must know of them uses `load`.
        if let Err(error) = self.file.read_exact_at(into, self.offset) {
            tracing::error!(%error, offset = self.offset, "a stored file could not be read to its end");
        }
    }
}

/// A part of an answer's body.
#[derive(Debug, Clone)]
pub enum BodySlice {
    /// Bytes in memory.
    Memory(Bytes),
    /// Bytes of a file.
    File(FileSlice),
}

impl BodySlice {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            BodySlice::Memory(bytes) => bytes.len(),
            BodySlice::File(slice) => slice.len(),
        }
    }

    /// It has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part of it from `from` to `to` (exclusive), which it must have; nothing is copied.
    pub fn slice(&self, from: usize, to: usize) -> BodySlice {
        match self {
            BodySlice::Memory(bytes) => BodySlice::Memory(bytes.slice(from..to)),
            BodySlice::File(slice) => {
                let mut part = slice.clone();
                part.length = to.min(part.length);
                part.advance(from);
                BodySlice::File(part)
            }
        }
    }
}

impl From<Bytes> for BodySlice {
    fn from(bytes: Bytes) -> Self {
        BodySlice::Memory(bytes)
    }
}

impl From<FileSlice> for BodySlice {
    fn from(slice: FileSlice) -> Self {
        BodySlice::File(slice)
    }
}

impl Buf for BodySlice {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        match self {
            BodySlice::Memory(bytes) => bytes,
            BodySlice::File(slice) => &PLACEHOLDER[..slice.len().min(PLACEHOLDER.len())],
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            BodySlice::Memory(bytes) => bytes.advance(count),
            BodySlice::File(slice) => slice.advance(count),
        }
    }

    fn copy_to_slice(&mut self, into: &mut [u8]) {
        match self {
            BodySlice::Memory(bytes) => bytes.copy_to_slice(into),
            BodySlice::File(slice) => {
                slice.read(into);
                slice.advance(into.len());
            }
        }
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        match self {
            BodySlice::Memory(bytes) => bytes.copy_to_bytes(count),
            BodySlice::File(_) => {
                let mut copy = BytesMut::zeroed(count.min(self.len()));
                self.copy_to_slice(&mut copy);
                copy.freeze()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> Arc<File> {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), bytes).unwrap();
        Arc::new(File::open(path.path()).unwrap())
    }

    #[test]
    fn collecting_reads_the_file() {
        let mut slice = BodySlice::from(FileSlice::new(file(b"0123456789"), 2, 6));
        assert_eq!(slice.remaining(), 6);
        assert_eq!(slice.copy_to_bytes(2), "23");
        assert_eq!(slice.copy_to_bytes(4), "4567");
        assert!(!slice.has_remaining());
    }

    #[test]
    fn a_part_of_a_part_is_where_it_should_be() {
        let slice = BodySlice::from(FileSlice::new(file(b"0123456789"), 2, 6));
        assert_eq!(slice.slice(1, 5).slice(1, 3).copy_to_bytes(2), "45");
        assert_eq!(BodySlice::from(Bytes::from_static(b"abcdef")).slice(1, 3).copy_to_bytes(2), "bc");
    }

    #[test]
    fn only_a_files_chunk_is_a_placeholder() {
        let slice = BodySlice::from(FileSlice::new(file(b"0123456789"), 0, 10));
        assert!(is_placeholder(slice.chunk()));
        assert_eq!(slice.chunk().len(), 10);
        assert!(!is_placeholder(BodySlice::from(Bytes::from_static(b"abc")).chunk()));
    }
}
