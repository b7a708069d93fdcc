use super::*;
use crate::media::fault::Fault;

/// A NAL unit of a type from text of 0 and 1; other letters are for the reader's eye.
fn nal(kind: u8, bits: &str) -> Vec<u8> {
    let mut bits: Vec<u8> =
        bits.bytes().filter(|letter| matches!(letter, b'0' | b'1')).map(|letter| letter - b'0').collect();
    bits.push(1);
    bits.resize(bits.len().next_multiple_of(8), 0);
    let bytes = bits.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit));
    [0x60 | kind].into_iter().chain(bytes).collect()
}

/// Main profile, level 3, 176 wide; 128 high, or 256 as two fields.
fn sps(frames_only: bool) -> Vec<u8> {
    let flags = if frames_only { "1" } else { "00" };
    nal(7, &format!("01001101 00000000 00011110 1 1 011 010 0 0001011 0001000 {flags} 1 0 0"))
}

/// Number 0 for sequence parameter set 0; `variant` makes it differ.
fn pps(variant: &str) -> Vec<u8> {
    nal(8, &format!("1 1 {variant}"))
}

fn slice(kind: u8, is_first: bool, rest: &str) -> Vec<u8> {
    nal(kind, &format!("{} {rest} 1010101", if is_first { "1" } else { "010" }))
}

const INTRA: &str = "0001000 1 0000";
const PREDICTED: &str = "00110 1 0001";
const DELIMITER: &[u8] = &[0x09, 0xF0];

fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
}

fn lengths(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes(), *nal].concat()).collect()
}

fn run(packets: &[(Vec<u8>, Option<u64>)]) -> (Vec<ElementarySegment>, Vec<Fault>) {
    run_syntax::<AvcSyntax>(packets)
}

fn run_syntax<S: VideoSyntax>(packets: &[(Vec<u8>, Option<u64>)]) -> (Vec<ElementarySegment>, Vec<Fault>) {
    let mut faults = Faults::default();
    let mut units = VideoUnits::<S>::new(256, 0);
    for (data, time) in packets {
        let mut buffer = [b"header", data.as_slice()].concat();
        let range = 6..buffer.len();
        units.push(&mut buffer, range, time.map(|time| Stamp { pts: time + 10, dts: time }), &mut faults).unwrap();
    }
    let segments = units.finish(None, &mut faults).unwrap().unwrap();
    (segments, faults.into_vec())
}

fn durations(segment: &ElementarySegment) -> Vec<u32> {
    segment.samples.iter().map(|sample| sample.duration).collect()
}

#[test]
fn delimiters_and_parameter_sets_are_taken_out_and_slices_kept_together() {
    let (first, second) = (slice(5, true, INTRA), slice(5, false, INTRA));
    let data = annex_b(&[DELIMITER, &sps(true), &pps("0"), &first, &second]);
    let (segments, faults) = run(&[(data, Some(1000))]);
    assert_eq!(faults, []);
    assert_eq!(segments[0].payload, lengths(&[&first, &second]));
    let CodecConfig::Avc(config) = &segments[0].config else { panic!("video") };
    assert_eq!((config.width, config.height, config.picture_parameter_sets.len()), (176, 128, 1));
    assert_eq!(durations(&segments[0]), [3600], "a single sample whose rate nothing tells");
    assert_eq!((segments[0].wire_decode_time, segments[0].samples[0].composition_offset), (1000, 10));
}

#[test]
fn several_access_units_of_one_packet_are_spread_up_to_the_next_timestamp() {
    let (key, other) = (slice(5, true, INTRA), slice(1, true, PREDICTED));
    let first = annex_b(&[DELIMITER, &sps(true), &pps("0"), &key, DELIMITER, &other, DELIMITER, &other]);
    let second = annex_b(&[DELIMITER, &other]);
    let (segments, _) = run(&[(first, Some(0)), (second, Some(900))]);
    assert_eq!(durations(&segments[0]), [300; 4]);
    assert_eq!(
        segments[0].samples.iter().map(|sample| sample.is_sync).collect::<Vec<_>>(),
        [true, false, false, false]
    );
}

#[test]
fn an_access_unit_may_lie_across_packets_without_timestamps() {
    let (key, other) = (slice(5, true, &INTRA.repeat(9)), slice(1, true, PREDICTED));
    let whole = annex_b(&[DELIMITER, &sps(true), &pps("0"), &key]);
    let next = annex_b(&[DELIMITER, &other]);
    let expected = run(&[(whole.clone(), Some(0)), (next.clone(), Some(500))]);
    for cut in 4..whole.len() {
        let (head, tail) = whole.split_at(cut);
        let found = run(&[(head.to_vec(), Some(0)), (tail.to_vec(), None), (next.clone(), Some(500))]);
        assert_eq!(found, expected, "cut at {cut}");
    }
}

