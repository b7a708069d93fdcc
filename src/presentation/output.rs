//! Source segments combined to an endpoint's segments, and numbered.
//!
//! An output segment is a run of whole slots of one input, as near to the target duration as whole slots
//! allow, ties rounded up; it never spans a break. Where an ad begins or ends it is cut, and the next one makes up for
//! what is missing to the target, so that the cadence goes on. Which input the slots are from is decided in
//! [`super::failover`], where ads begin in [`super::ads`]. One counter per endpoint numbers segments: it starts at 1,
//! goes up by one, and goes on when the target duration changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ads::{AdBreak, AdTimeline, SegmentAds};
use super::alignment::{Position, believed_wall_clock, reception_start};
use super::event::InputIndex;
use super::failover::{Choice, Group, Step, SwitchReason};
use super::index::{ChunkedList, LargeChunk};
use super::line::{LineSlot, Lines};
use super::timeline::ticks_to_duration;
use super::track::TrackId;
use crate::media::sample::MPEG_TIMESCALE;
use crate::resources::OutputRules;

/// A segment as an endpoint's viewers see it. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSegment {
    /// The endpoint's number of it.
    pub number: u64,
    /// The input that it is from.
    pub input: InputIndex,
    /// Number of its first slot on that input's line.
    pub first_slot: u64,
    /// How many slots it is made of.
    pub slot_count: u32,
    /// Presentation start, 90 kHz, within the span's media time.
    pub start: i64,
    /// Duration, 90 kHz.
    pub duration: i64,
    /// Counts the breaks of the endpoint's timeline: segments of one span have continuous media time.
    pub span: u32,
    /// Wall-clock time of the start.
    pub wall_clock: Timestamp,
    /// When its last part was received.
    pub received: Timestamp,
    /// The run that it belongs to.
    pub run: Run,
}

/// Segments in a row that lie in one span and have the same tracks and ads: what one DASH Period can hold, since its
/// numbers count on without a hole. Never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Number of the first segment.
    pub first_number: u64,
    /// Presentation start of the first segment, 90 kHz, within the span's media time.
    pub start: i64,
    /// Wall-clock time of that start.
    pub wall_clock: Timestamp,
    /// What relates media time to the wall clock: the same for all runs of a span.
    pub anchor: ClockAnchor,
}

/// A media time and the wall-clock time that it corresponds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockAnchor {
    /// Presentation time, 90 kHz, within the span's media time.
    pub time: i64,
    /// Wall-clock time.
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

    /// Numbers of its slots on its input's line.
    pub fn slots(&self) -> std::ops::Range<u64> {
        self.first_slot..self.first_slot + u64::from(self.slot_count)
    }
}

/// An endpoint plays the other input from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputSwitch {
    /// The input that failed.
    pub from: InputIndex,
    /// The input that plays now.
    pub to: InputIndex,
    /// Why.
    pub reason: SwitchReason,
    /// Timestamps or configurations do not line up: viewers get a discontinuity.
    pub discontinuity: bool,
}

/// The segments of one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputTimeline {
    rules: OutputRules,
    /// Elements are numbered from 0 in the list and from 1 for viewers.
    segments: ChunkedList<OutputSegment>,
    /// The input that plays.
    active: Option<InputIndex>,
    /// For each input the next slot of its line that is not published or passed.
    next_slots: [u64; 2],
    /// Where the published slots end.
    position: Option<Position>,
    /// Wall-clock end of the newest segment.
    published_end: Timestamp,
    /// Span of the newest segment.
    span: u32,
    /// Run of the newest segment, and the tracks that its segments have.
    run: Option<(Run, BTreeSet<TrackId>)>,
    /// The newest configuration of each track, to see it change.
    configs: BTreeMap<TrackId, u16>,
    /// When time alone changes something.
    due: Option<Timestamp>,
    /// Nothing follows unless an encoder starts again.
    ended: bool,
    /// The first complete segment's duration, 90 kHz: what a constant-duration template counts with.
    nominal_duration: Option<i64>,
    /// The longest segment's duration so far, 90 kHz.
    longest_duration: i64,
    /// How much of the target duration was there before the ad that cut the newest segment, 90 kHz; else 0.
    before_cut: i64,
    /// The ads between segments.
    ads: Arc<AdTimeline>,
}

