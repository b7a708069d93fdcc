//! Live situations, simulated: encoders push, things go wrong, time is an argument.

mod redundancy;

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::event::*;
use super::failover::SwitchReason;
use super::line::LineSlot;
use super::message::MessageKind;
use super::object::ObjectId;
use super::output::InputSwitch;
use super::state::{ChannelState, Fact};
use super::timeline::{GapReason, Piece};
use super::view::{Reach, View};
use crate::media::codec::{AacConfig, AvcConfig, CodecConfig};
use crate::resources::{EndpointGuid, OutputRules};

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

fn avc(level_idc: u8) -> CodecConfig {
    CodecConfig::Avc(AvcConfig {
        sequence_parameter_sets: vec![Bytes::from_static(&[0x67, 0x4d, 0x40, 0x1f])],
        picture_parameter_sets: vec![Bytes::from_static(&[0x68, 0xee])],
        profile_idc: 77,
        constraint_flags: 64,
        level_idc,
        width: 640,
        height: 360,
        sample_aspect_ratio: (1, 1),
        frame_rate: Some((25, 1)),
    })
}

fn aac(sampling_rate: u32) -> CodecConfig {
    CodecConfig::Aac(AacConfig {
        audio_specific_config: Bytes::from_static(&[0x11, 0x90]),
        object_type: 2,
        sampling_rate,
        channels: 2,
    })
}

/// An encoder with two muxed variants, 2 s segments, 25 fps, 44.1 kHz.
struct Encoder {
    input: InputIndex,
    /// 90 kHz time of its first segment on the wire.
    first_time: u64,
    /// When its first segment begins, milliseconds of the scenario.
    began: i64,
    first_sequence: u64,
    level_idc: u8,
    tells_wall_clock: bool,
}

const VARIANTS: [&str; 2] = ["v0", "v1"];
const SEGMENT_MS: i64 = 2_000;

impl Encoder {
    fn new(input: InputIndex) -> Self {
        Encoder { input, first_time: 126_000, began: 0, first_sequence: 0, level_idc: 31, tells_wall_clock: true }
    }

    fn parent(&self) -> ChannelEvent {
        let streams = VARIANTS
            .iter()
            .map(|name| StreamDeclaration {
                playlist: format!("{name}.m3u8"),
                role: StreamRole::Variant {
                    bandwidth: Some(800_000),
                    average_bandwidth: None,
                    frame_rate_milli: None,
                    audio_group: None,
                },
            })
            .collect();
        ChannelEvent::ParentPlaylist { input: self.input, streams, captions: Vec::new(), at: at(self.began) }
    }

    /// When segment `n` was received: its end and a little.
    fn received(&self, n: u64) -> i64 {
        self.began + (n as i64 + 1) * SEGMENT_MS + 100
    }

    fn object(&self, variant: &str, n: u64) -> ChannelEvent {
        let video_start = (self.first_time + n * 180_000) % (1 << 33);
        // 44.1 kHz: frames of 1024 samples, cut at the first frame that starts at or after the video's segment.
        let frame_at = |segment: u64| (segment * 2 * 44_100).div_ceil(1024);
        let audio_samples = frame_at(n) * 1024;
        let audio_start = (self.first_time + (audio_samples * 90_000 + 22_050) / 44_100) % (1 << 33);
        let frames = (frame_at(n + 1) - frame_at(n)) as u32;
        let number = self.first_sequence + n;
        ChannelEvent::ObjectStored {
            input: self.input,
            name: format!("{variant}_{number}.ts"),
            object: ObjectId {
                input: self.input,
                series: u16::from(variant == VARIANTS[1]),
                number: (number + self.began as u64) as u32,
            },
            fingerprint: number + self.began as u64 * 1000,
            tracks: vec![
                StoredTrack {
                    config: avc(self.level_idc),
                    language: None,
                    timescale: 90_000,
                    wire_decode_time: (video_start + (1 << 33) - 7_200) % (1 << 33),
                    presentation_offset: 7_200,
                    duration: 180_000,
                    sample_count: 50,
                    payload_bytes: 100_000,
                    starts_with_sync: true,
                },
                StoredTrack {
                    config: aac(44_100),
                    language: Some("eng".into()),
                    timescale: 44_100,
                    wire_decode_time: audio_start,
                    presentation_offset: 0,
                    duration: u64::from(frames) * 1024,
                    sample_count: frames,
                    payload_bytes: 20_000,
                    starts_with_sync: true,
                },
            ],
            messages: self.messages(n, video_start),
            text: None,
            at: at(self.received(n)),
        }
    }

