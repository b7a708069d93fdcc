//! The columns of slots: a few for the slots themselves, and a few for each track.
//!
//! What regular media needs to say is where it begins. The rest follows: a slot starts where the one before ended, so
//! does a track's segment; objects of a series count up; and audio, whose frames do not fit a slot, ends with the frame
//! that its encoder's rule picks, which is the same one in every slot ([`CutRule`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::columns::{ColumnFault, ColumnReader, ColumnWriter};
use super::list::Columnar;
use super::texts;
use super::wall_clock::{self, coarse_reception, reception, seconds_after};
use crate::media::rescale::rescale_signed_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::presentation::event::InputIndex;
use crate::presentation::line::LineSlot;
use crate::presentation::message::TimedMessage;
use crate::presentation::object::ObjectId;
use crate::presentation::side::Texts;
use crate::presentation::timeline::{GapReason, Piece, TrackSegment, WallClockSource};
use crate::presentation::track::TrackId;

/// Timescales that a track may have. One that is not here costs more bytes, no more.
const TIMESCALES: [u32; 14] =
    [90_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 96_000, 88_200, 64_000, 1_000];

/// What slots have now and then.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Extra {
    /// Index of the slot.
    slot: u32,
    messages: Vec<TimedMessage>,
    playlist_tags: Vec<String>,
}

/// What the pieces of a track have in common as long as nothing happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum PieceKind {
    Absent,
    Gap(GapReason),
    Media {
        input: InputIndex,
        series: u16,
        index_in_object: u8,
        config: u16,
        /// Start minus decoding time.
        presentation_offset: i64,
    },
}

impl PieceKind {
    fn of(piece: Option<&Piece>) -> Self {
        match piece {
            None => PieceKind::Absent,
            Some(Piece::Gap(reason)) => PieceKind::Gap(reason.clone()),
            Some(Piece::Media(segment)) => {
                let TrackSegment { object, index_in_object, config, decode_time, start, duration: _ } = segment;
                PieceKind::Media {
                    input: object.input,
                    series: object.series,
                    index_in_object: *index_in_object,
                    config: *config,
                    presentation_offset: start.wrapping_sub(*decode_time),
                }
            }
        }
    }
}

/// Where an encoder cuts a track whose frames do not fit its slots: at the first end of a frame that is not before the
/// slot's end plus `slack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct CutRule {
    /// Ticks per second of the track.
    timescale: u32,
    /// Ticks of a frame.
    frame: u64,
    /// Ticks of the track.
    slack: i64,
}

impl CutRule {
    /// The rule that explains these segments, of which each lies in a slot with this end.
    fn of(segments: &[&TrackSegment], slots: &[&LineSlot]) -> Option<CutRule> {
        let frame = segments.iter().fold(0, |divisor, segment| greatest_common_divisor(divisor, segment.duration));
        let media: u128 = segments.iter().map(|segment| u128::from(segment.duration)).sum();
        let time: u128 = slots.iter().map(|slot| u128::from(slot.duration.unsigned_abs())).sum();
        let wire = u128::from(MPEG_TIMESCALE);
        let timescale =
            TIMESCALES.into_iter().min_by_key(|scale| (u128::from(*scale) * time).abs_diff(media * wire))?;
        let rule = CutRule { timescale, frame, slack: 0 };
        let late =
            segments.iter().zip(slots).map(|(segment, slot)| segment_end(segment).wrapping_sub(rule.least_end(slot)));
        (frame > 0).then_some(CutRule { slack: late.min()?, ..rule })
    }

    /// The earliest end of a segment in the slot.
    fn least_end(&self, slot: &LineSlot) -> i64 {
        rescale_signed_time(slot.end(), MPEG_TIMESCALE, self.timescale).wrapping_add(self.slack)
    }

