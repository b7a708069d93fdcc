//! The built-in source: 8 s of picture and sound in two renditions (made by `loop/make.sh`), restamped for ever.
//!
//! Its timeline is the wall clock: media time 0 is the Unix epoch, segment *n* begins at 2·*n* s and its first
//! picture has the PTS 180,000·*n* modulo 2³³.

use std::time::Duration;

use bytes::Bytes;

use super::playlist::{self, Variant};
use super::restamp::{ContinuityCounters, restamp};
use super::round::{LiveSource, Round, Upload, UploadBody};

/// Length of the loop.
pub const LOOP_SECONDS: u64 = 8;

/// Length of each segment, exactly.
pub const SEGMENT_SECONDS: u32 = 2;

/// Segments in the loop.
const LOOP_SEGMENTS: usize = 4;

/// Segments in a child playlist.
const WINDOW_SEGMENTS: u64 = 6;

/// Ticks of 90 kHz in a segment.
const SEGMENT_TICKS: i64 = 90_000 * SEGMENT_SECONDS as i64;

/// PTS of the loop's first picture and first AAC frame, as the files have it.
const FIRST_TIMESTAMP: i64 = 201_600;

/// One rendition of the loop.
struct Rendition {
    name: &'static str,
    resolution: (u32, u32),
    codecs: &'static str,
    segments: [&'static [u8]; LOOP_SEGMENTS],
}

static RENDITIONS: [Rendition; 2] = [
    Rendition {
        name: "360p",
        resolution: (640, 360),
        codecs: "avc1.4D401F,mp4a.40.2",
        segments: [
            include_bytes!("loop/640x360-0.ts"),
            include_bytes!("loop/640x360-1.ts"),
            include_bytes!("loop/640x360-2.ts"),
            include_bytes!("loop/640x360-3.ts"),
        ],
    },
    Rendition {
        name: "180p",
        resolution: (320, 180),
        codecs: "avc1.4D4015,mp4a.40.2",
        segments: [
            include_bytes!("loop/320x180-0.ts"),
            include_bytes!("loop/320x180-1.ts"),
            include_bytes!("loop/320x180-2.ts"),
            include_bytes!("loop/320x180-3.ts"),
        ],
    },
];

impl Rendition {
    /// The segment of one media sequence number, on the timeline of the wall clock.
    fn segment(&self, sequence: u64) -> Vec<u8> {
        let position = (sequence % LOOP_SEGMENTS as u64) as usize;
        let (before, from_here) = self.segments.split_at(position);
        let rounds = sequence / LOOP_SEGMENTS as u64;
        let mut counters = ContinuityCounters::after(rounds, self.segments, before.iter().copied());
        // Timestamps have 33 bits: the distance may be taken modulo 2³³, and then fits.
        let starts_at = ((u128::from(sequence) * SEGMENT_TICKS as u128) % (1 << 33)) as i64;
        let ticks = starts_at - (FIRST_TIMESTAMP + position as i64 * SEGMENT_TICKS);
        restamp(from_here.first().copied().unwrap_or_default(), ticks, &mut counters)
    }

    fn segment_name(&self, sequence: u64) -> String {
        format!("channel_{}_{sequence}.ts", self.name)
    }

    fn playlist_name(&self) -> String {
        format!("channel_{}.m3u8", self.name)
    }

    fn playlist(&self, newest: u64) -> String {
        let oldest = newest.saturating_sub(WINDOW_SEGMENTS - 1);
        playlist::child(
            oldest,
            segment_start(oldest),
            SEGMENT_SECONDS,
            (oldest..=newest).map(|sequence| self.segment_name(sequence)),
        )
    }

    fn variant(&self) -> Variant<'static> {
        let bits_per_second = |bytes: usize, seconds: u64| bytes as u64 * 8 / seconds;
        let largest = self.segments.iter().map(|segment| segment.len()).max().unwrap_or_default();
        let total = self.segments.iter().map(|segment| segment.len()).sum();
        Variant {
            bandwidth: bits_per_second(largest, SEGMENT_SECONDS.into()),
            average_bandwidth: bits_per_second(total, LOOP_SECONDS),
            resolution: self.resolution,
            frame_rate: 25,
            codecs: self.codecs,
            uri: self.playlist_name(),
        }
    }
}

/// When a segment begins, since the Unix epoch.
fn segment_start(sequence: u64) -> Duration {
    Duration::from_secs(sequence.saturating_mul(SEGMENT_SECONDS.into()))
}

