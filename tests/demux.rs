//! Transport streams taken apart: against what ffmpeg and mpeg2ts-reader make of the same files, and broken on purpose.

use bytes::Bytes;
use md5::{Digest, Md5};
use openmediapackage::media::codec::colour::DynamicRange;
use openmediapackage::media::codec::{CodecConfig, TrackKind};
use openmediapackage::media::fault::FaultKind;
use openmediapackage::media::sample::ElementarySegment;
use openmediapackage::media::ts::packet::PACKET_SIZE;
use openmediapackage::media::ts::psi::crc32;
use openmediapackage::media::ts::timestamp::{TIMESTAMP_MODULUS, add, read, write};
use openmediapackage::media::ts::{TransportSegment, TsError, demux};
use proptest::prelude::*;

const BFRAMES: &[u8] = include_bytes!("media/bframes-48k.ts");
const BFRAMES_PACKETS: &str = include_str!("media/bframes-48k.packets");
const SLICES: &[u8] = include_bytes!("media/slices-44k.ts");
const SLICES_PACKETS: &str = include_str!("media/slices-44k.packets");
const HDR10: &[u8] = include_bytes!("media/hdr10-eac3.ts");
const HDR10_PACKETS: &str = include_str!("media/hdr10-eac3.packets");
const HEVC: &[u8] = include_bytes!("media/hevc-ac3.ts");
const HEVC_PACKETS: &str = include_str!("media/hevc-ac3.packets");
const VIDEO_PID: u16 = 256;

fn whole(bytes: &[u8]) -> TransportSegment {
    demux(&Bytes::copy_from_slice(bytes)).expect("the stream is read")
}

fn track(segment: &TransportSegment, kind: TrackKind) -> &ElementarySegment {
    segment.tracks.iter().find(|track| track.config.kind() == kind).expect("there is such a track")
}

fn kinds(segment: &TransportSegment) -> Vec<FaultKind> {
    segment.faults.iter().map(|fault| fault.kind).collect()
}

fn packets(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(PACKET_SIZE).map(<[u8]>::to_vec).collect()
}

fn pid(packet: &[u8]) -> u16 {
    u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2])
}

/// Adds to every PTS and DTS of a stream.
fn shifted(bytes: &[u8], ticks: i64) -> Vec<u8> {
    let mut packets = packets(bytes);
    for packet in
        packets.iter_mut().filter(|packet| packet[1] & 0x40 != 0 && pid(packet) >= 256 && pid(packet) < 0x1000)
    {
        let start = if packet[3] & 0x20 != 0 { 5 + usize::from(packet[4]) } else { 4 };
        let stamps = usize::from(packet[start + 7] >> 6).saturating_sub(1);
        for index in 0..stamps {
            let at = start + 9 + 5 * index;
            let field: [u8; 5] = packet[at..at + 5].try_into().unwrap();
            let moved = write(field[0] >> 4, add(read(field).unwrap(), ticks));
            packet[at..at + 5].copy_from_slice(&moved);
        }
    }
    packets.concat()
}

