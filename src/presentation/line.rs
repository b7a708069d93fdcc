//! What the inputs of a channel delivered: a line of closed slots for each.
//!
//! Both lines are kept as long as the channel's media is; which of them plays is up to each endpoint
//! ([`super::output`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::InputIndex;
use super::index::{ChunkedList, LargeChunk};
use super::message::TimedMessage;
use super::object::ObjectId;
use super::side::Texts;
use super::timeline::{Piece, Slot, WallClockSource, ticks_to_duration};
use super::track::TrackId;

/// A closed slot of an input. Never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineSlot {
    /// Presentation start, 90 kHz, within the span's own media time.
    pub start: i64,
    /// Duration, 90 kHz.
    pub duration: i64,
    /// Counts the breaks of the line: slots of one span have continuous media time and the same configurations.
    pub span: u32,
    /// Wall-clock time of the start, by this input.
    pub wall_clock: Timestamp,
    /// Where that time is from.
    pub wall_clock_source: WallClockSource,
    /// Media sequence number in the leading stream's playlist; `None` where no segment was listed.
    pub sequence: Option<u64>,
    /// When its last part was received.
    pub last_arrival: Timestamp,
    /// What each track has.
    pub pieces: BTreeMap<TrackId, Piece>,
    /// Messages that arrived with its media; their times may lie ahead of it.
    pub messages: Vec<TimedMessage>,
    /// Subtitles that came with it, by track.
    pub texts: Texts,
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

    /// Some track has media.
    pub fn has_media(&self) -> bool {
        self.pieces.values().any(|piece| piece.media().is_some())
    }

    /// Every track that the channel knew of has media.
    pub fn is_whole(&self) -> bool {
        !self.pieces.is_empty() && self.pieces.values().all(|piece| piece.media().is_some())
    }

    /// Every track that has media in the other slot has media here.
    pub fn covers(&self, other: &LineSlot) -> bool {
        let has_media = |track: &TrackId| self.pieces.get(track).is_some_and(|piece| piece.media().is_some());
        other.pieces.iter().filter(|(_, piece)| piece.media().is_some()).all(|(track, _)| has_media(track))
    }

    /// The objects that its media is in; one that holds several tracks comes several times.
    pub fn objects(&self) -> impl Iterator<Item = ObjectId> {
        let media = self.pieces.values().filter_map(Piece::media).map(|segment| segment.object);
        media.chain(self.texts.values().map(|text| text.object))
    }
}

/// The first slot that the channel ever had: what DASH counts from.
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

/// The closed slots of one input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    slots: ChunkedList<LineSlot>,
    /// The newest configuration of each track, to see it change.
    configs: BTreeMap<TrackId, u16>,
    ended: bool,
    in_use: bool,
}

impl Line {
    /// Its slots, numbered from 0 for the first one ever.
    pub fn slots(&self) -> &ChunkedList<LineSlot> {
        &self.slots
    }

    /// The encoder ended its playlists, and everything that they list is here.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The input has delivered something that is still kept.
    pub fn in_use(&self) -> bool {
        self.in_use
    }

    /// The input is in use and has not ended: more may come.
    pub fn is_running(&self) -> bool {
        self.in_use && !self.ended
    }

    fn append(&mut self, slot: Slot) {
        let span = match self.slots.last() {
            None => 0,
            Some(last) => {
                let lines_up = slot.start.saturating_sub(last.end()).abs() <= slot.duration / 4;
                last.span + u32::from(slot.breaks || !lines_up || self.changes_configuration(&slot))
            }
        };
        for (track, piece) in &slot.pieces {
            if let Some(media) = piece.media() {
                self.configs.insert(*track, media.config);
            }
        }
        self.slots.push(LineSlot {
            start: slot.start,
            duration: slot.duration,
            span,
            wall_clock: slot.wall_clock,
            wall_clock_source: slot.wall_clock_source,
            sequence: slot.sequence,
            last_arrival: slot.last_arrival,
            pieces: slot.pieces,
            messages: slot.messages,
            texts: slot.texts,
            playlist_tags: slot.playlist_tags,
        });
    }

    fn changes_configuration(&self, slot: &Slot) -> bool {
        slot.pieces.iter().any(|(track, piece)| {
            piece.media().is_some_and(|media| self.configs.get(track).is_some_and(|known| *known != media.config))
        })
    }