/// The built-in loop as a live source; round *n* brings segment *n* of every rendition, when it is over.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltInSource;

impl LiveSource for BuiltInSource {
    fn newest_due(&self, now: Duration) -> Option<u64> {
        (now.as_secs() / u64::from(SEGMENT_SECONDS)).checked_sub(1)
    }

    fn round(&self, sequence: u64) -> Option<Round> {
        let segments = RENDITIONS.iter().map(|rendition| Upload {
            name: rendition.segment_name(sequence),
            content_type: "video/mp2t",
            body: UploadBody::Bytes(Bytes::from(rendition.segment(sequence))),
        });
        let children = RENDITIONS
            .iter()
            .map(|rendition| Upload::playlist(rendition.playlist_name(), rendition.playlist(sequence)));
        Some(Round {
            due: segment_start(sequence.saturating_add(1)),
            uploads: segments.chain(children).collect(),
            parent: playlist::parent(RENDITIONS.iter().map(Rendition::variant)).into(),
        })
    }

    fn window_rounds(&self) -> u64 {
        WINDOW_SEGMENTS
    }

    fn first_round(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use mpeg2ts_reader::packet::{ContinuityCounter, Packet};
    use mpeg2ts_reader::pes::{PesContents, PesHeader, PtsDts};

    use super::*;

    const VIDEO: u16 = 0x100;
    const AUDIO: u16 = 0x101;

    /// What an independent demultiplexer (mpeg2ts-reader) reads of a run of segments.
    #[derive(Default)]
    struct Reading {
        last_counter: BTreeMap<u16, ContinuityCounter>,
        continuity_errors: usize,
        clocks: Vec<u64>,
        video: Vec<(u64, u64)>,
        /// PTS and bytes of each audio PES packet.
        audio: Vec<(u64, Vec<u8>)>,
    }

    impl Reading {
        fn read(mut self, segment: &[u8]) -> Self {
            for bytes in segment.chunks(188) {
                let packet = Packet::try_new(bytes).expect("188 bytes behind a sync byte");
                let pid = u16::from(packet.pid());
                if packet.adaptation_control().has_payload() {
                    let counter = packet.continuity_counter();
                    let last = self.last_counter.insert(pid, counter);
                    self.continuity_errors += usize::from(last.is_some_and(|last| !counter.follows(last)));
                }
                if let Some(Ok(clock)) = packet.adaptation_field().map(|field| field.pcr()) {
                    self.clocks.push(clock.base());
                }
                if pid == VIDEO || pid == AUDIO {
                    self.read_elementary(
                        pid,
                        packet.payload_unit_start_indicator(),
                        packet.payload().unwrap_or_default(),
                    );
                }
            }
            self
        }

        fn read_elementary(&mut self, pid: u16, starts: bool, payload: &[u8]) {
            if !starts {
                if let (AUDIO, Some((_, bytes))) = (pid, self.audio.last_mut()) {
                    bytes.extend_from_slice(payload);
                }
                return;
            }
            let PesContents::Parsed(Some(contents)) = PesHeader::from_bytes(payload).expect("a PES header").contents()
            else {
                panic!("a PES packet without timestamps");
            };
            match contents.pts_dts() {
                Ok(PtsDts::PtsOnly(Ok(pts))) if pid == AUDIO => {
                    self.audio.push((pts.value(), contents.payload().to_vec()))
                }
                Ok(PtsDts::PtsOnly(Ok(pts))) => self.video.push((pts.value(), pts.value())),
                Ok(PtsDts::Both { pts: Ok(pts), dts: Ok(dts) }) => self.video.push((pts.value(), dts.value())),
                other => panic!("timestamps that cannot be read: {other:?}"),
            }
        }
    }

    /// ADTS frames (ISO 14496-3 §1.A.3.2) that fill the bytes exactly.
    fn adts_frames(mut bytes: &[u8]) -> u64 {
        let mut frames = 0;
        while let [0xFF, second, _, fourth, fifth, sixth, ..] = bytes {
            assert_eq!(second & 0xF0, 0xF0);
            let length = usize::from(fourth & 3) << 11 | usize::from(*fifth) << 3 | usize::from(sixth >> 5);
            bytes = &bytes[length..];
            frames += 1;
        }
        assert!(bytes.is_empty());
        frames
    }

    fn read(rendition: &Rendition, sequences: std::ops::Range<u64>) -> Reading {
        sequences.fold(Reading::default(), |reading, sequence| reading.read(&rendition.segment(sequence)))
    }

    fn assert_regular(reading: &Reading, first_timestamp: u64) {
        let circle = 1 << 33;
        assert_eq!(reading.continuity_errors, 0);
        let (first_presentation, first_decoding) = reading.video[0];
        assert_eq!(first_presentation, first_timestamp);
        for (number, (presentation, decoding)) in reading.video.iter().enumerate() {
            assert_eq!(*decoding, (first_decoding + 3_600 * number as u64) % circle, "picture {number}");
            assert!((presentation + circle - decoding) % circle <= 3 * 3_600, "picture {number}");
        }
        let shown: BTreeSet<u64> =
            reading.video.iter().map(|(pts, _)| (pts + circle - first_timestamp) % circle / 3_600).collect();
        assert!(shown.into_iter().eq(0..reading.video.len() as u64), "every picture has its own moment");
        let mut expected = first_timestamp;
        for (presentation, bytes) in &reading.audio {
            assert_eq!(*presentation, expected);
            expected = (expected + adts_frames(bytes) * 1_920) % circle;
        }
        for pair in reading.clocks.windows(2) {
            let step = (pair[1] + circle - pair[0]) % circle;
            assert!(step > 0 && step <= 9_000, "clock references are at most 100 ms apart, not {step}");
        }
    }

    #[test]
    fn three_rounds_of_the_loop_are_one_regular_stream() {
        for rendition in &RENDITIONS {
            let first = 4 * 110_000_000;
            let reading = read(rendition, first..first + 12);
            assert_regular(&reading, first * 180_000 % (1 << 33));
            assert_eq!(reading.video.len(), 600);
            let frames: u64 = reading.audio.iter().map(|(_, bytes)| adts_frames(bytes)).sum();
            assert_eq!(frames, 3 * 375);
        }
    }

    #[test]
    fn timestamps_wrap_in_the_middle_of_a_segment() {
        let turns = 18_450;
        let wraps = (turns << 33) / 180_000;
        assert_ne!((turns << 33) % 180_000, 0);
        for rendition in &RENDITIONS {
            let reading = read(rendition, wraps - 3..wraps + 4);
            assert_regular(&reading, (wraps - 3) * 180_000 % (1 << 33));
            assert!(reading.video.windows(2).any(|pair| pair[1].1 < pair[0].1), "the wrap was crossed");
        }
    }

    #[test]
    fn a_segment_depends_on_its_number_alone() {
        let source = BuiltInSource;
        assert_eq!(source.round(441_000_123), source.round(441_000_123));
        assert_ne!(RENDITIONS[0].segment(7), RENDITIONS[0].segment(7 + 4));
        assert_eq!(RENDITIONS[0].segment(0).len(), RENDITIONS[0].segment(u64::MAX - 3).len());
    }

    #[test]
    fn codecs_of_the_parent_playlist_are_those_of_the_pictures() {
        for rendition in &RENDITIONS {
            for segment in rendition.segments {
                let parameter_set =
                    segment.windows(8).find(|bytes| bytes.starts_with(&[0, 0, 1, 0x67])).expect("a parameter set");
                let name = format!("avc1.{},mp4a.40.2", hex::encode_upper(&parameter_set[4..7]));
                assert_eq!(name, rendition.codecs);
            }
        }
    }

    #[test]
    fn a_round_is_due_when_its_segment_is_over_and_lists_a_window() {
        let source = BuiltInSource;
        assert_eq!(source.newest_due(Duration::from_millis(1_999)), None);
        assert_eq!(source.newest_due(Duration::from_millis(20_000)), Some(9));
        assert_eq!(source.newest_due(Duration::from_millis(21_999)), Some(9));
        let round = source.round(9).expect("it never ends");
        assert_eq!(round.due, Duration::from_secs(20));
        let names: Vec<&str> = round.uploads.iter().map(|upload| upload.name.as_str()).collect();
        assert_eq!(names, ["channel_360p_9.ts", "channel_180p_9.ts", "channel_360p.m3u8", "channel_180p.m3u8"]);
        let UploadBody::Bytes(child) = &round.uploads[2].body else { panic!("a playlist is made in memory") };
        let child = std::str::from_utf8(child).expect("text");
        assert!(
            child.contains("#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:08.000Z\n"),
            "{child}"
        );
        assert_eq!(child.matches("#EXTINF:2.000,").count(), 6);
        let (_, parsed) = m3u8_rs::parse_playlist(&round.parent).expect("a playlist");
        assert!(matches!(parsed, m3u8_rs::Playlist::MasterPlaylist(parent) if parent.variants.len() == 2));
    }
}
