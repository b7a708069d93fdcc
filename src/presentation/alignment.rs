//! Where one input's slots lie on the other's timeline.
//!
//! Inputs are aligned by wall clock where both encoders tell it, else by timestamps, else by sequence numbers, else by
//! the time of reception. Clocks may be wrong and numbers unrelated, so each of the first three is believed only if it
//! agrees with reception to within [`BELIEVED_SECONDS`].

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::InputIndex;
use super::line::LineSlot;
use super::timeline::{WallClockSource, duration_to_ticks, ticks_to_duration, wire_distance};
use crate::media::sample::MPEG_TIMESCALE;

/// What encoders say of time is believed if it agrees with the time of reception to within this, in seconds.
pub const BELIEVED_SECONDS: i64 = 60;

/// [`BELIEVED_SECONDS`] in ticks of 90 kHz.
const BELIEVED_TICKS: i64 = BELIEVED_SECONDS * MPEG_TIMESCALE as i64;

/// Timestamps of two inputs line up if they differ by at most this, 90 kHz: less than half a frame at 25 fps.
const SEAMLESS_TICKS: i64 = MPEG_TIMESCALE as i64 / 50;

/// By how much of its duration a slot may raise what counts as the usual delay: so an encoder's clock may drift by one
/// in a hundred, and one that falls behind by more is found out.
const DELAY_CREEP: i64 = 100;

/// A place between two slots of an input, in every measure that the other input can be aligned by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The input.
    pub input: InputIndex,
    /// Span of its line.
    pub span: u32,
    /// Media time, 90 kHz.
    pub media_time: i64,
    /// Duration of the slot before, 90 kHz: what the next one is expected to have.
    pub slot_duration: i64,
    /// Wall-clock time, by the input.
    pub wall_clock: Timestamp,
    /// Where that time is from.
    wall_clock_source: WallClockSource,
    /// Media sequence number of the segment that follows.
    next_sequence: Option<u64>,
    /// When the slot before was received.
    pub arrival: Timestamp,
    /// How long after its wall-clock end a slot usually arrives, 90 kHz.
    usual_delay: i64,
}

impl Position {
    /// The end of a slot, which follows on `before`.
    pub fn after(before: Option<Position>, input: InputIndex, slot: &LineSlot) -> Position {
        let wall_clock = slot.wall_clock_end();
        let delay = duration_to_ticks(slot.last_arrival.duration_since(wall_clock));
        let before = before.filter(|before| before.input == input && before.span == slot.span);
        let counted = before.and_then(|before| before.next_sequence);
        Position {
            input,
            span: slot.span,
            media_time: slot.end(),
            slot_duration: slot.duration,
            wall_clock,
            wall_clock_source: slot.wall_clock_source,
            next_sequence: slot.sequence.or(counted).and_then(|sequence| sequence.checked_add(1)),
            arrival: slot.last_arrival,
            usual_delay: before
                .map_or(delay, |before| delay.min(before.usual_delay.saturating_add(slot.duration / DELAY_CREEP))),
        }
    }

    /// The start of a slot.
    pub fn at_start_of(input: InputIndex, slot: &LineSlot) -> Position {
        let arrival = reception_start(slot);
        Position {
            input,
            span: slot.span,
            media_time: slot.start,
            slot_duration: slot.duration,
            wall_clock: slot.wall_clock,
            wall_clock_source: slot.wall_clock_source,
            next_sequence: slot.sequence,
            arrival,
            usual_delay: duration_to_ticks(arrival.duration_since(slot.wall_clock)),
        }
    }

    /// When the slot that follows counts as late: `patience` (90 kHz) after it was expected.
    pub fn late_at(&self, patience: i64) -> Timestamp {
        let ticks = self.usual_delay.saturating_add(self.slot_duration).saturating_add(patience);
        self.wall_clock.saturating_add(ticks_to_duration(ticks)).unwrap_or(Timestamp::MAX)
    }

    /// When the input counts as silent if nothing follows: `patience` (90 kHz) after something was expected.
    pub fn silent_at(&self, patience: i64) -> Timestamp {
        let ticks = self.slot_duration.saturating_add(patience);
        self.arrival.saturating_add(ticks_to_duration(ticks)).unwrap_or(Timestamp::MAX)
    }

    /// How far after this place a slot of either input starts, 90 kHz; negative if before.
    pub fn distance_to(&self, slot: &LineSlot) -> i64 {
        let by_reception = duration_to_ticks(reception_start(slot).duration_since(self.arrival));
        let believed = |distance: &i64| distance.saturating_sub(by_reception).abs() <= BELIEVED_TICKS;
        self.by_wall_clock(slot)
            .filter(believed)
            .or_else(|| Some(wire_distance(self.media_time, slot.start)).filter(believed))
            .or_else(|| self.by_sequence(slot).filter(believed))
            .unwrap_or(by_reception)
    }

    fn by_wall_clock(&self, slot: &LineSlot) -> Option<i64> {
        let both_told =
            self.wall_clock_source == WallClockSource::Encoder && slot.wall_clock_source == WallClockSource::Encoder;
        both_told.then(|| duration_to_ticks(slot.wall_clock.duration_since(self.wall_clock)))
    }

    fn by_sequence(&self, slot: &LineSlot) -> Option<i64> {
        let segments = i128::from(slot.sequence?) - i128::from(self.next_sequence?);
        i64::try_from(segments.saturating_mul(i128::from(slot.duration))).ok()
    }

    /// The other input's media time goes on where this one's stops.
    pub fn is_seamless_with(&self, slot: &LineSlot) -> bool {
        slot.start.saturating_sub(self.media_time).abs() <= SEAMLESS_TICKS
    }
}

/// When a slot would have begun to arrive from an encoder that sends in real time.
pub fn reception_start(slot: &LineSlot) -> Timestamp {
    slot.last_arrival.saturating_sub(ticks_to_duration(slot.duration)).unwrap_or(slot.last_arrival)
}

/// A wall-clock time that an encoder tells after a break, or the one that follows from reception if they are too far
/// apart: an encoder's clock that jumps must not take viewers with it.
///
/// `known` is a wall-clock time with the time of its reception.
pub fn believed_wall_clock(told: Timestamp, received: Timestamp, known: (Timestamp, Timestamp)) -> Timestamp {
    let by_reception = known.0.saturating_add(received.duration_since(known.1)).unwrap_or(known.0);
    let is_believed = told.duration_since(by_reception).abs() <= SignedDuration::from_secs(BELIEVED_SECONDS);
    if is_believed { told } else { by_reception }
}
