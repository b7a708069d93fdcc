//! Decoding times and durations of access units, of which not all have a timestamp.

use std::ops::Range;

use super::{Stamp, Unit};
use crate::media::fault::{FaultKind, Faults, MAXIMUM_GAP};
use crate::media::sample::{MPEG_TIMESCALE, Sample};
use crate::media::ts::timestamp;

/// Duration of a single sample whose rate nothing tells: 1/25 s.
const DEFAULT_DURATION: i64 = 3600;

/// Stretches of units with one configuration and without jumps in time.
pub(super) fn runs(units: &[Unit], pid: u16, faults: &mut Faults) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut begin = 0;
    let mut before: Option<u64> = None;
    let mut config = units.first().map_or(0, |unit| unit.config);
    for (index, unit) in units.iter().enumerate() {
        let mut breaks = unit.config != config;
        config = unit.config;
        if let Some(stamp) = unit.stamp {
            let step = before.map(|before| timestamp::difference(stamp.dts, before));
            if step.is_some_and(|step| !(0..=MAXIMUM_GAP).contains(&step)) {
                faults.add(Some(pid), FaultKind::TimestampJump);
                breaks = true;
            } else if step == Some(0) {
                faults.add(Some(pid), FaultKind::RepeatedTimestamp);
            }
            before = Some(stamp.dts);
        }
        if breaks && index > begin {
            runs.push(begin..index);
            begin = index;
        }
    }
    runs.push(begin..units.len());
    runs
}

/// First decoding time, and the samples with durations and offsets; `None` if no unit has a timestamp.
///
/// `next` is the timestamp of what follows the units, if the stream goes on there.
pub(super) fn time(
    units: &[Unit],
    frame_rate: Option<(u32, u32)>,
    next: Option<Stamp>,
    pid: u16,
    faults: &mut Faults,
) -> Option<(u64, Vec<Sample>)> {
    let first_stamp = units.iter().find_map(|unit| unit.stamp)?;
    // Decoding times relative to the first stamp; within a run they only grow.
    let mut known: Vec<(usize, i64)> = Vec::with_capacity(units.len());
    let mut before = (first_stamp.dts, 0i64);
    for (index, unit) in units.iter().enumerate() {
        if let Some(stamp) = unit.stamp {
            before = (stamp.dts, before.1 + timestamp::difference(stamp.dts, before.0));
            known.push((index, before.1));
        }
    }
    let (&(first, _), &(last, last_time)) = (known.first()?, known.last()?);
    let by_rate =
        frame_rate.map(|(frames, seconds)| i64::from(MPEG_TIMESCALE) * i64::from(seconds) / i64::from(frames));
    let nominal = by_rate.filter(|ticks| (1..=MAXIMUM_GAP).contains(ticks)).unwrap_or(if last > first {
        last_time / (last - first) as i64
    } else {
        DEFAULT_DURATION
    });
    let mut times: Vec<i64> = (0..first).map(|index| -nominal * (first - index) as i64).collect();
    for pair in known.windows(2) {
        let [(from, from_time), (to, to_time)] = *pair else { continue };
        let steps = (to - from) as i64;
        times.extend((0..steps).map(|step| from_time + (to_time - from_time) * step / steps));
    }
    times.extend((last..units.len()).map(|index| last_time + nominal * (index - last) as i64));

    let wire_decode_time = timestamp::add(first_stamp.dts, *times.first()?);
    let end = times.last().copied().unwrap_or(0);
    let to_next = next
        .map(|stamp| timestamp::difference(stamp.dts, timestamp::add(first_stamp.dts, end)))
        .filter(|ticks| (1..=MAXIMUM_GAP).contains(ticks));
    let mut samples = Vec::with_capacity(units.len());
    let mut duration = nominal;
    let mut composition_offset = 0;
    for (index, unit) in units.iter().enumerate() {
        duration = match (times.get(index), times.get(index + 1)) {
            (Some(this), Some(next)) => next - this,
            _ => to_next.unwrap_or(duration),
        };
        if let Some(stamp) = unit.stamp {
            let offset = timestamp::difference(stamp.pts, stamp.dts);
            composition_offset = if offset.abs() <= MAXIMUM_GAP { offset } else { 0 };
            if offset != composition_offset {
                faults.add(Some(pid), FaultKind::BadCompositionOffset);
            }
        }
        samples.push(Sample {
            size: u32::try_from(unit.size).ok()?,
            duration: u32::try_from(duration).unwrap_or(0),
            composition_offset: i32::try_from(composition_offset).unwrap_or(0),
            is_sync: unit.is_sync,
        });
    }
    Some((wire_decode_time, samples))
}