fn agrees_with_ffmpeg(bytes: &[u8], expected: &str) {
    let segment = whole(bytes);
    assert_eq!(segment.faults, []);
    assert_eq!(segment.ignored, []);
    for (letter, kind) in [("v", TrackKind::Video), ("a", TrackKind::Audio)] {
        let track = track(&segment, kind);
        let lines: Vec<Vec<&str>> = expected
            .lines()
            .map(|line| line.split('|').collect())
            .filter(|line: &Vec<&str>| line[0] == letter)
            .collect();
        assert_eq!(track.samples.len(), lines.len(), "{letter}");
        let mut position = 0;
        let mut elapsed = 0u64;
        for (index, (sample, line)) in track.samples.iter().zip(&lines).enumerate() {
            let ticks = elapsed * 90_000 / u64::from(track.timescale);
            let dts = track.wire_decode_time + ticks;
            let pts = dts as i64 + i64::from(sample.composition_offset);
            let payload = &track.payload[position..position + sample.size as usize];
            // ffprobe rounds audio timestamps between PES packets, frame by frame.
            let off = (dts as i64 - line[2].parse::<i64>().unwrap()).abs();
            let tolerance = if kind == TrackKind::Audio { 4 } else { 0 };
            assert!(off <= tolerance, "{letter} {index}: dts {dts}, ffprobe says {}", line[2]);
            let off = (pts - line[1].parse::<i64>().unwrap()).abs();
            assert!(off <= tolerance, "{letter} {index}: pts {pts}, ffprobe says {}", line[1]);
            assert_eq!(sample.is_sync, line[3].starts_with('K'), "{letter} {index}: sync");
            assert_eq!(sample.size.to_string(), line[4], "{letter} {index}: size");
            assert_eq!(hex::encode(Md5::digest(payload)), line[5], "{letter} {index}: bytes");
            position += sample.size as usize;
            elapsed += u64::from(sample.duration);
        }
        assert_eq!(position, track.payload.len());
    }
}

#[test]
fn samples_are_those_that_ffmpeg_finds() {
    agrees_with_ffmpeg(BFRAMES, BFRAMES_PACKETS);
    agrees_with_ffmpeg(SLICES, SLICES_PACKETS);
    agrees_with_ffmpeg(HDR10, HDR10_PACKETS);
    agrees_with_ffmpeg(HEVC, HEVC_PACKETS);
}

#[test]
fn the_configuration_tells_size_rate_and_language() {
    let segment = whole(SLICES);
    let CodecConfig::Avc(avc) = &track(&segment, TrackKind::Video).config else { panic!("video is H.264") };
    assert_eq!((avc.width, avc.height, avc.frame_rate), (160, 90, Some((30_000, 1001))));
    assert_eq!((avc.sequence_parameter_sets.len(), avc.picture_parameter_sets.len()), (1, 1));
    let audio = track(&segment, TrackKind::Audio);
    let CodecConfig::Aac(aac) = &audio.config else { panic!("audio is AAC") };
    assert_eq!((aac.sampling_rate, aac.channels, aac.object_type), (44_100, 2, 2));
    assert_eq!(audio.language.as_deref(), Some("deu"));
    assert_eq!(audio.timescale, 44_100);
}

#[test]
fn h265_and_dolby_audio_are_told_with_colour_and_channels() {
    let segment = whole(HDR10);
    let CodecConfig::Hevc(hevc) = &track(&segment, TrackKind::Video).config else { panic!("video is H.265") };
    assert_eq!((hevc.width, hevc.height, hevc.frame_rate), (160, 90, Some((24_000, 1001))));
    assert_eq!(hevc.colour.map(|colour| colour.dynamic_range()), Some(DynamicRange::Pq));
    assert!(hevc.mastering_display.is_some() && hevc.content_light_level.is_some());
    let sets = [&hevc.video_parameter_sets, &hevc.sequence_parameter_sets, &hevc.picture_parameter_sets];
    assert_eq!(sets.map(Vec::len), [1; 3]);
    let audio = track(&segment, TrackKind::Audio);
    let CodecConfig::Eac3(eac3) = &audio.config else { panic!("audio is E-AC-3") };
    assert_eq!((eac3.sampling_rate, eac3.channels(), eac3.data_rate), (48_000, 6, 192));
    assert_eq!((audio.config.rfc6381().as_str(), audio.language.as_deref()), ("ec-3", Some("fra")));
    let segment = whole(HEVC);
    let CodecConfig::Ac3(ac3) = &track(&segment, TrackKind::Audio).config else { panic!("audio is AC-3") };
    assert_eq!((ac3.sampling_rate(), ac3.channels(), ac3.bit_rate_code), (44_100, 2, 8));
}

