//! Wall-clock times that follow from media times, and times of reception that follow from both.

use jiff::Timestamp;

use super::columns::{ColumnFault, ColumnReader, ColumnWriter};

/// Nanoseconds of one tick of 90 kHz are 100,000 ninths.
const NINTHS_PER_TICK: i128 = 100_000;

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;

/// Ninths of a nanosecond between a wall-clock time and the media time that it belongs to, 90 kHz.
fn distance(time: Timestamp, media_time: i64) -> i128 {
    time.as_nanosecond() * 9 - i128::from(media_time) * NINTHS_PER_TICK
}

/// Writes wall-clock times of media times. Times from one anchor, whichever it was and however it was rounded, cost
/// as much as one; `false` if they are too far from each other to be written.
pub(super) fn write(times: &[(Timestamp, i64)], columns: &mut ColumnWriter) -> bool {
    let Some((time, media_time)) = times.first() else { return true };
    let first = distance(*time, *media_time);
    // Rounding down leaves up to eight ninths: the largest distance of those near the first is the anchor's own.
    let near = times.iter().map(|(time, media_time)| distance(*time, *media_time));
    let anchor = near.filter(|distance| (distance - first).abs() < 9).max().unwrap_or(first);
    let beside =
        times.iter().map(|(time, media_time)| i64::try_from(time.as_nanosecond() - expected(anchor, *media_time)).ok());
    let Some(beside) = beside.collect::<Option<Vec<i64>>>() else { return false };
    columns.signed(anchor);
    columns.column(&beside);
    true
}

fn expected(anchor: i128, media_time: i64) -> i128 {
    (anchor + i128::from(media_time) * NINTHS_PER_TICK).div_euclid(9)
}

/// Reads wall-clock times of these media times.
pub(super) fn read(media_times: &[i64], columns: &mut ColumnReader<'_>) -> Result<Vec<Timestamp>, ColumnFault> {
    if media_times.is_empty() {
        return Ok(Vec::new());
    }
    // A timestamp's range is far within half of this.
    let anchor = columns.signed()?.clamp(i128::MIN / 4, i128::MAX / 4);
    let beside = columns.column(media_times.len())?;
    let times = media_times
        .iter()
        .zip(beside)
        .map(|(media_time, beside)| Timestamp::from_nanosecond(expected(anchor, *media_time) + i128::from(beside)));
    times.collect::<Result<_, _>>().map_err(|_| ColumnFault::OutOfRange)
}

/// A time of reception as it is kept in the long run: whole seconds after `end`, never later than it was and less than
/// two seconds earlier. `seconds` of the one before are kept as long as they are true, so that jitter costs nothing.
pub(super) fn coarse_reception(received: Timestamp, end: Timestamp, seconds: Option<i64>) -> (Timestamp, i64) {
    let after = received.as_nanosecond() - end.as_nanosecond();
    let floor = after.div_euclid(NANOSECONDS_PER_SECOND);
    let is_whole = after.rem_euclid(NANOSECONDS_PER_SECOND) == 0;
    let kept = seconds.map(i128::from).filter(|seconds| !is_whole && (floor - 1..=floor).contains(seconds));
    // The range of timestamps in seconds is far within that of i64.
    let seconds = kept.unwrap_or(floor) as i64;
    (reception(end, seconds).unwrap_or(received), seconds)
}

/// The time of reception that is so many seconds after the end.
pub(super) fn reception(end: Timestamp, seconds: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(end.as_nanosecond() + i128::from(seconds) * NANOSECONDS_PER_SECOND).ok()
}

/// Whole seconds from the end to a coarse time of reception.
pub(super) fn seconds_after(received: Timestamp, end: Timestamp) -> i64 {
    (received.as_nanosecond() - end.as_nanosecond()).div_euclid(NANOSECONDS_PER_SECOND) as i64
}