    /// An ID3 tag with each segment and, with every fourth, a cue for four seconds later.
    fn messages(&self, n: u64, start: u64) -> Vec<StoredMessage> {
        let message = |kind, ticks: u64, text: String| StoredMessage {
            kind,
            stream_index: 0,
            wire_time: (start + ticks) % (1 << 33),
            payload: text.into(),
        };
        let cue = n.is_multiple_of(4).then(|| message(MessageKind::Scte35, 360_000, format!("cue {n}")));
        [message(MessageKind::Id3, 3_000, format!("tag {n}"))].into_iter().chain(cue).collect()
    }

    fn ad_tags(&self, variant: &str, n: u64) -> Vec<String> {
        if n.is_multiple_of(4) { vec![format!("#EXT-X-CUE-OUT:{variant}")] } else { Vec::new() }
    }

    fn playlist(&self, variant: &str, n: u64) -> ChannelEvent {
        let first = n.saturating_sub(4);
        let segments = (first..=n)
            .map(|n| NamedSegment {
                sequence: self.first_sequence + n,
                name: format!("{variant}_{}.ts", self.first_sequence + n),
                duration_microseconds: 2_000_000,
                discontinuity: false,
                program_date_time: self.tells_wall_clock.then(|| at(self.began + n as i64 * SEGMENT_MS)),
                ad_tags: self.ad_tags(variant, n),
            })
            .collect();
        ChannelEvent::MediaPlaylist {
            input: self.input,
            name: format!("{variant}.m3u8"),
            segments,
            ended: false,
            at: at(self.received(n)),
        }
    }

    fn push(&self, n: u64) -> Vec<ChannelEvent> {
        let mut events = vec![];
        for variant in VARIANTS {
            events.push(self.object(variant, n));
            events.push(self.playlist(variant, n));
        }
        if n == 0 {
            events.push(self.parent());
        }
        events
    }
}

#[derive(Default)]
struct Channel {
    state: ChannelState,
    journal: Vec<ChannelEvent>,
    facts: Vec<Fact>,
}

impl Channel {
    fn with_output(target_duration_seconds: u32) -> Self {
        let mut channel = Channel::default();
        let rules = OutputRules::without_ads(target_duration_seconds);
        channel.take([ChannelEvent::OutputWanted { endpoint: endpoint(), rules }]);
        channel
    }

    fn take(&mut self, events: impl IntoIterator<Item = ChannelEvent>) {
        for event in events {
            self.state.apply(&event, &mut self.facts);
            self.journal.push(event);
        }
    }

    fn time_passes(&mut self, until: i64) {
        while let Some(due) = self.state.next_due().filter(|due| *due <= at(until)) {
            self.take([ChannelEvent::TimePassed { at: due }]);
            assert!(self.state.next_due().is_none_or(|next| next > due), "what was due at {due} happened");
        }
    }

    /// Start in milliseconds of wall clock, duration in milliseconds, span.
    fn output(&self) -> Vec<(u64, i64, i64, u32)> {
        self.state.snapshot(0).outputs[&endpoint()]
            .segments()
            .map(|segment| {
                let start = segment.wall_clock.as_millisecond() - at(0).as_millisecond();
                (segment.number, start, segment.duration / 90, segment.span)
            })
            .collect()
    }

    /// Every slot that the endpoint shows, in order.
    fn slots(&self) -> Vec<Arc<LineSlot>> {
        let snapshot = self.state.snapshot(0);
        snapshot.outputs[&endpoint()]
            .segments()
            .flat_map(|segment| snapshot.slots_of(&segment).collect::<Vec<_>>())
            .collect()
    }

