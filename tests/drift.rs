//! Twenty-four hours of frame rates and sampling rates that no clock of 90 kHz holds exactly: nothing is gained or lost
//! over segment borders, and the 33-bit clock comes round on the way. Sound is exact to the sample; pictures, whose times
//! the wire rounds, are never further off than one tick. Time is an argument; a day takes seconds.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use openmediapackage::media::codec::{AacConfig, Ac3Config, AvcConfig, CodecConfig, TrackKind};
use openmediapackage::packaging::dash_time::{clock_of, segment_time, timescale};
use openmediapackage::presentation::{
    ChannelEvent, ChannelState, InputIndex, NamedSegment, ObjectId, Snapshot, StoredTrack, StreamDeclaration,
    StreamRole,
};
use openmediapackage::resources::{EndpointGuid, OutputRules};

const WIRE_PERIOD: u64 = 1 << 33;
/// The first picture's time on the wire, no multiple of any frame's duration: the clock wraps after an hour.
const FIRST_TIME: u64 = WIRE_PERIOD - 3_600 * 90_000 + 77;
const DAY_SECONDS: u64 = 24 * 3_600;

/// An encoder with one variant: video and one audio, muxed.
struct Encoder {
    /// Frames per second as a fraction.
    frame_rate: (u32, u32),
    /// Of a source segment.
    frames: u64,
    sampling_rate: u32,
    /// In a frame of audio.
    samples: u64,
    audio: CodecConfig,
}

impl Encoder {
    /// Rounded to the nearest tick of 90 kHz, as multiplexers do; counted from [`FIRST_TIME`].
    fn video_ticks(&self, frame: u64) -> u64 {
        let (rate, seconds) = (u64::from(self.frame_rate.0), u64::from(self.frame_rate.1));
        (frame * 90_000 * seconds + rate / 2) / rate
    }

    fn audio_ticks(&self, frame: u64) -> u64 {
        let rate = u64::from(self.sampling_rate);
        (frame * self.samples * 90_000 + rate / 2) / rate
    }

    /// The first audio frame that begins with a segment or after its start.
    fn first_audio_frame(&self, segment: u64) -> u64 {
        let (rate, seconds) = (u64::from(self.frame_rate.0), u64::from(self.frame_rate.1));
        (segment * self.frames * seconds * u64::from(self.sampling_rate)).div_ceil(rate * self.samples)
    }

    fn segments_in(&self, seconds: u64) -> u64 {
        seconds * u64::from(self.frame_rate.0) / (u64::from(self.frame_rate.1) * self.frames)
    }

    /// What a segment holds, as far as its own timestamps tell: its last picture lasts as long as the one before it.
    fn tracks(&self, segment: u64) -> Vec<StoredTrack> {
        let (first, last) = (segment * self.frames, (segment + 1) * self.frames - 1);
        let start = self.video_ticks(first);
        let to_last = self.video_ticks(last) - start;
        let last_duration = self.video_ticks(last) - self.video_ticks(last - 1);
        let (first_sound, next_sound) = (self.first_audio_frame(segment), self.first_audio_frame(segment + 1));
        let track = |config: &CodecConfig, timescale, time, duration, count| StoredTrack {
            config: config.clone(),
            language: None,
            timescale,
            wire_decode_time: (FIRST_TIME + time) % WIRE_PERIOD,
            presentation_offset: 0,
            duration,
            sample_count: count as u32,
            payload_bytes: 1_000,
            starts_with_sync: true,
        };
        let video = CodecConfig::Avc(AvcConfig {
            sequence_parameter_sets: vec![Bytes::from_static(&[0x67, 0x4D, 0x40, 0x1F])],
            picture_parameter_sets: vec![Bytes::from_static(&[0x68, 0xEE])],
            profile_idc: 77,
            constraint_flags: 64,
            level_idc: 31,
            width: 640,
            height: 360,
            sample_aspect_ratio: (1, 1),
            frame_rate: Some(self.frame_rate),
        });
        let sounds = next_sound - first_sound;
        vec![
            track(&video, 90_000, start, to_last + last_duration, self.frames),
            track(&self.audio, self.sampling_rate, self.audio_ticks(first_sound), sounds * self.samples, sounds),
        ]
    }
}

fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_millis(milliseconds as i64)
}

fn endpoint() -> EndpointGuid {
    EndpointGuid("endpoint".into())
}

