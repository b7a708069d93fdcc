//! Any bytes as a transport stream: `cargo +nightly fuzz run demux` in the repository's root.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use openmediapackage::media::{stored, ts};

fuzz_target!(|data: &[u8]| {
    let Ok(segment) = ts::demux(&Bytes::copy_from_slice(data)) else { return };
    let parts = stored::encode(&segment.tracks).expect("what was read can be stored");
    assert!(stored::decode(Bytes::from(parts.concat())).as_ref() == Ok(&segment.tracks));
});
