//! The ads of one endpoint: announced, begun and over, each with the segments that it begins and ends at.
//!
//! Messages arrive ahead of their time, so an event waits until a segment begins near it. An event begins, and ends, at
//! the boundary of source segments that is nearest to its time, or at the next one if its message comes late. What
//! began is never taken back: a published segment keeps its markers.
//!
//! Times are the endpoint's wall clock, which goes on over breaks of the media time.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ad_signal::{AdKind, AdSignal, signals};
use super::line::LineSlot;
use super::message::MessageKind;
use super::timeline::ticks_to_duration;
use crate::media::scte35::SpliceInfoSection;
use crate::resources::{AdSelection, OutputRules};

/// Events that are announced, and that are open, at the most; the oldest make room.
const MOST_EVENTS: usize = 128;

/// Announcements of one event whose times differ by at most this are repetitions.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(1);

/// An event that begins this much after one of its name that is still open is another one.
const NEXT_OCCURRENCE: SignedDuration = SignedDuration::from_secs(10);

/// A boundary that comes at most this much before an event's time is the event's, though the next segment is not here
/// yet: less than a picture.
const EARLY_BOUNDARY: SignedDuration = SignedDuration::from_millis(20);

/// An ad or a program that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdBreak {
    /// What it is.
    pub kind: AdKind,
    /// `splice_event_id` or `segmentation_event_id`.
    pub event_id: u32,
    /// How many events of this id the endpoint knew when it began: encoders use ids again.
    pub earlier_of_this_id: u32,
    /// The splice_info_section that announced it, as it was carried.
    pub section: Bytes,
    /// When it begins by its message.
    pub splice_time: Timestamp,
    /// `break_duration` or `segmentation_duration`, 90 kHz.
    pub planned_duration: Option<i64>,
    /// Ids of the manifests that show it.
    pub manifests: Vec<String>,
    /// Number of its first segment.
    pub first_number: u64,
    /// Wall-clock start of its first segment.
    pub first_wall_clock: Timestamp,
    /// Its end, once a segment follows it.
    pub end: Option<AdBreakEnd>,
}

/// The end of an ad or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdBreakEnd {
    /// When it ends by its messages.
    pub splice_time: Timestamp,
    /// Number of the first segment after it.
    pub next_number: u64,
}

impl AdBreak {
    /// A manifest of this id shows it.
    pub fn is_shown_in(&self, manifest: &str) -> bool {
        self.manifests.iter().any(|shown| shown == manifest)
    }

    fn is_over_before(&self, number: u64) -> bool {
        self.end.is_some_and(|end| end.next_number < number)
    }

    /// The segment lies within it.
    pub fn covers(&self, number: u64) -> bool {
        self.first_number <= number && self.end.is_none_or(|end| number < end.next_number)
    }
}

/// An event that has not begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Announced {
    kind: AdKind,
    event_id: u32,
    section: Bytes,
    begins: Timestamp,
    planned_duration: Option<i64>,
    /// When it ends, if that is known.
    ends: Option<Timestamp>,
}

/// An event that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    ad: AdBreak,
    ends: Option<Timestamp>,
}

/// Where a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SegmentStart {
    number: u64,
    wall_clock: Timestamp,
    /// Events up to this time begin or end with it.
    due: Timestamp,
}

/// The ads of one endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AdTimeline {
    announced: Vec<Announced>,
    open: Vec<Open>,
    over: VecDeque<Arc<AdBreak>>,
}

/// Until when events belong to a boundary between two source segments: to the middle of the one that follows.
fn due_at(boundary: Timestamp, following_duration: i64) -> Timestamp {
    let half = ticks_to_duration(following_duration / 2).max(EARLY_BOUNDARY);
    boundary.saturating_add(half).unwrap_or(Timestamp::MAX)
}

impl AdTimeline {
    /// Every ad and program that began and is still known.
    pub fn breaks(&self) -> impl Iterator<Item = &AdBreak> {
        self.over.iter().map(AsRef::as_ref).chain(self.open.iter().map(|open| &open.ad))
    }

    /// Takes in the messages of a slot that starts at this time of the endpoint's wall clock.
    fn hear(&mut self, slot: &LineSlot, slot_start: Timestamp) {
        for message in slot.messages.iter().filter(|message| message.kind == MessageKind::Scte35) {
            let after_start = ticks_to_duration(message.time.saturating_sub(slot.start));
            let Ok(time) = slot_start.saturating_add(after_start) else { continue };
            // A section that cannot be read was reported when it came.
            let Ok(section) = SpliceInfoSection::read(&message.payload) else { continue };
            for signal in signals(&section) {
                self.take(signal, time, &message.payload);
            }
        }
    }