    /// Places of the slots that lack something, and what.
    fn gaps(&self) -> Vec<(usize, Vec<GapReason>)> {
        let reasons = |slot: &LineSlot| {
            let reason = |piece: &Piece| match piece {
                Piece::Gap(reason) => Some(reason.clone()),
                Piece::Media(_) => None,
            };
            slot.pieces.values().filter_map(reason).collect::<Vec<_>>()
        };
        let slots = self.slots();
        let gaps = slots.iter().enumerate().map(|(place, slot)| (place, reasons(slot)));
        gaps.filter(|(_, reasons)| !reasons.is_empty()).collect()
    }

    fn has_ended(&self) -> bool {
        self.state.snapshot(0).ended(&endpoint())
    }

    fn switches(&self) -> Vec<InputSwitch> {
        let switch = |fact: &Fact| match fact {
            Fact::InputSwitched { switch, .. } => Some(*switch),
            _ => None,
        };
        self.facts.iter().filter_map(switch).collect()
    }
}

fn endpoint() -> EndpointGuid {
    EndpointGuid("e".into())
}

#[test]
fn regular_segments_are_combined_and_numbered() {
    let mut channel = Channel::with_output(6);
    let encoder = Encoder::new(InputIndex::First);
    for n in 0..7 {
        channel.take(encoder.push(n));
    }
    assert_eq!(channel.output(), [(1, 0, 6000, 0), (2, 6000, 6000, 0)]);
    assert_eq!(channel.gaps(), []);
    let reach = |time_delay_seconds| Reach {
        startover_window_seconds: 0,
        time_delay_seconds,
        held_back: 0,
        ended: false,
        now: at(14_000),
    };
    let view = View::live(&channel.state.snapshot(0).outputs[&endpoint()], 60, reach(0));
    assert_eq!(view, View { numbers: 1..3, complete: false, starts_fixed: false });
    let delayed = View::live(&channel.state.snapshot(0).outputs[&endpoint()], 60, reach(5));
    assert_eq!(delayed, View { numbers: 1..2, complete: false, starts_fixed: false });
    let ahead = View::live(&channel.state.snapshot(0).outputs[&endpoint()], 60, Reach { held_back: 1, ..reach(0) });
    assert_eq!(ahead, View { numbers: 1..2, complete: false, starts_fixed: false });
}

#[test]
fn nothing_is_published_without_a_parent_playlist() {
    let mut channel = Channel::with_output(2);
    let encoder = Encoder::new(InputIndex::First);
    channel.take(encoder.push(0).into_iter().filter(|event| !matches!(event, ChannelEvent::ParentPlaylist { .. })));
    channel.take(encoder.push(1));
    assert_eq!(channel.output(), []);
    channel.take([encoder.parent()]);
    assert_eq!(channel.output().len(), 2);
}

#[test]
fn replaying_the_journal_gives_the_same_channel() {
    let mut channel = Channel::with_output(4);
    let encoders = [Encoder::new(InputIndex::First), Encoder::new(InputIndex::Second)];
    for n in 0..20 {
        channel.take(encoders[0].push(n).into_iter().filter(|_| n != 7));
        channel.take(encoders[1].push(n).into_iter().filter(|_| n != 11));
        channel.time_passes(encoders[0].received(n) + 500);
    }
    let mut again = ChannelState::default();
    for event in &channel.journal {
        again.apply(event, &mut Vec::new());
    }
    assert_eq!(again, channel.state);
    let bytes = postcard::to_stdvec(&channel.state).unwrap();
    assert_eq!(postcard::from_bytes::<ChannelState>(&bytes).unwrap(), channel.state);
}

#[test]
fn the_33_bit_clock_wraps_without_a_break_and_audio_stays_exact() {
    let mut channel = Channel::with_output(2);
    let mut encoder = Encoder::new(InputIndex::First);
    encoder.first_time = (1 << 33) - 5 * 180_000 + 77;
    for n in 0..200 {
        channel.take(encoder.push(n));
    }
    let snapshot = channel.state.snapshot(0);
    assert!(channel.output().iter().all(|(_, _, duration, span)| *duration == 2000 && *span == 0));
    for track in snapshot.tracks.iter() {
        let mut expected = None;
        for slot in channel.slots() {
            let segment = slot.pieces[&track.id].media().expect("every track is there");
            assert!(expected.is_none_or(|expected| expected == segment.decode_time), "{:?} is continuous", track.kind);
            expected = Some(segment.decode_time + segment.duration as i64);
        }
    }
}

