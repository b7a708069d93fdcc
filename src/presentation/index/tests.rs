//! What goes into a list comes out, and what is regular costs next to nothing.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::ChunkedList;
use super::list::Columnar;
use crate::presentation::event::InputIndex;
use crate::presentation::line::LineSlot;
use crate::presentation::message::{MessageKind, TimedMessage};
use crate::presentation::object::ObjectId;
use crate::presentation::output::{ClockAnchor, OutputSegment, Run};
use crate::presentation::side::{TextSegment, Texts};
use crate::presentation::timeline::{GapReason, Piece, TrackSegment, WallClockSource, ticks_to_duration};
use crate::presentation::track::TrackId;

fn at(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(1_800_000_000_000_000_000 + i128::from(nanoseconds)).unwrap()
}

/// A ladder of tracks of 90 kHz and audio tracks, cut every `slot_ticks`; audio at the first frame that ends at or after
/// the slot's end.
struct Ladder {
    slot_ticks: i64,
    videos: u16,
    /// Sampling rates.
    audios: Vec<u32>,
}

impl Ladder {
    fn slot(&self, n: i64) -> LineSlot {
        let start = 126_000 + n * self.slot_ticks;
        let wall_clock = at(0) + ticks_to_duration(start - 125_999);
        let jitter = SignedDuration::from_micros(400_000 + n * 7_919 % 311_000);
        let object = |track: u16| ObjectId { input: InputIndex::First, series: track, number: n as u32 };
        let videos = (0..self.videos).map(|track| TrackSegment {
            object: object(track),
            index_in_object: 0,
            config: 0,
            decode_time: start - 7_200,
            start,
            duration: self.slot_ticks as u64,
        });
        let audios = self.audios.iter().zip(self.videos..).map(|(rate, track)| {
            let frames = |n: i64| ((n * self.slot_ticks) as u64 * u64::from(*rate)).div_ceil(90_000 * 1024);
            let decode_time = 126_000 * i64::from(*rate) / 90_000 + 77 + (frames(n) * 1024) as i64;
            TrackSegment {
                object: object(track),
                index_in_object: 0,
                config: 0,
                decode_time,
                start: decode_time,
                duration: (frames(n + 1) - frames(n)) * 1024,
            }
        });
        LineSlot {
            start,
            duration: self.slot_ticks,
            span: 0,
            wall_clock,
            wall_clock_source: WallClockSource::Encoder,
            sequence: Some(n as u64 + 40),
            last_arrival: wall_clock + ticks_to_duration(self.slot_ticks) + jitter,
            pieces: videos
                .chain(audios)
                .zip(0..)
                .map(|(segment, track)| (TrackId(track), Piece::Media(segment)))
                .collect(),
            messages: Vec::new(),
            texts: Texts::new(),
            playlist_tags: Vec::new(),
        }
    }
}

/// Combined to threes.
fn segment(ladder: &Ladder, n: i64) -> OutputSegment {
    let slot = ladder.slot(3 * n);
    OutputSegment {
        number: n as u64 + 1,
        input: InputIndex::First,
        first_slot: 3 * n as u64,
        slot_count: 3,
        start: slot.start,
        duration: 3 * slot.duration,
        span: 0,
        wall_clock: slot.wall_clock,
        received: ladder.slot(3 * n + 2).last_arrival,
        run: Run {
            first_number: 1,
            start: 126_000,
            wall_clock: at(0),
            anchor: ClockAnchor { time: 126_000, wall_clock: at(0) },
        },
    }
}

/// Times of reception of old elements are whole seconds after their end, never later than they were.
fn is_settled(kept: Timestamp, received: Timestamp) -> bool {
    let early = received.duration_since(kept);
    !early.is_negative() && early < SignedDuration::from_secs(2)
}

fn same_slot(kept: &LineSlot, pushed: &LineSlot) -> bool {
    is_settled(kept.last_arrival, pushed.last_arrival)
        && *kept == LineSlot { last_arrival: kept.last_arrival, ..pushed.clone() }
}

