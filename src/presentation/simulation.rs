//! Encoders for tests: both encode one programme, whose segment `n` lasts from `n` to `n + 1` segment durations after
//! the beginning, and push it with whatever goes wrong. Time is an argument.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;

use super::event::*;
use super::object::ObjectId;
use crate::media::codec::{AacConfig, AvcConfig, CodecConfig};

/// Duration of a source segment, milliseconds.
pub const SEGMENT_MS: i64 = 2_000;

/// Duration of a source segment, 90 kHz.
const SEGMENT_TICKS: u64 = 180_000;

/// Segments in a pushed playlist.
const WINDOW: usize = 5;

/// File names of the variants, without extension.
const VARIANTS: [&str; 2] = ["v0", "v1"];

/// A time of the simulation, in milliseconds from when the programme began.
pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).expect("a time near ours")
}

/// What becomes of a segment on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// Playlists list it, but it is never put.
    Missing,
    /// It is put and cannot be used.
    Broken,
    /// The second variant's is never put.
    HalfMissing,
}

/// An encoder with two muxed variants, 25 fps, 48 kHz.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// The input that it pushes to.
    pub input: InputIndex,
    /// Its media time when the programme began, 90 kHz; the wire shows 33 bits of it.
    pub media_time: u64,
    /// How far its wall clock is ahead, milliseconds; `None` if it tells none.
    pub wall_clock_ahead: Option<i64>,
    /// Sequence number of the next segment.
    pub sequence: u64,
    /// Changes with the encoder's settings, and so the decoder configuration.
    pub level_idc: u8,
    /// It has started again: objects of old names are new ones.
    pub starts: u32,
    listed: VecDeque<(u64, u64)>,
}

impl Encoder {
    /// A healthy one.
    pub fn new(input: InputIndex) -> Self {
        Encoder {
            input,
            media_time: 126_000,
            wall_clock_ahead: Some(0),
            sequence: 0,
            level_idc: 31,
            starts: 0,
            listed: VecDeque::new(),
        }
    }

    /// Starts again with another media time at the programme's beginning, and with its first sequence number.
    pub fn start_again(&mut self, media_time: u64) {
        self.media_time = media_time;
        self.sequence = 0;
        self.starts += 1;
        self.listed.clear();
    }

    /// Goes on with other sequence numbers and names, as an encoder that was set up anew without losing its clock.
    pub fn renumber(&mut self, sequence: u64) {
        self.sequence = sequence;
        self.listed.clear();
    }

    /// Its parent playlist.
    pub fn parent(&self, received: i64) -> ChannelEvent {
        let stream = |name: &str| StreamDeclaration {
            playlist: format!("{name}.m3u8"),
            role: StreamRole::Variant {
                bandwidth: Some(800_000),
                average_bandwidth: None,
                frame_rate_milli: None,
                audio_group: None,
            },
        };
        ChannelEvent::ParentPlaylist {
            input: self.input,
            streams: VARIANTS.map(stream).into(),
            captions: Vec::new(),
            at: at(received),
        }
    }

    /// Everything that it puts for segment `n` of the programme.
    pub fn push(&mut self, n: u64, received: i64, fate: Fate) -> Vec<ChannelEvent> {
        let mut events = vec![self.parent(received)];
        for (series, variant) in VARIANTS.into_iter().enumerate() {
            match fate {
                Fate::Missing => {}
                Fate::HalfMissing if series > 0 => {}
                Fate::Broken => events.push(ChannelEvent::ObjectBroken {
                    input: self.input,
                    name: self.name(variant, self.sequence),
                    reason: "no sync byte".into(),
                    at: at(received),
                }),
                Fate::Arrives | Fate::HalfMissing => events.push(self.object(series as u16, variant, n, received)),
            }
        }
        self.listed.push_back((self.sequence, n));
        if self.listed.len() > WINDOW {
            self.listed.pop_front();
        }
        self.sequence += 1;
        events.extend(VARIANTS.map(|variant| self.playlist(variant, received, false)));
        events
    }

    /// Its playlists with `EXT-X-ENDLIST`.
    pub fn end(&self, received: i64) -> [ChannelEvent; 2] {
        VARIANTS.map(|variant| self.playlist(variant, received, true))
    }

    fn name(&self, variant: &str, sequence: u64) -> String {
        format!("{variant}_{sequence}.ts")
    }

    fn object(&self, series: u16, variant: &str, n: u64, received: i64) -> ChannelEvent {
        let start = (self.media_time + n * SEGMENT_TICKS) % (1 << 33);
        // Frames of 1024 samples, cut at the first one that starts at or after the picture.
        let frame_at = |segment: u64| (segment * 96_000).div_ceil(1024);
        let audio_start = (self.media_time + frame_at(n) * 1024 * 90_000 / 48_000) % (1 << 33);
        let frames = (frame_at(n + 1) - frame_at(n)) as u32;
        let video = StoredTrack {
            config: CodecConfig::Avc(AvcConfig {
                sequence_parameter_sets: vec![Bytes::from_static(&[0x67, 0x4d, 0x40, 0x1f])],
                picture_parameter_sets: vec![Bytes::from_static(&[0x68, 0xee])],
                profile_idc: 77,
                constraint_flags: 64,
                level_idc: self.level_idc,
                width: 640,
                height: 360,
                sample_aspect_ratio: (1, 1),
                frame_rate: Some((25, 1)),
            }),
            language: None,
            timescale: 90_000,
            wire_decode_time: (start + (1 << 33) - 7_200) % (1 << 33),
            presentation_offset: 7_200,
            duration: SEGMENT_TICKS,
            sample_count: 50,
            payload_bytes: 100_000,
            starts_with_sync: true,
        };
        let audio = StoredTrack {
            config: CodecConfig::Aac(AacConfig {
                audio_specific_config: Bytes::from_static(&[0x11, 0x90]),
                object_type: 2,
                sampling_rate: 48_000,
                channels: 2,
            }),
            language: Some("eng".into()),
            timescale: 48_000,
            wire_decode_time: audio_start,
            presentation_offset: 0,
            duration: u64::from(frames) * 1024,
            sample_count: frames,
            payload_bytes: 20_000,
            starts_with_sync: true,
        };
        ChannelEvent::ObjectStored {
            input: self.input,
            name: self.name(variant, self.sequence),
            object: ObjectId { input: self.input, series, number: n as u32 },
            fingerprint: n + (u64::from(self.starts) << 32),
            tracks: vec![video, audio],
            messages: Vec::new(),
            text: None,
            at: at(received),
        }
    }

    fn playlist(&self, variant: &str, received: i64, ended: bool) -> ChannelEvent {
        let named = |(sequence, n): &(u64, u64)| NamedSegment {
            sequence: *sequence,
            name: self.name(variant, *sequence),
            duration_microseconds: SEGMENT_MS as u64 * 1000,
            discontinuity: false,
            program_date_time: self.wall_clock_ahead.map(|ahead| at(*n as i64 * SEGMENT_MS + ahead)),
            ad_tags: Vec::new(),
        };
        ChannelEvent::MediaPlaylist {
            input: self.input,
            name: format!("{variant}.m3u8"),
            segments: self.listed.iter().map(named).collect(),
            ended,
            at: at(received),
        }
    }
}
