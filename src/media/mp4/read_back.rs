//! Everything written is read back by crate mp4-atom; `tests/rendered_media.rs` does the same with ffprobe.

use bytes::Bytes;
use mp4_atom::{Any, Codec, Decode, Moof, Moov};
use proptest::prelude::*;

use super::*;
use crate::media::codec::{AacConfig, AvcConfig, CodecConfig};
use crate::media::sample::Sample;

fn avc() -> CodecConfig {
    CodecConfig::Avc(AvcConfig {
        sequence_parameter_sets: vec![Bytes::from_static(
            b"\x67\x64\x00\x0d\xac\xd9\x41\x41\x9f\x9f\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\x20\xf1\x42\x99\x60",
        )],
        picture_parameter_sets: vec![Bytes::from_static(b"\x68\xef\xbc\xb0")],
        profile_idc: 100,
        constraint_flags: 0,
        level_idc: 13,
        width: 320,
        height: 180,
        sample_aspect_ratio: (4, 3),
        frame_rate: Some((25, 1)),
    })
}

fn aac() -> CodecConfig {
    CodecConfig::Aac(AacConfig {
        audio_specific_config: Bytes::from_static(&[0x11, 0x90]),
        object_type: 2,
        sampling_rate: 48_000,
        channels: 2,
    })
}

fn boxes(mut bytes: &[u8]) -> Vec<Any> {
    let mut boxes = Vec::new();
    while !bytes.is_empty() {
        boxes.push(Any::decode(&mut bytes).expect("the box is readable"));
    }
    boxes
}

fn movie(bytes: &[u8]) -> Moov {
    boxes(bytes).into_iter().find_map(|any| if let Any::Moov(moov) = any { Some(moov) } else { None }).unwrap()
}

#[test]
fn an_avc_init_segment_reads_back() {
    let config = avc();
    let init = init_segment(&InitTrack { track_id: 7, timescale: 25_000, language: None, config: &config }).unwrap();
    let Some(Any::Ftyp(ftyp)) = boxes(&init).into_iter().next() else { panic!("the first box is ftyp") };
    assert_eq!(ftyp.major_brand, b"iso6".into());
    assert!(ftyp.compatible_brands.contains(&b"cmfc".into()));
    let moov = movie(&init);
    let track = &moov.trak[0];
    assert_eq!((track.tkhd.track_id, track.mdia.mdhd.timescale), (7, 25_000));
    assert_eq!(track.mdia.mdhd.language, "und");
    assert_eq!(track.tkhd.width.integer(), 426, "320 stretched by 4:3");
    let Codec::Avc1(avc1) = &track.mdia.minf.stbl.stsd.codecs[0] else { panic!("the sample entry is avc1") };
    assert_eq!((avc1.visual.width, avc1.visual.height), (320, 180));
    assert_eq!(avc1.avcc.sequence_parameter_sets[0].len(), 26);
    assert_eq!(avc1.avcc.ext.as_ref().map(|ext| (ext.chroma_format, ext.bit_depth_luma)), Some((1, 8)));
    assert!(avc1.pasp.is_some());
    assert_eq!(moov.mvex.unwrap().trex[0].track_id, 7);
}

#[test]
fn an_aac_init_segment_reads_back() {
    let config = aac();
    let track = InitTrack { track_id: 1, timescale: 48_000, language: Some("deu"), config: &config };
    let moov = movie(&init_segment(&track).unwrap());
    let media = &moov.trak[0].mdia;
    assert_eq!(media.mdhd.language, "deu");
    let Codec::Mp4a(mp4a) = &media.minf.stbl.stsd.codecs[0] else { panic!("the sample entry is mp4a") };
    assert_eq!((mp4a.audio.channel_count, mp4a.audio.sample_rate.integer()), (2, 48_000));
    assert_eq!(mp4a.esds.es_desc.dec_config.dec_specific.as_ref().unwrap().raw, [0x11, 0x90]);
}

#[test]
fn a_configuration_that_the_format_cannot_carry_is_refused() {
    let CodecConfig::Avc(mut avc) = avc() else { unreachable!() };
    avc.picture_parameter_sets.clear();
    let config = CodecConfig::Avc(avc.clone());
    let track = InitTrack { track_id: 1, timescale: 1, language: None, config: &config };
    assert!(matches!(init_segment(&track), Err(Mp4WriteError::ParameterSet { what: "picture", .. })));
    avc.picture_parameter_sets = vec![Bytes::from_static(b"\x68"); 256];
    let config = CodecConfig::Avc(avc.clone());
    let track = InitTrack { track_id: 1, timescale: 1, language: None, config: &config };
    assert!(matches!(init_segment(&track), Err(Mp4WriteError::TooLarge { value: 256, limit: 255, .. })));
    avc.picture_parameter_sets.truncate(1);
    avc.sequence_parameter_sets = vec![Bytes::from_static(b"\x67\x64")];
    let config = CodecConfig::Avc(avc);
    let track = InitTrack { track_id: 1, timescale: 1, language: None, config: &config };
    assert!(matches!(init_segment(&track), Err(Mp4WriteError::ParameterSet { what: "sequence", .. })));
    let config = aac();
    let track = InitTrack { track_id: 1, timescale: 0, language: None, config: &config };
    assert_eq!(init_segment(&track), Err(Mp4WriteError::ZeroTimescale { track_id: 1 }));
}