fn same_segment(kept: &OutputSegment, pushed: &OutputSegment) -> bool {
    is_settled(kept.received, pushed.received) && *kept == OutputSegment { received: kept.received, ..pushed.clone() }
}

/// Half a day of ten tracks costs less than a thirtieth of the megabyte that fourteen days may.
#[test]
fn fourteen_days_of_regular_slots_cost_less_than_a_megabyte() {
    const SLOTS: i64 = 604_800 / 30;
    for (slot_ticks, audios) in [
        (180_000, vec![48_000; 5]),
        (180_180, vec![48_000, 48_000, 44_100, 44_100, 48_000]),
        (192_192, vec![44_100, 32_000, 22_050, 48_000, 44_100]),
    ] {
        let ladder = Ladder { slot_ticks, videos: 5, audios };
        let mut list = ChunkedList::default();
        for n in 0..SLOTS {
            list.push(ladder.slot(n));
        }
        let bytes = list.sealed_bytes();
        assert!(bytes < 33_000, "{bytes} bytes at {slot_ticks} ticks");
        for n in (0..SLOTS).step_by(1_999) {
            assert!(same_slot(&list.get(n as u64).unwrap(), &ladder.slot(n)), "slot {n}");
        }
    }
}

#[test]
fn fourteen_days_of_regular_segments_cost_even_less() {
    let ladder = Ladder { slot_ticks: 180_180, videos: 1, audios: Vec::new() };
    let mut list = ChunkedList::default();
    for n in 0..604_800 / 3 / 10 {
        list.push(segment(&ladder, n));
    }
    assert!(list.sealed_bytes() < 10_000, "{}", list.sealed_bytes());
    assert!(list.from(0).zip(0..).all(|((_, kept), n)| same_segment(&kept, &segment(&ladder, n)) || n > 20_000));
}

/// What may happen to a slot.
#[derive(Debug, Clone)]
enum Mishap {
    Nothing,
    Break(i64),
    Missing(u16),
    Gap(u16, GapReason),
    OtherConfig(u16),
    OtherDuration(i64),
    Message,
    Tag,
    Text(u16, u16, u32, i64),
    Unlisted,
    Wild(Wild),
}

/// Values that no encoder sends.
#[derive(Debug, Clone)]
struct Wild {
    start: i64,
    duration: i64,
    seconds: i64,
    segment: (u32, u8, u16, i64, i64, u64),
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let wild = (
        any::<i64>(),
        any::<i64>(),
        -200_000_000_000i64..200_000_000_000,
        (any::<u32>(), any::<u8>(), any::<u16>(), any::<i64>(), any::<i64>(), any::<u64>()),
    )
        .prop_map(|(start, duration, seconds, segment)| Mishap::Wild(Wild { start, duration, seconds, segment }));
    prop_oneof![
        30 => Just(Mishap::Nothing),
        2 => (-1_000_000_000i64..1_000_000_000).prop_map(Mishap::Break),
        2 => (0u16..4).prop_map(Mishap::Missing),
        2 => (0u16..4, prop_oneof![
            Just(GapReason::NotInTime),
            "[a-z]{0,9}".prop_map(GapReason::Broken),
        ]).prop_map(|(track, reason)| Mishap::Gap(track, reason)),
        1 => (0u16..4).prop_map(Mishap::OtherConfig),
        2 => (-90_000i64..90_000).prop_map(Mishap::OtherDuration),
        1 => Just(Mishap::Message),
        1 => Just(Mishap::Tag),
        9 => (50u16..53, any::<u16>(), any::<u32>(), any::<i64>())
            .prop_map(|(track, series, number, zero)| Mishap::Text(track, series, number, zero)),
        1 => Just(Mishap::Unlisted),
        1 => wild,
    ]
}

