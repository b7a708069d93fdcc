//! Times in MPDs and fMP4 files: timescales, the times of segments, and numbers that follow the clock.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::media_clock::{HEAD_ROOM, MediaClock};
use super::piece::track_segments;
use crate::media::codec::TrackKind;
use crate::media::rescale::rescale_signed_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::presentation::timeline::ticks_to_duration;
use crate::presentation::view::BELIEVED_LAG_SECONDS;
use crate::presentation::{LineOrigin, OutputSegment, OutputTimeline, Snapshot, Track};
use crate::resources::SegmentTemplateFormat;

/// Ticks per second of a track's times in DASH: by frame rate for video, the sampling rate for audio.
///
/// A frame lasts a whole number of ticks, so nothing is rounded and nothing drifts. Rates that are not customary keep
/// the 90 kHz of the source.
pub fn timescale(track: &Track) -> u32 {
    match (track.kind, track.frame_rate) {
        (TrackKind::Audio | TrackKind::Text, _) => track.timescale,
        (TrackKind::Video, (24_000, 1001) | (24, 1)) => 24_000,
        (TrackKind::Video, (25, 1)) => 25_000,
        (TrackKind::Video, (30_000, 1001) | (30, 1)) => 30_000,
        (TrackKind::Video, (48, 1)) => 48_000,
        (TrackKind::Video, (50, 1)) => 50_000,
        (TrackKind::Video, (60_000, 1001) | (60, 1)) => 60_000,
        (TrackKind::Video, _) => MPEG_TIMESCALE,
    }
}

/// When a track's media in an output segment is presented, in the track's DASH timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentTime {
    /// Earliest presentation time: `S@t`.
    pub start: u64,
    /// To the end of the last sample: `S@d`.
    pub duration: u64,
    /// Index of the decoder configuration.
    pub config: u16,
}

/// Times of a track's media in a segment; `None` if there is none.
pub fn segment_time(
    snapshot: &Snapshot,
    segment: &OutputSegment,
    track: &Track,
    clock: MediaClock,
) -> Option<SegmentTime> {
    if track.kind == TrackKind::Text {
        // Every segment has one, see [`super::text`].
        let start = u64::try_from(clock.time(segment.start, track.timescale)).ok()?;
        return Some(SegmentTime { start, duration: u64::try_from(segment.duration).ok()?, config: 0 });
    }
    let first = track_segments(snapshot, segment, track.id).next()?;
    let last = track_segments(snapshot, segment, track.id).last()?;
    let ticks = |time: i64| {
        let time = rescale_signed_time(clock.time(time, track.timescale), track.timescale, timescale(track));
        u64::try_from(time).ok()
    };
    let (start, end) = (ticks(first.start)?, ticks(last.end())?);
    Some(SegmentTime { start, duration: end.checked_sub(start).filter(|ticks| *ticks > 0)?, config: first.config })
}

/// When period times count from 0, for manifests that list what may be fetched. It never changes in a channel's life.
///
/// It is the encoder's wall clock, so that the latency that a player computes is what it really is. An encoder whose
/// clock is ahead of ours, or far behind, is not believed: the time of reception counts instead.
pub fn availability_start(origin: &LineOrigin, delay_seconds: u32) -> Timestamp {
    let by_reception = after_delay(origin.received, origin.duration, 0);
    let lag = by_reception.duration_since(origin.wall_clock);
    let is_believed = !lag.is_negative() && lag <= SignedDuration::from_secs(BELIEVED_LAG_SECONDS);
    after_delay(if is_believed { origin.wall_clock } else { by_reception }, 0, delay_seconds)
}

/// [`availability_start`] where numbers follow the clock. Its first numbers, those of the head room, are of segments
/// that never were; so the presentation time offset is 0, which some players need.
///
/// A source segment's duration is added: that is how much later than the channel's first one a segment may come before
/// viewers ask in vain.
pub fn clocked_availability_start(origin: &LineOrigin, delay_seconds: u32, nominal_duration: i64) -> Timestamp {
    after_delay(origin.received, clocked_head_room(nominal_duration), delay_seconds)
}