#[test]
fn a_file_broken_anywhere_is_read_or_refused_and_never_longer_than_it_was() {
    for source in [HDR10, HEVC] {
        let mut samples = 0;
        for at in (0..source.len()).step_by(97) {
            let mut broken = source.to_vec();
            broken[at] ^= 0xFF;
            if let Ok(segment) = demux(&Bytes::from(broken)) {
                samples += segment.tracks.iter().map(|track| track.samples.len()).sum::<usize>();
                let payload: usize = segment.tracks.iter().map(|track| track.payload.len()).sum();
                assert!(payload <= source.len());
            }
        }
        assert!(samples > 0);
    }
}

mod reader {
    //! The elementary streams as the crate mpeg2ts-reader finds them.

    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use mpeg2ts_reader::demultiplex::{self, FilterChangeset};
    use mpeg2ts_reader::{StreamType, packet, pes, psi};

    type Streams = Rc<RefCell<BTreeMap<u16, Vec<u8>>>>;

    mpeg2ts_reader::packet_filter_switch! {
        Switch<Context> {
            Pes: pes::PesPacketFilter<Context, Collect>,
            Pat: demultiplex::PatPacketFilter<Context>,
            Pmt: demultiplex::PmtPacketFilter<Context>,
            Null: demultiplex::NullPacketFilter<Context>,
        }
    }

    pub struct Context {
        changeset: FilterChangeset<Switch>,
        streams: Streams,
    }

    impl demultiplex::DemuxContext for Context {
        type F = Switch;
        fn filter_changeset(&mut self) -> &mut FilterChangeset<Switch> {
            &mut self.changeset
        }
        fn construct(&mut self, request: demultiplex::FilterRequest<'_, '_>) -> Switch {
            match request {
                demultiplex::FilterRequest::ByPid(psi::pat::PAT_PID) => Switch::Pat(Default::default()),
                demultiplex::FilterRequest::ByStream {
                    stream_type: StreamType::H264 | StreamType::ADTS,
                    stream_info,
                    ..
                } => Switch::Pes(pes::PesPacketFilter::new(Collect {
                    pid: stream_info.elementary_pid().into(),
                    streams: self.streams.clone(),
                })),
                demultiplex::FilterRequest::Pmt { pid, program_number } => {
                    Switch::Pmt(demultiplex::PmtPacketFilter::new(pid, program_number))
                }
                _ => Switch::Null(Default::default()),
            }
        }
    }

    pub struct Collect {
        pid: u16,
        streams: Streams,
    }

    impl Collect {
        fn add(&mut self, data: &[u8]) {
            self.streams.borrow_mut().entry(self.pid).or_default().extend_from_slice(data);
        }
    }

    impl pes::ElementaryStreamConsumer<Context> for Collect {
        fn start_stream(&mut self, _: &mut Context) {}
        fn begin_packet(&mut self, _: &mut Context, header: pes::PesHeader<'_>) {
            if let pes::PesContents::Parsed(Some(parsed)) = header.contents() {
                self.add(parsed.payload());
            }
        }
        fn continue_packet(&mut self, _: &mut Context, data: &[u8]) {
            self.add(data);
        }
        fn end_packet(&mut self, _: &mut Context) {}
        fn continuity_error(&mut self, _: &mut Context) {}
    }

    pub fn elementary_streams(bytes: &[u8]) -> BTreeMap<u16, Vec<u8>> {
        let streams = Streams::default();
        let mut context = Context { changeset: Default::default(), streams: streams.clone() };
        let mut demultiplex = demultiplex::Demultiplex::new(&mut context);
        demultiplex.push(&mut context, bytes);
        let found = streams.borrow().clone();
        assert!(packet::Packet::SIZE == 188 && !found.is_empty());
        found
    }
}

