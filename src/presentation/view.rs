//! Which part of a channel one request sees.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::output::{OutputSegment, OutputTimeline};
use super::timeline::ticks_to_duration;

/// Segments that a live window keeps even if they are longer than it.
const FEWEST_LISTED: u64 = 3;

/// Longest time-shifted or harvested manifest, in seconds (AWS's quota: 24 hours, all formats).
pub const LONGEST_RANGE_SECONDS: i64 = 86_400;

/// An encoder's wall clock may be this far behind ours and still be believed, in seconds.
pub const BELIEVED_LAG_SECONDS: i64 = 60;

/// How long after the end of a range its last segments are waited for, in seconds. After that the range is complete
/// with what there is: an encoder that stopped before the end must not leave viewers waiting for ever.
const END_PATIENCE_SECONDS: i64 = 60;

/// A run of an endpoint's segments, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Numbers of the segments.
    pub numbers: std::ops::Range<u64>,
    /// Nothing will be added: `EXT-X-ENDLIST`, `type="static"`.
    pub complete: bool,
    /// The first segment stays the first one for ever, also while others are added at the end.
    pub starts_fixed: bool,
}

/// The part of an endpoint's content that is asked for, by the wall clock of the content. Segments are never cut: those
/// that contain the start and the end belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// Where it starts.
    pub start: Timestamp,
    /// Where it ends, exclusive; `None` for a range that grows with live.
    pub end: Option<Timestamp>,
}

/// What an endpoint's settings let viewers see, and when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// How far back a range may start, in seconds.
    pub startover_window_seconds: u32,
    /// By how much everybody's "now" lags, in seconds.
    pub time_delay_seconds: u32,
    /// How many of the newest segments are not shown while more may follow.
    pub held_back: u64,
    /// Every input has ended: nothing follows.
    pub ended: bool,
    /// The time it is.
    pub now: Timestamp,
}

/// Why a range cannot be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// The start has not come yet.
    #[error("the start lies in the future")]
    Future,
    /// The start is farther back than the start-over window.
    #[error("the start lies before the start-over window of {0} seconds")]
    BeforeWindow(u32),
    /// From start to end, or to now, it is more than a manifest may have.
    #[error("a range may span {LONGEST_RANGE_SECONDS} seconds at the most")]
    TooLong,
    /// No segment lies there.
    #[error("there is no content in this range")]
    NoContent,
}

impl View {
    /// The live window: the newest segments that the time delay allows and that are not held back, whose sum is at
    /// most `window_seconds`, though at least three if there are as many.
    pub fn live(timeline: &OutputTimeline, window_seconds: u32, reach: Reach) -> View {
        let oldest = timeline.oldest().map_or(timeline.next_number(), |segment| segment.number);
        let end = reach.end_of_visible(timeline);
        let window = SignedDuration::from_secs(i64::from(window_seconds));
        let mut first = end;
        let mut length = SignedDuration::ZERO;
        for segment in timeline.range(oldest..end).rev() {
            length = length.saturating_add(ticks_to_duration(segment.duration));
            if length > window && end - first >= FEWEST_LISTED {
                break;
            }
            first = segment.number;
        }
        let all_listed = end == timeline.next_number();
        View { numbers: first..end, complete: reach.ended && all_listed, starts_fixed: false }
    }

    /// The segments of a range, as far as they are there and the endpoint lets viewers see them.
    ///
    /// With an end, it is complete as soon as a segment reaches it, or none came for a while after it.
    pub fn of_range(timeline: &OutputTimeline, range: TimeRange, reach: Reach) -> Result<View, OutOfReach> {
        let newest = timeline.newest().ok_or(OutOfReach::NoContent)?;
        let now = reach.content_now(&newest);
        if range.start > now {
            return Err(OutOfReach::Future);
        }
        let span = range.end.unwrap_or(now).duration_since(range.start);
        if span > SignedDuration::from_secs(LONGEST_RANGE_SECONDS) {
            return Err(OutOfReach::TooLong);
        }
        let window = SignedDuration::from_secs(i64::from(reach.startover_window_seconds));
        if now.duration_since(range.start) > window {
            return Err(OutOfReach::BeforeWindow(reach.startover_window_seconds));
        }
        let visible = reach.end_of_visible(timeline);
        let first = timeline.first_ending_after(range.start);
        let end = range.end.map_or(visible, |end| timeline.first_starting_from(end).min(visible));
        if first >= end {
            return Err(OutOfReach::NoContent);
        }
        let reaches_end = range.end.is_some_and(|wanted| {
            let patience = SignedDuration::from_secs(END_PATIENCE_SECONDS);
            end < visible
                || timeline.segment(end - 1).is_some_and(|last| last.wall_clock_end() >= wanted)
                || now.duration_since(wanted) >= patience
        });
        let has_ended = reach.ended && end == timeline.next_number();
        Ok(View { numbers: first..end, complete: reaches_end || has_ended, starts_fixed: true })
    }

    /// Its segments, oldest first.
    pub fn segments(&self, timeline: &OutputTimeline) -> impl DoubleEndedIterator<Item = Arc<OutputSegment>> {
        timeline.range(self.numbers.clone())
    }

    /// It has no segment.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

impl Reach {
    /// Number after the newest segment that is not held back and that the time delay lets viewers see.
    fn end_of_visible(&self, timeline: &OutputTimeline) -> u64 {
        let next = timeline.next_number();
        let released = if self.ended { next } else { next.saturating_sub(self.held_back) };
        let oldest = timeline.oldest().map_or(next, |segment| segment.number);
        let released = released.max(oldest);
        if self.time_delay_seconds == 0 {
            return released;
        }
        let latest = self.now.saturating_sub(self.delay()).unwrap_or(Timestamp::MIN);
        timeline.first_ending_after(latest).min(released)
    }

    /// The time that it is in the content for viewers: ours, unless the encoder's clock is ahead of ours or far behind;
    /// then the encoder's, as its newest segment tells it.
    fn content_now(&self, newest: &OutputSegment) -> Timestamp {
        let lag = newest.received.duration_since(newest.wall_clock_end());
        let is_believed = !lag.is_negative() && lag <= SignedDuration::from_secs(BELIEVED_LAG_SECONDS);
        let behind = if is_believed { self.delay() } else { self.delay().saturating_add(lag) };
        self.now.saturating_sub(behind).unwrap_or(Timestamp::MIN)
    }

    fn delay(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.time_delay_seconds))
    }
}
