//! The timeline of one input: slots, each one source segment period over all tracks.
//!
//! Streams of one encoder are cut at the same places, so segments of different streams belong together
//! when they start at nearly the same time. A slot closes when every stream that still sends has
//! delivered its part, or when the wait for it is over; a closed slot never changes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::StoredTrack;
use super::intake::{Arrival, ArrivedMedia};
use super::message::TimedMessage;
use super::object::ObjectId;
use super::side::{SideStreams, Texts, WaitingText, wait_for_texts};
use super::track::{Stream, StreamId, Track, TrackId, nominal_frame_rate, track_number};
use crate::media::codec::{CodecConfig, TrackKind};
use crate::media::rescale::rescale_signed_time;
use crate::media::sample::MPEG_TIMESCALE;

/// Values of the 33-bit MPEG clock.
const WIRE_CLOCK_PERIOD: i64 = 1 << 33;

/// A hole of up to this many source segments is filled with gaps; a longer one breaks the timeline.
const LONGEST_FILLED_HOLE: i64 = 5;

/// Bit/s that subtitles are said to have: about what TTML with two lines every two seconds takes.
const TEXT_BITRATE: u64 = 4_000;

/// Open slots of one input at the most; the oldest is closed to make room.
const OPEN_SLOTS: usize = 64;

/// One source segment of one track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackSegment {
    /// The object of the media store that holds it.
    pub object: ObjectId,
    /// Its place among the tracks of the stored object.
    pub index_in_object: u8,
    /// Index into [`Track::configs`].
    pub config: u16,
    /// Decoding time of the first sample, in the track's timescale, unrolled.
    pub decode_time: i64,
    /// Earliest presentation time, in the track's timescale, unrolled.
    pub start: i64,
    /// Sum of the samples' durations, in the track's timescale.
    pub duration: u64,
}

impl TrackSegment {
    /// Presentation end, in the track's timescale.
    pub fn end(&self) -> i64 {
        self.start.saturating_add_unsigned(self.duration)
    }
}

/// Why a track has nothing in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GapReason {
    /// A playlist listed it, but it was never put, while later ones were.
    NeverReceived,
    /// It was put, but could not be used.
    Broken(String),
    /// It did not come while the slot was open.
    NotInTime,
    /// The stream went on with a later segment.
    Skipped,
}

impl std::fmt::Display for GapReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            GapReason::NeverReceived => formatter.write_str("listed, but never received"),
            GapReason::Broken(reason) => write!(formatter, "broken: {reason}"),
            GapReason::NotInTime => formatter.write_str("not received in time"),
            GapReason::Skipped => formatter.write_str("skipped by the encoder"),
        }
    }
}

/// What a track has in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Media.
    Media(TrackSegment),
    /// Nothing, and why.
    Gap(GapReason),
}

impl Piece {
    /// The media, if there is any.
    pub fn media(&self) -> Option<&TrackSegment> {
        match self {
            Piece::Media(segment) => Some(segment),
            Piece::Gap(_) => None,
        }
    }
}

/// Where an input's wall clock is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WallClockSource {
    /// `EXT-X-PROGRAM-DATE-TIME`, RFC 8216 §4.3.2.6.
    Encoder,
    /// When the first segment was received, less its duration.
    #[default]
    Reception,
}

/// One source segment period over all tracks of an input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Presentation start, 90 kHz, unrolled within the input's span.
    pub start: i64,
    /// Duration, 90 kHz.
    pub duration: i64,
    /// The input's timeline breaks before this slot.
    pub breaks: bool,
    /// Wall-clock time of the start.
    pub wall_clock: Timestamp,
    /// Where that time is from.
    pub wall_clock_source: WallClockSource,
    /// Media sequence number in the leading stream's playlist; `None` where no segment was listed.
    pub sequence: Option<u64>,
    /// When its first part was received.
    pub first_arrival: Timestamp,
    /// When its last part was received.
    pub last_arrival: Timestamp,
    /// What each track has.
    pub pieces: BTreeMap<TrackId, Piece>,
    /// Messages that arrived with its media, by arrival; each once, though several streams may carry it.
    pub messages: Vec<TimedMessage>,
    /// Subtitles, by track.
    pub texts: Texts,
    /// Ad tags that stood before this segment in the leading stream's playlist, as they were written.
    pub playlist_tags: Vec<String>,
    /// Media sequence number of the stream whose times the slot has, by which subtitles find it. Unlike `sequence`, which
    /// decides how inputs are aligned, it is also there where that stream opened the slot.
    pub(super) leading_sequence: Option<u64>,
    /// Streams that delivered their part, media or gap.
    delivered: BTreeSet<StreamId>,
    /// The stream whose times the slot has; lower streams take over while it is open.
    timed_by: Option<StreamId>,
}

