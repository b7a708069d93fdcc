use super::syntax::{Ac3, Adts, Eac3};
use super::*;
use crate::media::fault::Fault;
use crate::media::ts::timestamp;

/// An ADTS frame of 48 kHz stereo with this payload.
fn frame(payload: &[u8]) -> Vec<u8> {
    let size = payload.len() + 7;
    let header = [0xFF, 0xF1, 0x4C, 0x80 | (size >> 11) as u8, (size >> 3) as u8, (size << 5) as u8 | 0x1F, 0xFC];
    [&header, payload].concat()
}

/// Ticks of a frame of 48 kHz.
const FRAME: u64 = 1920;

fn run(pieces: &[(&[u8], Option<u64>)]) -> (Vec<ElementarySegment>, Vec<Fault>) {
    let mut faults = Faults::default();
    let mut frames = AudioFrames::<Adts>::new(Some(257), 0);
    for (data, pts) in pieces {
        frames.push(data, *pts, &mut faults).unwrap();
    }
    (frames.finish(Some("deu"), &mut faults).unwrap(), faults.into_vec())
}

fn kinds(faults: &[Fault]) -> Vec<(FaultKind, u32)> {
    faults.iter().map(|fault| (fault.kind, fault.count)).collect()
}

#[test]
fn frames_across_pieces_become_samples_without_headers() {
    let stream = [frame(b"one"), frame(b"second"), frame(b"3")].concat();
    for cut in 0..stream.len() {
        let (head, tail) = stream.split_at(cut);
        let (segments, faults) = run(&[(head, Some(1000)), (tail, None)]);
        assert_eq!(faults, [], "cut at {cut}");
        if cut < 1 {
            // An empty first piece still hands its timestamp to the first frame that begins after it.
            assert_eq!(segments[0].wire_decode_time, 1000);
        }
        assert_eq!(segments.len(), 1);
        assert_eq!(segments[0].payload.as_ref(), b"onesecond3");
        assert_eq!(segments[0].samples.iter().map(|sample| sample.size).collect::<Vec<_>>(), [3, 6, 1]);
        assert_eq!((segments[0].timescale, segments[0].duration()), (48_000, 3 * 1024));
        assert_eq!((segments[0].wire_decode_time, segments[0].language.as_deref()), (1000, Some("deu")));
    }
}

#[test]
fn the_timestamp_belongs_to_the_first_frame_that_begins_in_the_piece() {
    let stream = [frame(b"left over"), frame(b"one"), frame(b"two")].concat();
    let (segments, faults) = run(&[(&stream[4..], Some(90_000))]);
    assert_eq!(kinds(&faults), [(FaultKind::PartialAudioFrameAtStart, 1)]);
    assert_eq!((segments[0].wire_decode_time, segments[0].payload.as_ref()), (90_000, &b"onetwo"[..]));
}

#[test]
fn a_later_timestamp_is_counted_back_to_the_first_frame_across_the_wrap() {
    let (segments, _) = run(&[(&[frame(b"one"), frame(b"two")].concat(), None), (&frame(b"three"), Some(FRAME))]);
    assert_eq!(segments[0].wire_decode_time, timestamp::TIMESTAMP_MODULUS - FRAME);
}

#[test]
fn a_frame_cut_at_the_end_is_dropped() {
    let stream = [frame(b"one"), frame(b"two")].concat();
    let (segments, faults) = run(&[(&stream[..stream.len() - 1], Some(0))]);
    assert_eq!(kinds(&faults), [(FaultKind::PartialAudioFrameAtEnd, 1)]);
    assert_eq!(segments[0].payload.as_ref(), b"one");
}

#[test]
fn a_gap_makes_the_frame_before_it_longer() {
    let (segments, faults) = run(&[(&frame(b"one"), Some(0)), (&frame(b"two"), Some(FRAME + 90_000))]);
    assert_eq!(kinds(&faults), [(FaultKind::AudioGap, 1)]);
    assert_eq!(segments[0].samples.iter().map(|s| s.duration).collect::<Vec<_>>(), [1024 + 48_000, 1024]);
}

#[test]
fn half_a_frame_off_is_no_gap_and_no_overlap() {
    for off in [-960i64, 960] {
        let (segments, faults) =
            run(&[(&frame(b"one"), Some(10_000)), (&frame(b"two"), Some(timestamp::add(10_000 + FRAME, off)))]);
        assert_eq!((segments[0].duration(), faults), (2048, vec![]), "off by {off}");
    }
}

#[test]
fn an_overlap_is_told_once_and_keeps_the_frames_back_to_back() {
    let pieces: Vec<Vec<u8>> = (0..4).map(|_| frame(b"x")).collect();
    let times = [10 * FRAME, 11 * FRAME, 11 * FRAME, 12 * FRAME];
    let pieces: Vec<(&[u8], Option<u64>)> = pieces.iter().zip(times).map(|(p, t)| (p.as_slice(), Some(t))).collect();
    let (segments, faults) = run(&pieces);
    assert_eq!(kinds(&faults), [(FaultKind::AudioOverlap, 1)]);
    assert_eq!((segments.len(), segments[0].duration()), (1, 4 * 1024));
}

#[test]
fn a_jump_of_hours_breaks_the_track() {
    let (segments, faults) = run(&[(&frame(b"one"), Some(0)), (&frame(b"two"), Some(90_000 * 3600))]);
    assert_eq!(kinds(&faults), [(FaultKind::TimestampJump, 1)]);
    assert_eq!(segments.iter().map(|s| s.wire_decode_time).collect::<Vec<_>>(), [0, 90_000 * 3600]);
    assert_eq!(segments[1].payload.as_ref(), b"two");
}

