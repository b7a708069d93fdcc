//! What streams beside video and audio bring: subtitle segments.
//!
//! They never decide when a slot closes (it waits for them a moment only), whether it is whole, or where a run of
//! segments breaks. What comes too late is not shown; the media goes on.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::{NamedSegment, StoredText};
use super::object::ObjectId;
use super::timeline::{Slot, ticks_to_duration, unroll};
use super::track::{StreamId, TrackId};

/// A subtitle segment without a time map whose cues are this near to its slot on the media's clock means them so
/// (RFC 8216 §3.5: local time 0 is media time 0); 90 kHz.
const BELIEVED_DISTANCE: i64 = 10 * 90_000;

/// How long a segment waits for the media that it belongs to.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// Segments that wait, over all streams; the oldest goes first.
const MOST_WAITING: usize = 128;

/// A subtitle segment in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSegment {
    /// The object of the media store that holds the file as it was pushed.
    pub object: ObjectId,
    /// Media time of the file's local time 0, 90 kHz, unrolled within the span.
    pub local_zero: i64,
}

/// A subtitle segment that has no slot yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct WaitingText {
    pub(super) stream: StreamId,
    pub(super) track: TrackId,
    pub(super) object: ObjectId,
    pub(super) text: StoredText,
    pub(super) named: NamedSegment,
    pub(super) at: Timestamp,
}

/// Subtitle segments of one input on their way into slots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SideStreams {
    waiting: VecDeque<WaitingText>,
    /// Objects that found no slot.
    unplaced: Vec<ObjectId>,
    /// Media sequence number of the newest closed slot, in the leading stream's playlist.
    closed_sequence: Option<u64>,
}

/// Where a waiting segment belongs.
enum Place {
    /// Index of an open slot.
    Open(usize),
    /// A slot that is closed.
    Passed {
        /// By so little that the stream is worth waiting for.
        nearly: bool,
    },
    /// A slot that is not open yet, or nobody knows.
    Unknown,
}

impl SideStreams {
    pub(super) fn add(&mut self, text: WaitingText) {
        self.waiting.push_back(text);
        if self.waiting.len() > MOST_WAITING {
            self.unplaced.extend(self.waiting.pop_front().map(|text| text.object));
        }
    }

    /// Objects that no slot has yet.
    pub(super) fn objects(&self) -> impl Iterator<Item = ObjectId> {
        self.waiting.iter().map(|text| text.object)
    }

    /// Takes the objects that nothing will play.
    pub(super) fn take_unplaced(&mut self) -> Vec<ObjectId> {
        std::mem::take(&mut self.unplaced)
    }

    pub(super) fn closed(&mut self, slot: &Slot) {
        self.closed_sequence = slot.leading_sequence.or(self.closed_sequence);
    }

    /// Puts waiting segments into the slots that they belong to; `wall_clock_to_media` tells the media time of a
    /// wall-clock time. Returns the streams that delivered, with the index of the slot, or without where a segment came
    /// too late by little: such a stream must be waited for, or it would stay late for ever.
    pub(super) fn settle(
        &mut self,
        open: &mut VecDeque<Slot>,
        wall_clock_to_media: impl Fn(Timestamp) -> Option<i64>,
        now: Timestamp,
    ) -> Vec<(StreamId, Option<usize>)> {
        let mut delivered = Vec::new();
        for text in std::mem::take(&mut self.waiting) {
            match self.place(&text, open, &wall_clock_to_media) {
                Place::Open(index) => {
                    delivered.push((text.stream, Some(index)));
                    let Some(slot) = open.get_mut(index).filter(|_| text.text.cues.is_some()) else {
                        self.unplaced.push(text.object);
                        continue;
                    };
                    let segment = TextSegment { object: text.object, local_zero: local_zero(&text.text, slot) };
                    self.unplaced.extend(slot.texts.insert(text.track, segment).map(|replaced| replaced.object));
                }
                Place::Unknown if now.duration_since(text.at) < PATIENCE => self.waiting.push_back(text),
                Place::Unknown => self.unplaced.push(text.object),
                Place::Passed { nearly } => {
                    self.unplaced.push(text.object);
                    delivered.extend(nearly.then_some((text.stream, None)));
                }
            }
        }
        delivered
    }

    fn place(
        &self,
        waiting: &WaitingText,
        open: &VecDeque<Slot>,
        wall_clock_to_media: impl Fn(Timestamp) -> Option<i64>,
    ) -> Place {
        let Some(front) = open.front() else { return Place::Unknown };
        if let Some((zero, cues)) = waiting.text.wire_zero.zip(waiting.text.cues) {
            let first = unroll(zero.wrapping_add(cues.start), front.start);
            let last = first.saturating_add_unsigned(cues.end.saturating_sub(cues.start));
            return Self::by_time(waiting, open, first, last);
        }
        // Encoders number the segments of all their playlists alike.
        let is_alike = |slot: &Slot| {
            let named = i64::try_from(waiting.named.duration_microseconds).unwrap_or(0).saturating_mul(9) / 100;
            (named - slot.duration).abs().saturating_mul(2) <= slot.duration
        };
        let same = open.iter().position(|slot| slot.leading_sequence == Some(waiting.named.sequence) && is_alike(slot));
        if let Some(index) = same {
            return Place::Open(index);
        }
        if let Some(start) = waiting.named.program_date_time.and_then(wall_clock_to_media) {
            // A segment that begins with its slot begins a little before it, or after, by another clock's rounding.
            let within = start.saturating_add(front.duration / 4);
            return Self::by_time(waiting, open, within, within);
        }
        if self.closed_sequence == Some(waiting.named.sequence) {
            return Place::Passed { nearly: true };
        }
        Place::Unknown
    }

    /// The first open slot from the one on that has the time `first` in which the track has nothing yet.
    fn by_time(waiting: &WaitingText, open: &VecDeque<Slot>, first: i64, last: i64) -> Place {
        let reached = open.iter().position(|slot| first < slot.end());
        if let Some(front) = open.front().filter(|front| last < front.start) {
            return Place::Passed { nearly: front.start - last <= front.duration.saturating_mul(2) };
        }
        match reached {
            Some(index) => {
                let free = open.iter().skip(index).position(|slot| !slot.texts.contains_key(&waiting.track));
                free.map_or(Place::Unknown, |ahead| Place::Open(index + ahead))
            }
            None => Place::Unknown,
        }
    }
}

/// Media time of a file's local time 0, seen from its slot.
fn local_zero(text: &StoredText, slot: &Slot) -> i64 {
    let Some(cues) = text.cues else { return slot.start };
    let first = cues.start as i64;
    let on_media_clock = unroll(text.wire_zero.unwrap_or(0).wrapping_add(cues.start), slot.start).saturating_sub(first);
    if text.wire_zero.is_some() {
        return on_media_clock;
    }
    let distance = on_media_clock.saturating_add(first).saturating_sub(slot.start).abs();
    let begins_anew = i64::try_from(cues.end).is_ok_and(|end| end <= slot.duration.saturating_mul(2));
    if distance > BELIEVED_DISTANCE && begins_anew { slot.start } else { on_media_clock }
}

/// How long a slot waits for subtitles once its media is there: a quarter of it, so that an encoder whose subtitles
/// stop costs viewers that once.
pub(super) fn wait_for_texts(duration: i64) -> SignedDuration {
    ticks_to_duration(duration / 4).clamp(SignedDuration::from_millis(500), SignedDuration::from_secs(2))
}

/// The texts of a slot, by track.
pub type Texts = BTreeMap<TrackId, TextSegment>;
