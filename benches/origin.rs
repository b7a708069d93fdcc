//! What the origin does per second on one core, without sockets: hot manifests, packaged segments, and packaging.
//!
//! `cargo run --release -p openmediapackage-benches --bin origin`

#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../tests/playback/encoder.rs"]
mod encoder;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../tests/playback/house.rs"]
mod house;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use openmediapackage::media::sample::ElementarySegment;
use openmediapackage::packaging::fragment::fragment;
use openmediapackage::packaging::media_clock::{HEAD_ROOM, MediaClock};
use openmediapackage::packaging::piece::LoadedPiece;
use openmediapackage::packaging::transport_stream::{self, LoadedTrack};
use openmediapackage::presentation::{ClockAnchor, InputIndex, LineOrigin, Run, TrackId};
use openmediapackage::resources::{Packaging, SegmentTemplateFormat};

use encoder::{Encoder, Ladder};
use house::{House, at, dash, endpoint, hls};

const MEASURED: Duration = Duration::from_secs(2);

/// Repeats the work for the measured time; runs per second.
fn per_second(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut count = 0u64;
    while start.elapsed() < MEASURED {
        for _ in 0..16 {
            work();
        }
        count += 16;
    }
    count as f64 / start.elapsed().as_secs_f64()
}

/// The media with each video sample made as large as in a stream of 5 Mbit/s.
fn enlarged(mut media: Vec<ElementarySegment>) -> Arc<Vec<ElementarySegment>> {
    if let Some(video) = media.first_mut() {
        const PICTURE: usize = 25_000;
        let mut payload = Vec::new();
        for sample in &mut video.samples {
            sample.size = PICTURE as u32;
            payload.extend_from_slice(&(PICTURE as u32 - 4).to_be_bytes());
            payload.push(if sample.is_sync { 0x65 } else { 0x41 });
            payload.resize(payload.len() + PICTURE - 5, 0x9A);
        }
        video.payload = Bytes::from(payload);
    }
    Arc::new(media)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    let encoder = Encoder {
        ladder: Ladder::muxed(3_600, 50, 48_000),
        input: InputIndex::First,
        first_time: 126_000,
        began: at(0),
        first_sequence: 0,
        generation: 1,
    };
    let mut hls = hls();
    hls.segment_duration_seconds = 2;
    let house = House::new([
        endpoint("h", Packaging::Hls(hls)),
        endpoint("d", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline))),
    ]);
    runtime.block_on(async {
        for n in 0..60 {
            house.push(&encoder, n).await;
        }
    });
    for (what, path) in [
        ("media playlist, 30 segments, hot", "/out/v1/h/live_1.m3u8"),
        ("MPD, 30 segments, hot", "/out/v1/d/live.mpd"),
        ("fMP4 segment, packaged", "/out/v1/d/live_video_1_0_50.mp4"),
    ] {
        let (parts, ()) = http::Request::get(path).body(()).expect("the request is valid").into_parts();
        let peer = ([127, 0, 0, 1], 1).into();
        let rate = per_second(|| {
            let answer = runtime.block_on(house.origin.respond(peer, &parts));
            assert_eq!(answer.status(), 200, "{path}");
        });
        println!("{what:40} {rate:>12.0} answers/s");
    }

    let anchor = ClockAnchor { time: 126_000, wall_clock: at(0) };
    let run = Run { first_number: 1, start: 126_000, wall_clock: at(0), anchor };
    let origin = LineOrigin { wall_clock: at(0), start: 126_000, duration: 180_000, received: at(2_300) };
    let clock = MediaClock::of_run(&run, &origin, HEAD_ROOM);
    let objects: Vec<_> = (0..3).map(|n| enlarged(encoder.media(0, n))).collect();
    let pieces = |index: usize| -> Vec<LoadedPiece> {
        objects
            .iter()
            .enumerate()
            .map(|(n, object)| LoadedPiece {
                track: TrackId(index as u16),
                decode_time: 126_000 + n as i64 * 2 * i64::from(object[index].timescale),
                object: object.clone(),
                index,
            })
            .collect()
    };
    let (video, audio) = (pieces(0), pieces(1));
    let bytes: usize = objects.iter().flat_map(|object| object.iter()).map(|track| track.payload.len()).sum();
    let fragments = per_second(|| {
        std::hint::black_box(fragment(1, clock, 25_000, &video, &[]).expect("the segment is packaged"));
    });
    let tracks = [LoadedTrack { language: None, pieces: &video }, LoadedTrack { language: None, pieces: &audio }];
    let transports = per_second(|| {
        std::hint::black_box(transport_stream::segment(1, &run, &tracks).expect("the segment is packaged"));
    });
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    println!("{:40} {fragments:>12.0} segments/s of {mebibytes:.1} MiB", "packaging fMP4, 6 s from 3 pieces");
    println!("{:40} {transports:>12.0} segments/s of {mebibytes:.1} MiB", "packaging TS, 6 s from 3 pieces");
}