    /// The duration of a segment in the slot that starts at this decoding time.
    fn duration(&self, decode_time: i64, slot: &LineSlot) -> i64 {
        let distance = i128::from(self.least_end(slot)) - i128::from(decode_time);
        let frame = i128::from(self.frame.max(1));
        // Wrong where it does not fit, as a guess may be.
        ((distance + frame - 1).div_euclid(frame) * frame) as i64
    }
}

/// Decoding time of what follows.
fn segment_end(segment: &TrackSegment) -> i64 {
    segment.decode_time.wrapping_add(segment.duration as i64)
}

fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

impl Columnar for LineSlot {
    fn settle(elements: &mut [Self]) {
        let mut seconds = None;
        for slot in elements {
            let (last_arrival, kept) = coarse_reception(slot.last_arrival, slot.wall_clock_end(), seconds);
            slot.last_arrival = last_arrival;
            seconds = Some(kept);
        }
    }

    fn write(elements: &[Self], columns: &mut ColumnWriter) -> bool {
        let mut rows = Rows::default();
        let mut extras = Vec::new();
        let mut tracks: BTreeMap<TrackId, ()> = BTreeMap::new();
        let mut texts: BTreeMap<TrackId, ()> = BTreeMap::new();
        let mut end = 0;
        for (slot, index) in elements.iter().zip(0u32..) {
            // Exhaustive, so that a new member is not forgotten here.
            let LineSlot {
                start,
                duration,
                span,
                wall_clock: _,
                wall_clock_source,
                sequence,
                last_arrival,
                pieces,
                messages,
                texts: slot_texts,
                playlist_tags,
            } = slot;
            rows.starts.push(start.wrapping_sub(end));
            rows.durations.push(*duration);
            rows.spans.push(i64::from(*span));
            rows.sources.push(sources(*wall_clock_source, *sequence));
            rows.sequences.push(sequence.unwrap_or(0) as i64);
            rows.arrivals.push(seconds_after(*last_arrival, slot.wall_clock_end()));
            end = slot.end();
            tracks.extend(pieces.keys().map(|track| (*track, ())));
            texts.extend(slot_texts.keys().map(|track| (*track, ())));
            if !(messages.is_empty() && playlist_tags.is_empty()) {
                let (messages, playlist_tags) = (messages.clone(), playlist_tags.clone());
                extras.push(Extra { slot: index, messages, playlist_tags });
            }
        }
        rows.each(|column| columns.column(column));
        let wall_clocks: Vec<_> = elements.iter().map(|slot| (slot.wall_clock, slot.start)).collect();
        if !wall_clock::write(&wall_clocks, columns) {
            return false;
        }
        columns.structure(&extras);
        columns.number(tracks.len() as u64);
        for track in tracks.into_keys() {
            write_track(track, elements, columns);
        }
        columns.number(texts.len() as u64);
        for track in texts.into_keys() {
            texts::write(track, elements, columns);
        }
        true
    }