#[test]
fn a_new_configuration_begins_a_new_segment_in_time() {
    let mut mono = frame(b"mono");
    mono[3] = mono[3] & 0x3F | 0x40;
    let (segments, _) = run(&[(&[frame(b"one"), frame(b"two"), mono].concat(), Some(0))]);
    assert_eq!(segments.len(), 2);
    assert_eq!(segments[1].wire_decode_time, 2 * FRAME);
    let CodecConfig::Aac(config) = &segments[1].config else { panic!("audio") };
    assert_eq!(config.channels, 1);
}

#[test]
fn bytes_between_frames_are_skipped() {
    let stream = [frame(b"one"), b"junk \xFF\xF1 junk".to_vec(), frame(b"two"), frame(b"three")].concat();
    let (segments, faults) = run(&[(&stream, Some(0))]);
    assert_eq!(kinds(&faults), [(FaultKind::LostAudioSync, 1)]);
    assert_eq!(segments[0].payload.as_ref(), b"onetwothree");
}

#[test]
fn lost_bytes_drop_the_frame_they_belong_to() {
    let mut faults = Faults::default();
    let mut frames = AudioFrames::<Adts>::new(None, 0);
    let whole = frame(b"whole");
    frames.push(&[&whole[..], &whole[..9]].concat(), Some(0), &mut faults).unwrap();
    frames.lost(&mut faults).unwrap();
    frames.push(&[&whole[..], &whole].concat(), Some(3 * FRAME), &mut faults).unwrap();
    let segments = frames.finish(None, &mut faults).unwrap();
    assert_eq!(segments[0].samples.iter().map(|s| s.duration).collect::<Vec<_>>(), [3 * 1024, 1024, 1024]);
}

#[test]
fn a_stream_without_timestamps_gives_no_segment() {
    let (segments, faults) = run(&[(&frame(b"one"), None)]);
    assert_eq!((segments.len(), kinds(&faults)), (0, vec![(FaultKind::NoTimestamp, 1)]));
}

#[test]
fn a_configuration_that_changes_with_every_frame_is_refused() {
    let mut faults = Faults::default();
    let mut frames = AudioFrames::<Adts>::new(None, 0);
    let mut result = Ok(());
    for index in 0..40 {
        let mut piece = frame(b"x");
        piece[3] = piece[3] & 0x3F | if index % 2 == 0 { 0x40 } else { 0x80 };
        result = result.and(frames.push(&piece, Some(0), &mut faults));
    }
    assert_eq!(result.and(frames.finish(None, &mut faults).map(|_| ())), Err(TooManyPieces));
}

/// A frame of E-AC-3, 48 kHz, stereo: `blocks_code` 0 to 3 for 1, 2, 3 or 6 blocks; 16 bytes.
fn eac3_frame(kind: u8, substream: u8, blocks_code: u8, fill: u8) -> Vec<u8> {
    let start = [0x0B, 0x77, kind << 6 | substream << 3, 7, blocks_code << 4 | 2 << 1, 16 << 3, 0, 0];
    [&start[..], &[fill; 8]].concat()
}

#[test]
fn frames_of_fewer_blocks_and_dependent_ones_become_one_sample() {
    let unit =
        [eac3_frame(0, 0, 2, 1), eac3_frame(1, 0, 2, 2), eac3_frame(0, 0, 2, 3), eac3_frame(1, 0, 2, 4)].concat();
    let mut faults = Faults::default();
    let mut frames = AudioFrames::<Eac3>::new(None, 0);
    let stream = unit.repeat(3);
    // Cut in the middle of a frame.
    frames.push(&stream[..40], Some(0), &mut faults).unwrap();
    frames.push(&stream[40..], None, &mut faults).unwrap();
    let segments = frames.finish(None, &mut faults).unwrap();
    let [segment] = segments.as_slice() else { panic!("one segment") };
    assert_eq!(
        segment.samples.iter().map(|sample| (sample.size, sample.duration)).collect::<Vec<_>>(),
        [(64, 1536); 3]
    );
    assert_eq!(segment.payload, stream);
    let CodecConfig::Eac3(config) = &segment.config else { panic!("e-ac-3") };
    assert_eq!(config.substreams.len(), 1);
    assert_eq!(config.substreams[0].dependent_substreams, 1);
    assert_eq!(faults.into_vec(), []);
}

#[test]
fn part_of_an_access_unit_of_e_ac_3_is_left_out() {
    let mut faults = Faults::default();
    let mut frames = AudioFrames::<Eac3>::new(None, 0);
    let stream = [eac3_frame(0, 0, 3, 1), eac3_frame(0, 0, 2, 2)].concat();
    frames.push(&stream, Some(0), &mut faults).unwrap();
    let segments = frames.finish(None, &mut faults).unwrap();
    assert_eq!(segments[0].payload, stream[..16]);
    assert_eq!(kinds(&faults.into_vec()), [(FaultKind::UnsupportedAudioFrame, 1)]);
}

#[test]
fn frames_of_ac_3_whose_sizes_alternate_are_of_one_configuration() {
    // 32 kbit/s at 44.1 kHz: 69 and 70 words.
    let frame = |code: u8, size: usize| {
        let mut frame = vec![0u8; size];
        frame[..8].copy_from_slice(&[0x0B, 0x77, 0, 0, 0x40 | code, 0x40, 0x40, 0]);
        frame
    };
    let stream = [frame(0, 138), frame(1, 140), frame(0, 138)].concat();
    let mut faults = Faults::default();
    let mut frames = AudioFrames::<Ac3>::new(None, 0);
    frames.push(&stream, Some(0), &mut faults).unwrap();
    let segments = frames.finish(None, &mut faults).unwrap();
    assert_eq!(segments.len(), 1);
    assert_eq!(segments[0].samples.iter().map(|sample| sample.size).collect::<Vec<_>>(), [138, 140, 138]);
}