impl Slot {
    /// Presentation end, 90 kHz.
    pub fn end(&self) -> i64 {
        self.start.saturating_add(self.duration)
    }

    /// The objects that its media is in; one that holds several tracks comes several times.
    pub fn objects(&self) -> impl Iterator<Item = ObjectId> {
        let media = self.pieces.values().filter_map(Piece::media).map(|segment| segment.object);
        media.chain(self.texts.values().map(|text| text.object))
    }
}

/// A wall-clock time and the media time that it belongs to, 90 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct WallClockAnchor {
    wall_clock: Timestamp,
    media_time: i64,
    source: WallClockSource,
}

impl WallClockAnchor {
    /// The inverse of [`Self::at`].
    fn media_time_at(&self, time: Timestamp) -> i64 {
        let nanoseconds = time.duration_since(self.wall_clock).as_nanos();
        let ticks = nanoseconds * i128::from(MPEG_TIMESCALE) / 1_000_000_000;
        self.media_time.saturating_add(i64::try_from(ticks).unwrap_or(0))
    }

    fn at(&self, media_time: i64) -> Timestamp {
        self.wall_clock.saturating_add(ticks_to_duration(media_time - self.media_time)).unwrap_or(self.wall_clock)
    }
}

/// 90 kHz ticks as a span of wall-clock time.
pub fn ticks_to_duration(ticks: i64) -> SignedDuration {
    let nanoseconds = i128::from(ticks) * 1_000_000_000 / i128::from(MPEG_TIMESCALE);
    SignedDuration::from_nanos_i128(nanoseconds)
}

/// A span of wall-clock time in 90 kHz ticks, to the nearest.
pub fn duration_to_ticks(duration: SignedDuration) -> i64 {
    let doubled = duration.as_nanos() * 2 * i128::from(MPEG_TIMESCALE) + 1_000_000_000;
    i64::try_from(doubled.div_euclid(2_000_000_000)).unwrap_or(if doubled < 0 { i64::MIN } else { i64::MAX })
}

/// From one media time to another, 90 kHz, the short way round the 33-bit clock.
pub fn wire_distance(from: i64, to: i64) -> i64 {
    let ahead = to.wrapping_sub(from).rem_euclid(WIRE_CLOCK_PERIOD);
    if ahead >= WIRE_CLOCK_PERIOD / 2 { ahead - WIRE_CLOCK_PERIOD } else { ahead }
}

/// The unrolled time nearest to `near` that shows as `wire` on the 33-bit clock.
pub(super) fn unroll(wire: u64, near: i64) -> i64 {
    near.saturating_add(wire_distance(near, (wire % (1 << 33)) as i64))
}

/// What placing an arrival led to, for logs and for freeing what is not used.
#[derive(Debug, Clone, PartialEq)]
pub enum Placed {
    /// It has a slot.
    InSlot,
    /// Its slot is closed already: the object is not used.
    TooLate,
    /// A gap that no other stream gives a time to: nothing to remember.
    Nowhere,
}

/// The timeline of one input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InputTimeline {
    open: VecDeque<Slot>,
    /// Number of the first open slot, counted over the input's life.
    first_open: u64,
    /// The next slot that each stream may fill.
    cursors: BTreeMap<StreamId, u64>,
    /// Streams that missed a slot and are not waited for until they deliver again.
    lagging: BTreeSet<StreamId>,
    /// End of the newest slot, 90 kHz, and its duration.
    newest: Option<(i64, i64)>,
    /// End of the newest closed slot, 90 kHz.
    closed_end: Option<i64>,
    /// Where each track's next sample is expected, in its timescale.
    expected_decode_times: BTreeMap<TrackId, i64>,
    wall_clock: Option<WallClockAnchor>,
    side: SideStreams,
    /// Objects that hold nothing for their stream.
    unplaced: Vec<ObjectId>,
    /// The first open slot has all of its media and waits for subtitles.
    awaits_texts: bool,
}

