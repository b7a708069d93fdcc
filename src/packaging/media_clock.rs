//! From a channel's media time to the times that viewers see.
//!
//! Each encoder has a clock of its own, and it may start again or wrap at any break. In fMP4 every time of a channel
//! lies on one clock instead: media time is the wall-clock time since the channel's first segment, plus
//! some head room, [`HEAD_ROOM`] where nothing asks for another. So no time is negative, times only grow, and one time never names two segments. A run is
//! shifted as a whole, by a whole number of [`SHIFTS_PER_SECOND`], which is exact in every customary timescale.

use jiff::Timestamp;

use crate::media::rescale::rescale_signed_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::presentation::{LineOrigin, Run};

/// Media time of the channel's first segment, 90 kHz: room for what is decoded before it is shown.
pub const HEAD_ROOM: i64 = 60 * MPEG_TIMESCALE as i64;

/// The unit of shifts: 1/25 s is a whole number of ticks of 90 kHz and of every customary frame rate's and sampling
/// rate's timescale, from 11.025 kHz to 96 kHz.
const SHIFTS_PER_SECOND: u32 = 25;

/// The encoder's 33-bit clock comes round after this many ticks of 90 kHz.
pub const WIRE_CLOCK_PERIOD: i64 = 1 << 33;

/// The clock of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaClock {
    /// Added to the run's media times, in its own unit.
    shift: i64,
    /// Units of the shift per second.
    units_per_second: u32,
}

impl MediaClock {
    /// The encoder's own clock, one turn later, so that nothing is before its start.
    pub const ENCODER: MediaClock = MediaClock { shift: WIRE_CLOCK_PERIOD, units_per_second: MPEG_TIMESCALE };

    /// The clock of a run of a channel with this origin, which lies at media time `head_room` (90 kHz).
    pub fn of_run(run: &Run, origin: &LineOrigin, head_room: i64) -> MediaClock {
        let wanted = elapsed_ticks(run, origin).saturating_add(head_room);
        let shift = rescale_signed_time(wanted.saturating_sub(run.start), MPEG_TIMESCALE, SHIFTS_PER_SECOND);
        MediaClock { shift, units_per_second: SHIFTS_PER_SECOND }
    }

    /// The clock of a run's whole span, whose first segment lies as long after the channel's origin as the wall clock
    /// says, and the origin at media time `head_room` (90 kHz).
    pub fn of_span(run: &Run, origin: &LineOrigin, head_room: i64) -> MediaClock {
        let elapsed = ticks_since(run.anchor.wall_clock, origin);
        let shift = elapsed.saturating_add(head_room).saturating_sub(run.anchor.time);
        MediaClock { shift, units_per_second: MPEG_TIMESCALE }
    }

    /// A media time of the run on the viewers' clock, both in `timescale`.
    pub fn time(&self, time: i64, timescale: u32) -> i64 {
        time.saturating_add(rescale_signed_time(self.shift, self.units_per_second, timescale))
    }
}

/// Wall-clock time from the channel's first segment to the run's first segment, 90 kHz: by the span's anchor, so that
/// runs of a span follow one another to the tick.
pub fn elapsed_ticks(run: &Run, origin: &LineOrigin) -> i64 {
    let to_anchor = ticks_since(run.anchor.wall_clock, origin);
    to_anchor.saturating_add(run.start.saturating_sub(run.anchor.time)).max(0)
}

fn ticks_since(wall_clock: Timestamp, origin: &LineOrigin) -> i64 {
    let nanoseconds = wall_clock.duration_since(origin.wall_clock).as_nanos();
    let doubled = nanoseconds * 2 * i128::from(MPEG_TIMESCALE) + 1_000_000_000;
    i64::try_from(doubled.div_euclid(2_000_000_000)).unwrap_or(0).max(0)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::presentation::ClockAnchor;

    fn run_and_origin(start: i64, elapsed_milliseconds: i64) -> (Run, LineOrigin) {
        let wall_clock = Timestamp::from_second(1_800_000_000).unwrap();
        let origin = LineOrigin { wall_clock, start: 126_000, duration: 180_000, received: wall_clock };
        let wall_clock = wall_clock + SignedDuration::from_millis(elapsed_milliseconds);
        let anchor = ClockAnchor { time: start, wall_clock };
        (Run { first_number: 1, start, wall_clock, anchor }, origin)
    }

    #[test]
    fn a_channel_starts_after_the_head_room() {
        let (run, origin) = run_and_origin(126_000, 0);
        let clock = MediaClock::of_run(&run, &origin, HEAD_ROOM);
        assert_eq!(clock.time(126_000, 90_000), 60 * 90_000);
        assert_eq!(clock.time(67_200, 48_000), 60 * 48_000, "1.4 s in another timescale");
    }

    #[test]
    fn an_encoder_that_starts_again_goes_on_where_the_wall_clock_is() {
        let (run, origin) = run_and_origin(0, 100_000);
        let clock = MediaClock::of_run(&run, &origin, HEAD_ROOM);
        assert_eq!(clock.time(0, 44_100), 160 * 44_100);
    }

    #[test]
    fn runs_of_one_span_have_one_clock() {
        let (first, origin) = run_and_origin(1_003, 100_000);
        let later = Run { start: 1_003 + 90_001, wall_clock: first.wall_clock + SignedDuration::from_secs(1), ..first };
        let clock = MediaClock::of_span(&first, &origin, HEAD_ROOM);
        assert_eq!(clock, MediaClock::of_span(&later, &origin, HEAD_ROOM));
        assert_eq!(clock.time(1_003, 90_000), 160 * 90_000);
    }

    #[test]
    fn shifts_are_exact_in_every_customary_timescale() {
        for timescale in [24_000, 25_000, 30_000, 48_000, 50_000, 60_000, 90_000, 11_025, 22_050, 44_100, 96_000] {
            assert_eq!(timescale % SHIFTS_PER_SECOND, 0, "{timescale}");
        }
    }
}
