//! Any bytes as a splice_info_section, with the CRC made right: `cargo +nightly fuzz run scte35` in the repository's
//! root.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openmediapackage::media::scte35::SpliceInfoSection;
use openmediapackage::media::ts::psi::crc32;

fuzz_target!(|data: &[u8]| {
    let mut section = data.to_vec();
    section.extend(crc32(data).to_be_bytes());
    let Ok(read) = SpliceInfoSection::read(&section) else { return };
    // What was read has a canonical form that says the same.
    if let Some(written) = read.write() {
        assert!(SpliceInfoSection::read(&written).as_ref() == Ok(&read));
    }
});