#[test]
fn nal_units_and_audio_frames_are_those_of_mpeg2ts_reader() {
    for bytes in [BFRAMES, SLICES] {
        let streams = reader::elementary_streams(bytes);
        let segment = whole(bytes);
        for track in &segment.tracks {
            let stream = &streams[&track.pid];
            match track.config.kind() {
                TrackKind::Text => panic!("no transport stream has text"),
                TrackKind::Video => {
                    let mut expected = Vec::new();
                    for part in split_at_start_codes(stream) {
                        if !matches!(part[0] & 0x1F, 7..=9) {
                            expected.extend_from_slice(&(part.len() as u32).to_be_bytes());
                            expected.extend_from_slice(part);
                        }
                    }
                    assert!(track.payload == expected, "pid {}", track.pid);
                }
                TrackKind::Audio => assert_eq!(track.payload.len(), stream.len() - 7 * track.samples.len()),
            }
        }
    }
}

/// NAL units of an Annex B stream, found byte by byte.
fn split_at_start_codes(stream: &[u8]) -> Vec<&[u8]> {
    let codes: Vec<usize> = (0..stream.len() - 2).filter(|at| stream[*at..*at + 3] == [0, 0, 1]).collect();
    let ends = codes.iter().skip(1).copied().chain([stream.len()]);
    let trim = |mut part: &'static [u8]| {
        while let [rest @ .., 0] = part {
            part = rest;
        }
        part
    };
    let stream: &'static [u8] = stream.to_vec().leak();
    codes.iter().zip(ends).map(|(begin, end)| trim(&stream[begin + 3..end])).collect()
}

#[test]
fn the_clock_may_wrap_anywhere_within_the_segment() {
    let plain = whole(BFRAMES);
    for step in 0..40 {
        let shift = (TIMESTAMP_MODULUS - 126_000 - step * 4_777) as i64;
        let wrapped = whole(&shifted(BFRAMES, shift));
        assert_eq!(wrapped.faults, [], "shift {shift}");
        for (a, b) in plain.tracks.iter().zip(&wrapped.tracks) {
            assert_eq!(a.samples, b.samples, "shift {shift}");
            assert_eq!(add(a.wire_decode_time, shift), b.wire_decode_time);
        }
    }
}

#[test]
fn tables_may_come_last() {
    let (tables, media): (Vec<_>, Vec<_>) =
        packets(BFRAMES).into_iter().partition(|packet| matches!(pid(packet), 0 | 4096));
    let moved = [media, tables].concat().concat();
    assert_eq!(whole(&moved).tracks, whole(BFRAMES).tracks);
}

#[test]
fn repeated_and_empty_packets_change_nothing() {
    let mut stuffed = Vec::new();
    for packet in packets(BFRAMES) {
        let mut null = vec![0xFF; PACKET_SIZE];
        null[..4].copy_from_slice(&[0x47, 0x1F, 0xFF, 0x10]);
        let mut adaptation = vec![0xFF; PACKET_SIZE];
        adaptation[..6].copy_from_slice(&[0x47, packet[1] & 0x1F, packet[2], 0x20 | packet[3] & 0x0F, 183, 0]);
        stuffed.extend([null, packet.clone(), packet, adaptation]);
    }
    assert_eq!(whole(&stuffed.concat()), whole(BFRAMES));
}

#[test]
fn a_missing_packet_costs_one_access_unit_and_no_time() {
    let mut all = packets(BFRAMES);
    let middle = (all.len() / 2..).find(|at| pid(&all[*at]) == VIDEO_PID && all[*at][1] & 0x40 == 0).unwrap();
    all.remove(middle);
    let segment = whole(&all.concat());
    assert!(kinds(&segment).contains(&FaultKind::ContinuityError), "{:?}", segment.faults);
    let (broken, plain) = (track(&segment, TrackKind::Video), whole(BFRAMES));
    let plain = track(&plain, TrackKind::Video);
    assert_eq!(broken.samples.len(), plain.samples.len() - 1);
    assert_eq!(broken.duration(), plain.duration());
}

#[test]
fn bytes_between_packets_are_skipped() {
    let all = packets(BFRAMES);
    let (head, tail) = all.split_at(20);
    let noisy = [head.concat(), b"not a packet G".repeat(9), tail.concat()].concat();
    let segment = whole(&noisy);
    assert_eq!(kinds(&segment), [FaultKind::LostSync]);
    assert_eq!(segment.tracks, whole(BFRAMES).tracks);
}

