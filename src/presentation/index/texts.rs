//! The columns of subtitles, a few for each track that has any: objects count up, and local time 0 stays where it is.

use serde::{Deserialize, Serialize};

use super::columns::{ColumnFault, ColumnReader, ColumnWriter};
use crate::presentation::event::InputIndex;
use crate::presentation::line::LineSlot;
use crate::presentation::object::ObjectId;
use crate::presentation::side::TextSegment;
use crate::presentation::track::TrackId;

/// What a track's subtitles have in common; the place in the list, from 1, stands in a column in which 0 is a slot
/// without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Series {
    input: InputIndex,
    series: u16,
}

pub(super) fn write(track: TrackId, slots: &[LineSlot], columns: &mut ColumnWriter) {
    let mut known: Vec<Series> = Vec::new();
    let (mut places, mut numbers, mut zeros) = (Vec::with_capacity(slots.len()), Vec::new(), Vec::new());
    for slot in slots {
        let Some(TextSegment { object, local_zero }) = slot.texts.get(&track) else {
            places.push(0);
            continue;
        };
        let series = Series { input: object.input, series: object.series };
        let place = known.iter().rposition(|other| *other == series).unwrap_or_else(|| {
            known.push(series);
            known.len() - 1
        });
        places.push(place as i64 + 1);
        numbers.push(i64::from(object.number));
        zeros.push(*local_zero);
    }
    columns.number(u64::from(track.0));
    columns.structure(&known);
    columns.column(&places);
    columns.column(&numbers);
    columns.column(&zeros);
}

pub(super) fn read(slots: &mut [LineSlot], columns: &mut ColumnReader<'_>) -> Result<(), ColumnFault> {
    let track = TrackId(u16::try_from(columns.number()?).map_err(|_| ColumnFault::OutOfRange)?);
    let known: Vec<Series> = columns.structure()?;
    let places = columns.column(slots.len())?;
    let count = places.iter().filter(|place| **place != 0).count();
    let numbers = columns.column(count)?;
    let zeros = columns.column(count)?;
    let with_text = slots.iter_mut().zip(&places).filter(|(_, place)| **place != 0);
    for (((slot, place), number), local_zero) in with_text.zip(numbers).zip(zeros) {
        let series = usize::try_from(*place - 1).ok().and_then(|place| known.get(place));
        let Series { input, series } = *series.ok_or(ColumnFault::OutOfRange)?;
        let number = u32::try_from(number).map_err(|_| ColumnFault::OutOfRange)?;
        slot.texts.insert(track, TextSegment { object: ObjectId { input, series, number }, local_zero });
    }
    Ok(())
}