impl InputTimeline {
    /// Places an arrival of a stream; adds the stream's tracks to `tracks` when they are new.
    ///
    /// `near` is the newest media time of the other input, 90 kHz: where the 33-bit clock starts to be unrolled, so that
    /// inputs with the same timestamps have the same media time.
    pub fn place(&mut self, stream: &Stream, arrival: &Arrival, near: Option<i64>, tracks: &mut Vec<Track>) -> Placed {
        match &arrival.media {
            _ if stream.is_text() => self.place_text(stream, arrival, tracks),
            Ok(media) => self.place_media(stream, arrival, media, near, tracks),
            Err(reason) => self.place_gap(stream, arrival, reason, tracks),
        }
    }

    fn place_media(
        &mut self,
        stream: &Stream,
        arrival: &Arrival,
        media: &ArrivedMedia,
        near: Option<i64>,
        tracks: &mut Vec<Track>,
    ) -> Placed {
        let Some(reference) = reference_track(&media.tracks) else {
            self.unplaced.push(media.object);
            let nothing = GapReason::Broken("it holds no track that is packaged".to_owned());
            return self.place_gap(stream, arrival, &nothing, tracks);
        };
        let duration = rescale_signed_time(
            i64::try_from(reference.duration).unwrap_or(i64::MAX),
            reference.timescale,
            MPEG_TIMESCALE,
        );
        let offset = rescale_signed_time(reference.presentation_offset, reference.timescale, MPEG_TIMESCALE);
        let wire_start = (reference.wire_decode_time as i64).wrapping_add(offset).rem_euclid(WIRE_CLOCK_PERIOD) as u64;

        let Some(slot_index) = self
            .slot_for(stream.id, |slot| unroll(wire_start, slot.start))
            .or_else(|| self.new_slot_for_media(stream.id, arrival, media, (wire_start, near), duration))
        else {
            // A stream that is late by little is worth waiting for again, or it would stay late for ever.
            let is_nearly_in_time = self
                .closed_end
                .is_some_and(|end| unroll(wire_start, end).saturating_add(duration.saturating_mul(2)) >= end);
            if is_nearly_in_time {
                self.lagging.remove(&stream.id);
            }
            return Placed::TooLate;
        };
        let Some(slot) = self.open.get_mut(slot_index) else { return Placed::TooLate };
        let start = unroll(wire_start, slot.start);
        slot.last_arrival = slot.last_arrival.max(media.at);
        if slot.timed_by.is_none_or(|timed_by| stream.id <= timed_by) {
            slot.playlist_tags.clone_from(&arrival.named.ad_tags);
            slot.leading_sequence = Some(arrival.named.sequence);
        }
        let lower_stream = slot.timed_by.is_none_or(|timed_by| stream.id < timed_by);
        if lower_stream {
            slot.timed_by = Some(stream.id);
            slot.start = start;
            slot.duration = duration;
            slot.sequence = Some(arrival.named.sequence);
            let newest = self.newest;
            let is_newest = slot_index + 1 == self.open.len();
            if is_newest && newest.is_some() {
                self.newest = Some((start.saturating_add(duration), duration));
            }
        }
        self.add_messages(slot_index, media, start, wire_start);
        self.add_pieces(slot_index, stream, media, start, wire_start, tracks);
        self.delivered(stream.id, slot_index);
        Placed::InSlot
    }

    /// Keeps a subtitle segment until the slot that it belongs to is there.
    fn place_text(&mut self, stream: &Stream, arrival: &Arrival, tracks: &mut Vec<Track>) -> Placed {
        let Ok(media) = &arrival.media else { return Placed::Nowhere };
        let (Some(text), Some(track)) = (media.text, text_track(stream, tracks)) else {
            self.unplaced.push(media.object);
            return Placed::Nowhere;
        };
        self.side.add(WaitingText {
            stream: stream.id,
            track,
            object: media.object,
            text,
            named: arrival.named.clone(),
            at: media.at,
        });
        Placed::InSlot
    }