/// Number of the first segment of an endpoint.
const FIRST_NUMBER: u64 = 1;

impl OutputTimeline {
    /// An endpoint's segments; none yet.
    pub fn new(rules: OutputRules) -> Self {
        OutputTimeline {
            rules,
            segments: ChunkedList::default(),
            active: None,
            next_slots: [0; 2],
            position: None,
            published_end: Timestamp::UNIX_EPOCH,
            span: 0,
            run: None,
            configs: BTreeMap::new(),
            due: None,
            ended: false,
            nominal_duration: None,
            longest_duration: 0,
            before_cut: 0,
            ads: Arc::default(),
        }
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

    /// The input that plays; `None` before the first segment.
    pub fn active(&self) -> Option<InputIndex> {
        self.active
    }

    /// Every input that is in use has ended and all of it is published: nothing follows unless an encoder starts again.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// True if viewers see another timeline than `before`, an earlier state of this one.
    pub fn looks_different(&self, before: &OutputTimeline) -> bool {
        self.segments.next_number() != before.segments.next_number()
            || self.segments.first_number() != before.segments.first_number()
            || self.rules != before.rules
            || self.ended != before.ended
    }

    /// When [`Self::extend`] does something though nothing else happens.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due
    }

    /// The first complete segment's duration, 90 kHz.
    pub fn nominal_duration(&self) -> Option<i64> {
        self.nominal_duration
    }

    /// The longest segment's duration so far, 90 kHz: never shrinks, also when the segment is gone.
    pub fn longest_duration(&self) -> i64 {
        self.longest_duration
    }

    /// Ads and programs that began with a segment, as far as they are still known.
    pub fn ad_breaks(&self) -> impl Iterator<Item = &AdBreak> {
        self.ads.breaks()
    }

    /// Its list, numbered from 0.
    pub(super) fn list(&self) -> &ChunkedList<OutputSegment> {
        &self.segments
    }