#[test]
fn files_that_are_no_transport_stream_are_named() {
    for bytes in [&b""[..], b"#EXTM3U\n", &[0x47; 3], &[0; 1000]] {
        assert_eq!(demux(&Bytes::copy_from_slice(bytes)), Err(TsError::NotTransportStream(bytes.len())));
    }
}

#[test]
fn missing_tables_are_named() {
    let without =
        |table: u16| packets(BFRAMES).into_iter().filter(|packet| pid(packet) != table).collect::<Vec<_>>().concat();
    assert_eq!(demux(&without(0).into()), Err(TsError::NoProgramAssociation));
    assert_eq!(demux(&without(4096).into()), Err(TsError::NoProgramMap(4096)));
}

#[test]
fn scrambled_packets_are_named() {
    let mut all = packets(BFRAMES);
    all.iter_mut().filter(|packet| pid(packet) == VIDEO_PID).for_each(|packet| packet[3] |= 0x80);
    assert_eq!(demux(&all.concat().into()), Err(TsError::Scrambled(VIDEO_PID)));
}

#[test]
fn a_second_stream_with_another_picture_size_begins_a_new_segment() {
    // The second file's packets, renumbered so that counters go on, and its time moved behind the first's.
    let mut counters = std::collections::BTreeMap::new();
    let mut joined = Vec::new();
    for mut packet in packets(BFRAMES).into_iter().chain(packets(&shifted(SLICES, 180_000))) {
        let counter = counters.entry(pid(&packet)).or_insert(0u8);
        packet[3] = packet[3] & 0xF0 | *counter;
        *counter = (*counter + u8::from(packet[3] & 0x10 != 0)) & 0x0F;
        joined.extend(packet);
    }
    let segment = whole(&joined);
    let pictures: Vec<(u32, usize)> = segment
        .tracks
        .iter()
        .filter_map(|track| match &track.config {
            CodecConfig::Avc(avc) => Some((avc.width, track.samples.len())),
            _ => None,
        })
        .collect();
    assert_eq!(pictures, [(320, 50), (160, 60)]);
    let rates: Vec<u32> = segment.tracks.iter().skip(2).map(|track| track.timescale).collect();
    assert_eq!(rates, [48_000, 44_100]);
}

#[test]
fn timestamps_that_jump_break_the_track() {
    let doubled = [BFRAMES.to_vec(), shifted(BFRAMES, -90_000 * 60)].concat();
    let segment = whole(&doubled);
    assert!(kinds(&segment).contains(&FaultKind::TimestampJump));
    assert_eq!(segment.tracks.iter().filter(|track| track.pid == VIDEO_PID).count(), 2);
}

/// A packet that begins a section or PES packet, filled up with 0xFF.
fn first_packet(pid: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x47, 0x40 | (pid >> 8) as u8, pid as u8, 0x10];
    packet.extend_from_slice(payload);
    assert!(packet.len() <= PACKET_SIZE);
    packet.resize(PACKET_SIZE, 0xFF);
    packet
}

fn sealed(mut section: Vec<u8>) -> Vec<u8> {
    section[2] = section.len() as u8 + 4 - 3;
    let crc = crc32(&section).to_be_bytes();
    [section, crc.to_vec()].concat()
}