    /// Takes the objects that nothing will play.
    pub fn take_unplaced(&mut self) -> Vec<ObjectId> {
        let mut unplaced = std::mem::take(&mut self.unplaced);
        unplaced.extend(self.side.take_unplaced());
        unplaced
    }

    /// Adds what the slot does not have yet: every rendition of a programme carries the same messages.
    fn add_messages(&mut self, slot_index: usize, media: &ArrivedMedia, start: i64, wire_start: u64) {
        let Some(slot) = self.open.get_mut(slot_index) else { return };
        let others = slot.messages.len();
        for message in &media.messages {
            let message = TimedMessage {
                kind: message.kind,
                stream_index: message.stream_index,
                time: start.wrapping_add(wire_distance(wire_start as i64, message.wire_time as i64)),
                payload: message.payload.clone(),
            };
            let known = slot.messages.get(..others).unwrap_or_default();
            if !known.iter().any(|known| known.is_copy_of(&message)) {
                slot.messages.push(message);
            }
        }
    }

    fn add_pieces(
        &mut self,
        slot_index: usize,
        stream: &Stream,
        media: &ArrivedMedia,
        start: i64,
        wire_start: u64,
        tracks: &mut Vec<Track>,
    ) {
        let mut seen = BTreeMap::new();
        for (index_in_object, stored) in media.tracks.iter().enumerate() {
            let kind = stored.config.kind();
            let index_in_stream = *seen.entry(kind).and_modify(|count| *count += 1).or_insert(0u8);
            let Some(track) = track_for(stream, kind, index_in_stream, stored, tracks) else { continue };
            let wire_reference = start.wrapping_add(wire_distance(wire_start as i64, stored.wire_decode_time as i64));
            let clock_time = rescale_signed_time(wire_reference, MPEG_TIMESCALE, track.timescale);
            let tolerance = i64::from(track.timescale / 500);
            let breaks = self.open.get(slot_index).is_some_and(|slot| slot.breaks);
            // The wire's 90 kHz rounds audio times; counting samples instead keeps them exact for ever. What is counted
            // in the wire's own ticks is rounded in its durations only: there counting would add the rounding up.
            let is_counted = track.timescale != MPEG_TIMESCALE;
            let decode_time = match self.expected_decode_times.get(&track.id) {
                Some(expected) if is_counted && !breaks && (expected - clock_time).abs() <= tolerance => *expected,
                _ => clock_time,
            };
            self.expected_decode_times.insert(track.id, decode_time.saturating_add_unsigned(stored.duration));
            let config = config_index(track, stored);
            let segment = TrackSegment {
                object: media.object,
                index_in_object: u8::try_from(index_in_object).unwrap_or(u8::MAX),
                config,
                decode_time,
                start: decode_time.saturating_add(stored.presentation_offset),
                duration: stored.duration,
            };
            if let Some(slot) = self.open.get_mut(slot_index) {
                slot.pieces.insert(track.id, Piece::Media(segment));
            }
        }
    }

    fn place_gap(&mut self, stream: &Stream, arrival: &Arrival, reason: &GapReason, tracks: &[Track]) -> Placed {
        let own_tracks: Vec<TrackId> =
            tracks.iter().filter(|track| track.stream == stream.id).map(|track| track.id).collect();
        let cursor = self.cursors.get(&stream.id).copied().unwrap_or(self.first_open);
        let slot_index = usize::try_from(cursor.saturating_sub(self.first_open)).unwrap_or(usize::MAX);
        if cursor < self.first_open {
            return Placed::TooLate;
        }
        if slot_index >= self.open.len() {
            let Some((start, last_duration)) = self.newest else { return Placed::Nowhere };
            if own_tracks.is_empty() || slot_index > self.open.len() {
                return Placed::Nowhere;
            }
            let named = i64::try_from(arrival.named.duration_microseconds).unwrap_or(0).saturating_mul(9) / 100;
            let duration = if named > 0 { named } else { last_duration };
            let at = self.wall_clock.map_or(Timestamp::UNIX_EPOCH, |anchor| anchor.at(start));
            self.push_slot(start, duration, false, at, None);
        }
        if let Some(slot) = self.open.get_mut(slot_index).filter(|slot| slot.timed_by.is_none()) {
            slot.playlist_tags.clone_from(&arrival.named.ad_tags);
        }
        for track in own_tracks {
            if let Some(slot) = self.open.get_mut(slot_index) {
                slot.pieces.entry(track).or_insert_with(|| Piece::Gap(reason.clone()));
            }
        }
        self.delivered(stream.id, slot_index);
        Placed::InSlot
    }

