//! What is multiplexed is taken apart again, by our own demultiplexer and by plain looking at packets.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::media::codec::{AacConfig, AvcConfig};
use crate::media::rescale::rescale_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::media::ts::demux::demux;

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
        sample_aspect_ratio: (1, 1),
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

/// Pictures of one slice each; the first is an IDR picture.
fn pictures(sizes: &[usize], duration: u32) -> (Vec<Sample>, Vec<u8>) {
    let (mut samples, mut payload) = (Vec::new(), Vec::new());
    for (index, size) in sizes.iter().enumerate() {
        let is_sync = index == 0;
        payload.extend_from_slice(&(*size as u32 + 2).to_be_bytes());
        payload.extend_from_slice(&[if is_sync { 0x65 } else { 0x41 }, 0x9A]);
        payload.resize(payload.len() + size, 0x55);
        samples.push(Sample { size: *size as u32 + 6, duration, composition_offset: duration as i32 * 2, is_sync });
    }
    (samples, payload)
}

fn frames(sizes: &[usize]) -> (Vec<Sample>, Vec<u8>) {
    let samples = sizes
        .iter()
        .map(|size| Sample { size: *size as u32, duration: 1_024, composition_offset: 0, is_sync: true })
        .collect();
    (samples, vec![0x21; sizes.iter().sum()])
}

struct Track {
    config: CodecConfig,
    timescale: u32,
    decode_time: u64,
    samples: Vec<Sample>,
    payload: Vec<u8>,
}

impl Track {
    fn video(decode_time: u64, duration: u32, sizes: &[usize]) -> Track {
        let (samples, payload) = pictures(sizes, duration);
        Track { config: avc(), timescale: MPEG_TIMESCALE, decode_time, samples, payload }
    }

    fn audio(decode_time: u64, sizes: &[usize]) -> Track {
        let (samples, payload) = frames(sizes);
        Track { config: aac(), timescale: 48_000, decode_time, samples, payload }
    }

    fn mux(&self) -> MuxTrack<'_> {
        MuxTrack {
            language: Some("deu"),
            pieces: vec![MuxPiece {
                config: &self.config,
                timescale: self.timescale,
                decode_time: self.decode_time,
                samples: &self.samples,
                payload: &self.payload,
            }],
        }
    }
}

fn segment(tracks: &[Track], number: u64) -> Bytes {
    transport_segment(&tracks.iter().map(Track::mux).collect::<Vec<_>>(), number).unwrap()
}

fn pid(packet: &[u8]) -> u16 {
    u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2])
}

/// Counters of the packets of a PID that carry payload.
fn counters(segment: &[u8], of: u16) -> Vec<u8> {
    segment
        .chunks(PACKET_SIZE)
        .filter(|packet| pid(packet) == of && packet[3] & 0x10 != 0)
        .map(|packet| packet[3] & 0x0F)
        .collect()
}

/// Program clock references in ticks of 90 kHz, with their PIDs.
fn clocks(segment: &[u8]) -> Vec<(u16, u64)> {
    let has_clock = |packet: &&[u8]| packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0;
    segment
        .chunks(PACKET_SIZE)
        .filter(has_clock)
        .map(|packet| {
            (
                pid(packet),
                u64::from(u32::from_be_bytes(packet[6..10].try_into().unwrap())) << 1 | u64::from(packet[10] >> 7),
            )
        })
        .collect()
}

#[test]
fn counters_go_on_from_any_segment_to_the_next() {
    let tracks = [Track::video(0, 3_600, &[5_000, 300, 10_000, 7]), Track::audio(0, &[300; 20])];
    for number in [0, 7, 31] {
        let segment = segment(&tracks, number);
        for of in [VIDEO_PID, FIRST_AUDIO_PID] {
            let counters = counters(&segment, of);
            assert_eq!(counters.len() % 16, 0);
            assert!(counters.iter().enumerate().all(|(index, counter)| usize::from(*counter) == index % 16));
        }
        for of in [PAT_PID, PROGRAM_MAP_PID] {
            assert_eq!(counters(&segment, of), [(number % 16) as u8]);
        }
    }
}

#[test]
fn the_clock_leads_and_never_pauses_for_long() {
    // Ten pictures 0.4 s apart, with audio all the time: references of their own fill the pauses.
    let tracks = [Track::video(900_000, 36_000, &[100; 10]), Track::audio(480_000, &[100; 188])];
    let segment = segment(&tracks, 0);
    let clocks = clocks(&segment);
    assert_eq!(clocks[0], (VIDEO_PID, 900_000 - CLOCK_LEAD));
    assert!(clocks.iter().all(|(pid, _)| *pid == VIDEO_PID));
    assert!(clocks.windows(2).all(|pair| pair[1].1 > pair[0].1 && pair[1].1 - pair[0].1 <= 9_000), "{clocks:?}");
    assert!(counters(&segment, VIDEO_PID).windows(2).all(|pair| pair[1] == (pair[0] + 1) % 16));
}

#[test]
fn a_hole_of_hours_is_not_filled() {
    let near = Track::video(0, 3_600, &[100]);
    let far = Track::video(1 << 40, 3_600, &[100]);
    let mut track = near.mux();
    track.pieces.extend(far.mux().pieces);
    assert!(transport_segment(&[track], 0).unwrap().len() < 10_000);
}

