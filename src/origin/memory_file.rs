//! Packaged segments that are woven anew lie in a file in memory, so that each viewer gets them by `sendfile` as
//! well, without a copy.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{MemfdFlags, memfd_create};

use crate::plane::{BodySlice, FileSlice};

/// Smaller bodies stay in memory: a descriptor would cost more than the copy.
const SMALLEST: usize = 64 * 1024;

/// The bytes as a slice that costs no copy when it is sent.
pub fn sendable(bytes: Bytes) -> BodySlice {
    if bytes.len() < SMALLEST {
        return bytes.into();
    }
    match in_file(&bytes) {
        Ok(file) => FileSlice::new(Arc::new(file), 0, bytes.len()).into(),
        // Out of descriptors, mostly: then it is copied.
        Err(error) => {
            tracing::debug!(%error, "a packaged segment could not be put into a memory file");
            bytes.into()
        }
    }
}

fn in_file(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = File::from(memfd_create("segment", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    #[test]
    fn large_bodies_lie_in_a_file_and_are_the_same() {
        let bytes = Bytes::from((0..200_000u32).map(|index| index as u8).collect::<Vec<_>>());
        let mut slice = sendable(bytes.clone());
        assert!(matches!(slice, BodySlice::File(_)));
        assert!(slice.copy_to_bytes(bytes.len()) == bytes);
        assert!(matches!(sendable(bytes.slice(..100)), BodySlice::Memory(_)));
    }
}
