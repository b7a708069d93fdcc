//! What is rendered is read by others: mpeg2ts-reader, ffprobe and ffmpeg get the same samples as from the source.
//!
//! Where ffmpeg is missing, its tests say so and check nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use mpeg2ts_reader::{demultiplex, pes, psi};
use openmediapackage::media::codec::{CodecConfig, TrackKind};
use openmediapackage::media::mp4::{Fragment, InitTrack, init_segment, media_segment_header};
use openmediapackage::media::packed_audio;
use openmediapackage::media::rescale::{SampleRun, join_runs, rescale_time};
use openmediapackage::media::sample::ElementarySegment;
use openmediapackage::media::ts::demux;
use openmediapackage::media::ts::mux::{MuxPiece, MuxTrack, packed_audio_segment, transport_segment};

const SOURCES: [(&str, &[u8]); 4] = [
    ("bframes", include_bytes!("media/bframes-48k.ts")),
    ("slices", include_bytes!("media/slices-44k.ts")),
    ("hdr10", include_bytes!("media/hdr10-eac3.ts")),
    ("hevc", include_bytes!("media/hevc-ac3.ts")),
];

fn tracks(source: &[u8]) -> Vec<ElementarySegment> {
    demux(&Bytes::copy_from_slice(source)).expect("the source is read").tracks
}

/// A track's decoding time in its own timescale.
fn decode_time(track: &ElementarySegment) -> u64 {
    rescale_time(track.wire_decode_time, 90_000, track.timescale)
}

fn piece(track: &ElementarySegment) -> MuxPiece<'_> {
    MuxPiece {
        config: &track.config,
        timescale: track.timescale,
        decode_time: decode_time(track),
        samples: &track.samples,
        payload: &track.payload,
    }
}

fn transport(tracks: &[ElementarySegment], number: u64) -> Bytes {
    let tracks: Vec<MuxTrack<'_>> =
        tracks.iter().map(|track| MuxTrack { language: None, pieces: vec![piece(track)] }).collect();
    transport_segment(&tracks, number).expect("the segment is made")
}

/// A file of one track: init segment, header, payload.
fn fragmented(track: &ElementarySegment) -> Vec<u8> {
    let timescale = if track.config.kind() == TrackKind::Video { 25_000 } else { track.timescale };
    let init = init_segment(&InitTrack { track_id: 1, timescale, language: None, config: &track.config });
    let run = SampleRun { decode_time: decode_time(track), samples: &track.samples };
    let joined = join_runs(&[run], None, track.timescale, timescale).expect("the samples are joined");
    let (decode_time, samples) = (joined.decode_time, joined.samples);
    let header = media_segment_header(&Fragment {
        sequence_number: 1,
        track_id: 1,
        decode_time,
        samples: &samples,
        events: &[],
    });
    [init.expect("the init segment is made"), header.expect("the header is made"), track.payload.clone()].concat()
}

/// Output of an ffmpeg tool, and what it complained about; `None` if it is not installed.
fn run(tool: &str, arguments: &[&str], file: &Path) -> Option<(String, String)> {
    let mut command = Command::new(tool);
    for argument in arguments {
        if *argument == "FILE" {
            command.arg(file)
        } else {
            command.arg(argument)
        };
    }
    match command.output() {
        Ok(output) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert!(output.status.success(), "{tool} fails: {}", text(&output.stderr));
            Some((text(&output.stdout), text(&output.stderr)))
        }
        Err(error) => {
            eprintln!("NOT CHECKED: {tool} cannot be run ({error})");
            None
        }
    }
}

/// Hashes of all decoded pictures or sounds, in order.
fn decoded(file: &Path, stream: &str) -> Option<Vec<String>> {
    let arguments = [
        "-v",
        "error",
        "-i",
        "FILE",
        "-map",
        stream,
        "-fps_mode",
        "passthrough",
        "-f",
        "framehash",
        "-hash",
        "md5",
        "-",
    ];
    let (hashes, complaints) = run("ffmpeg", &arguments, file)?;
    assert_eq!(complaints, "", "ffmpeg complains about {}", file.display());
    let last_column = |line: &str| line.rsplit(',').next().unwrap_or_default().trim().to_owned();
    Some(hashes.lines().filter(|line| !line.starts_with('#')).map(last_column).collect())
}