    fn read(count: usize, columns: &mut ColumnReader<'_>) -> Result<Vec<Self>, ColumnFault> {
        let rows = Rows::read(count, columns)?;
        let mut end = 0i64;
        let mut slots = Vec::with_capacity(count);
        for index in 0..count {
            let start = end.wrapping_add(rows.starts[index]);
            let slot = LineSlot {
                start,
                duration: rows.durations[index],
                span: u32::try_from(rows.spans[index]).map_err(|_| ColumnFault::OutOfRange)?,
                wall_clock: jiff::Timestamp::UNIX_EPOCH,
                wall_clock_source: if rows.sources[index] & 1 == 0 {
                    WallClockSource::Encoder
                } else {
                    WallClockSource::Reception
                },
                sequence: (rows.sources[index] & 2 == 0).then_some(rows.sequences[index] as u64),
                last_arrival: jiff::Timestamp::UNIX_EPOCH,
                pieces: BTreeMap::new(),
                messages: Vec::new(),
                texts: Texts::new(),
                playlist_tags: Vec::new(),
            };
            end = slot.end();
            slots.push(slot);
        }
        let starts: Vec<i64> = slots.iter().map(|slot| slot.start).collect();
        let wall_clocks = wall_clock::read(&starts, columns)?;
        for ((slot, wall_clock), seconds) in slots.iter_mut().zip(wall_clocks).zip(&rows.arrivals) {
            slot.wall_clock = wall_clock;
            slot.last_arrival = reception(slot.wall_clock_end(), *seconds).ok_or(ColumnFault::OutOfRange)?;
        }
        for extra in columns.structure::<Vec<Extra>>()? {
            let slot = usize::try_from(extra.slot).ok().and_then(|index| slots.get_mut(index));
            let slot = slot.ok_or(ColumnFault::OutOfRange)?;
            slot.messages = extra.messages;
            slot.playlist_tags = extra.playlist_tags;
        }
        let mut pieces: Vec<Vec<(TrackId, Piece)>> = Vec::new();
        let tracks = columns.number()?;
        if tracks > u64::from(u16::MAX) + 1 {
            return Err(ColumnFault::OutOfRange);
        }
        pieces.resize_with(count, || Vec::with_capacity(tracks.min(32) as usize));
        for _ in 0..tracks {
            read_track(&slots, &mut pieces, columns)?;
        }
        for (slot, pieces) in slots.iter_mut().zip(pieces) {
            slot.pieces = pieces.into_iter().collect();
        }
        let tracks = columns.number()?;
        if tracks > u64::from(u16::MAX) + 1 {
            return Err(ColumnFault::OutOfRange);
        }
        for _ in 0..tracks {
            texts::read(&mut slots, columns)?;
        }
        Ok(slots)
    }
}

/// Columns with one value per slot.
#[derive(Default)]
struct Rows {
    starts: Vec<i64>,
    durations: Vec<i64>,
    spans: Vec<i64>,
    /// See [`sources`].
    sources: Vec<i64>,
    sequences: Vec<i64>,
    arrivals: Vec<i64>,
}

impl Rows {
    fn each(&self, mut write: impl FnMut(&[i64])) {
        let Rows { starts, durations, spans, sources, sequences, arrivals } = self;
        for column in [starts, durations, spans, sources, sequences, arrivals] {
            write(column);
        }
    }

    fn read(count: usize, columns: &mut ColumnReader<'_>) -> Result<Self, ColumnFault> {
        let mut next = || columns.column(count);
        Ok(Rows {
            starts: next()?,
            durations: next()?,
            spans: next()?,
            sources: next()?,
            sequences: next()?,
            arrivals: next()?,
        })
    }
}

/// Where the slot's times are from: bit 0, the wall clock is of reception; bit 1, no playlist listed it.
fn sources(wall_clock_source: WallClockSource, sequence: Option<u64>) -> i64 {
    let by_reception = match wall_clock_source {
        WallClockSource::Encoder => 0,
        WallClockSource::Reception => 1,
    };
    by_reception + if sequence.is_none() { 2 } else { 0 }
}

/// How the durations of a track's segments are written.
#[derive(Debug, Serialize, Deserialize)]
enum Durations {
    AsTheyAre,
    /// As differences from what the rule says.
    ByRule(CutRule),
}

