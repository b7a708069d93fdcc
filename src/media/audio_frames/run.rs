//! Times of audio frames that follow each other.

use std::ops::Range;

use crate::media::fault::{FaultKind, Faults, MAXIMUM_GAP};
use crate::media::sample::{MPEG_TIMESCALE, Sample};
use crate::media::ts::timestamp;

/// Frames of one configuration without a break.
pub(super) struct Run {
    pub(super) config: usize,
    pub(super) rate: u32,
    /// When the first frame begins, once a timestamp has told.
    pub(super) start: Option<u64>,
    /// Sum of the durations so far, in samples.
    elapsed: u64,
    /// By how much the wire's clock is ahead of the sum, because of overlaps; 90 kHz.
    skew: i64,
    pub(super) samples: Vec<Sample>,
    pub(super) bytes: Range<usize>,
}

impl Run {
    pub(super) fn new(config: usize, rate: u32, position: usize, start: Option<u64>) -> Run {
        Run { config, rate, start, elapsed: 0, skew: 0, samples: Vec::new(), bytes: position..position }
    }

    fn elapsed_ticks(&self) -> i64 {
        let rate = u64::from(self.rate);
        i64::try_from((self.elapsed * u64::from(MPEG_TIMESCALE) + rate / 2) / rate).unwrap_or(i64::MAX)
    }

    /// When the next frame should begin.
    pub(super) fn end_time(&self) -> Option<u64> {
        self.start.map(|start| timestamp::add(start, self.elapsed_ticks().saturating_add(self.skew)))
    }

    /// Compares the next frame's timestamp with what is due; true if there is a break between. `length` is how many
    /// samples a frame has.
    pub(super) fn meet(&mut self, pts: Option<u64>, length: u32, pid: Option<u16>, faults: &mut Faults) -> bool {
        let Some(pts) = pts else { return false };
        let Some(due) = self.end_time() else {
            self.start = Some(timestamp::add(pts, -self.elapsed_ticks()));
            return false;
        };
        let late = timestamp::difference(pts, due);
        let half_frame = i64::from(length / 2) * i64::from(MPEG_TIMESCALE) / i64::from(self.rate.max(1));
        if late.abs() > MAXIMUM_GAP {
            faults.add(pid, FaultKind::TimestampJump);
            return true;
        }
        if late > half_frame {
            faults.add(pid, FaultKind::AudioGap);
            let samples = (late * i64::from(self.rate) + i64::from(MPEG_TIMESCALE / 2)) / i64::from(MPEG_TIMESCALE);
            // At most ten seconds of 96 kHz.
            let samples = u32::try_from(samples).unwrap_or(0);
            if let Some(last) = self.samples.last_mut() {
                last.duration = last.duration.saturating_add(samples);
                self.elapsed += u64::from(samples);
            }
        } else if late < -half_frame {
            faults.add(pid, FaultKind::AudioOverlap);
            self.skew += late;
        }
        false
    }

    pub(super) fn take(&mut self, size: u32, duration: u32, end: usize) {
        self.samples.push(Sample { size, duration, composition_offset: 0, is_sync: true });
        self.elapsed += u64::from(duration);
        self.bytes.end = end;
    }
}