    /// The open slot, from the stream's cursor on, that starts within half a duration of the time.
    fn slot_for(&self, stream: StreamId, start_near: impl Fn(&Slot) -> i64) -> Option<usize> {
        let cursor = self.cursors.get(&stream).copied().unwrap_or(0);
        let skipped = usize::try_from(cursor.saturating_sub(self.first_open)).unwrap_or(usize::MAX);
        (skipped..self.open.len()).find(|index| {
            self.open.get(*index).is_some_and(|slot| {
                let distance = start_near(slot).saturating_sub(slot.start).abs();
                distance.saturating_mul(2) <= slot.duration
            })
        })
    }

    /// A new slot at the end, or none if the time is that of a closed slot.
    fn new_slot_for_media(
        &mut self,
        stream: StreamId,
        arrival: &Arrival,
        media: &ArrivedMedia,
        (wire_start, near_start): (u64, Option<i64>),
        duration: i64,
    ) -> Option<usize> {
        let named = &arrival.named;
        let announced_break = named.discontinuity || arrival.restarted;
        let mut start = near_start.map_or(wire_start as i64, |near| unroll(wire_start, near));
        let mut breaks = true;
        if let Some((end, last_duration)) = self.newest {
            let near = unroll(wire_start, end);
            let hole = near - end;
            let is_behind = hole < -last_duration / 2;
            if is_behind && !announced_break && self.is_within_closed(near) {
                return None;
            }
            let holds_on = hole.abs() <= last_duration / 2;
            let fills = hole > 0 && hole / last_duration.max(1) < LONGEST_FILLED_HOLE;
            if (holds_on || fills) && !announced_break {
                start = near;
                breaks = false;
                self.fill_hole(end, near, last_duration, media.at);
            } else if announced_break && holds_on {
                start = near;
            }
        }
        let measured = media.at.saturating_sub(ticks_to_duration(duration)).unwrap_or(media.at);
        let (told, source) = match named.program_date_time {
            Some(told) => (told, WallClockSource::Encoder),
            None => (measured, WallClockSource::Reception),
        };
        if breaks || self.wall_clock.is_none() {
            // Time never runs backwards, whatever a restarted encoder says.
            let told = match (self.wall_clock, self.newest) {
                (Some(anchor), Some((end, _))) => told.max(anchor.at(end)),
                _ => told,
            };
            self.wall_clock = Some(WallClockAnchor { wall_clock: told, media_time: start, source });
        }
        self.push_slot(start, duration, breaks, media.at, Some(stream));
        Some(self.open.len() - 1)
    }

    /// The last minute or so of closed slots: a segment from there comes too late, an older time is a new start.
    fn is_within_closed(&self, start: i64) -> bool {
        self.closed_end.is_some_and(|end| start < end && end - start < 60 * i64::from(MPEG_TIMESCALE))
            || self.open.front().is_some_and(|first| start >= first.start)
    }

    fn fill_hole(&mut self, from: i64, to: i64, slot_duration: i64, at: Timestamp) {
        let slot_duration = slot_duration.max(1);
        let count = (to - from + slot_duration / 2) / slot_duration;
        let mut start = from;
        for index in 0..count {
            let end = from + (to - from) * (index + 1) / count;
            self.push_slot(start, end - start, false, at, None);
            start = end;
        }
    }