#[test]
fn a_segment_that_one_variant_misses_is_a_gap_there_only() {
    let mut channel = Channel::with_output(2);
    let encoder = Encoder::new(InputIndex::First);
    for n in 0..6 {
        let events = encoder.push(n);
        let lost = |event: &ChannelEvent| matches!(event, ChannelEvent::ObjectStored { name, .. } if name == "v1_3.ts");
        channel.take(events.into_iter().filter(|event| !lost(event)));
        channel.time_passes(encoder.received(n) + 1_900);
    }
    channel.time_passes(encoder.received(6) + 4_000);
    assert_eq!(channel.gaps().len(), 1, "{:?}", channel.gaps());
    assert_eq!(channel.gaps()[0].0, 3);
    let starts: Vec<_> = channel.output().iter().map(|(_, start, _, _)| *start).collect();
    assert_eq!(starts, [0, 2000, 4000, 6000, 8000, 10000]);
}

#[test]
fn a_segment_that_nobody_got_leaves_a_hole_of_its_length() {
    let mut channel = Channel::with_output(2);
    let encoder = Encoder::new(InputIndex::First);
    for n in 0..8 {
        if n != 3 {
            channel.take(encoder.push(n));
        }
        channel.time_passes(encoder.received(n) + 1_900);
    }
    let output = channel.output();
    assert!(output.windows(2).all(|pair| pair[1].1 == pair[0].1 + 2000 && pair[1].3 == 0), "{output:?}");
    assert_eq!(channel.gaps().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_silent_variant_delays_the_others_only_once() {
    let mut channel = Channel::with_output(2);
    let encoder = Encoder::new(InputIndex::First);
    for n in 0..10 {
        let events = encoder.push(n).into_iter().filter(|event| match event {
            ChannelEvent::ObjectStored { name, .. } | ChannelEvent::MediaPlaylist { name, .. } => {
                n < 3 || name.starts_with("v0")
            }
            _ => true,
        });
        channel.take(events);
        channel.time_passes(encoder.received(n) + 1_900);
    }
    assert_eq!(channel.output().len(), 10);
}

#[test]
fn a_restarted_encoder_breaks_the_line_and_numbering_goes_on() {
    let mut channel = Channel::with_output(2);
    let first = Encoder::new(InputIndex::First);
    for n in 0..5 {
        channel.take(first.push(n));
    }
    let mut second = Encoder::new(InputIndex::First);
    second.began = 60_000;
    for n in 0..5 {
        channel.take(second.push(n));
    }
    channel.time_passes(80_000);
    let output = channel.output();
    assert_eq!(output.iter().map(|segment| segment.0).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    assert_eq!(output.iter().map(|segment| segment.3).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    assert_eq!(output[5].1, 60_000, "the wall clock of the restart");
}

#[test]
fn a_changed_parameter_set_breaks_the_line() {
    let mut channel = Channel::with_output(2);
    let mut encoder = Encoder::new(InputIndex::First);
    for n in 0..3 {
        channel.take(encoder.push(n));
    }
    encoder.level_idc = 40;
    for n in 3..6 {
        channel.take(encoder.push(n));
    }
    assert_eq!(channel.output().iter().map(|segment| segment.3).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1]);
}

#[test]
fn the_line_goes_on_with_the_other_input_without_a_break_when_timestamps_line_up() {
    let mut channel = Channel::with_output(2);
    let (first, second) = (Encoder::new(InputIndex::First), Encoder::new(InputIndex::Second));
    for n in 0..12 {
        if n < 6 {
            channel.take(first.push(n));
        }
        channel.take(second.push(n));
        channel.time_passes(second.received(n) + 1_900);
    }
    channel.time_passes(second.received(12) + 10_000);
    let output = channel.output();
    assert_eq!(output.len(), 12, "{output:?}");
    assert!(output.iter().all(|segment| segment.3 == 0), "{output:?}");
    let switch = InputSwitch {
        from: InputIndex::First,
        to: InputIndex::Second,
        reason: SwitchReason::Silent,
        discontinuity: false,
    };
    assert_eq!(channel.switches(), [switch]);
}

#[test]
fn an_input_with_other_timestamps_takes_over_with_a_break_and_no_doubled_time() {
    let mut channel = Channel::with_output(2);
    let first = Encoder::new(InputIndex::First);
    let mut second = Encoder::new(InputIndex::Second);
    second.first_time = 99_000_000;
    second.began = 700;
    for n in 0..12 {
        if n < 6 {
            channel.take(first.push(n));
        }
        channel.take(second.push(n));
        channel.time_passes(second.received(n) + 1_200);
    }
    channel.time_passes(second.received(12) + 10_000);
    let output = channel.output();
    assert!(output.windows(2).all(|pair| pair[1].1 >= pair[0].1 + pair[0].2), "{output:?}");
    assert_eq!(output.last().map(|segment| segment.3), Some(1));
}

#[test]
fn a_gap_of_the_active_input_is_filled_by_the_other() {
    let mut channel = Channel::with_output(2);
    let (first, second) = (Encoder::new(InputIndex::First), Encoder::new(InputIndex::Second));
    for n in 0..10 {
        let lost = |event: &ChannelEvent| matches!(event, ChannelEvent::ObjectStored { input: InputIndex::First, name, .. } if name == "v0_4.ts");
        channel.take(first.push(n).into_iter().filter(|event| !lost(event)));
        channel.take(second.push(n));
        channel.time_passes(second.received(n) + 1_900);
    }
    channel.time_passes(second.received(10) + 10_000);
    assert_eq!(channel.gaps(), []);
    assert_eq!(channel.output().len(), 10);
}

#[test]
fn the_line_ends_only_when_both_inputs_ended_and_lives_again() {
    let mut channel = Channel::with_output(6);
    let (first, second) = (Encoder::new(InputIndex::First), Encoder::new(InputIndex::Second));
    for n in 0..4 {
        channel.take(first.push(n));
        channel.take(second.push(n));
    }
    let end = |encoder: &Encoder| {
        VARIANTS.map(|variant| match encoder.playlist(variant, 3) {
            ChannelEvent::MediaPlaylist { input, name, segments, at, .. } => {
                ChannelEvent::MediaPlaylist { input, name, segments, ended: true, at }
            }
            other => other,
        })
    };
    channel.take(end(&first));
    assert!(!channel.has_ended());
    channel.take(end(&second));
    assert!(channel.has_ended());
    assert_eq!(channel.output(), [(1, 0, 6000, 0), (2, 6000, 2000, 0)], "the last segment may be short");
    let mut again = Encoder::new(InputIndex::First);
    again.began = 30_000;
    again.first_sequence = 4;
    channel.take(again.push(0));
    channel.time_passes(40_000);
    assert!(!channel.has_ended());
}

#[test]
fn retention_keeps_numbers_and_frees_objects() {
    let mut channel = Channel::with_output(4);
    let encoder = Encoder::new(InputIndex::First);
    for n in 0..20 {
        channel.take(encoder.push(n));
    }
    let before = channel.output();
    channel.facts.clear();
    channel.take([ChannelEvent::Forgotten { before: at(14_500) }]);
    let after = channel.output();
    assert_eq!(after, before[4..], "whole segments only, same numbers");
    let freed = channel.facts.iter().filter(|fact| matches!(fact, Fact::ObjectUnused(_))).count();
    assert_eq!(freed, 7 * VARIANTS.len());
    channel.take(encoder.push(20));
    channel.take(encoder.push(21));
    assert_eq!(channel.output().last().map(|segment| segment.0), Some(11));
}

#[test]
fn without_program_date_time_the_wall_clock_is_that_of_reception() {
    let mut channel = Channel::with_output(2);
    let mut encoder = Encoder::new(InputIndex::First);
    encoder.tells_wall_clock = false;
    channel.take(encoder.push(0));
    let snapshot = channel.state.snapshot(0);
    let origin = snapshot.origin().expect("the channel has begun");
    assert_eq!(origin.wall_clock, at(encoder.received(0)) - SignedDuration::from_secs(2));
}

#[test]
fn messages_come_once_with_unrolled_times_and_ad_tags_are_those_of_the_leading_stream() {
    let mut channel = Channel::with_output(2);
    let mut encoder = Encoder::new(InputIndex::First);
    // The wire's clock wraps between a cue that announces its splice and the splice.
    encoder.first_time = (1 << 33) - 100_000;
    for n in 0..6 {
        channel.take(encoder.push(n));
    }
    let mut found = Vec::new();
    for slot in channel.slots() {
        let texts = slot.messages.iter().map(|message| {
            (message.kind, message.time - slot.start, String::from_utf8(message.payload.to_vec()).unwrap())
        });
        found.push((texts.collect::<Vec<_>>(), slot.playlist_tags.clone()));
    }
    let with_cue = |n: u64| {
        let tag = (MessageKind::Id3, 3_000, format!("tag {n}"));
        let cue = (MessageKind::Scte35, 360_000, format!("cue {n}"));
        (vec![tag, cue], vec!["#EXT-X-CUE-OUT:v0".to_owned()])
    };
    let without_cue = |n: u64| (vec![(MessageKind::Id3, 3_000, format!("tag {n}"))], Vec::new());
    let expected = [with_cue(0), without_cue(1), without_cue(2), without_cue(3), with_cue(4), without_cue(5)];
    assert_eq!(found, expected);
}

#[test]
fn a_switch_takes_the_messages_of_the_other_input() {
    let mut channel = Channel::with_output(2);
    let [first, second] = InputIndex::BOTH.map(Encoder::new);
    for n in 0..4 {
        channel.take(first.push(n));
        channel.take(second.push(n));
    }
    for n in 4..10 {
        channel.take(second.push(n));
        channel.time_passes(second.received(n));
    }
    assert_eq!(channel.switches().len(), 1, "the inputs were switched");
    for (n, slot) in channel.slots().iter().enumerate() {
        assert_eq!(slot.messages.len(), if n.is_multiple_of(4) { 2 } else { 1 }, "slot {n}");
    }
}

/// A subtitle stream beside the encoder's variants.
struct Subtitles<'a> {
    encoder: &'a Encoder,
    /// Files have `X-TIMESTAMP-MAP`.
    is_mapped: bool,
    /// What is added to the encoder's sequence numbers.
    numbered_from: u64,
}

impl Subtitles<'_> {
    fn parent(&self) -> ChannelEvent {
        let ChannelEvent::ParentPlaylist { input, mut streams, captions, at } = self.encoder.parent() else { panic!() };
        let role = StreamRole::SubtitleRendition {
            name: "English".into(),
            language: Some("eng".into()),
            forced: false,
            characteristics: None,
        };
        streams.push(StreamDeclaration { playlist: "s.m3u8".into(), role });
        ChannelEvent::ParentPlaylist { input, streams, captions, at }
    }

    /// The file of segment `n`, with a cue in the middle of it, and its playlist; received `late` milliseconds after
    /// the media.
    fn push(&self, n: u64, late: i64) -> [ChannelEvent; 2] {
        let start = n * 180_000 + 45_000;
        let number = self.numbered_from + self.encoder.first_sequence + n;
        let received = at(self.encoder.received(n) + late);
        let text = StoredText {
            wire_zero: self.is_mapped.then_some(self.encoder.first_time),
            cues: Some(CueSpan { start, end: start + 90_000 }),
        };
        let named = NamedSegment {
            sequence: number,
            name: format!("s_{number}.vtt"),
            duration_microseconds: 2_000_000,
            discontinuity: false,
            program_date_time: None,
            ad_tags: Vec::new(),
        };
        let stored = ChannelEvent::ObjectStored {
            input: self.encoder.input,
            name: named.name.clone(),
            object: ObjectId { input: self.encoder.input, series: 9, number: number as u32 },
            fingerprint: number,
            tracks: Vec::new(),
            messages: Vec::new(),
            text: Some(text),
            at: received,
        };
        let input = self.encoder.input;
        let playlist = ChannelEvent::MediaPlaylist {
            input,
            name: "s.m3u8".into(),
            segments: vec![named],
            ended: false,
            at: received,
        };
        [stored, playlist]
    }
}

/// Of each closed slot: the number of the subtitle object in it, and the file's local time 0 before the slot's start.
fn texts(channel: &Channel) -> Vec<Option<(u32, i64)>> {
    let snapshot = channel.state.snapshot(0);
    let slots: Vec<_> = snapshot.lines.of(InputIndex::First).slots().from(0).map(|(_, slot)| slot).collect();
    let of =
        |slot: &LineSlot| slot.texts.values().next().map(|text| (text.object.number, text.local_zero - slot.start));
    slots.iter().map(|slot| of(slot)).collect()
}

#[test]
fn subtitles_come_into_the_slots_that_their_map_says_whatever_their_numbers() {
    let mut channel = Channel::with_output(2);
    let mut encoder = Encoder::new(InputIndex::First);
    encoder.first_time = (1 << 33) - 200_000;
    let subtitles = Subtitles { encoder: &encoder, is_mapped: true, numbered_from: 1_000 };
    for n in 0..4 {
        channel.take(encoder.push(n));
        channel.take([subtitles.parent()]);
        channel.take(subtitles.push(n, 50));
    }
    let expected: Vec<_> = (0..4).map(|n| Some((1_000 + n as u32, -180_000 * n))).collect();
    // The first slot closed before anybody had told of subtitles.
    assert_eq!(texts(&channel)[1..], expected[1..]);
}

#[test]
fn subtitles_without_a_map_come_into_the_slot_of_their_number() {
    let mut channel = Channel::with_output(2);
    let encoder = Encoder::new(InputIndex::First);
    let subtitles = Subtitles { encoder: &encoder, is_mapped: false, numbered_from: 0 };
    channel.take([subtitles.parent()]);
    for n in 0..4 {
        // The subtitles come first.
        channel.take(subtitles.push(n, -50));
        channel.take(encoder.push(n).into_iter().filter(|event| !matches!(event, ChannelEvent::ParentPlaylist { .. })));
    }
    // Media time starts at 126,000; local time 0 is media time 0.
    let expected: Vec<_> = (0..4).map(|n| Some((n as u32, -180_000 * n - 126_000))).collect();
    assert_eq!(texts(&channel), expected);
}

#[test]
fn subtitles_that_stop_hold_nothing_up_and_break_nothing() {
    let mut channel = Channel::with_output(2);
    let encoder = Encoder::new(InputIndex::First);
    let subtitles = Subtitles { encoder: &encoder, is_mapped: true, numbered_from: 0 };
    channel.take([subtitles.parent()]);
    for n in 0..10 {
        channel.take(encoder.push(n).into_iter().filter(|event| !matches!(event, ChannelEvent::ParentPlaylist { .. })));
        if n < 3 {
            channel.take(subtitles.push(n, 50));
        }
        // Once the encoder's subtitles have failed, a slot closes with its media.
        let waited = if n == 3 { 500 } else { 0 };
        channel.time_passes(encoder.received(n) + waited);
        assert_eq!(channel.output().len() as u64, n + 1, "segment {n}");
    }
    assert!(channel.output().iter().all(|(_, _, _, span)| *span == 0));
    assert!(!channel.facts.iter().any(|fact| matches!(fact, Fact::Gap { .. })));
    let runs: Vec<u64> = {
        let snapshot = channel.state.snapshot(0);
        snapshot.outputs[&endpoint()].segments().map(|segment| segment.run.first_number).collect()
    };
    assert!(runs.iter().all(|first| *first == runs[0]), "one run: {runs:?}");
    assert_eq!(texts(&channel).iter().flatten().count(), 3);
    // They come back, and one that is too late is given up.
    channel.take(subtitles.push(8, 4_000));
    channel.take(encoder.push(10).into_iter().filter(|event| !matches!(event, ChannelEvent::ParentPlaylist { .. })));
    channel.take(subtitles.push(10, 50));
    let late = ObjectId { input: InputIndex::First, series: 9, number: 8 };
    assert!(channel.facts.contains(&Fact::ObjectUnused(late)));
    assert_eq!(texts(&channel)[10].map(|(number, _)| number), Some(10));
}
