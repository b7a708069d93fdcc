//! Any bytes as a stored segment: `cargo +nightly fuzz run stored` in the repository's root.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use openmediapackage::media::stored;

fuzz_target!(|data: &[u8]| {
    let _ = stored::decode(Bytes::copy_from_slice(data));
});