fn happen(mishap: Mishap, slot: &mut LineSlot) {
    match mishap {
        Mishap::Nothing => {}
        Mishap::Break(ticks) => {
            slot.start += ticks;
            slot.span += 1;
        }
        Mishap::Text(track, series, number, local_zero) => {
            let object = ObjectId { input: InputIndex::Second, series, number };
            slot.texts.insert(TrackId(track), TextSegment { object, local_zero });
        }
        Mishap::Missing(track) => drop(slot.pieces.remove(&TrackId(track))),
        Mishap::Gap(track, reason) => drop(slot.pieces.insert(TrackId(track), Piece::Gap(reason))),
        Mishap::OtherConfig(track) => {
            if let Some(Piece::Media(segment)) = slot.pieces.get_mut(&TrackId(track)) {
                segment.config += 1;
            }
        }
        Mishap::OtherDuration(ticks) => slot.duration += ticks,
        Mishap::Message => slot.messages.push(TimedMessage {
            kind: MessageKind::Scte35,
            stream_index: 0,
            time: slot.start,
            payload: bytes::Bytes::from_static(b"\xFC\x30"),
        }),
        Mishap::Tag => slot.playlist_tags.push("#EXT-X-CUE-OUT:30".to_owned()),
        Mishap::Unlisted => {
            slot.sequence = None;
            slot.wall_clock_source = WallClockSource::Reception;
        }
        Mishap::Wild(Wild { start, duration, seconds, segment }) => {
            // Ends of slots saturate elsewhere; here they need only not overflow.
            (slot.start, slot.duration) = (start / 2, duration / 2);
            slot.wall_clock = Timestamp::from_second(seconds).unwrap();
            slot.last_arrival = slot.wall_clock_end();
            let (number, index_in_object, config, decode_time, start, duration) = segment;
            let object = ObjectId { input: InputIndex::Second, series: config, number };
            let segment = TrackSegment { object, index_in_object, config, decode_time, start, duration };
            slot.pieces.insert(TrackId(index_in_object.into()), Piece::Media(segment));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn slots_of_any_history_come_out_as_they_went_in(mishaps in proptest::collection::vec(mishap(), 100..900)) {
        let ladder = Ladder { slot_ticks: 180_180, videos: 2, audios: vec![44_100, 48_000] };
        let mut list = ChunkedList::default();
        let mut pushed = Vec::new();
        for (mishap, n) in mishaps.into_iter().zip(0..) {
            let mut slot = ladder.slot(n);
            happen(mishap, &mut slot);
            list.push(slot.clone());
            pushed.push(slot);
        }
        prop_assert_eq!(list.next_number(), pushed.len() as u64);
        for ((number, kept), pushed) in list.from(0).zip(&pushed) {
            prop_assert!(same_slot(&kept, pushed), "slot {}: {:?} became {:?}", number, pushed, kept);
        }
    }

    #[test]
    fn segments_of_any_history_come_out_as_they_went_in(
        mishaps in proptest::collection::vec((any::<bool>(), 0u32..4, -1_000_000i64..1_000_000, any::<u8>()), 100..900),
    ) {
        let ladder = Ladder { slot_ticks: 180_180, videos: 1, audios: Vec::new() };
        let mut list = ChunkedList::default();
        let mut pushed = Vec::new();
        for ((happens, slots, ticks, luck), n) in mishaps.into_iter().zip(0..) {
            let mut segment = segment(&ladder, n);
            if happens && luck < 30 {
                segment.slot_count = slots;
                segment.start += ticks;
                segment.duration -= ticks / 2;
                segment.span += slots;
                segment.first_slot += u64::from(slots);
                segment.run.start = ticks;
                segment.input = InputIndex::Second;
                segment.wall_clock += ticks_to_duration(ticks);
                segment.received = segment.wall_clock_end();
            }
            list.push(segment.clone());
            pushed.push(segment);
        }
        for ((_, kept), pushed) in list.from(0).zip(&pushed) {
            prop_assert!(same_segment(&kept, pushed), "{:?} became {:?}", pushed, kept);
        }
    }
}

#[test]
fn settling_again_changes_nothing() {
    let ladder = Ladder { slot_ticks: 180_000, videos: 1, audios: Vec::new() };
    let mut once: Vec<LineSlot> = (0..1000).map(|n| ladder.slot(n)).collect();
    LineSlot::settle(&mut once);
    let mut twice = once.clone();
    LineSlot::settle(&mut twice);
    assert!(twice == once);
}
