//! The channel's line: the closed slots that are played, from whichever input was active.
//!
//! The first input that closes a slot is active. It stays so until it fails: until the other input has
//! media beyond the line's end for longer than two source segments, has a whole slot where the active
//! one has a gap, or goes on after the active one ended. There is no switch back until then.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::chunked::ChunkedList;
use super::event::InputIndex;
use super::message::TimedMessage;
use super::object::ObjectId;
use super::timeline::{Piece, Slot, ticks_to_duration};
use super::track::TrackId;

/// Closed slots that the passive input keeps at hand.
const PASSIVE_SLOTS: usize = 32;

/// A slot of the line. Never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineSlot {
    /// The input that it came from.
    pub input: InputIndex,
    /// Presentation start, 90 kHz, within the span's own media time.
    pub start: i64,
    /// Duration, 90 kHz.
    pub duration: i64,
    /// Counts the breaks of the line: slots of one span have continuous media time and the same configurations.
    pub span: u32,
    /// Wall-clock time of the start.
    pub wall_clock: Timestamp,
    /// When its last part was received.
    pub last_arrival: Timestamp,
    /// What each track has.
    pub pieces: BTreeMap<TrackId, Piece>,
    /// Messages that arrived with its media; their times may lie ahead of it.
    pub messages: Vec<TimedMessage>,
    /// Ad tags that stood before this segment in the encoder's playlist, as they were written.
    pub playlist_tags: Vec<String>,
}

impl LineSlot {
    /// Presentation end, 90 kHz.
    pub fn end(&self) -> i64 {
        self.start.saturating_add(self.duration)
    }

    /// Wall-clock time of the end.
    pub fn wall_clock_end(&self) -> Timestamp {
        self.wall_clock.saturating_add(ticks_to_duration(self.duration)).unwrap_or(self.wall_clock)
    }
}

/// The first slot that the line ever had: what DASH counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineOrigin {
    /// Wall-clock time of its start.
    pub wall_clock: Timestamp,
    /// Its presentation start, 90 kHz.
    pub start: i64,
    /// Its duration, 90 kHz.
    pub duration: i64,
    /// When its last part was received.
    pub received: Timestamp,
}

/// What the line did with what it was offered.
#[derive(Debug, Clone, PartialEq)]
pub enum LineFact {
    /// The line goes on with the other input.
    Switched {
        /// The input that failed.
        from: InputIndex,
        /// The input that plays now.
        to: InputIndex,
        /// Why.
        reason: SwitchReason,
        /// Timestamps do not line up: viewers get a discontinuity.
        discontinuity: bool,
    },
    /// A slot that nothing will play: its objects are free.
    Unused(Slot),
}

/// Why the line changed its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchReason {
    /// The active input brought nothing for too long while the other went on.
    Stalled,
    /// The active input had a gap where the other had media.
    Gap,
    /// The active input ended while the other went on.
    Ended,
}

/// The channel's line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    slots: ChunkedList<LineSlot>,
    active: Option<InputIndex>,
    passive: VecDeque<Slot>,
    origin: Option<LineOrigin>,
    /// The newest configuration of each track, to see it change.
    configs: BTreeMap<TrackId, u16>,
    /// Every input that was in use has ended.
    ended: bool,
}

impl Line {
    /// Its slots, numbered from 0 for the first one ever.
    pub fn slots(&self) -> &ChunkedList<LineSlot> {
        &self.slots
    }

    /// The input that plays.
    pub fn active(&self) -> Option<InputIndex> {
        self.active
    }

    /// The first slot it ever had.
    pub fn origin(&self) -> Option<LineOrigin> {
        self.origin
    }

    /// Every input that was in use has ended: nothing follows unless an encoder starts again.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Takes a closed slot of an input.
    pub fn offer(&mut self, input: InputIndex, slot: Slot, facts: &mut Vec<LineFact>) {
        let active = *self.active.get_or_insert(input);
        if input != active {
            self.passive.push_back(slot);
            if self.passive.len() > PASSIVE_SLOTS {
                facts.extend(self.passive.pop_front().map(LineFact::Unused));
            }
            return;
        }
        if self.is_played_already(&slot) {
            facts.push(LineFact::Unused(slot));
            return;
        }
        if !slot.is_whole() && self.passive_counterpart(&slot).is_some_and(Slot::is_whole) {
            facts.push(LineFact::Unused(slot));
            self.switch(SwitchReason::Gap, facts);
            return;
        }
        self.append(input, slot);
    }