#[test]
fn streams_that_are_not_packaged_are_named_and_their_messages_kept() {
    let map = [
        &[0x02, 0xB0, 0, 0, 1, 0xC1, 0, 0, 0xE1, 0x00, 0xF0, 0x00][..],
        &[0x1B, 0xE1, 0x00, 0xF0, 0x00, 0x0F, 0xE1, 0x01, 0xF0, 0x00, 0x11, 0xE1, 0x02, 0xF0, 0x00],
        &[0x86, 0xE1, 0x03, 0xF0, 0x00, 0x15, 0xE1, 0x04, 0xF0, 0x0D],
        &[0x26, 11, 0xFF, 0xFF, b'I', b'D', b'3', b' ', 0xFF, b'I', b'D', b'3', b' '],
    ]
    .concat();
    let map = first_packet(4096, &[&[0][..], &sealed(map)].concat());
    let splice = sealed(vec![0xFC, 0x30, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xF0, 0, 0, 0, 0, 0]);
    let broken = [&splice[..splice.len() - 1], &[splice[splice.len() - 1] ^ 1]].concat();
    let tag = [&[0, 0, 1, 0xBD, 0, 8 + 13, 0x84, 0x80, 5][..], &write(2, 140_000), b"ID3 timed tag"].concat();

    let mut all: Vec<Vec<u8>> = packets(BFRAMES).into_iter().filter(|packet| pid(packet) != 4096).collect();
    all.insert(0, map);
    let second_picture =
        (0..all.len()).filter(|at| pid(&all[*at]) == VIDEO_PID && all[*at][1] & 0x40 != 0).nth(1).unwrap();
    let mut late = first_packet(0x103, &[&[0][..], &broken].concat());
    late[3] |= 1;
    let messages = [first_packet(0x103, &[&[0][..], &splice].concat()), first_packet(0x104, &tag), late];
    all.splice(second_picture..second_picture, messages);
    let segment = whole(&all.concat());

    assert_eq!(segment.tracks, whole(BFRAMES).tracks);
    let reasons: Vec<(u16, u8, String)> =
        segment.ignored.iter().map(|stream| (stream.pid, stream.stream_type, stream.reason.to_string())).collect();
    assert_eq!(
        reasons,
        [
            (0x102, 0x11, "aac in latm is not packaged yet".to_owned()),
            (0x103, 0x86, "messages, but no samples".to_owned()),
            (0x104, 0x15, "messages, but no samples".to_owned()),
        ]
    );
    let [found] = segment.splice_sections.as_slice() else { panic!("{:?}", segment.splice_sections) };
    assert_eq!((found.section.as_ref(), found.pts_before), (splice.as_slice(), Some(133_200)));
    let [found] = segment.timed_metadata.as_slice() else { panic!("{:?}", segment.timed_metadata) };
    assert_eq!((found.data.as_ref(), found.pts), (&b"ID3 timed tag"[..], Some(140_000)));
    assert_eq!(kinds(&segment), [FaultKind::BadSection]);
}

/// What must hold of whatever comes out, however broken the input.
fn is_sound(segment: &TransportSegment, input: usize) {
    let mut total = 0;
    for track in &segment.tracks {
        let sizes: u64 = track.samples.iter().map(|sample| u64::from(sample.size)).sum();
        assert_eq!(sizes, track.payload.len() as u64);
        assert!(!track.samples.is_empty() && track.wire_decode_time < TIMESTAMP_MODULUS);
        total += track.payload.len();
    }
    assert!(total <= input * 2, "{total} bytes out of {input}");
    assert!(segment.faults.len() <= 64);
}

#[test]
fn a_file_cut_at_every_byte_is_read_as_far_as_it_goes() {
    let file = Bytes::from_static(&SLICES[..PACKET_SIZE * 24]);
    for length in 0..file.len() {
        if let Ok(segment) = demux(&file.slice(..length)) {
            is_sound(&segment, length);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn flipped_bytes_never_break_the_reader(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60)) {
        let mut bytes = SLICES.to_vec();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(segment) = demux(&Bytes::from(bytes)) {
            is_sound(&segment, SLICES.len());
        }
    }

    #[test]
    fn packets_dropped_repeated_and_swapped_never_break_the_reader(
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..400)
    ) {
        let all = packets(BFRAMES);
        let mixed: Vec<u8> = all[..3].iter().chain(order.iter().map(|at| at.get(&all))).flatten().copied().collect();
        if let Ok(segment) = demux(&Bytes::from(mixed.clone())) {
            is_sound(&segment, mixed.len());
        }
    }
}