    /// Puts a large chunk of its list back.
    pub(super) fn put_back(&mut self, chunk: LargeChunk) {
        self.segments.put_back(chunk);
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

    /// Number of the first segment whose wall-clock start is at the time or after it.
    pub fn first_starting_from(&self, time: Timestamp) -> u64 {
        self.segments.partition_point(|segment| segment.wall_clock < time) + FIRST_NUMBER
    }

    /// Takes in what the inputs have delivered by `now`.
    pub fn extend(&mut self, lines: &Lines, now: Timestamp, switches: &mut Vec<InputSwitch>) {
        let mut switched_at = None;
        loop {
            self.pass_over(lines);
            self.choose_first(lines);
            let Some(active) = self.active else { return };
            let group = self.next_group(lines);
            let step = Choice {
                lines,
                active,
                other_slot: self.next_slot(active.other()),
                position: self.position,
                target_duration: self.target_duration(),
                now,
            }
            .next_step(&group);
            match step {
                Step::Publish(count) => {
                    let is_cut = group.is_cut && count == group.slots.len();
                    self.publish(lines, active, group.slots.get(..count).unwrap_or(&group.slots), is_cut);
                }
                Step::Switch { reason, publish_first, to_slot } => {
                    self.publish(lines, active, group.slots.get(..publish_first).unwrap_or_default(), false);
                    // A switch needs a better input, so inputs cannot take turns without anything being published.
                    let number = self.next_number();
                    debug_assert_ne!(switched_at, Some(number), "{reason:?} right after another switch");
                    if switched_at.replace(number) == Some(number) {
                        return;
                    }
                    switches.extend(self.switch(lines, active, reason, to_slot));
                }
                Step::Wait(due) => {
                    (self.due, self.ended) = (due, false);
                    return;
                }
                Step::End => {
                    (self.due, self.ended) = (None, lines.ended() && self.position.is_some());
                    return;
                }
            }
        }
    }

    fn next_slot(&self, input: InputIndex) -> u64 {
        let [first, second] = self.next_slots;
        match input {
            InputIndex::First => first,
            InputIndex::Second => second,
        }
    }

    fn set_next_slot(&mut self, input: InputIndex, slot: u64) {
        let [first, second] = &mut self.next_slots;
        match input {
            InputIndex::First => *first = slot,
            InputIndex::Second => *second = slot,
        }
    }

    /// Before the first segment, the input that delivered first is active.
    fn choose_first(&mut self, lines: &Lines) {
        let has_next = |input: InputIndex| self.next_slot(input) < lines.of(input).slots().next_number();
        if self.position.is_none() && !self.active.is_some_and(has_next) {
            self.active = lines.first_to_deliver();
        }
    }

    /// Passes over slots that are gone, and those of the other input that lie before what is published.
    fn pass_over(&mut self, lines: &Lines) {
        for input in InputIndex::BOTH {
            let slots = lines.of(input).slots();
            let mut next = self.next_slot(input).max(slots.first_number());
            if let Some(position) = self.position.filter(|_| self.active != Some(input)) {
                let is_passed =
                    |slot: &LineSlot| position.distance_to(slot).saturating_mul(2) < slot.duration.saturating_neg();
                while slots.get(next).is_some_and(|slot| is_passed(&slot)) {
                    next += 1;
                }
            }
            self.set_next_slot(input, next);
        }
    }

    /// The active input's next slots, as many as make a segment: as near to the target duration as whole slots allow.
    ///
    /// What is heard of ads on the way is not kept: the other input may take over before the segment is published.
    fn next_group(&self, lines: &Lines) -> Group {
        let mut group = Group::default();
        let Some(active) = self.active else { return group };
        let mut slots = lines.of(active).slots().from(self.next_slot(active)).map(|(_, slot)| slot);
        let Some(first) = slots.next() else { return group };
        let breaks = self.breaks_before(active, &first);
        let wall_clock = self.wall_clock_of(lines, &first, breaks);
        let before_cut = if breaks { 0 } else { self.before_cut };
        let mut ads = SegmentAds::begin(self.ads.clone(), &self.rules, self.next_number(), &first, wall_clock);
        for slot in std::iter::once(first.clone()).chain(slots) {
            if slot.span != first.span {
                group.complete = true;
                break;
            }
            group.is_cut = !group.slots.is_empty() && ads.goes_on_with(&slot).is_break();
            if !group.is_cut {
                group.slots.push(slot.clone());
                let duration = slot.end().saturating_sub(first.start).saturating_add(before_cut);
                group.complete = self.is_nearest(duration, slot.duration);
                group.is_cut = !group.complete && ads.cuts_after(&slot);
            }
            group.complete |= group.is_cut;
            if group.complete {
                break;
            }
        }
        group
    }

    /// Another slot of this duration would bring a segment of `duration` farther from the target; both 90 kHz.
    fn is_nearest(&self, duration: i64, slot_duration: i64) -> bool {
        let distance = |duration: i64| duration.saturating_sub(self.target_duration()).abs();
        distance(duration.saturating_add(slot_duration)) > distance(duration)
    }

    /// Makes a segment of slots of the active input.
    fn publish(&mut self, lines: &Lines, input: InputIndex, group: &[Arc<LineSlot>], is_cut: bool) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
        let breaks = self.breaks_before(input, first);
        let wall_clock = self.wall_clock_of(lines, first, breaks);
        let duration = last.end().saturating_sub(first.start);
        self.span += u32::from(breaks);
        self.nominal_duration.get_or_insert(duration);
        self.longest_duration = self.longest_duration.max(duration);
        let number = self.next_number();
        let changes_ads = self.take_in_ads(group, number, wall_clock);
        let before_cut = if breaks { 0 } else { self.before_cut };
        self.before_cut = if is_cut { before_cut.saturating_add(duration) } else { 0 };
        let tracks = tracks_in(group);
        let run = match &self.run {
            Some((run, run_tracks)) if !breaks && !changes_ads && *run_tracks == tracks => *run,
            before => {
                let known = before.as_ref().filter(|_| !breaks).map(|(run, _)| run.anchor);
                let anchor = known.unwrap_or(ClockAnchor { time: first.start, wall_clock });
                Run { first_number: number, start: first.start, wall_clock, anchor }
            }
        };
        self.run = Some((run, tracks));
        let segment = OutputSegment {
            number,
            input,
            first_slot: self.next_slot(input),
            slot_count: u32::try_from(group.len()).unwrap_or(u32::MAX),
            start: first.start,
            duration,
            span: self.span,
            wall_clock,
            received: group.iter().map(|slot| slot.last_arrival).max().unwrap_or(last.last_arrival),
            run,
        };
        self.published_end = segment.wall_clock_end();
        self.set_next_slot(input, segment.slots().end);
        self.segments.push(segment);
        for slot in group {
            self.position = Some(Position::after(self.position, input, slot));
            for (track, piece) in &slot.pieces {
                if let Some(media) = piece.media() {
                    self.configs.insert(*track, media.config);
                }
            }
        }
    }

