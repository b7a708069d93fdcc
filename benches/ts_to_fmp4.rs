//! TS segments → samples → fMP4 on one thread: `cargo run --release -p openmediapackage-benches --bin ts_to_fmp4 -- SEGMENTS_FOLDER OUTPUT_FOLDER`
//! reads every `.ts` file of the folder in order, writes one fMP4 file per track (with `-` as output: writes nothing that is kept),
//! and prints MB/s as JSON.
//!
//! The work is that of ingest and packaging together, reading and writing files included, so that it can be held
//! against `ffmpeg -i all.ts -c copy -movflags frag_keyframe+empty_moov out.mp4` over the same bytes.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use openmediapackage::media::mp4::{Fragment, InitTrack, init_segment, media_segment_header};
use openmediapackage::media::ts::demux;

struct Output {
    pid: u16,
    file: BufWriter<File>,
    decode_time: u64,
    fragments: u32,
}

fn output_path(output: &Path, pid: u16) -> PathBuf {
    match output.to_str() {
        Some("-") => PathBuf::from("/dev/null"),
        _ => output.join(format!("{pid}.mp4")),
    }
}

fn run(segments: &Path, output: &Path) -> Result<(u64, f64), Box<dyn std::error::Error>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(segments)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ts"));
    paths.sort();
    let begun = Instant::now();
    let mut read = 0u64;
    let mut outputs: Vec<Output> = Vec::new();
    for path in &paths {
        let bytes = Bytes::from(fs::read(path)?);
        read += bytes.len() as u64;
        for track in demux(&bytes)?.tracks {
            let index = match outputs.iter().position(|output| output.pid == track.pid) {
                Some(index) => index,
                None => {
                    let mut file = BufWriter::new(File::create(output_path(output, track.pid))?);
                    let init =
                        InitTrack { track_id: 1, timescale: track.timescale, language: None, config: &track.config };
                    file.write_all(&init_segment(&init)?)?;
                    outputs.push(Output { pid: track.pid, file, decode_time: 0, fragments: 0 });
                    outputs.len() - 1
                }
            };
            let output = &mut outputs[index];
            output.fragments += 1;
            output.file.write_all(&media_segment_header(&Fragment {
                sequence_number: output.fragments,
                track_id: 1,
                decode_time: output.decode_time,
                samples: &track.samples,
                events: &[],
            })?)?;
            output.file.write_all(&track.payload)?;
            output.decode_time += track.duration();
        }
    }
    for output in &mut outputs {
        output.file.flush()?;
    }
    Ok((read, begun.elapsed().as_secs_f64()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(segments), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("the arguments are a folder of .ts segments and a folder for the output".into());
    };
    let (bytes, seconds) = run(Path::new(&segments), Path::new(&output))?;
    println!(
        "{{\"bytes\":{bytes},\"seconds\":{seconds:.4},\"megabytes_per_second\":{:.1}}}",
        bytes as f64 / seconds / 1e6
    );
    Ok(())
}
