//! Replays the fuzz targets' corpus, so that what once was found stays fixed without the fuzzer at hand.

use std::fs;

use bytes::Bytes;
use openmediapackage::media::scte35::SpliceInfoSection;
use openmediapackage::media::{packed_audio, stored, ts};

fn corpus(target: &str) -> Vec<(String, Bytes)> {
    let mut files: Vec<(String, Bytes)> = fs::read_dir(format!("fuzz/corpus/{target}"))
        .expect("the corpus is there")
        .map(|entry| entry.expect("the folder is readable").path())
        .map(|path| (path.display().to_string(), Bytes::from(fs::read(&path).expect("the file is readable"))))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn every_transport_stream_is_read_and_stored_or_refused() {
    let mut read = 0;
    for (name, bytes) in corpus("demux") {
        if let Ok(segment) = ts::demux(&bytes) {
            let parts = stored::encode(&segment.tracks).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(stored::decode(parts.concat().into()), Ok(segment.tracks), "{name}");
            read += 1;
        }
    }
    assert!(read > 0, "some of the corpus is whole enough to be read");
}

#[test]
fn every_packed_audio_file_is_read_or_refused() {
    let read = corpus("packed_audio").iter().filter(|(_, bytes)| packed_audio::demux(bytes).is_ok()).count();
    assert!(read > 0, "some of the corpus is whole enough to be read");
}

#[test]
fn every_stored_segment_is_read_or_refused() {
    let read = corpus("stored").iter().filter(|(_, bytes)| stored::decode(bytes.clone()).is_ok()).count();
    assert!(read > 0, "some of the corpus is whole enough to be read");
}

#[test]
fn every_splice_info_section_is_read_and_written_or_refused() {
    let mut read = 0;
    for (name, bytes) in corpus("scte35") {
        let section = [&bytes[..], &ts::psi::crc32(&bytes).to_be_bytes()].concat();
        if let Ok(cue) = SpliceInfoSection::read(&section) {
            let written = cue.write().unwrap_or_else(|| panic!("{name} cannot be written"));
            assert_eq!(SpliceInfoSection::read(&written), Ok(cue), "{name}");
            read += 1;
        }
    }
    assert!(read > 0, "some of the corpus is whole enough to be read");
}
