//! Which input an endpoint plays: the rule, as `docs/redundancy.md` states it.
//!
//! The first input that delivers is active, and stays so until it misses something that the other has. What counts as
//! missing follows from the source segments' duration and the endpoint's, so endpoints of one channel may be on
//! different inputs. Everything here is decided from the two lines and the time alone.

use std::sync::Arc;

use jiff::Timestamp;

use super::alignment::Position;
use super::event::InputIndex;
use super::line::{Line, LineSlot, Lines};
use super::timeline::ticks_to_duration;

/// Why an endpoint changed its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SwitchReason {
    /// The active input brought nothing for too long.
    Silent,
    /// The active input brings its segments too late.
    Late,
    /// The active input has a gap where the other has media.
    Gap,
    /// The active input's timeline jumps over media that the other has.
    Jump,
    /// The active input ended while the other has more.
    Ended,
}

impl SwitchReason {
    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            SwitchReason::Silent => "silent",
            SwitchReason::Late => "late",
            SwitchReason::Gap => "gap",
            SwitchReason::Jump => "jump",
            SwitchReason::Ended => "ended",
        }
    }

    /// What happened to the active input, for a sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            SwitchReason::Silent => "it stopped sending",
            SwitchReason::Late => "it fell behind",
            SwitchReason::Gap => "a segment is missing or broken",
            SwitchReason::Jump => "its timeline jumps over media",
            SwitchReason::Ended => "it ended",
        }
    }
}

/// Slots of the active input that may make the endpoint's next segment.
#[derive(Debug, Default)]
pub struct Group {
    /// The slots, oldest first.
    pub slots: Vec<Arc<LineSlot>>,
    /// Nothing that follows belongs to them.
    pub complete: bool,
    /// An ad begins or ends behind the last one, before the endpoint's target duration is reached.
    pub is_cut: bool,
}

/// What an endpoint does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The active input's next so many slots are a segment.
    Publish(usize),
    /// The other input plays from this slot on.
    Switch {
        /// Why.
        reason: SwitchReason,
        /// So many slots of the active input are a segment before that.
        publish_first: usize,
        /// Number of the slot on the other input's line.
        to_slot: u64,
    },
    /// Nothing, until something happens or until this time.
    Wait(Option<Timestamp>),
    /// Nothing, and nothing will follow unless an encoder starts again.
    End,
}

/// What is known when an endpoint decides.
#[derive(Debug)]
pub struct Choice<'a> {
    /// Both lines.
    pub lines: &'a Lines,
    /// The active input.
    pub active: InputIndex,
    /// Number of the first slot on the other input's line that the endpoint has not passed.
    pub other_slot: u64,
    /// The end of what is published; `None` before the first segment.
    pub position: Option<Position>,
    /// Duration that the endpoint's segments should have, 90 kHz.
    pub target_duration: i64,
    /// The time it is.
    pub now: Timestamp,
}