#[test]
fn a_multiplexed_segment_decodes_to_the_frames_of_its_source() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, source) in SOURCES {
        let (before, after) = (folder.path().join("source.ts"), folder.path().join(format!("{name}.ts")));
        fs::write(&before, source).expect("the source is written");
        fs::write(&after, transport(&tracks(source), 1)).expect("the segment is written");
        for stream in ["0:v:0", "0:a:0"] {
            let (Some(expected), Some(found)) = (decoded(&before, stream), decoded(&after, stream)) else { return };
            assert!(expected.len() > 10, "{name} has frames");
            assert_eq!(expected, found, "{name} {stream}");
        }
    }
}

#[test]
fn fragmented_files_decode_to_the_frames_of_their_source() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, source) in SOURCES {
        let before = folder.path().join("source.ts");
        fs::write(&before, source).expect("the source is written");
        for track in tracks(source) {
            let is_video = track.config.kind() == TrackKind::Video;
            let after = folder.path().join(format!("{name}_{is_video}.mp4"));
            fs::write(&after, fragmented(&track)).expect("the file is written");
            let stream = if is_video { "0:v:0" } else { "0:a:0" };
            let (Some(expected), Some(found)) = (decoded(&before, stream), decoded(&after, "0:0")) else { return };
            assert!(expected.len() > 10, "{name} has frames");
            assert_eq!(expected, found, "{name} {stream}");
        }
    }
}

#[test]
fn ffprobe_finds_codec_colour_and_channels_in_fragmented_files() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let entries =
        "stream=codec_name,codec_tag_string,profile,pix_fmt,channels,sample_rate,color_transfer,color_primaries";
    let arguments = ["-v", "error", "-show_entries", entries, "-of", "default=nw=1", "FILE"];
    let probe = |name: &str, source: &[u8], kind: TrackKind| {
        let track = tracks(source).into_iter().find(|track| track.config.kind() == kind).expect("there is a track");
        let file = folder.path().join(name);
        fs::write(&file, fragmented(&track)).expect("the file is written");
        run("ffprobe", &arguments, &file).map(|(found, _)| found)
    };
    let Some(video) = probe("hdr10.mp4", SOURCES[2].1, TrackKind::Video) else { return };
    for line in [
        "codec_name=hevc",
        "codec_tag_string=hvc1",
        "profile=Main 10",
        "color_transfer=smpte2084",
        "color_primaries=bt2020",
    ] {
        assert!(video.lines().any(|found| found == line), "{line} in {video}");
    }
    for (name, source, lines) in [
        ("eac3.mp4", SOURCES[2].1, ["codec_name=eac3", "codec_tag_string=ec-3", "channels=6", "sample_rate=48000"]),
        ("ac3.mp4", SOURCES[3].1, ["codec_name=ac3", "codec_tag_string=ac-3", "channels=2", "sample_rate=44100"]),
    ] {
        let Some(audio) = probe(name, source, TrackKind::Audio) else { return };
        for line in lines {
            assert!(audio.lines().any(|found| found == line), "{line} in {audio}");
        }
    }
}