    /// The slot ended and was received before the time: an encoder's clock may be ahead of ours or behind.
    fn is_older(slot: &LineSlot, before: Timestamp) -> bool {
        slot.wall_clock_end().max(slot.last_arrival) < before
    }

    fn forget_before(&mut self, before: Timestamp) -> Vec<Arc<LineSlot>> {
        let keep_from = self.slots.partition_point(|slot| Self::is_older(slot, before));
        let dropped = self
            .slots
            .from(self.slots.first_number())
            .take_while(|(number, _)| *number < keep_from)
            .map(|(_, slot)| slot)
            .collect();
        self.slots.drop_before(keep_from);
        dropped
    }
}

/// The lines of a channel's inputs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    lines: [Line; 2],
    origin: Option<LineOrigin>,
}

impl Lines {
    /// An input's line.
    pub fn of(&self, input: InputIndex) -> &Line {
        let [first, second] = &self.lines;
        match input {
            InputIndex::First => first,
            InputIndex::Second => second,
        }
    }

    fn of_mut(&mut self, input: InputIndex) -> &mut Line {
        let [first, second] = &mut self.lines;
        match input {
            InputIndex::First => first,
            InputIndex::Second => second,
        }
    }

    /// Puts a large chunk of an input's slots back.
    pub(super) fn put_back(&mut self, input: InputIndex, chunk: LargeChunk) {
        self.of_mut(input).slots.put_back(chunk);
    }

    /// The first slot that the channel ever had, whichever input it is from.
    pub fn origin(&self) -> Option<LineOrigin> {
        self.origin
    }

    /// Every input that is in use has ended: nothing follows unless an encoder starts again.
    pub fn ended(&self) -> bool {
        self.lines.iter().any(Line::ended) && !self.lines.iter().any(Line::is_running)
    }

    /// The input whose oldest slot came first.
    pub fn first_to_deliver(&self) -> Option<InputIndex> {
        let first_arrival = |input: InputIndex| {
            let slots = self.of(input).slots();
            Some((slots.get(slots.first_number())?.last_arrival, input))
        };
        InputIndex::BOTH.into_iter().filter_map(first_arrival).min().map(|(_, input)| input)
    }

    /// Takes a slot that an input closed.
    pub fn close(&mut self, input: InputIndex, slot: Slot) {
        self.origin.get_or_insert(LineOrigin {
            wall_clock: slot.wall_clock,
            start: slot.start,
            duration: slot.duration,
            received: slot.last_arrival,
        });
        self.of_mut(input).append(slot);
    }

    /// Says whether an input has ended and whether it has slots that are still open.
    pub fn set_state(&mut self, input: InputIndex, ended: bool, has_open_slots: bool) {
        let line = self.of_mut(input);
        line.ended = ended;
        line.in_use = has_open_slots || line.slots.first_number() < line.slots.next_number();
    }

    /// Drops slots that ended and were received before the time, and returns them.
    pub fn forget_before(&mut self, before: Timestamp) -> Vec<Arc<LineSlot>> {
        self.lines.iter_mut().flat_map(|line| line.forget_before(before)).collect()
    }

    /// True if slots older than this are kept.
    pub fn has_older(&self, before: Timestamp) -> bool {
        self.lines
            .iter()
            .any(|line| line.slots.get(line.slots.first_number()).is_some_and(|slot| Line::is_older(&slot, before)))
    }

    /// All slots of both inputs.
    pub fn slots(&self) -> impl Iterator<Item = Arc<LineSlot>> {
        self.lines.iter().flat_map(|line| line.slots.from(0).map(|(_, slot)| slot))
    }
}

/// A slot without media, for tests: start and duration in 90 kHz.
#[cfg(test)]
pub(super) fn test_slot(start: i64, duration: i64, wall_clock: Timestamp) -> LineSlot {
    LineSlot {
        start,
        duration,
        span: 0,
        wall_clock,
        wall_clock_source: WallClockSource::Encoder,
        sequence: None,
        last_arrival: wall_clock,
        pieces: BTreeMap::new(),
        messages: Vec::new(),
        texts: Texts::new(),
        playlist_tags: Vec::new(),
    }
}
