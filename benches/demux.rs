//! How fast a transport stream becomes samples, on one core: `cargo run --release -p openmediapackage-benches --bin demux [-- FILE.ts]`.
//!
//! Without a file the test material is repeated to about 12 MB. Prints the best of several passes in MB (10⁶ bytes) of
//! transport stream per second, for demultiplexing alone and with the samples' payload copied once more, as into an
//! fMP4 segment.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use openmediapackage::media::ts::demux;

fn best(passes: usize, mut run: impl FnMut()) -> Duration {
    let times = (0..passes).map(|_| {
        let begin = Instant::now();
        run();
        begin.elapsed()
    });
    times.min().unwrap_or_default()
}

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let bytes = match &file {
        Some(path) => Bytes::from(std::fs::read(path).expect("the file is readable")),
        None => Bytes::from(include_bytes!("../tests/media/bframes-48k.ts").repeat(280)),
    };
    let megabytes = bytes.len() as f64 / 1e6;
    let samples: usize = match demux(&bytes) {
        Ok(segment) => segment.tracks.iter().map(|track| track.samples.len()).sum(),
        Err(error) if file.is_none() => {
            // The repeated material jumps back in time more often than one segment may: measure it piece by piece.
            let piece = Bytes::from_static(include_bytes!("../tests/media/bframes-48k.ts"));
            let time = best(20, || (0..280).for_each(|_| drop(black_box(demux(black_box(&piece))))));
            println!("{:>10.0} MB/s  43 kB segments ({error})", megabytes / time.as_secs_f64());
            return;
        }
        Err(error) => panic!("{error}"),
    };
    println!("{megabytes:.1} MB, {samples} samples");
    let time = best(20, || drop(black_box(demux(black_box(&bytes)))));
    println!("{:>10.0} MB/s  transport stream to samples", megabytes / time.as_secs_f64());
    let time = best(20, || {
        let segment = demux(black_box(&bytes)).expect("the file was read before");
        let copies: Vec<Vec<u8>> = segment.tracks.iter().map(|track| track.payload.to_vec()).collect();
        drop(black_box(copies));
    });
    println!("{:>10.0} MB/s  and the payload copied once more", megabytes / time.as_secs_f64());
}
