//! An encoder that never was: its segments are made from numbers, so that tests know every byte and tick.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use openmediapackage::media::codec::{AacConfig, AvcConfig, CodecConfig};
use openmediapackage::media::sample::{ElementarySegment, Sample, earliest_presentation_offset, total_duration};
use openmediapackage::presentation::{
    ChannelEvent, InputIndex, NamedSegment, ObjectId, StoredMessage, StoredTrack, StreamDeclaration, StreamRole,
};

const WIRE_CLOCK_PERIOD: u64 = 1 << 33;

/// What an encoder makes.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// Ticks of 90 kHz per picture.
    pub picture_ticks: u32,
    /// Pictures per segment.
    pub pictures: u32,
    /// Samples of audio per second.
    pub sampling_rate: u32,
    /// Video variants.
    pub variants: usize,
    /// The last variant has half as many pictures per second.
    pub half_rate: bool,
    /// Languages of audio renditions; without any, audio is muxed with each video.
    pub languages: Vec<&'static str>,
    /// Messages that come with segments, by the segment's number; their times count from the first picture, 90 kHz.
    pub messages: Vec<(u64, StoredMessage)>,
    /// Ad tags before segments in the playlist, by the segment's number.
    pub ad_tags: Vec<(u64, &'static str)>,
}

impl Ladder {
    pub fn muxed(picture_ticks: u32, pictures: u32, sampling_rate: u32) -> Ladder {
        Ladder {
            picture_ticks,
            pictures,
            sampling_rate,
            variants: 2,
            half_rate: false,
            languages: Vec::new(),
            messages: Vec::new(),
            ad_tags: Vec::new(),
        }
    }

    pub fn streams(&self) -> usize {
        self.variants + self.languages.len()
    }

    /// Ticks per picture and pictures per segment of a variant.
    fn pictures_of(&self, stream: usize) -> (u32, u32) {
        let is_slow = self.half_rate && stream + 1 == self.variants;
        if is_slow { (2 * self.picture_ticks, self.pictures / 2) } else { (self.picture_ticks, self.pictures) }
    }

    fn segment_ticks(&self) -> u64 {
        u64::from(self.picture_ticks) * u64::from(self.pictures)
    }
}

/// A running encoder.
#[derive(Debug, Clone)]
pub struct Encoder {
    pub ladder: Ladder,
    pub input: InputIndex,
    /// Presentation time of its first picture on the wire, 90 kHz.
    pub first_time: u64,
    /// Wall clock of its first picture.
    pub began: Timestamp,
    pub first_sequence: u64,
    /// Tells what this encoder made from what others made.
    pub generation: u8,
}

fn of_segment<T>(all: &[(u64, T)], n: u64) -> impl Iterator<Item = &T> {
    all.iter().filter(move |(segment, _)| *segment == n).map(|(_, one)| one)
}

fn video_config(level_idc: u8) -> CodecConfig {
    CodecConfig::Avc(AvcConfig {
        sequence_parameter_sets: vec![Bytes::from_static(
            b"\x67\x64\x00\x0d\xac\xd9\x41\x41\x9f\x9f\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\x20\xf1\x42\x99\x60",
        )],
        picture_parameter_sets: vec![Bytes::from_static(b"\x68\xef\xbc\xb0")],
        profile_idc: 100,
        constraint_flags: 0,
        level_idc,
        width: 320,
        height: 180,
        sample_aspect_ratio: (1, 1),
        frame_rate: None,
    })
}

fn audio_config(sampling_rate: u32) -> CodecConfig {
    let frequency_index: u16 = if sampling_rate == 44_100 { 4 } else { 3 };
    CodecConfig::Aac(AacConfig {
        audio_specific_config: Bytes::copy_from_slice(
            &((2u16 << 11) | (frequency_index << 7) | (2 << 3)).to_be_bytes(),
        ),
        object_type: 2,
        sampling_rate,
        channels: 2,
    })
}

impl Encoder {
    fn wall_clock(&self, n: u64) -> Timestamp {
        let ticks = i128::from(self.ladder.segment_ticks()) * i128::from(n);
        self.began + SignedDuration::from_nanos_i128(ticks * 1_000_000_000 / 90_000)
    }

    /// When segment `n` has come: a little after its end.
    pub fn received(&self, n: u64) -> Timestamp {
        self.wall_clock(n + 1) + SignedDuration::from_millis(300)
    }

    fn playlist_name(stream: usize) -> String {
        format!("channel_{stream}.m3u8")
    }

    /// File name of segment `n` of a stream.
    pub fn segment_name(&self, stream: usize, n: u64) -> String {
        format!("channel_{stream}_{:05}.ts", self.first_sequence + n)
    }

    /// The parent playlist.
    pub fn parent(&self, at: Timestamp) -> ChannelEvent {
        let renditions = &self.ladder.languages;
        let variants = (0..self.ladder.variants).map(|stream| StreamDeclaration {
            playlist: Self::playlist_name(stream),
            role: StreamRole::Variant {
                bandwidth: Some(1_000_000 * (self.ladder.variants - stream) as u64),
                average_bandwidth: None,
                frame_rate_milli: None,
                audio_group: (!renditions.is_empty()).then(|| "sound".to_owned()),
            },
        });
        let audio = renditions.iter().enumerate().map(|(index, language)| StreamDeclaration {
            playlist: Self::playlist_name(self.ladder.variants + index),
            role: StreamRole::AudioRendition {
                group: "sound".to_owned(),
                name: format!("Sound in {language}"),
                language: Some((*language).to_owned()),
                characteristics: None,
            },
        });
        ChannelEvent::ParentPlaylist {
            input: self.input,
            streams: variants.chain(audio).collect(),
            captions: Vec::new(),
            at,
        }
    }