    fn take(&mut self, signal: AdSignal, time: Timestamp, section: &Bytes) {
        match signal {
            AdSignal::Start { event_id, kind, planned_duration, ends_by_itself } => {
                let planned_end = planned_duration.filter(|_| ends_by_itself);
                let ends = planned_end.and_then(|ticks| time.saturating_add(ticks_to_duration(ticks)).ok());
                let section = section.clone();
                self.announce(Announced { kind, event_id, section, begins: time, planned_duration, ends });
            }
            AdSignal::End { event_id, start_type } => {
                let is_of_type = |kind| matches!(kind, AdKind::Segmentation { start_type: of, .. } if of == start_type);
                self.end(time, |kind, id| id == event_id && is_of_type(kind));
            }
            AdSignal::Return { event_id } => {
                let is_known = self.end(time, |kind, id| id == event_id && kind == AdKind::SpliceInsert);
                // Many encoders number the way back like an event of its own.
                if !is_known {
                    self.end(time, |kind, _| kind == AdKind::SpliceInsert);
                }
            }
            AdSignal::Cancel { event_id, is_splice_insert } => {
                let is_meant = |kind, id| id == event_id && (kind == AdKind::SpliceInsert) == is_splice_insert;
                self.announced.retain(|event| !is_meant(event.kind, event.event_id));
                self.end(time, is_meant);
            }
        }
    }

    fn announce(&mut self, event: Announced) {
        let is_same = |ad: &AdBreak| same_event((ad.kind, ad.event_id), (event.kind, event.event_id));
        let after = |ad: &AdBreak| event.begins.duration_since(ad.splice_time);
        if self.over.iter().any(|ad| is_same(ad) && after(ad).abs() <= SAME_TIME) {
            return;
        }
        if let Some(open) = self.open.iter_mut().find(|open| is_same(&open.ad)) {
            let is_another = after(&open.ad) >= NEXT_OCCURRENCE && open.ends.is_none_or(|ends| ends <= event.begins);
            if !is_another {
                return;
            }
            open.ends.get_or_insert(event.begins);
        }
        let known = |other: &&mut Announced| same_event((other.kind, other.event_id), (event.kind, event.event_id));
        if let Some(other) = self.announced.iter_mut().find(known) {
            // The newest announcement counts; what was said of its end may have been said by another message.
            let ends = event.ends.or(other.ends.filter(|ends| *ends > event.begins));
            *other = Announced { ends, ..event };
            return;
        }
        if self.announced.len() >= MOST_EVENTS {
            self.announced.remove(0);
        }
        self.announced.push(event);
    }

    /// Sets the end of the events that are meant and begin before it; false if there are none.
    fn end(&mut self, time: Timestamp, is_meant: impl Fn(AdKind, u32) -> bool) -> bool {
        let mut any = false;
        for open in self.open.iter_mut().filter(|open| is_meant(open.ad.kind, open.ad.event_id)) {
            open.ends = Some(time);
            any = true;
        }
        let announced = self.announced.iter_mut().filter(|event| event.begins <= time);
        for event in announced.filter(|event| is_meant(event.kind, event.event_id)) {
            event.ends = Some(time);
            any = true;
        }
        any
    }

    /// True if an ad that some manifest shows begins or ends by this time: the segment before ends here.
    fn is_due(&self, due: Timestamp, rules: &OutputRules) -> bool {
        let ends = self.open.iter().any(|open| !open.ad.kind.is_program() && open.ends.is_some_and(|ends| ends <= due));
        ends || self.announced.iter().any(|event| {
            let is_wanted = !event.kind.is_program() && !shown_in(event.kind, &rules.ads).is_empty();
            is_wanted && event.begins <= due && event.ends.is_none_or(|ends| ends > due)
        })
    }

    /// Begins and ends what is due with a segment; true if that changes the ads, other than programs, that it is in.
    fn begin(&mut self, segment: SegmentStart, rules: &OutputRules) -> bool {
        let mut changes = false;
        let (over, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|open| open.ends.is_some_and(|ends| ends <= segment.due));
        self.open = open;
        let over: Vec<Open> = over;
        for mut event in over {
            changes |= !event.ad.kind.is_program();
            let splice_time = event.ends.unwrap_or(segment.wall_clock);
            event.ad.end = Some(AdBreakEnd { splice_time, next_number: segment.number });
            self.over.push_back(Arc::new(event.ad));
        }
        let (due, announced): (Vec<Announced>, _) =
            std::mem::take(&mut self.announced).into_iter().partition(|event| event.begins <= segment.due);
        self.announced = announced;
        for event in due {
            let manifests = shown_in(event.kind, &rules.ads);
            let is_over = event.ends.is_some_and(|ends| ends <= segment.due);
            if manifests.is_empty() || is_over {
                continue;
            }
            changes |= !event.kind.is_program();
            self.open(event, manifests, segment);
        }
        changes
    }