    /// Switches inputs if it is time to; `ended` says which inputs have ended.
    pub fn check(&mut self, now: Timestamp, ended: [bool; 2], started: [bool; 2], facts: &mut Vec<LineFact>) {
        let Some(active) = self.active else { return };
        self.drop_played_passive(facts);
        if let Some(next) = self.passive.front() {
            if ended[active.index()] {
                self.switch(SwitchReason::Ended, facts);
            } else if now.duration_since(next.last_arrival) >= patience(next) {
                self.switch(SwitchReason::Stalled, facts);
            }
        }
        let everyone_ended = InputIndex::BOTH.iter().all(|input| ended[input.index()] || !started[input.index()]);
        self.ended = everyone_ended && self.passive.is_empty();
    }

    /// When [`Self::check`] switches inputs though nothing else happens.
    pub fn next_due(&self) -> Option<Timestamp> {
        let next = self.passive.front()?;
        next.last_arrival.saturating_add(patience(next)).ok()
    }

    fn wall_clock_end(&self) -> Option<Timestamp> {
        self.slots.last().map(|slot| slot.wall_clock_end())
    }

    /// More than half of the slot lies before the line's end, by wall clock.
    fn is_played_already(&self, slot: &Slot) -> bool {
        let half = ticks_to_duration(slot.duration / 2);
        self.wall_clock_end().is_some_and(|end| end.duration_since(slot.wall_clock) > half)
    }

    fn passive_counterpart(&self, slot: &Slot) -> Option<&Slot> {
        let half = ticks_to_duration(slot.duration / 2);
        self.passive.iter().find(|other| other.wall_clock.duration_since(slot.wall_clock).abs() <= half)
    }

    /// Drops what the line has passed.
    fn drop_played_passive(&mut self, facts: &mut Vec<LineFact>) {
        while self.passive.front().is_some_and(|slot| self.is_played_already(slot)) {
            facts.extend(self.passive.pop_front().map(LineFact::Unused));
        }
    }

    fn switch(&mut self, reason: SwitchReason, facts: &mut Vec<LineFact>) {
        let Some(from) = self.active else { return };
        let to = from.other();
        self.active = Some(to);
        let mut discontinuity = false;
        for (index, slot) in std::mem::take(&mut self.passive).into_iter().enumerate() {
            if self.is_played_already(&slot) {
                facts.push(LineFact::Unused(slot));
                continue;
            }
            let broke = self.append(to, slot);
            discontinuity |= index == 0 && broke;
        }
        facts.push(LineFact::Switched { from, to, reason, discontinuity });
    }

    /// Appends a slot; true if the line broke before it.
    fn append(&mut self, input: InputIndex, slot: Slot) -> bool {
        let (span, breaks) = match self.slots.last() {
            None => (0, false),
            Some(last) => {
                let lines_up = (slot.start - last.end()).abs() <= slot.duration / 4;
                let same_input = last.input == input;
                let breaks = (same_input && slot.breaks) || !lines_up || self.changes_configuration(&slot);
                (last.span + u32::from(breaks), breaks)
            }
        };
        for (track, piece) in &slot.pieces {
            if let Some(media) = piece.media() {
                self.configs.insert(*track, media.config);
            }
        }
        if self.origin.is_none() {
            self.origin = Some(LineOrigin {
                wall_clock: slot.wall_clock,
                start: slot.start,
                duration: slot.duration,
                received: slot.last_arrival,
            });
        }
        // Wall clocks of two encoders differ a little; the line's own never runs backwards.
        let wall_clock = match self.slots.last() {
            Some(last) if !breaks => last.wall_clock_end(),
            Some(last) => slot.wall_clock.max(last.wall_clock_end()),
            None => slot.wall_clock,
        };
        self.ended = false;
        self.slots.push(LineSlot {
            input,
            start: slot.start,
            duration: slot.duration,
            span,
            wall_clock,
            last_arrival: slot.last_arrival,
            pieces: slot.pieces,
            messages: slot.messages,
            playlist_tags: slot.playlist_tags,
        });
        breaks
    }

    fn changes_configuration(&self, slot: &Slot) -> bool {
        slot.pieces.iter().any(|(track, piece)| {
            piece.media().is_some_and(|media| self.configs.get(track).is_some_and(|known| *known != media.config))
        })
    }

    /// The objects in the passive input's slots.
    pub fn passive_objects(&self) -> impl Iterator<Item = ObjectId> {
        self.passive.iter().flat_map(Slot::objects)
    }

    /// Drops slots that ended before the time, and returns them.
    pub fn forget_before(&mut self, before: Timestamp) -> Vec<LineSlot> {
        let keep_from = self.slots.partition_point(|slot| slot.wall_clock_end() < before);
        let dropped = self
            .slots
            .from(self.slots.first_number())
            .take_while(|(number, _)| *number < keep_from)
            .map(|(_, slot)| LineSlot::clone(&slot))
            .collect();
        self.slots.drop_before(keep_from);
        dropped
    }
}

/// How long the other input may be ahead before the active one counts as failed.
fn patience(next: &Slot) -> SignedDuration {
    ticks_to_duration(next.duration.saturating_mul(2)).max(SignedDuration::from_secs(2))
}