fn write_track(track: TrackId, slots: &[LineSlot], columns: &mut ColumnWriter) {
    let mut kinds: Vec<PieceKind> = Vec::new();
    let mut kind_column = Vec::with_capacity(slots.len());
    for slot in slots {
        let kind = PieceKind::of(slot.pieces.get(&track));
        let index = kinds.iter().rposition(|known| *known == kind).unwrap_or_else(|| {
            kinds.push(kind);
            kinds.len() - 1
        });
        kind_column.push(index as i64);
    }
    columns.number(u64::from(track.0));
    columns.structure(&kinds);
    columns.column(&kind_column);
    let (segments, with_media): (Vec<&TrackSegment>, Vec<&LineSlot>) =
        slots.iter().filter_map(|slot| Some((slot.pieces.get(&track)?.media()?, slot))).unzip();
    let Some(first) = segments.first() else { return };
    let numbers: Vec<i64> = segments.iter().map(|segment| i64::from(segment.object.number)).collect();
    columns.column(&numbers);
    columns.signed(first.decode_time.into());
    let mut expected = first.decode_time;
    let mut decode_times = Vec::with_capacity(segments.len());
    for segment in &segments {
        decode_times.push(segment.decode_time.wrapping_sub(expected));
        expected = segment_end(segment);
    }
    columns.column(&decode_times);
    let as_they_are: Vec<i64> = segments.iter().map(|segment| segment.duration as i64).collect();
    let by_rule = CutRule::of(&segments, &with_media).map(|rule| {
        let guesses = segments.iter().zip(&with_media).map(|(segment, slot)| rule.duration(segment.decode_time, slot));
        (
            rule,
            as_they_are.iter().zip(guesses).map(|(duration, guess)| duration.wrapping_sub(guess)).collect::<Vec<_>>(),
        )
    });
    match by_rule.filter(|(_, beside)| changes(beside) < changes(&as_they_are)) {
        Some((rule, beside)) => {
            columns.structure(&Durations::ByRule(rule));
            columns.column(&beside);
        }
        None => {
            columns.structure(&Durations::AsTheyAre);
            columns.column(&as_they_are);
        }
    }
}

/// How often the value changes.
fn changes(values: &[i64]) -> usize {
    values.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

fn read_track(
    slots: &[LineSlot],
    pieces: &mut [Vec<(TrackId, Piece)>],
    columns: &mut ColumnReader<'_>,
) -> Result<(), ColumnFault> {
    let track = TrackId(u16::try_from(columns.number()?).map_err(|_| ColumnFault::OutOfRange)?);
    let kinds: Vec<PieceKind> = columns.structure()?;
    let kind_column = columns.column(slots.len())?;
    let kind_of = |index: i64| usize::try_from(index).ok().and_then(|index| kinds.get(index));
    let is_media = |index: i64| matches!(kind_of(index), Some(PieceKind::Media { .. }));
    let count = kind_column.iter().filter(|index| is_media(**index)).count();
    let (numbers, mut decode_time, beside, durations, values) = if count > 0 {
        (
            columns.column(count)?,
            columns.signed()? as i64,
            columns.column(count)?,
            columns.structure()?,
            columns.column(count)?,
        )
    } else {
        (Vec::new(), 0, Vec::new(), Durations::AsTheyAre, Vec::new())
    };
    let mut values = numbers.into_iter().zip(beside).zip(values);
    for ((slot, pieces), kind) in slots.iter().zip(pieces).zip(kind_column) {
        let piece = match kind_of(kind).ok_or(ColumnFault::OutOfRange)? {
            PieceKind::Absent => continue,
            PieceKind::Gap(reason) => Piece::Gap(reason.clone()),
            PieceKind::Media { input, series, index_in_object, config, presentation_offset } => {
                let ((number, beside), duration) = values.next().ok_or(ColumnFault::Ended)?;
                decode_time = decode_time.wrapping_add(beside);
                let duration = match &durations {
                    Durations::AsTheyAre => duration,
                    Durations::ByRule(rule) => duration.wrapping_add(rule.duration(decode_time, slot)),
                };
                let number = u32::try_from(number).map_err(|_| ColumnFault::OutOfRange)?;
                let segment = TrackSegment {
                    object: ObjectId { input: *input, series: *series, number },
                    index_in_object: *index_in_object,
                    config: *config,
                    decode_time,
                    start: decode_time.wrapping_add(*presentation_offset),
                    duration: duration as u64,
                };
                decode_time = segment_end(&segment);
                Piece::Media(segment)
            }
        };
        pieces.push((track, piece));
    }
    Ok(())
}