#[test]
fn ffprobe_finds_the_times_of_the_source_in_fragmented_files() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let track = tracks(SOURCES[0].1).into_iter().find(|track| track.config.kind() == TrackKind::Video);
    let track = track.expect("the source has video");
    let file = folder.path().join("video.mp4");
    fs::write(&file, fragmented(&track)).expect("the file is written");
    let arguments = ["-v", "error", "-show_entries", "packet=dts,pts,size", "-of", "csv=p=0", "FILE"];
    let Some((packets, complaints)) = run("ffprobe", &arguments, &file) else { return };
    assert_eq!(complaints, "");
    let mut time = track.wire_decode_time;
    for (line, sample) in packets.lines().zip(&track.samples) {
        let fields: Vec<u64> =
            line.trim_end_matches(',').split(',').map(|field| field.parse().expect("a number")).collect();
        let presentation = time.checked_add_signed(i64::from(sample.composition_offset)).expect("a time");
        let expected =
            [rescale_time(presentation, 90_000, 25_000), rescale_time(time, 90_000, 25_000), u64::from(sample.size)];
        assert_eq!(fields, expected);
        time += u64::from(sample.duration);
    }
    assert_eq!(packets.lines().count(), track.samples.len());
}

#[test]
fn segments_in_a_row_have_no_break_in_their_counters() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let tracks = tracks(SOURCES[0].1);
    let file = folder.path().join("row.ts");
    let row = [transport(&tracks, 15), transport(&tracks, 16), transport(&tracks, 17)].concat();
    fs::write(&file, row).expect("the file is written");
    let arguments = ["-v", "debug", "-show_entries", "packet=flags", "-of", "csv=p=0", "FILE"];
    let Some((flags, log)) = run("ffprobe", &arguments, &file) else { return };
    assert!(!log.contains("Continuity check failed"), "{log}");
    assert!(!flags.contains('C'), "a packet is marked as corrupt");
    // The same segment number twice is a break: the check above can fail.
    let broken = [transport(&tracks, 15), transport(&tracks, 15)[376 + 188..].to_vec().into()].concat();
    fs::write(&file, broken).expect("the file is written");
    let Some((_, log)) = run("ffprobe", &arguments, &file) else { return };
    assert!(log.contains("Continuity check failed"));
}

#[test]
fn packed_audio_decodes_to_the_sound_of_its_source() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for ((name, source), extension) in SOURCES.into_iter().zip(["aac", "aac", "ec3", "ac3"]) {
        let track = tracks(source).into_iter().find(|track| track.config.kind() == TrackKind::Audio);
        let track = track.expect("the source has audio");
        let (before, after) = (folder.path().join("source.ts"), folder.path().join(format!("{name}.{extension}")));
        let packed = packed_audio_segment(&[piece(&track)]).expect("the segment is made");
        fs::write(&before, source).expect("the source is written");
        fs::write(&after, &packed).expect("it is written");
        let (Some(expected), Some(found)) = (decoded(&before, "0:a:0"), decoded(&after, "0:0")) else { return };
        assert_eq!(expected, found, "{name}");
        let again = packed_audio::demux(&packed).expect("what was packed is read");
        assert_eq!(again.faults, [], "{name}");
        let [read] = again.tracks.as_slice() else { panic!("one track") };
        assert_eq!((&read.samples, &read.payload, &read.config), (&track.samples, &track.payload, &track.config));
        assert!(read.wire_decode_time.abs_diff(track.wire_decode_time) <= 1, "{name}");
    }
}

mod other_reader {
    //! Collects PES payloads with mpeg2ts-reader.

    use std::collections::HashMap;

    use mpeg2ts_reader::{demux_context, packet_filter_switch};

    use super::*;

    packet_filter_switch! {
        Switch<Context> {
            Pes: pes::PesPacketFilter<Context, Collector>,
            Pat: demultiplex::PatPacketFilter<Context>,
            Pmt: demultiplex::PmtPacketFilter<Context>,
            Nothing: demultiplex::NullPacketFilter<Context>,
        }
    }

    demux_context!(Context, Switch);