#[test]
fn audio_alone_carries_the_clock() {
    let segment = segment(&[Track::audio(0, &[200; 100])], 0);
    let clocks = clocks(&segment);
    assert!(clocks.iter().all(|(pid, _)| *pid == FIRST_AUDIO_PID));
    assert_eq!(clocks[0].1, (1 << 33) - CLOCK_LEAD, "before zero the clock wraps");
    let span = clocks.last().unwrap().1.wrapping_sub(clocks[0].1) % (1 << 33);
    assert!(clocks.len() as u64 > span / CLOCK_INTERVAL);
    let read = demux(&segment).unwrap();
    assert_eq!((read.tracks.len(), read.tracks[0].samples.len()), (1, 100));
}

#[test]
fn the_language_is_in_the_program_map() {
    let read = demux(&segment(&[Track::video(0, 3_600, &[9]), Track::audio(0, &[9])], 0)).unwrap();
    assert_eq!(read.tracks[1].language.as_deref(), Some("deu"));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let video = Track::video(0, 3_600, &[9]);
    let refused = |tracks: &[MuxTrack<'_>]| transport_segment(tracks, 0).unwrap_err();
    assert_eq!(refused(&[]), TsMuxError::NoSamples);
    assert_eq!(refused(&[video.mux(), video.mux()]), TsMuxError::TooManyVideoTracks { count: 2 });
    let mut short = video.mux();
    short.pieces[0].payload = &video.payload[1..];
    assert_eq!(refused(&[short]), TsMuxError::PayloadSize { track: 0, piece: 0, samples: 15, payload: 14 });
    let mut cut = Track::video(0, 3_600, &[9, 9]);
    cut.payload[18] = 200;
    assert_eq!(refused(&[cut.mux()]), TsMuxError::CutNalUnit { track: 0, piece: 0, sample: 1 });
    let audio = Track::audio(0, &[9]);
    let mut mixed = video.mux();
    mixed.pieces.extend(audio.mux().pieces);
    assert_eq!(refused(&[mixed]), TsMuxError::CodecChange { track: 0, piece: 1 });
    let many: Vec<MuxTrack<'_>> = (0..11).map(|_| audio.mux()).collect();
    assert_eq!(refused(&many), TsMuxError::TooManyAudioTracks { count: 11 });
    let long = Track::audio(0, &[9_000]);
    let error = AdtsError::FrameTooLong { size: 9_000 };
    assert_eq!(refused(&[long.mux()]), TsMuxError::Adts { track: 0, error });
}

#[test]
fn packed_audio_has_its_time_in_front() {
    let audio = Track::audio(48_000, &[10, 20]);
    let segment = packed_audio_segment(&audio.mux().pieces).unwrap();
    assert_eq!(segment[..10], [b'I', b'D', b'3', 4, 0, 0, 0, 0, 0, 63]);
    assert_eq!(segment[10..20], [b'P', b'R', b'I', b'V', 0, 0, 0, 53, 0, 0]);
    assert_eq!(segment[65..73], 90_000u64.to_be_bytes());
    assert_eq!(segment.len(), 73 + 2 * 7 + 30);
    assert_eq!(segment[73..75], [0xFF, 0xF1]);
}

proptest! {
    /// Whatever the sizes, every packet is whole, counters and clocks hold, and the samples come back.
    #[test]
    fn every_segment_reads_back(
        sizes in prop::collection::vec(prop_oneof![1usize..600, 60_000usize..70_000], 1..24),
        frame_sizes in prop::collection::vec(1usize..1_000, 0..40),
        decode_time in prop_oneof![0u64..1 << 34, (1u64 << 33) - 20_000..(1u64 << 33) + 20_000],
        duration in prop::sample::select(vec![1_500u32, 3_003, 3_600, 18_000]),
    ) {
        let audio_time = rescale_time(decode_time, 90_000, 48_000);
        let tracks = [Track::video(decode_time, duration, &sizes), Track::audio(audio_time, &frame_sizes)];
        let segment = segment(&tracks, 3);
        prop_assert_eq!(segment.len() % PACKET_SIZE, 0);
        prop_assert!(segment.chunks(PACKET_SIZE).all(|packet| packet[0] == 0x47));
        for of in [VIDEO_PID, FIRST_AUDIO_PID] {
            let counters = counters(&segment, of);
            prop_assert_eq!(counters.len() % 16, 0);
            prop_assert!(counters.iter().enumerate().all(|(index, counter)| usize::from(*counter) == index % 16));
        }
        let read = demux(&segment).unwrap();
        prop_assert!(read.faults.is_empty(), "{:?}", read.faults);
        prop_assert_eq!(read.tracks.len(), if frame_sizes.is_empty() { 1 } else { 2 });
        let video = &read.tracks[0];
        prop_assert_eq!(&video.config, &tracks[0].config);
        prop_assert_eq!(video.wire_decode_time, decode_time % (1 << 33));
        prop_assert_eq!(video.payload.as_ref(), &tracks[0].payload[..]);
        if sizes.len() > 1 {
            // The length of the very last picture is not on the wire.
            let last = sizes.len() - 1;
            prop_assert_eq!(&video.samples[..last], &tracks[0].samples[..last]);
        }
        if let Some(audio) = read.tracks.get(1) {
            prop_assert_eq!(audio.payload.as_ref(), &tracks[1].payload[..]);
            prop_assert_eq!(&audio.samples, &tracks[1].samples);
        }
    }
}