impl Choice<'_> {
    /// What to do about the active input's next slots.
    pub fn next_step(&self, group: &Group) -> Step {
        let mut before = self.position;
        for (index, slot) in group.slots.iter().enumerate() {
            let (earlier, _) = group.slots.split_at(index);
            if let Some(step) = self.jumped_over(before, slot).or_else(|| self.missing_in(before, slot, earlier)) {
                return step;
            }
            before = Some(Position::after(before, self.active, slot));
        }
        if group.complete {
            return Step::Publish(group.slots.len());
        }
        match before {
            Some(end) if self.active_line().ended() => self.after_end(&end, group),
            Some(end) => self.awaiting(&end, group),
            None => Step::Wait(None),
        }
    }

    fn active_line(&self) -> &Line {
        self.lines.of(self.active)
    }

    fn other_line(&self) -> &Line {
        self.lines.of(self.active.other())
    }

    /// How long after its time a source segment is waited for, 90 kHz: one of the endpoint's segments. Players keep
    /// about three of them, so they have one left when the other input takes over.
    fn patience(&self, slot_duration: i64) -> i64 {
        self.target_duration.max(slot_duration)
    }

    /// The other input's first media at the place or after it, with its slot's number and its distance, 90 kHz.
    fn other_at(&self, place: &Position) -> Option<(u64, Arc<LineSlot>, i64)> {
        let slots = self.other_line().slots();
        slots.from(self.other_slot).find_map(|(number, slot)| {
            let distance = place.distance_to(&slot);
            let is_there = slot.has_media() && distance.saturating_mul(2) >= -slot.duration;
            is_there.then_some((number, slot, distance))
        })
    }

    /// The other input delivered lately, so that what it lacks may still come.
    fn other_is_sending(&self, slot_duration: i64) -> bool {
        let pause = self.patience(slot_duration).saturating_add(slot_duration).saturating_mul(2);
        let newest = self.other_line().slots().last().filter(|_| !self.other_line().ended());
        newest.is_some_and(|slot| self.now.duration_since(slot.last_arrival) <= ticks_to_duration(pause))
    }

    /// The active input's timeline goes on later than where it stopped: the encoder started again, or segments are lost.
    fn jumped_over(&self, before: Option<Position>, slot: &LineSlot) -> Option<Step> {
        let place = before.filter(|place| place.input == self.active && place.span != slot.span)?;
        let landed = place.distance_to(slot);
        if landed.saturating_mul(2) <= place.slot_duration {
            return None;
        }
        match self.other_at(&place) {
            Some((to_slot, other, distance)) if distance.saturating_add(other.duration / 2) < landed => {
                Some(Step::Switch { reason: SwitchReason::Jump, publish_first: 0, to_slot })
            }
            Some(_) => None,
            None => self.hold(&place),
        }
    }

    /// The slot lacks something that the other input has, or may still get.
    fn missing_in(&self, before: Option<Position>, slot: &LineSlot, earlier: &[Arc<LineSlot>]) -> Option<Step> {
        if slot.is_whole() {
            return None;
        }
        let place = Position::at_start_of(self.active, slot);
        match self.other_at(&place) {
            Some((to_slot, other, distance)) => {
                let is_there = distance.saturating_mul(2) <= other.duration;
                let is_better = other.covers(slot) && !slot.covers(&other);
                (is_there && is_better).then(|| self.switch(SwitchReason::Gap, to_slot, earlier))
            }
            None => self.hold(&before.unwrap_or(place)),
        }
    }

    /// Waits for the other input to deliver what the active one lacks, while it is not late.
    fn hold(&self, place: &Position) -> Option<Step> {
        let late_at = place.late_at(self.patience(place.slot_duration));
        let may_come = self.other_is_sending(place.slot_duration) && self.now < late_at;
        may_come.then_some(Step::Wait(Some(late_at)))
    }

    /// The active input ended.
    fn after_end(&self, end: &Position, group: &Group) -> Step {
        if let Some((to_slot, ..)) = self.other_at(end) {
            return self.switch(SwitchReason::Ended, to_slot, &group.slots);
        }
        let patience = self.patience(end.slot_duration);
        let silent_at = end.silent_at(patience);
        match (self.other_line().is_running(), group.slots.len()) {
            (true, 0) => Step::Wait(None),
            // The other input may have the whole segment soon.
            (true, _) if self.now < silent_at => Step::Wait(Some(silent_at)),
            (_, 0) => Step::End,
            (_, slots) => Step::Publish(slots),
        }
    }

    /// The active input runs, but its next slot is not here.
    fn awaiting(&self, end: &Position, group: &Group) -> Step {
        let Some((to_slot, other, distance)) = self.other_at(end) else { return Step::Wait(None) };
        let patience = self.patience(end.slot_duration);
        let silent_at = end.silent_at(patience);
        let has_the_range = distance.saturating_mul(2) <= other.duration;
        let switch_at = if has_the_range { end.late_at(patience).min(silent_at) } else { silent_at };
        if self.now < switch_at {
            return Step::Wait(Some(switch_at));
        }
        let reason = if self.now < silent_at { SwitchReason::Late } else { SwitchReason::Silent };
        self.switch(reason, to_slot, &group.slots)
    }

    /// The other input takes over from its slot `to_slot`, and before that, where it has them as good, from the slots
    /// that correspond to `earlier` ones of the active input: so no segment is cut short if that can be helped.
    fn switch(&self, reason: SwitchReason, to_slot: u64, earlier: &[Arc<LineSlot>]) -> Step {
        let slots = self.other_line().slots();
        let from = to_slot.checked_sub(earlier.len() as u64).filter(|from| *from >= self.other_slot);
        let span = slots.get(to_slot).map(|slot| slot.span);
        let has_all = |from: u64| {
            earlier.iter().zip(slots.from(from)).all(|(own, (_, other))| {
                let distance = Position::at_start_of(self.active, own).distance_to(&other);
                let corresponds = distance.abs().saturating_mul(2) <= other.duration;
                corresponds && Some(other.span) == span && other.covers(own)
            })
        };
        match from.filter(|from| has_all(*from)) {
            Some(from) => Step::Switch { reason, publish_first: 0, to_slot: from },
            None => Step::Switch { reason, publish_first: earlier.len(), to_slot },
        }
    }
}