    impl Context {
        fn do_construct(&mut self, request: demultiplex::FilterRequest<'_, '_>) -> Switch {
            match request {
                demultiplex::FilterRequest::ByPid(psi::pat::PAT_PID) => {
                    Switch::Pat(demultiplex::PatPacketFilter::default())
                }
                demultiplex::FilterRequest::ByStream { stream_info, .. } => {
                    let collector = Collector { pid: u16::from(stream_info.elementary_pid()) };
                    Switch::Pes(pes::PesPacketFilter::new(collector))
                }
                demultiplex::FilterRequest::Pmt { pid, program_number } => {
                    Switch::Pmt(demultiplex::PmtPacketFilter::new(pid, program_number))
                }
                _ => Switch::Nothing(demultiplex::NullPacketFilter::default()),
            }
        }
    }

    thread_local! {
        static FOUND: std::cell::RefCell<HashMap<u16, (usize, Vec<u8>)>> = std::cell::RefCell::default();
    }

    struct Collector {
        pid: u16,
    }

    impl Collector {
        fn add(&self, packets: usize, bytes: &[u8]) {
            FOUND.with_borrow_mut(|found| {
                let entry = found.entry(self.pid).or_default();
                entry.0 += packets;
                entry.1.extend_from_slice(bytes);
            });
        }
    }

    impl pes::ElementaryStreamConsumer<Context> for Collector {
        fn start_stream(&mut self, _: &mut Context) {}
        fn begin_packet(&mut self, _: &mut Context, header: pes::PesHeader<'_>) {
            match header.contents() {
                pes::PesContents::Parsed(Some(parsed)) => self.add(1, parsed.payload()),
                _ => panic!("the PES header is readable"),
            }
        }
        fn continue_packet(&mut self, _: &mut Context, data: &[u8]) {
            self.add(0, data);
        }
        fn end_packet(&mut self, _: &mut Context) {}
        fn continuity_error(&mut self, _: &mut Context) {
            panic!("the continuity counters go on");
        }
    }

    /// Number of PES packets and their payload, by PID.
    pub fn read(segment: &[u8]) -> HashMap<u16, (usize, Vec<u8>)> {
        let mut context = Context::new();
        let mut demultiplexer = demultiplex::Demultiplex::new(&mut context);
        demultiplexer.push(&mut context, segment);
        FOUND.take()
    }
}

#[test]
fn another_reader_finds_the_same_payload() {
    for (_, source) in SOURCES {
        let tracks = tracks(source);
        let found = other_reader::read(&transport(&tracks, 0));
        for track in &tracks {
            let (expected, pid) = match track.config.kind() {
                TrackKind::Text => panic!("no source has text"),
                TrackKind::Video => (None, 481),
                TrackKind::Audio => {
                    let packed = packed_audio_segment(&[piece(track)]).expect("the audio is packed");
                    (Some(packed.slice(73..)), 482)
                }
            };
            let (packets, payload) = &found[&pid];
            match expected {
                Some(frames) => assert_eq!(*payload, frames),
                None => {
                    assert_eq!(*packets, track.samples.len());
                    assert_eq!(without_added_units(payload, &track.config), units(&track.payload));
                }
            }
        }
    }
}

/// NAL units of a byte stream with four-byte start codes, without delimiters and parameter sets.
fn without_added_units(stream: &[u8], config: &CodecConfig) -> Vec<Vec<u8>> {
    let mut starts: Vec<usize> =
        stream.windows(4).enumerate().filter(|(_, window)| *window == [0, 0, 0, 1]).map(|(at, _)| at).collect();
    starts.push(stream.len());
    let units = starts.windows(2).map(|pair| stream[pair[0] + 4..pair[1]].to_vec());
    let is_added = |unit: &Vec<u8>| match config {
        CodecConfig::Hevc(_) => matches!(unit[0] >> 1, 32..=35),
        _ => matches!(unit[0] & 0x1F, 7..=9),
    };
    units.filter(|unit| !is_added(unit)).collect()
}

/// NAL units behind four-byte lengths.
fn units(mut payload: &[u8]) -> Vec<Vec<u8>> {
    let mut units = Vec::new();
    while let Some((length, rest)) = payload.split_first_chunk::<4>() {
        let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        units.push(unit.to_vec());
        payload = rest;
    }
    units
}
