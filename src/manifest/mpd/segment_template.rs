//! How segments are named and when they play, ISO 23009-1 §5.3.9.

/// `SegmentTemplate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTemplate {
    /// Ticks per second of all times here.
    pub timescale: u32,
    /// `@media` with `$Number$` or `$Time$`, and `$RepresentationID$` where it is shared.
    pub media: String,
    /// `@initialization`.
    pub initialization: String,
    /// `@startNumber`: number of the first listed segment; `None` where times name the segments.
    pub start_number: Option<u32>,
    /// `@presentationTimeOffset`: media time at the start of the period.
    pub presentation_time_offset: u64,
    /// Which segments there are.
    pub addressing: SegmentAddressing,
}

impl SegmentTemplate {
    /// The same times in a timescale that is a multiple of this one's; `None` if it is not, or if a time gets too large.
    pub fn in_timescale(&self, timescale: u32) -> Option<SegmentTemplate> {
        if timescale.checked_rem(self.timescale)? != 0 {
            return None;
        }
        let factor = timescale / self.timescale;
        let addressing = match &self.addressing {
            SegmentAddressing::Timeline(timeline) => SegmentAddressing::Timeline(timeline.times(u64::from(factor))?),
            SegmentAddressing::Duration(duration) => SegmentAddressing::Duration(duration.checked_mul(factor)?),
        };
        Some(SegmentTemplate {
            timescale,
            media: self.media.clone(),
            initialization: self.initialization.clone(),
            start_number: self.start_number,
            presentation_time_offset: self.presentation_time_offset.checked_mul(u64::from(factor))?,
            addressing,
        })
    }
}

/// Which segments a template stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SegmentAddressing {
    /// `SegmentTimeline` lists them.
    Timeline(SegmentTimeline),
    /// All are about this long, and the clock says which one is the newest.
    Duration(u32),
}

/// `SegmentTimeline`: equal neighbours are written once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentTimeline {
    runs: Vec<SegmentRepeat>,
}

/// One `S`: segments of equal duration, each starting where the one before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentRepeat {
    /// `@t`: earliest presentation time of the first.
    pub time: u64,
    /// `@d`: duration of each.
    pub duration: u64,
    /// `@r`: how many follow the first.
    pub repeats: u32,
}

impl SegmentRepeat {
    /// When the last one ends.
    fn end(&self) -> Option<u64> {
        self.duration.checked_mul(u64::from(self.repeats) + 1).and_then(|length| self.time.checked_add(length))
    }
}

impl SegmentTimeline {
    /// Adds a segment after those that are there.
    pub fn push(&mut self, time: u64, duration: u64) {
        match self.runs.last_mut() {
            Some(run) if run.duration == duration && run.end() == Some(time) && run.repeats < i32::MAX as u32 => {
                run.repeats += 1;
            }
            _ => self.runs.push(SegmentRepeat { time, duration, repeats: 0 }),
        }
    }

    /// All times and durations multiplied.
    fn times(&self, factor: u64) -> Option<SegmentTimeline> {
        let runs = self.runs.iter().map(|run| {
            let (time, duration) = (run.time.checked_mul(factor)?, run.duration.checked_mul(factor)?);
            Some(SegmentRepeat { time, duration, repeats: run.repeats })
        });
        Some(SegmentTimeline { runs: runs.collect::<Option<_>>()? })
    }

    /// The runs, in order.
    pub fn runs(&self) -> &[SegmentRepeat] {
        &self.runs
    }

    /// The runs, and whether `@t` has to be said: for the first, and after a hole or an overlap.
    pub(super) fn written_runs(&self) -> impl Iterator<Item = (bool, &SegmentRepeat)> {
        let mut end = None;
        self.runs.iter().map(move |run| {
            let says_time = end != Some(run.time);
            end = run.end();
            (says_time, run)
        })
    }
}

impl FromIterator<(u64, u64)> for SegmentTimeline {
    /// From times and durations of segments.
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(segments: I) -> SegmentTimeline {
        let mut timeline = SegmentTimeline::default();
        segments.into_iter().for_each(|(time, duration)| timeline.push(time, duration));
        timeline
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_neighbours_become_one_run() {
        let timeline: SegmentTimeline = [(10, 5), (15, 5), (20, 4), (24, 4), (30, 4)].into_iter().collect();
        let runs: Vec<_> =
            timeline.written_runs().map(|(says, run)| (says.then_some(run.time), run.duration, run.repeats)).collect();
        assert_eq!(runs, [(Some(10), 5, 1), (None, 4, 1), (Some(30), 4, 0)]);
    }

    proptest! {
        /// What a player expands is what was put in.
        #[test]
        fn the_runs_expand_to_the_segments(
            start in any::<u32>(),
            parts in prop::collection::vec((0u64..3, 1u64..3), 0..40),
        ) {
            let mut time = u64::from(start);
            let mut segments = Vec::new();
            for (hole, duration) in parts {
                time += hole / 2;
                segments.push((time, duration));
                time += duration;
            }
            let timeline: SegmentTimeline = segments.iter().copied().collect();
            let mut expanded = Vec::new();
            let mut time = 0;
            for (says_time, run) in timeline.written_runs() {
                if says_time {
                    time = run.time;
                }
                for _ in 0..=run.repeats {
                    expanded.push((time, run.duration));
                    time += run.duration;
                }
            }
            prop_assert_eq!(expanded, segments);
        }
    }
}