#[test]
fn one_packet_per_slice_is_one_sample() {
    let (first, second) = (slice(5, true, INTRA), slice(5, false, INTRA));
    let packets = [
        (annex_b(&[DELIMITER, &sps(true), &pps("0"), &first]), Some(0)),
        (annex_b(&[&second]), Some(0)),
        (annex_b(&[DELIMITER, &slice(1, true, PREDICTED)]), Some(700)),
    ];
    let (segments, faults) = run(&packets);
    assert_eq!((durations(&segments[0]), faults), (vec![700, 700], vec![]));
}

#[test]
fn two_fields_of_a_frame_are_one_sample() {
    let field = |kind: u8, frame: &str, parity: char| slice(kind, true, &format!("0001000 1 {frame} 1 {parity}"));
    let packets = [
        (annex_b(&[DELIMITER, &sps(false), &pps("0"), &field(5, "0000", '0')]), Some(0)),
        (annex_b(&[DELIMITER, &field(1, "0000", '1')]), Some(1800)),
        (annex_b(&[DELIMITER, &field(1, "0001", '0')]), Some(3600)),
        (annex_b(&[DELIMITER, &field(1, "0001", '1')]), Some(5400)),
        (annex_b(&[DELIMITER, &slice(1, true, "0001000 1 0010 0")]), Some(7200)),
    ];
    let (segments, faults) = run(&packets);
    assert_eq!((durations(&segments[0]), faults), (vec![3600; 3], vec![]));
    assert!(segments[0].samples[0].is_sync);
}

#[test]
fn a_picture_parameter_set_that_changes_with_an_idr_picture_begins_a_new_segment() {
    let key = slice(5, true, INTRA);
    let unit = |set: &[u8]| annex_b(&[DELIMITER, &sps(true), set, &key]);
    let packets = [(unit(&pps("0")), Some(0)), (unit(&pps("0")), Some(400)), (unit(&pps("1")), Some(800))];
    let (segments, faults) = run(&packets);
    assert_eq!(faults, []);
    assert_eq!(segments.iter().map(|segment| segment.wire_decode_time).collect::<Vec<_>>(), [0, 800]);
    assert_eq!(durations(&segments[0]), [400, 400], "the last sample lasts until the next segment");
    assert_ne!(segments[0].config, segments[1].config);
}

#[test]
fn a_picture_parameter_set_that_changes_without_an_idr_picture_stays_in_the_samples() {
    let (key, other) = (slice(5, true, INTRA), slice(1, true, PREDICTED));
    let packets = [
        (annex_b(&[DELIMITER, &sps(true), &pps("0"), &key]), Some(0)),
        (annex_b(&[DELIMITER, &pps("1"), &other]), Some(400)),
        (annex_b(&[DELIMITER, &sps(true), &pps("0"), &key]), Some(800)),
    ];
    let (segments, faults) = run(&packets);
    assert_eq!((segments.len(), faults), (1, vec![]));
    assert_eq!(segments[0].payload, lengths(&[&key, &pps("1"), &other, &pps("0"), &key]));
}

#[test]
fn without_idr_pictures_the_first_recovery_point_is_the_sync_sample() {
    let sei: &[u8] = &[0x06, 0x06, 0x01, 0xC4, 0x80];
    let packets = [
        (annex_b(&[DELIMITER, &sps(true), &pps("0"), &slice(1, true, PREDICTED)]), Some(0)),
        (annex_b(&[DELIMITER, sei, &slice(1, true, INTRA)]), Some(400)),
        (annex_b(&[DELIMITER, sei, &slice(1, true, INTRA)]), Some(800)),
    ];
    let (segments, faults) = run(&packets);
    assert_eq!(segments[0].samples.iter().map(|sample| sample.is_sync).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [FaultKind::NoSyncSampleAtStart]);
}

#[test]
fn a_stream_without_parameter_sets_has_no_samples_to_describe() {
    let mut faults = Faults::default();
    let mut units = VideoUnits::<AvcSyntax>::new(256, 0);
    let mut data = annex_b(&[DELIMITER, &slice(5, true, INTRA)]);
    let range = 0..data.len();
    units.push(&mut data, range, Some(Stamp { pts: 0, dts: 0 }), &mut faults).unwrap();
    assert_eq!(units.finish(None, &mut faults), Ok(None));
}