    fn push_slot(&mut self, start: i64, duration: i64, breaks: bool, at: Timestamp, timed_by: Option<StreamId>) {
        let wall_clock = self.wall_clock.map_or(at, |anchor| anchor.at(start));
        self.open.push_back(Slot {
            start,
            duration,
            breaks,
            wall_clock,
            wall_clock_source: self.wall_clock.map_or(WallClockSource::Reception, |anchor| anchor.source),
            sequence: None,
            first_arrival: at,
            last_arrival: at,
            pieces: BTreeMap::new(),
            messages: Vec::new(),
            texts: Texts::new(),
            playlist_tags: Vec::new(),
            leading_sequence: None,
            delivered: BTreeSet::new(),
            timed_by,
        });
        self.newest = Some((start.saturating_add(duration), duration));
    }

    fn delivered(&mut self, stream: StreamId, slot_index: usize) {
        if let Some(slot) = self.open.get_mut(slot_index) {
            slot.delivered.insert(stream);
        }
        self.cursors.insert(stream, self.first_open + slot_index as u64 + 1);
        self.lagging.remove(&stream);
    }

    /// Takes the slots that are closed at `now`, oldest first.
    pub fn take_closed(&mut self, streams: &[Stream], tracks: &[Track], now: Timestamp) -> Vec<Slot> {
        let anchor = self.wall_clock;
        let settled = self.side.settle(&mut self.open, |time| anchor.map(|anchor| anchor.media_time_at(time)), now);
        for (stream, slot_index) in settled {
            match slot_index {
                Some(slot_index) => self.delivered(stream, slot_index),
                None => {
                    self.lagging.remove(&stream);
                }
            }
        }
        self.awaits_texts = false;
        let mut closed = Vec::new();
        while let Some(slot) = self.open.front() {
            let awaited = self.awaited(streams, slot);
            let is_overdue = now.duration_since(slot.first_arrival) >= wait_for_slot(slot.duration);
            let is_text = |id: &StreamId| streams.iter().any(|stream| stream.id == *id && stream.is_text());
            let only_texts = awaited.iter().all(is_text);
            let waits = if only_texts { now < texts_due(slot) } else { !is_overdue };
            if !awaited.is_empty() && waits && self.open.len() <= OPEN_SLOTS {
                self.awaits_texts = only_texts;
                break;
            }
            self.lagging.extend(awaited);
            let Some(mut slot) = self.open.pop_front() else { break };
            self.first_open += 1;
            self.closed_end = Some(slot.end());
            self.side.closed(&slot);
            for track in tracks.iter().filter(|track| track.kind != TrackKind::Text) {
                let declared = streams.iter().any(|stream| stream.id == track.stream && stream.declared);
                if declared {
                    let was_passed = self.cursors.get(&track.stream).is_some_and(|cursor| *cursor >= self.first_open);
                    let reason = if was_passed { GapReason::Skipped } else { GapReason::NotInTime };
                    slot.pieces.entry(track.id).or_insert(Piece::Gap(reason));
                }
            }
            closed.push(slot);
        }
        closed
    }

    /// Streams whose part of the first open slot may still come.
    fn awaited(&self, streams: &[Stream], slot: &Slot) -> Vec<StreamId> {
        streams
            .iter()
            .filter(|stream| stream.declared && stream.is_packaged())
            .map(|stream| stream.id)
            .filter(|stream| {
                let passed = self.cursors.get(stream).is_some_and(|cursor| *cursor > self.first_open);
                !passed && !slot.delivered.contains(stream) && !self.lagging.contains(stream)
            })
            .collect()
    }

    /// The objects in open slots.
    pub fn open_objects(&self) -> impl Iterator<Item = ObjectId> {
        self.open.iter().flat_map(Slot::objects).chain(self.side.objects())
    }

    /// End of the newest slot, 90 kHz.
    pub fn newest_end(&self) -> Option<i64> {
        self.newest.map(|(end, _)| end)
    }

    /// Some slot is open.
    pub fn has_open_slots(&self) -> bool {
        !self.open.is_empty()
    }