/// What a reader makes of the fragment: its samples with all defaults applied, and where the payload starts.
fn read_fragment(header: &[u8]) -> (Moof, Vec<Sample>, usize) {
    let mut rest = header;
    let Any::Styp(_) = Any::decode(&mut rest).unwrap() else { panic!("the first box is styp") };
    let start = header.len() - rest.len();
    let moof = Moof::decode(&mut rest).unwrap();
    let traf = &moof.traf[0];
    let run = &traf.trun[0];
    let samples = run
        .samples
        .iter()
        .map(|entry| Sample {
            size: entry.size.or(traf.tfhd.default_sample_size).unwrap(),
            duration: entry.duration.or(traf.tfhd.default_sample_duration).unwrap(),
            composition_offset: i32::try_from(entry.cts.unwrap_or(0)).unwrap(),
            is_sync: entry.flags.or(traf.tfhd.default_sample_flags).unwrap() & 0x1_0000 == 0,
        })
        .collect();
    let payload = start + usize::try_from(run.data_offset.unwrap()).unwrap();
    (moof, samples, payload)
}

#[test]
fn equal_audio_frames_need_no_field_but_their_sizes() {
    let samples: Vec<Sample> = (0..4)
        .map(|index| Sample { size: 300 + index, duration: 1_024, composition_offset: 0, is_sync: true })
        .collect();
    let fragment = Fragment { sequence_number: 9, track_id: 2, decode_time: 1 << 40, samples: &samples, events: &[] };
    let header = media_segment_header(&fragment).unwrap();
    let (moof, read, payload) = read_fragment(&header);
    assert_eq!((moof.mfhd.sequence_number, moof.traf[0].tfhd.track_id), (9, 2));
    assert_eq!(moof.traf[0].tfdt.as_ref().unwrap().base_media_decode_time, 1 << 40);
    assert_eq!(read, samples);
    assert_eq!(payload, header.len());
    // styp 20+4, moof 8, mfhd 16, traf 8, tfhd 24, tfdt 20, trun 20 + 4 per sample, mdat 8
    assert_eq!(header.len(), 24 + 8 + 16 + 8 + 24 + 20 + 20 + 16 + 8);
}

#[test]
fn payload_beyond_four_gibibytes_gets_a_long_mdat() {
    let samples = [Sample { size: u32::MAX, duration: 1, composition_offset: 0, is_sync: true }; 2];
    let fragment = Fragment { sequence_number: 1, track_id: 1, decode_time: 0, samples: &samples, events: &[] };
    let header = media_segment_header(&fragment).unwrap();
    assert_eq!(header[header.len() - 8..], (u64::from(u32::MAX) * 2 + 16).to_be_bytes());
    assert_eq!(read_fragment(&header).2, header.len());
}

#[test]
fn a_fragment_without_samples_is_refused() {
    let fragment = Fragment { sequence_number: 1, track_id: 1, decode_time: 5, samples: &[], events: &[] };
    assert_eq!(media_segment_header(&fragment), Err(Mp4WriteError::EmptyFragment { track_id: 1, decode_time: 5 }));
}

proptest! {
    /// Whatever varies, a reader gets the same samples back and finds the payload right behind the header.
    #[test]
    fn every_fragment_reads_back(
        parts in prop::collection::vec((0u32..3, 0u32..3, -2i32..3, any::<bool>()), 1..40),
        decode_time in any::<u64>(),
        sequence_number in any::<u32>(),
    ) {
        let samples: Vec<Sample> = parts
            .iter()
            .map(|(size, duration, offset, is_sync)| Sample {
                size: *size, duration: *duration, composition_offset: *offset, is_sync: *is_sync,
            })
            .collect();
        let fragment = Fragment { sequence_number, track_id: 3, decode_time, samples: &samples, events: &[] };
        let header = media_segment_header(&fragment).unwrap();
        let (moof, read, payload) = read_fragment(&header);
        prop_assert_eq!(read, samples.clone());
        prop_assert_eq!(payload, header.len());
        prop_assert_eq!(moof.traf[0].tfdt.as_ref().unwrap().base_media_decode_time, decode_time);
        let size: u32 = samples.iter().map(|sample| sample.size).sum();
        prop_assert_eq!(&header[header.len() - 8..header.len() - 4], (size + 8).to_be_bytes());
    }
}