    /// A media playlist that lists the segments up to `n`.
    pub fn playlist(&self, stream: usize, n: u64, ended: bool) -> ChannelEvent {
        let segments = (n.saturating_sub(4)..=n)
            .map(|n| NamedSegment {
                sequence: self.first_sequence + n,
                name: self.segment_name(stream, n),
                duration_microseconds: self.ladder.segment_ticks() * 100 / 9,
                discontinuity: false,
                program_date_time: Some(self.wall_clock(n)),
                ad_tags: of_segment(&self.ladder.ad_tags, n).map(|tag| (*tag).to_owned()).collect(),
            })
            .collect();
        ChannelEvent::MediaPlaylist {
            input: self.input,
            name: Self::playlist_name(stream),
            segments,
            ended,
            at: self.received(n),
        }
    }

    /// Media of segment `n` of a stream.
    pub fn media(&self, stream: usize, n: u64) -> Vec<ElementarySegment> {
        let mut tracks = Vec::new();
        if stream < self.ladder.variants {
            tracks.push(self.video(stream, n));
        }
        if stream >= self.ladder.variants || self.ladder.languages.is_empty() {
            tracks.push(self.audio(stream, n));
        }
        tracks
    }

    fn video(&self, stream: usize, n: u64) -> ElementarySegment {
        let (ticks, pictures) = self.ladder.pictures_of(stream);
        let mut payload = Vec::new();
        // Two reordered pictures after each reference: I B B P B B P …
        let samples = (0..pictures)
            .map(|picture| {
                let body: Vec<u8> = std::iter::repeat_n(0x80 | (picture as u8), 40 + picture as usize).collect();
                payload.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
                payload.extend_from_slice(&[
                    if picture == 0 { 0x65 } else { 0x41 },
                    0x80 | self.generation,
                    0x80 | stream as u8,
                    0x80 | (n % 100) as u8,
                ]);
                payload.extend_from_slice(&body);
                Sample {
                    size: body.len() as u32 + 8,
                    duration: ticks,
                    composition_offset: 2 * ticks as i32,
                    is_sync: picture == 0,
                }
            })
            .collect();
        let first = self.first_time + n * self.ladder.segment_ticks() + WIRE_CLOCK_PERIOD - 2 * u64::from(ticks);
        ElementarySegment {
            pid: 256,
            language: None,
            config: video_config(13),
            timescale: 90_000,
            wire_decode_time: first % WIRE_CLOCK_PERIOD,
            samples,
            payload: payload.into(),
        }
    }

    fn audio(&self, stream: usize, n: u64) -> ElementarySegment {
        let rate = u64::from(self.ladder.sampling_rate);
        // Audio is cut at the first frame that starts at or after the video's segment.
        let frame_at = |n: u64| (n * self.ladder.segment_ticks() * rate).div_ceil(90_000 * 1024);
        let (first, end) = (frame_at(n), frame_at(n + 1));
        let wire = self.first_time + (first * 1024 * 90_000 + rate / 2) / rate;
        let mut payload = Vec::new();
        let samples = (first..end)
            .map(|frame| {
                payload.extend_from_slice(&[self.generation, stream as u8, frame as u8, (frame >> 8) as u8, 1, 2, 3]);
                Sample { size: 7, duration: 1024, composition_offset: 0, is_sync: true }
            })
            .collect();
        ElementarySegment {
            pid: 257,
            language: None,
            config: audio_config(self.ladder.sampling_rate),
            timescale: self.ladder.sampling_rate,
            wire_decode_time: wire % WIRE_CLOCK_PERIOD,
            samples,
            payload: payload.into(),
        }
    }

    fn on_the_wire(&self, message: &StoredMessage) -> StoredMessage {
        StoredMessage { wire_time: (self.first_time + message.wire_time) % WIRE_CLOCK_PERIOD, ..message.clone() }
    }

    /// What ingest says of a stored segment.
    pub fn stored(&self, stream: usize, n: u64, object: ObjectId, media: &[ElementarySegment]) -> ChannelEvent {
        let tracks = media
            .iter()
            .map(|track| StoredTrack {
                config: track.config.clone(),
                language: track.language.clone(),
                timescale: track.timescale,
                wire_decode_time: track.wire_decode_time,
                presentation_offset: earliest_presentation_offset(&track.samples),
                duration: total_duration(&track.samples),
                sample_count: track.samples.len() as u32,
                payload_bytes: track.payload.len() as u64,
                starts_with_sync: true,
            })
            .collect();
        ChannelEvent::ObjectStored {
            input: self.input,
            name: self.segment_name(stream, n),
            object,
            fingerprint: (u64::from(self.generation) << 32) | (n << 8) | stream as u64,
            tracks,
            messages: of_segment(&self.ladder.messages, n).map(|message| self.on_the_wire(message)).collect(),
            text: None,
            at: self.received(n),
        }
    }
}