#[test]
fn a_configuration_that_changes_with_every_picture_is_refused() {
    let mut faults = Faults::default();
    let mut units = VideoUnits::<AvcSyntax>::new(256, 0);
    let mut result = Ok(());
    for index in 0..40u64 {
        let set = pps(if index % 2 == 0 { "0" } else { "1" });
        let mut data = annex_b(&[DELIMITER, &sps(true), &set, &slice(5, true, INTRA)]);
        let range = 0..data.len();
        let stamp = Stamp { pts: index * 3600, dts: index * 3600 };
        result = result.and(units.push(&mut data, range, Some(stamp), &mut faults));
    }
    assert_eq!(result, Err(TooManyPieces));
}

/// User data of ATSC A/53 (`GA94`, `cc_data`): two bytes of CEA-608 "hi", in an SEI message of type 4.
const CAPTIONS: [u8; 17] =
    [0x04, 0x0E, 0xB5, 0x00, 0x31, b'G', b'A', b'9', b'4', 0x03, 0x41, 0xFF, 0xFC, b'h', b'i', 0xFF, 0x80];

#[test]
fn captions_stay_in_the_samples_of_h264() {
    let captions = [&[0x06][..], &CAPTIONS].concat();
    let key = slice(5, true, INTRA);
    let data = annex_b(&[DELIMITER, &sps(true), &pps("0"), &captions, &key]);
    let (segments, faults) = run(&[(data, Some(0))]);
    assert_eq!((segments[0].payload.as_ref(), faults), (lengths(&[&captions, &key]).as_slice(), vec![]));
}

/// x265, 320x180, Main 10.
const HEVC_SETS: [&[u8]; 3] = [
    &[
        0x40, 0x01, 0x0C, 0x01, 0xFF, 0xFF, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00,
        0x03, 0x00, 0x3C, 0x95, 0x90, 0x09,
    ],
    &[
        0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3C,
        0xA0, 0x0A, 0x08, 0x0C, 0x1F, 0x3B, 0x65, 0x95, 0x91, 0x29, 0x30, 0xBC, 0x05, 0xA8, 0x48, 0x80, 0x48, 0x20,
        0x00, 0x00, 0x7D, 0x20, 0x00, 0x0B, 0xB8, 0x01,
    ],
    &[0x44, 0x01, 0xC0, 0x73, 0xC1, 0x89],
];
const HEVC_DELIMITER: &[u8] = &[0x46, 0x01, 0x50];

/// A slice segment of H.265; the highest bit of its first byte says whether it is the first of its picture.
fn hevc_slice(kind: u8, is_first: bool, content: u8) -> Vec<u8> {
    vec![kind << 1, 0x01, if is_first { 0x80 } else { 0x20 } | 1, content]
}

#[test]
fn h265_access_units_are_cut_and_captions_stay_in_them() {
    let captions = [&[0x4E, 0x01][..], &CAPTIONS].concat();
    let (idr, rest_of_idr) = (hevc_slice(19, true, 7), hevc_slice(19, false, 8));
    let (trail, suffix, other_layer) =
        (hevc_slice(1, true, 9), vec![0x50, 0x01, 0x84, 0x80], vec![0x02, 0x09, 0x81, 5]);
    let [vps, sps, pps] = HEVC_SETS;
    let first = annex_b(&[HEVC_DELIMITER, vps, sps, pps, &captions, &idr, &rest_of_idr, &suffix]);
    let second = annex_b(&[HEVC_DELIMITER, &trail, &other_layer]);
    let (segments, faults) = run_syntax::<HevcSyntax>(&[(first, Some(0)), (second, Some(3750))]);
    assert_eq!(faults, []);
    let [segment] = segments.as_slice() else { panic!("one segment") };
    assert_eq!(segment.payload, lengths(&[&captions, &idr, &rest_of_idr, &suffix, &trail, &other_layer]));
    assert_eq!(segment.samples.iter().map(|sample| sample.is_sync).collect::<Vec<_>>(), [true, false]);
    let CodecConfig::Hevc(config) = &segment.config else { panic!("h.265") };
    assert_eq!(config.video_parameter_sets, [vps]);
    assert_eq!(
        (config.sequence_parameter_sets.as_slice(), config.picture_parameter_sets.as_slice()),
        (&[Bytes::from_static(sps)][..], &[Bytes::from_static(pps)][..])
    );
}

#[test]
fn a_new_picture_parameter_set_of_h265_at_a_random_access_point_begins_a_new_segment() {
    let [vps, sps, pps] = HEVC_SETS;
    let other = [&pps[..5], &[0x8B]].concat();
    let unit = |set: &[u8], kind: u8| annex_b(&[HEVC_DELIMITER, vps, sps, set, &hevc_slice(kind, true, 7)]);
    let packets = [(unit(pps, 19), Some(0)), (unit(&other, 21), Some(400))];
    let (segments, faults) = run_syntax::<HevcSyntax>(&packets);
    assert_eq!((segments.len(), faults), (2, vec![]));
    assert_ne!(segments[0].config, segments[1].config);
}