/// The time less some ticks of 90 kHz, plus the delay.
fn after_delay(time: Timestamp, ticks_before: i64, delay_seconds: u32) -> Timestamp {
    let start = time.saturating_sub(ticks_to_duration(ticks_before)).unwrap_or(time);
    start.saturating_add(SignedDuration::from_secs(i64::from(delay_seconds))).unwrap_or(start)
}

/// Media time of the channel's first segment where numbers follow the clock, 90 kHz: whole nominal durations.
pub fn clocked_head_room(nominal_duration: i64) -> i64 {
    let nominal = nominal_duration.max(1);
    let rest = HEAD_ROOM % nominal;
    if rest == 0 { HEAD_ROOM } else { (HEAD_ROOM - rest).saturating_add(nominal) }
}

/// The clock of a segment in an endpoint's files.
pub fn clock_of(segment: &OutputSegment, origin: &LineOrigin, nominal_if_clocked: Option<i64>) -> MediaClock {
    MediaClock::of_run(&segment.run, origin, nominal_if_clocked.map_or(HEAD_ROOM, clocked_head_room))
}

/// The nominal duration of an endpoint's segments, 90 kHz, if their numbers follow the clock.
pub fn nominal_if_clocked(format: SegmentTemplateFormat, output: &OutputTimeline) -> Option<i64> {
    output.nominal_duration().filter(|_| format == SegmentTemplateFormat::NumberWithDuration)
}

/// Number of the segment at media time 0 where numbers follow the clock.
pub const FIRST_GRID_NUMBER: u64 = 1;

/// A segment's number on the grid of nominal durations.
pub fn grid_number(segment: &OutputSegment, origin: &LineOrigin, nominal_duration: i64) -> u64 {
    let nominal = ticks_to_duration(nominal_duration.max(1)).as_nanos().max(1);
    let elapsed = segment.wall_clock.duration_since(origin.wall_clock).as_nanos().max(0);
    let head_room = ticks_to_duration(clocked_head_room(nominal_duration)).as_nanos();
    let periods = ((elapsed + head_room) * 2 + nominal) / (nominal * 2);
    u64::try_from(periods).unwrap_or(u64::MAX).saturating_add(FIRST_GRID_NUMBER)
}

/// The segment of a number on the grid; the first one if short segments share it.
pub fn segment_on_grid(output: &OutputTimeline, origin: &LineOrigin, number: u64) -> Option<Arc<OutputSegment>> {
    let nominal = output.nominal_duration()?;
    let (mut low, mut high) = (output.oldest()?.number, output.next_number());
    while low < high {
        let middle = low + (high - low) / 2;
        let segment = output.segment(middle)?;
        if grid_number(&segment, origin, nominal) < number {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    output.segment(low).filter(|segment| grid_number(segment, origin, nominal) == number)
}

/// The segment in which the track's media starts at exactly this time.
pub fn segment_at_time(
    output: &OutputTimeline,
    snapshot: &Snapshot,
    origin: &LineOrigin,
    track: &Track,
    time: u64,
) -> Option<Arc<OutputSegment>> {
    segments_near(output, origin, time, timescale(track)).find(|segment| {
        segment_time(snapshot, segment, track, clock_of(segment, origin, None)).is_some_and(|found| found.start == time)
    })
}

/// The segments in which a track's media may start at a time of the media clock with its usual head room.
///
/// A track's media starts near its segment's start, which is near the wall clock on the media clock.
pub fn segments_near(
    output: &OutputTimeline,
    origin: &LineOrigin,
    time: u64,
    timescale: u32,
) -> impl Iterator<Item = Arc<OutputSegment>> {
    let slack = SignedDuration::from_secs(15);
    let nanoseconds = i128::from(time) * 1_000_000_000 / i128::from(timescale.max(1));
    let elapsed = SignedDuration::from_nanos_i128(nanoseconds.min(i128::from(i64::MAX)));
    let near = origin.wall_clock.saturating_add(elapsed.saturating_sub(ticks_to_duration(HEAD_ROOM))).ok();
    let earliest = near.and_then(|near| near.saturating_sub(slack).ok());
    let first = earliest.map_or(output.next_number(), |earliest| output.first_ending_after(earliest));
    output
        .range(first..output.next_number())
        .take_while(move |segment| near.is_some_and(|near| segment.wall_clock.duration_since(near) <= slack))
}
