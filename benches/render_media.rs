//! How fast samples become segments, on one core, beside copying the same bytes: `cargo run --release -p openmediapackage-benches --bin render_media`.
//!
//! The segment is six seconds of 25 pictures per second at 8 Mbit/s with 128 kbit/s of sound, synthetic bytes. Each
//! figure is the best of several rounds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use openmediapackage::media::codec::{AacConfig, AvcConfig, CodecConfig};
use openmediapackage::media::mp4::{Fragment, media_segment_header};
use openmediapackage::media::rescale::{SampleRun, join_runs};
use openmediapackage::media::sample::Sample;
use openmediapackage::media::ts::mux::{MuxPiece, MuxTrack, transport_segment};

const ROUNDS: usize = 20;
const REPEATS: u32 = 20;

/// The shortest of several rounds, for one repeat.
fn best(mut work: impl FnMut()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        (0..REPEATS).for_each(|_| work());
        start.elapsed() / REPEATS
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

fn pictures() -> (Vec<Sample>, Vec<u8>) {
    let (mut samples, mut payload) = (Vec::new(), Vec::new());
    for index in 0..150u32 {
        let is_sync = index % 50 == 0;
        let size: u32 = if is_sync { 200_000 } else { 36_000 };
        payload.extend_from_slice(&(size - 4).to_be_bytes());
        payload.push(if is_sync { 0x65 } else { 0x41 });
        payload.extend((0..size - 5).map(|byte| (byte * 31 + index) as u8));
        samples.push(Sample { size, duration: 3_600, composition_offset: 3_600 * (index % 3) as i32, is_sync });
    }
    (samples, payload)
}

fn gigabytes_per_second(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e9
}

fn main() {
    let video_config = CodecConfig::Avc(AvcConfig {
        sequence_parameter_sets: vec![Bytes::from_static(&[0x67; 26])],
        picture_parameter_sets: vec![Bytes::from_static(&[0x68; 4])],
        profile_idc: 100,
        constraint_flags: 0,
        level_idc: 31,
        width: 1_280,
        height: 720,
        sample_aspect_ratio: (1, 1),
        frame_rate: Some((25, 1)),
    });
    let audio_config = CodecConfig::Aac(AacConfig {
        audio_specific_config: Bytes::from_static(&[0x11, 0x90]),
        object_type: 2,
        sampling_rate: 48_000,
        channels: 2,
    });
    let (video_samples, video_payload) = pictures();
    let audio_samples = vec![Sample { size: 341, duration: 1_024, composition_offset: 0, is_sync: true }; 281];
    let audio_payload = vec![0x21u8; 341 * 281];
    let piece = |config, timescale, samples, payload| MuxTrack {
        language: Some("deu"),
        pieces: vec![MuxPiece { config, timescale, decode_time: 0, samples, payload }],
    };
    let tracks = [
        piece(&video_config, 90_000, &video_samples, &video_payload),
        piece(&audio_config, 48_000, &audio_samples, &audio_payload),
    ];

    let segment = transport_segment(&tracks, 0).expect("the segment is made");
    let copy = best(|| drop(black_box(segment.to_vec())));
    let mux = best(|| drop(black_box(transport_segment(black_box(&tracks), 0))));
    println!("copying a segment     {:6.2} GB/s", gigabytes_per_second(segment.len(), copy));
    println!(
        "multiplexing it (ts)  {:6.2} GB/s, {:.2} of copying, {} bytes in {:?}",
        gigabytes_per_second(segment.len(), mux),
        copy.as_secs_f64() / mux.as_secs_f64(),
        segment.len(),
        mux
    );

    let header = best(|| {
        let run = SampleRun { decode_time: 0, samples: black_box(&video_samples) };
        let joined = join_runs(&[run], None, 90_000, 25_000).expect("the samples are joined");
        let (decode_time, samples) = (joined.decode_time, &joined.samples[..]);
        let fragment = Fragment { sequence_number: 1, track_id: 1, decode_time, samples, events: &[] };
        drop(black_box(media_segment_header(&fragment)));
    });
    println!("rescaling 150 samples and writing an fmp4 segment header: {header:?} (the payload is not touched)");
}
