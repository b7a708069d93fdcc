//! Any bytes as packed audio: `cargo +nightly fuzz run packed_audio` in the repository's root.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use openmediapackage::media::packed_audio;

fuzz_target!(|data: &[u8]| {
    let _ = packed_audio::demux(&Bytes::copy_from_slice(data));
});