/// Pushes a day and looks at the newest output segment after each source segment.
fn push_a_day(encoder: &Encoder, mut look: impl FnMut(&Snapshot)) {
    let mut state = ChannelState::default();
    let mut facts = Vec::new();
    state.apply(&ChannelEvent::OutputWanted { endpoint: endpoint(), rules: OutputRules::without_ads(6) }, &mut facts);
    let role = StreamRole::Variant {
        bandwidth: Some(1_000_000),
        average_bandwidth: None,
        frame_rate_milli: None,
        audio_group: None,
    };
    let streams = vec![StreamDeclaration { playlist: "v.m3u8".to_owned(), role }];
    state.apply(
        &ChannelEvent::ParentPlaylist { input: InputIndex::First, streams, captions: Vec::new(), at: at(0) },
        &mut facts,
    );
    let milliseconds = |segment: u64| encoder.video_ticks(segment * encoder.frames) / 90;
    for segment in 0..=encoder.segments_in(DAY_SECONDS) {
        let received = at(milliseconds(segment + 1) + 100);
        state.apply(
            &ChannelEvent::ObjectStored {
                input: InputIndex::First,
                name: format!("v_{segment}.ts"),
                object: ObjectId { input: InputIndex::First, series: 0, number: segment as u32 },
                fingerprint: segment,
                tracks: encoder.tracks(segment),
                messages: Vec::new(),
                text: None,
                at: received,
            },
            &mut facts,
        );
        let listed = segment.saturating_sub(2)..=segment;
        let segments = listed
            .map(|number| NamedSegment {
                sequence: number,
                name: format!("v_{number}.ts"),
                duration_microseconds: (milliseconds(number + 1) - milliseconds(number)) * 1000,
                discontinuity: false,
                program_date_time: None,
                ad_tags: Vec::new(),
            })
            .collect();
        let playlist = ChannelEvent::MediaPlaylist {
            input: InputIndex::First,
            name: "v.m3u8".to_owned(),
            segments,
            ended: false,
            at: received,
        };
        state.apply(&playlist, &mut facts);
        if segment % 100 == 99 {
            let before = received - SignedDuration::from_secs(120);
            state.apply(&ChannelEvent::Forgotten { before }, &mut facts);
        }
        look(&state.snapshot(segment));
    }
}

fn holds_for_a_day(encoder: &Encoder) {
    let ticks_per_frame = u64::from(encoder.frame_rate.1);
    let mut first_start: Option<(u64, u64)> = None;
    let mut next_number = 1;
    push_a_day(encoder, |snapshot| {
        let output = &snapshot.outputs[&endpoint()];
        let Some(segment) = output.segment(next_number) else { return };
        assert_eq!(segment.span, 0, "segment {next_number}: no break");
        let origin = snapshot.origin().expect("the channel has begun");
        let clock = clock_of(&segment, &origin, None);
        let of_kind = |kind: TrackKind| {
            let track = snapshot.tracks.iter().find(|track| track.kind == kind).expect("the track is there");
            let time = segment_time(snapshot, &segment, track, clock).expect("the track is in the segment");
            (timescale(track), time.start, time.duration)
        };
        let (video_timescale, video_start, video_duration) = of_kind(TrackKind::Video);
        let (audio_timescale, audio_start, audio_duration) = of_kind(TrackKind::Audio);
        assert_eq!((video_timescale, audio_timescale), (encoder.frame_rate.0, encoder.sampling_rate));
        let (video_zero, audio_zero) = *first_start.get_or_insert((video_start, audio_start));
        let source = next_number - 1;
        let in_segment = encoder.frames * ticks_per_frame;
        let off = (video_start - video_zero).abs_diff(source * in_segment);
        assert!(off <= 1, "segment {next_number}: video begins {off} ticks off");
        let off = video_duration.abs_diff(in_segment);
        assert!(off <= 1, "segment {next_number}: video lasts {off} ticks more or less");
        let sound = |segment: u64| encoder.first_audio_frame(segment) * encoder.samples;
        assert_eq!(
            (audio_start - audio_zero, audio_duration),
            (sound(source), sound(source + 1) - sound(source)),
            "segment {next_number}: audio"
        );
        next_number += 1;
    });
    assert!(next_number > encoder.segments_in(DAY_SECONDS), "a day was published: {next_number} segments");
}

fn aac(sampling_rate: u32) -> CodecConfig {
    let audio_specific_config = Bytes::from_static(if sampling_rate == 44_100 { &[0x12, 0x10] } else { &[0x11, 0x90] });
    CodecConfig::Aac(AacConfig { audio_specific_config, object_type: 2, sampling_rate, channels: 2 })
}

#[test]
fn film_with_44_100_hz() {
    holds_for_a_day(&Encoder {
        frame_rate: (24_000, 1001),
        frames: 144,
        sampling_rate: 44_100,
        samples: 1024,
        audio: aac(44_100),
    });
}

#[test]
fn thirty_with_44_100_hz() {
    holds_for_a_day(&Encoder {
        frame_rate: (30_000, 1001),
        frames: 180,
        sampling_rate: 44_100,
        samples: 1024,
        audio: aac(44_100),
    });
}

#[test]
fn sixty_with_ac_3() {
    let audio = CodecConfig::Ac3(Ac3Config {
        sampling_rate_code: 1,
        bit_stream_identification: 8,
        bit_stream_mode: 0,
        audio_coding_mode: 2,
        has_low_frequency_effects: false,
        bit_rate_code: 10,
    });
    holds_for_a_day(&Encoder { frame_rate: (60_000, 1001), frames: 360, sampling_rate: 44_100, samples: 1536, audio });
}

#[test]
fn an_odd_number_of_frames_in_each_segment() {
    holds_for_a_day(&Encoder {
        frame_rate: (24_000, 1001),
        frames: 145,
        sampling_rate: 48_000,
        samples: 1024,
        audio: aac(48_000),
    });
}
