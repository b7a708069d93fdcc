//! Which part of a channel one request sees.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::output::{OutputSegment, OutputTimeline};
use super::timeline::ticks_to_duration;

/// Segments that a live window keeps even if they are longer than it.
const FEWEST_LISTED: u64 = 3;

/// A run of an endpoint's segments, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Numbers of the segments.
    pub numbers: std::ops::Range<u64>,
    /// Nothing will be added: `EXT-X-ENDLIST`, `type="static"`.
    pub complete: bool,
}

impl View {
    /// The live window: the newest segments that `time_delay` allows at `now`, whose sum is at most
    /// `window_seconds`, though at least three if there are as many.
    pub fn live(
        timeline: &OutputTimeline,
        window_seconds: u32,
        time_delay_seconds: u32,
        line_ended: bool,
        now: Timestamp,
    ) -> View {
        let oldest = timeline.oldest().map_or(timeline.next_number(), |segment| segment.number);
        let mut end = timeline.next_number();
        if time_delay_seconds > 0 {
            let delay = SignedDuration::from_secs(i64::from(time_delay_seconds));
            let latest = now.saturating_sub(delay).unwrap_or(Timestamp::MIN);
            end = timeline.first_ending_after(latest).min(end);
        }
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
        View { numbers: first..end, complete: line_ended && all_listed }
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
