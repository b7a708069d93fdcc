//! Source segments combined to an endpoint's segments, and numbered.
//!
//! An output segment is a run of whole slots of the line, as near to the target duration as whole slots
//! allow, ties rounded up; it never spans a break. One counter per endpoint numbers them: it starts at 1,
//! goes up by one, and goes on when the target duration changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chunked::ChunkedList;
use super::line::{Line, LineSlot};
use super::timeline::ticks_to_duration;
use super::track::TrackId;
use crate::media::sample::MPEG_TIMESCALE;
use crate::resources::OutputRules;

/// A segment as an endpoint's viewers see it. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSegment {
    /// The endpoint's number of it.
    pub number: u64,
    /// Number of its first slot on the line.
    pub first_slot: u64,
    /// How many slots it is made of.
    pub slot_count: u32,
    /// Presentation start, 90 kHz, within the span's media time.
    pub start: i64,
    /// Duration, 90 kHz.
    pub duration: i64,
    /// The line's span that it lies in.
    pub span: u32,
    /// Wall-clock time of the start.
    pub wall_clock: Timestamp,
    /// When its last part was received.
    pub received: Timestamp,
    /// The run that it belongs to.
    pub run: Run,
}

/// Segments in a row that lie in one span and have the same tracks: what one DASH Period can hold, since its
/// numbers count on without a hole. Never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Number of the first segment.
    pub first_number: u64,
    /// Presentation start of the first segment, 90 kHz, within the span's media time.
    pub start: i64,
    /// Wall-clock time of that start.
    pub wall_clock: Timestamp,
}

impl OutputSegment {
    /// Presentation end, 90 kHz.
    pub fn end(&self) -> i64 {
        self.start.saturating_add(self.duration)
    }

    /// Wall-clock time of the end.
    pub fn wall_clock_end(&self) -> Timestamp {
        self.wall_clock.saturating_add(ticks_to_duration(self.duration)).unwrap_or(self.wall_clock)
    }

    /// Numbers of its slots on the line.
    pub fn slots(&self) -> std::ops::Range<u64> {
        self.first_slot..self.first_slot + u64::from(self.slot_count)
    }
}

/// The segments of one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputTimeline {
    rules: OutputRules,
    /// Elements are numbered from 0 in the list and from 1 for viewers.
    segments: ChunkedList<OutputSegment>,
    /// The next slot of the line that belongs to no segment yet.
    next_slot: u64,
    /// The first complete segment's duration, 90 kHz: what a constant-duration template counts with.
    nominal_duration: Option<i64>,
    /// The longest segment's duration so far, 90 kHz.
    longest_duration: i64,
}

/// Number of the first segment of an endpoint.
const FIRST_NUMBER: u64 = 1;

impl OutputTimeline {
    /// An endpoint's segments, from the first slot that the line still has.
    pub fn new(rules: OutputRules, line: &Line) -> Self {
        let mut timeline = OutputTimeline {
            rules,
            segments: ChunkedList::default(),
            next_slot: line.slots().first_number(),
            nominal_duration: None,
            longest_duration: 0,
        };
        timeline.extend(line);
        timeline
    }

    /// What decides where the next segment ends.
    pub fn rules(&self) -> &OutputRules {
        &self.rules
    }

    /// Changes the rules from the next segment on.
    pub fn set_rules(&mut self, rules: OutputRules) {
        self.rules = rules;
    }

    /// The target duration, 90 kHz.
    fn target_duration(&self) -> i64 {
        i64::from(self.rules.target_duration_seconds) * i64::from(MPEG_TIMESCALE)
    }

    /// The first complete segment's duration, 90 kHz.
    pub fn nominal_duration(&self) -> Option<i64> {
        self.nominal_duration
    }

    /// The longest segment's duration so far, 90 kHz: never shrinks, also when the segment is gone.
    pub fn longest_duration(&self) -> i64 {
        self.longest_duration
    }