    fn open(&mut self, event: Announced, manifests: Vec<String>, segment: SegmentStart) {
        if self.open.len() >= MOST_EVENTS {
            let mut oldest = self.open.remove(0).ad;
            oldest.end = Some(AdBreakEnd { splice_time: segment.wall_clock, next_number: segment.number });
            self.over.push_back(Arc::new(oldest));
        }
        let earlier = self.breaks().filter(|ad| ad.event_id == event.event_id).map(|ad| ad.earlier_of_this_id + 1);
        let ad = AdBreak {
            kind: event.kind,
            event_id: event.event_id,
            earlier_of_this_id: earlier.max().unwrap_or(0),
            section: event.section,
            splice_time: event.begins,
            planned_duration: event.planned_duration,
            manifests,
            first_number: segment.number,
            first_wall_clock: segment.wall_clock,
            end: None,
        };
        self.open.push(Open { ad, ends: event.ends });
    }

    /// Something would begin or end with the segment.
    fn has_due(&self, segment: SegmentStart) -> bool {
        self.open.iter().any(|open| open.ends.is_some_and(|ends| ends <= segment.due))
            || self.announced.iter().any(|event| event.begins <= segment.due)
    }

    /// True if it knows something that was over before the segment of this number.
    pub fn knows_before(&self, number: u64) -> bool {
        self.over.iter().any(|ad| ad.is_over_before(number))
    }

    /// Forgets what was over before the segment of this number.
    pub fn forget_before(&mut self, number: u64) {
        self.over.retain(|ad| !ad.is_over_before(number));
    }
}

/// The ads of an endpoint while one of its segments is put together, slot by slot.
///
/// The timeline is shared, and copied only when something changes.
#[derive(Debug)]
pub struct SegmentAds<'a> {
    ads: Arc<AdTimeline>,
    rules: &'a OutputRules,
    /// Media time of the segment's start, 90 kHz.
    start: i64,
    wall_clock: Timestamp,
    changes: bool,
}

impl<'a> SegmentAds<'a> {
    /// A segment of this number that begins with a slot at this wall-clock time: what is due begins and ends with it.
    pub fn begin(
        ads: Arc<AdTimeline>,
        rules: &'a OutputRules,
        number: u64,
        first: &LineSlot,
        wall_clock: Timestamp,
    ) -> SegmentAds<'a> {
        let mut segment_ads = SegmentAds { ads, rules, start: first.start, wall_clock, changes: false };
        segment_ads.hear(first);
        let segment = SegmentStart { number, wall_clock, due: due_at(wall_clock, first.duration) };
        if segment_ads.ads.has_due(segment) {
            segment_ads.changes = Arc::make_mut(&mut segment_ads.ads).begin(segment, rules);
        }
        segment_ads
    }

    /// Takes in the messages of a slot of the segment.
    pub fn hear(&mut self, slot: &LineSlot) {
        if slot.messages.iter().any(|message| message.kind == MessageKind::Scte35) {
            let slot_start = self.wall_clock_at(slot.start);
            Arc::make_mut(&mut self.ads).hear(slot, slot_start);
        }
    }

    /// Takes in the messages of the slot that follows; a break if the segment ends before it.
    pub fn goes_on_with(&mut self, slot: &LineSlot) -> ControlFlow<()> {
        self.hear(slot);
        let boundary = due_at(self.wall_clock_at(slot.start), slot.duration);
        let has_tag = self.rules.cuts_at_playlist_tags && slot.playlist_tags.iter().any(|tag| !is_continuation(tag));
        if has_tag || self.ads.is_due(boundary, self.rules) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// The segment ends with this slot, though the next one is not here yet.
    pub fn cuts_after(&self, slot: &LineSlot) -> bool {
        let end = self.wall_clock_at(slot.end());
        self.ads.is_due(end.saturating_add(EARLY_BOUNDARY).unwrap_or(end), self.rules)
    }

    /// The segment is in other ads, programs aside, than the one before.
    pub fn changes(&self) -> bool {
        self.changes
    }

    /// The ads with what the segment said.
    pub fn into_ads(self) -> Arc<AdTimeline> {
        self.ads
    }

    fn wall_clock_at(&self, time: i64) -> Timestamp {
        let after_start = ticks_to_duration(time.saturating_sub(self.start));
        self.wall_clock.saturating_add(after_start).unwrap_or(self.wall_clock)
    }
}

/// The same event, announced again: restriction flags may differ.
fn same_event((kind, id): (AdKind, u32), (other_kind, other_id): (AdKind, u32)) -> bool {
    let start_type = |kind| match kind {
        AdKind::SpliceInsert => None,
        AdKind::Segmentation { start_type, .. } => Some(start_type),
    };
    id == other_id && start_type(kind) == start_type(other_kind)
}

fn shown_in(kind: AdKind, manifests: &BTreeMap<String, AdSelection>) -> Vec<String> {
    let shown = manifests.iter().filter(|(_, selection)| kind.is_selected(selection));
    shown.map(|(manifest, _)| manifest.clone()).collect()
}

/// Ad tags of an encoder's playlist that only say that a break goes on.
pub fn is_continuation(playlist_tag: &str) -> bool {
    playlist_tag.starts_with("#EXT-X-CUE-OUT-CONT") || playlist_tag.starts_with("#EXT-X-CUE-SPAN")
}

#[cfg(test)]
#[path = "ads_tests.rs"]
mod tests;