    /// Takes in what the slots of a new segment say of ads; true if the segment is in other ads than the one before.
    fn take_in_ads(&mut self, group: &[Arc<LineSlot>], number: u64, wall_clock: Timestamp) -> bool {
        let Some((first, others)) = group.split_first() else { return false };
        let ads = std::mem::take(&mut self.ads);
        let mut ads = SegmentAds::begin(ads, &self.rules, number, first, wall_clock);
        for slot in others {
            ads.hear(slot);
        }
        let changes = ads.changes();
        self.ads = ads.into_ads();
        changes
    }

    /// Media time or configurations do not go on where the published slots end.
    fn breaks_before(&self, input: InputIndex, slot: &LineSlot) -> bool {
        let Some(end) = self.position else { return false };
        let goes_on = if end.input == input { end.span == slot.span } else { end.is_seamless_with(slot) };
        let changes_configuration = slot.pieces.iter().any(|(track, piece)| {
            piece.media().is_some_and(|media| self.configs.get(track).is_some_and(|known| *known != media.config))
        });
        !goes_on || changes_configuration
    }

    /// The endpoint's wall clock runs on from segment to segment and never backwards; a break sets it anew.
    fn wall_clock_of(&self, lines: &Lines, slot: &LineSlot, breaks: bool) -> Timestamp {
        if self.position.is_some() && !breaks {
            return self.published_end;
        }
        let known = match (self.position, lines.origin()) {
            (Some(position), _) => (self.published_end, position.arrival),
            (None, Some(origin)) => {
                let received = origin.received.saturating_sub(ticks_to_duration(origin.duration));
                (origin.wall_clock, received.unwrap_or(origin.received))
            }
            (None, None) => return slot.wall_clock,
        };
        believed_wall_clock(slot.wall_clock, reception_start(slot), known).max(known.0)
    }

    fn switch(&mut self, lines: &Lines, from: InputIndex, reason: SwitchReason, to_slot: u64) -> Option<InputSwitch> {
        let to = from.other();
        self.active = Some(to);
        self.set_next_slot(to, to_slot);
        let first = lines.of(to).slots().get(to_slot)?;
        // Before the first segment nobody saw the other input.
        self.position?;
        Some(InputSwitch { from, to, reason, discontinuity: self.breaks_before(to, &first) })
    }

    /// Drops segments that need slots which the lines no longer have.
    pub fn forget_gone(&mut self, lines: &Lines) {
        let is_gone = |segment: &OutputSegment| segment.first_slot < lines.of(segment.input).slots().first_number();
        let keep_from = self.segments.partition_point(is_gone);
        self.segments.drop_before(keep_from);
        let first_number = self.segments.first_number() + FIRST_NUMBER;
        if self.ads.knows_before(first_number) {
            Arc::make_mut(&mut self.ads).forget_before(first_number);
        }
    }
}

/// Tracks that have media in any of the slots.
fn tracks_in(slots: &[Arc<LineSlot>]) -> BTreeSet<TrackId> {
    let pieces = slots.iter().flat_map(|slot| &slot.pieces);
    pieces.filter(|(_, piece)| piece.media().is_some()).map(|(track, _)| *track).collect()
}