    /// All segments, oldest first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = Arc<OutputSegment>> {
        self.segments.from(0).map(|(_, segment)| segment)
    }

    /// The segment of this number.
    pub fn segment(&self, number: u64) -> Option<Arc<OutputSegment>> {
        self.segments.get(number.checked_sub(FIRST_NUMBER)?)
    }

    /// The newest segment.
    pub fn newest(&self) -> Option<Arc<OutputSegment>> {
        self.segments.last()
    }

    /// The oldest segment.
    pub fn oldest(&self) -> Option<Arc<OutputSegment>> {
        self.segments.get(self.segments.first_number())
    }

    /// The number that the next segment gets.
    pub fn next_number(&self) -> u64 {
        self.segments.next_number() + FIRST_NUMBER
    }

    /// Segments of these numbers, oldest first.
    pub fn range(&self, numbers: std::ops::Range<u64>) -> impl DoubleEndedIterator<Item = Arc<OutputSegment>> {
        let first = numbers.start.saturating_sub(FIRST_NUMBER);
        self.segments.range(first..numbers.end.saturating_sub(FIRST_NUMBER)).map(|(_, segment)| segment)
    }

    /// Number of the first segment whose wall-clock end is after the time.
    pub fn first_ending_after(&self, time: Timestamp) -> u64 {
        self.segments.partition_point(|segment| segment.wall_clock_end() <= time) + FIRST_NUMBER
    }

    /// Takes in the slots that the line has got since.
    pub fn extend(&mut self, line: &Line) {
        self.next_slot = self.next_slot.max(line.slots().first_number());
        let end = line.slots().next_number();
        while self.next_slot < end {
            let Some(slot_count) = self.complete_group(line, end) else { break };
            let group: Vec<Arc<LineSlot>> =
                (0..u64::from(slot_count)).filter_map(|index| line.slots().get(self.next_slot + index)).collect();
            let (Some(first), Some(last)) = (group.first(), group.last()) else { break };
            let received = group.iter().map(|slot| slot.last_arrival).max().unwrap_or(last.last_arrival);
            let duration = last.end() - first.start;
            if self.nominal_duration.is_none() {
                self.nominal_duration = Some(duration);
            }
            self.longest_duration = self.longest_duration.max(duration);
            let run = match self.newest() {
                Some(previous) if previous.span == first.span && tracks_of(line, &previous) == tracks_in(&group) => {
                    previous.run
                }
                _ => Run { first_number: self.next_number(), start: first.start, wall_clock: first.wall_clock },
            };
            self.segments.push(OutputSegment {
                number: self.next_number(),
                first_slot: self.next_slot,
                slot_count,
                start: first.start,
                duration,
                span: first.span,
                wall_clock: first.wall_clock,
                received,
                run,
            });
            self.next_slot += u64::from(slot_count);
        }
    }

    /// How many slots from `next_slot` on make the next segment; `None` if more are to come.
    fn complete_group(&self, line: &Line, end: u64) -> Option<u32> {
        let first = line.slots().get(self.next_slot)?;
        let target = self.target_duration();
        let mut count = 0u32;
        for (number, slot) in line.slots().from(self.next_slot) {
            if slot.span != first.span {
                return Some(count);
            }
            count += 1;
            let duration = slot.end() - first.start;
            let with_another = duration.saturating_add(slot.duration);
            let is_farther = (with_another - target).abs() > (duration - target).abs();
            if is_farther || (number + 1 == end && line.ended()) {
                return Some(count);
            }
        }
        None
    }

    /// Drops segments that need slots which the line no longer has.
    pub fn forget_before_slot(&mut self, first_slot: u64) {
        let keep_from = self.segments.partition_point(|segment| segment.first_slot < first_slot);
        self.segments.drop_before(keep_from);
    }
}

/// Tracks that have media in any of the slots.
fn tracks_in(slots: &[Arc<LineSlot>]) -> BTreeSet<TrackId> {
    let pieces = slots.iter().flat_map(|slot| &slot.pieces);
    pieces.filter(|(_, piece)| piece.media().is_some()).map(|(track, _)| *track).collect()
}

/// Tracks that have media in a segment.
fn tracks_of(line: &Line, segment: &OutputSegment) -> BTreeSet<TrackId> {
    let slots: Vec<Arc<LineSlot>> = segment.slots().filter_map(|number| line.slots().get(number)).collect();
    tracks_in(&slots)
}