    /// When the first open slot closes by itself.
    pub fn closes_at(&self) -> Option<Timestamp> {
        let slot = self.open.front()?;
        if self.awaits_texts {
            return Some(texts_due(slot));
        }
        slot.first_arrival.saturating_add(wait_for_slot(slot.duration)).ok()
    }
}

/// When a slot that has all of its media closes without its subtitles.
fn texts_due(slot: &Slot) -> Timestamp {
    slot.last_arrival.saturating_add(wait_for_texts(slot.duration)).unwrap_or(slot.last_arrival)
}

/// How long a slot waits for its last streams: two of its durations, three seconds at least.
fn wait_for_slot(duration: i64) -> SignedDuration {
    ticks_to_duration(duration.saturating_mul(2)).clamp(SignedDuration::from_secs(3), SignedDuration::from_secs(30))
}

/// The track that gives a segment its place: video if there is any.
fn reference_track(tracks: &[StoredTrack]) -> Option<&StoredTrack> {
    tracks.iter().find(|track| track.config.kind() == TrackKind::Video).or_else(|| tracks.first())
}

/// The track of a stream of subtitles, added if it is new.
fn text_track(stream: &Stream, tracks: &mut Vec<Track>) -> Option<TrackId> {
    use super::event::StreamRole;
    let known = tracks.iter().find(|track| track.stream == stream.id && track.kind == TrackKind::Text);
    if let Some(track) = known {
        return Some(track.id);
    }
    let language = match &stream.declaration.role {
        StreamRole::SubtitleRendition { language, .. } => language.clone(),
        _ => None,
    };
    let id = TrackId(u16::try_from(tracks.len()).ok()?);
    tracks.push(Track {
        id,
        stream: stream.id,
        number: track_number(stream.id, TrackKind::Text, 0),
        kind: TrackKind::Text,
        index_in_stream: 0,
        timescale: MPEG_TIMESCALE,
        language,
        configs: vec![Arc::new(CodecConfig::WebVtt)],
        first_bitrate: TEXT_BITRATE,
        frame_rate: (0, 1),
    });
    Some(id)
}

/// Finds a stream's track, or adds it.
fn track_for<'a>(
    stream: &Stream,
    kind: TrackKind,
    index_in_stream: u8,
    stored: &StoredTrack,
    tracks: &'a mut Vec<Track>,
) -> Option<&'a mut Track> {
    use super::event::StreamRole;
    let known = tracks.iter().position(|track| {
        track.stream == stream.id
            && track.kind == kind
            && track.index_in_stream == index_in_stream
            && track.timescale == stored.timescale
    });
    if let Some(index) = known {
        return tracks.get_mut(index);
    }
    let id = TrackId(u16::try_from(tracks.len()).ok()?);
    let declared_language = match &stream.declaration.role {
        StreamRole::AudioRendition { language, .. } => language.clone(),
        _ => None,
    };
    let seconds_64 = u128::from(stored.duration.max(1));
    let bits = u128::from(stored.payload_bytes) * 8 * u128::from(stored.timescale);
    let codec_rate = stored.config.picture().and_then(|picture| picture.frame_rate);
    let of_this_kind = tracks.iter().filter(|track| track.stream == stream.id && track.kind == kind).count();
    let number = track_number(stream.id, kind, u32::try_from(of_this_kind).ok()?);
    tracks.push(Track {
        id,
        stream: stream.id,
        number,
        kind,
        index_in_stream,
        timescale: stored.timescale,
        language: declared_language.or_else(|| stored.language.clone()),
        configs: Vec::new(),
        first_bitrate: u64::try_from(bits / seconds_64).unwrap_or(u64::MAX),
        frame_rate: codec_rate
            .unwrap_or_else(|| nominal_frame_rate(stored.sample_count, stored.duration, stored.timescale)),
    });
    tracks.last_mut()
}

/// The index of a segment's configuration among its track's, added if it is new.
fn config_index(track: &mut Track, stored: &StoredTrack) -> u16 {
    let index = track.configs.iter().rposition(|config| **config == stored.config).unwrap_or_else(|| {
        track.configs.push(Arc::new(stored.config.clone()));
        track.configs.len() - 1
    });
    u16::try_from(index).unwrap_or(u16::MAX)
}
