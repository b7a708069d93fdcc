//! The columns of output segments.

use super::columns::{ColumnFault, ColumnReader, ColumnWriter};
use super::list::Columnar;
use super::wall_clock::{self, coarse_reception, reception, seconds_after};
use crate::presentation::event::InputIndex;
use crate::presentation::output::{OutputSegment, Run};

impl Columnar for OutputSegment {
    fn settle(elements: &mut [Self]) {
        let mut seconds = None;
        for segment in elements {
            let (received, kept) = coarse_reception(segment.received, segment.wall_clock_end(), seconds);
            segment.received = received;
            seconds = Some(kept);
        }
    }

    fn write(elements: &[Self], columns: &mut ColumnWriter) -> bool {
        let mut runs: Vec<Run> = Vec::new();
        let mut rows = Rows::default();
        let mut previous: Option<&OutputSegment> = None;
        for segment in elements {
            // Exhaustive, so that a new member is not forgotten here.
            let OutputSegment {
                number,
                input,
                first_slot,
                slot_count,
                start,
                duration,
                span,
                wall_clock: _,
                received,
                run,
            } = segment;
            rows.inputs.push(input.index() as i64);
            if runs.last() != Some(run) {
                runs.push(*run);
            }
            let (end, next_slot) = previous.map_or((0, 0), |segment| (segment.end(), segment.slots().end));
            rows.numbers.push(*number as i64);
            rows.first_slots.push((*first_slot as i64).wrapping_sub(next_slot as i64));
            rows.slot_counts.push(i64::from(*slot_count));
            rows.starts.push(start.wrapping_sub(end));
            rows.durations.push(*duration);
            rows.spans.push(i64::from(*span));
            rows.runs.push(runs.len() as i64);
            rows.received.push(seconds_after(*received, segment.wall_clock_end()));
            previous = Some(segment);
        }
        columns.structure(&runs);
        rows.each(|column| columns.column(column));
        let wall_clocks: Vec<_> = elements.iter().map(|segment| (segment.wall_clock, segment.start)).collect();
        wall_clock::write(&wall_clocks, columns)
    }

    fn read(count: usize, columns: &mut ColumnReader<'_>) -> Result<Vec<Self>, ColumnFault> {
        let runs: Vec<Run> = columns.structure()?;
        let rows = Rows::read(count, columns)?;
        let (mut end, mut next_slot) = (0i64, 0i64);
        let mut starts = Vec::with_capacity(count);
        let mut first_slots = Vec::with_capacity(count);
        for index in 0..count {
            starts.push(end.wrapping_add(rows.starts[index]));
            first_slots.push(next_slot.wrapping_add(rows.first_slots[index]) as u64);
            end = starts[index].saturating_add(rows.durations[index]);
            next_slot = first_slots[index].wrapping_add(rows.slot_counts[index] as u64) as i64;
        }
        let wall_clocks = wall_clock::read(&starts, columns)?;
        (0..count)
            .map(|index| {
                let in_range = |number: i64| u32::try_from(number).map_err(|_| ColumnFault::OutOfRange);
                let run = usize::try_from(rows.runs[index] - 1).ok().and_then(|run| runs.get(run));
                let mut segment = OutputSegment {
                    number: rows.numbers[index] as u64,
                    input: input_of(rows.inputs[index])?,
                    first_slot: first_slots[index],
                    slot_count: in_range(rows.slot_counts[index])?,
                    start: starts[index],
                    duration: rows.durations[index],
                    span: in_range(rows.spans[index])?,
                    wall_clock: wall_clocks[index],
                    received: wall_clocks[index],
                    run: *run.ok_or(ColumnFault::OutOfRange)?,
                };
                segment.received =
                    reception(segment.wall_clock_end(), rows.received[index]).ok_or(ColumnFault::OutOfRange)?;
                Ok(segment)
            })
            .collect()
    }
}

/// Columns with one value per segment.
#[derive(Default)]
struct Rows {
    numbers: Vec<i64>,
    inputs: Vec<i64>,
    first_slots: Vec<i64>,
    slot_counts: Vec<i64>,
    starts: Vec<i64>,
    durations: Vec<i64>,
    spans: Vec<i64>,
    runs: Vec<i64>,
    received: Vec<i64>,
}

impl Rows {
    fn each(&self, mut write: impl FnMut(&[i64])) {
        let Rows { numbers, inputs, first_slots, slot_counts, starts, durations, spans, runs, received } = self;
        for column in [numbers, inputs, first_slots, slot_counts, starts, durations, spans, runs, received] {
            write(column);
        }
    }

    fn read(count: usize, columns: &mut ColumnReader<'_>) -> Result<Self, ColumnFault> {
        let mut next = || columns.column(count);
        Ok(Rows {
            numbers: next()?,
            inputs: next()?,
            first_slots: next()?,
            slot_counts: next()?,
            starts: next()?,
            durations: next()?,
            spans: next()?,
            runs: next()?,
            received: next()?,
        })
    }
}

fn input_of(index: i64) -> Result<InputIndex, ColumnFault> {
    let known = usize::try_from(index).ok().and_then(|index| InputIndex::BOTH.get(index));
    known.copied().ok_or(ColumnFault::OutOfRange)
}
