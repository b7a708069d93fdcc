//! Times and samples from one timescale into another, without drift.
//!
//! Only points in time are converted, each on its own and to the nearest tick; durations and offsets are
//! differences of converted points. So an error of half a tick never adds up, and what ends at a time in one
//! timescale starts at the same converted time in another.

use super::sample::Sample;

/// `time` in ticks of `from` per second, to the nearest tick of `to` per second (halves go up).
///
/// The result is exact for every 64-bit time and saturates at [`u64::MAX`]. A `from` of 0 counts as 1.
pub fn rescale_time(time: u64, from: u32, to: u32) -> u64 {
    if from == to {
        return time;
    }
    let from = u128::from(from.max(1));
    let ticks = (u128::from(time) * u128::from(to) + from / 2) / from;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// [`rescale_time`] for a time that may be negative, such as a presentation time before zero.
///
/// Rounds to the nearest tick, halves towards positive infinity, so that neighbouring times keep their order
/// across zero. Saturates at the ends of `i64`.
pub fn rescale_signed_time(time: i64, from: u32, to: u32) -> i64 {
    if from == to {
        return time;
    }
    let from = i128::from(from.max(1));
    let ticks = (i128::from(time) * i128::from(to) + from / 2).div_euclid(from);
    i64::try_from(ticks).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
}

/// Samples of one source piece and when the first of them is decoded.
#[derive(Debug, Clone, Copy)]
pub struct SampleRun<'a> {
    /// Decoding time of the first sample, in the samples' timescale, unrolled.
    pub decode_time: u64,
    /// The samples, in decoding order.
    pub samples: &'a [Sample],
}

/// Samples on the clock of one timescale, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedSamples {
    /// Decoding time of the first sample, in the output timescale.
    pub decode_time: u64,
    /// The samples, with durations and offsets in the output timescale.
    pub samples: Vec<Sample>,
    /// When the last sample ends: where the next segment starts, in the output timescale.
    pub end_time: u64,
}

/// Why runs of samples cannot be joined into one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// There is no sample at all.
    #[error("no samples to join")]
    Empty,
    /// A piece starts before or at the time of the last sample of the piece before it.
    #[error("piece {piece} starts at {start}, not after the last sample of the piece before it at {last}")]
    GoesBack {
        /// Index of the piece.
        piece: usize,
        /// Its first decoding time, in the source timescale.
        start: u64,
        /// Decoding time of the sample before, in the source timescale.
        last: u64,
    },
    /// A duration or an offset does not fit the 32 bits that it has in a file.
    #[error("sample {sample} has a {field} of {ticks} ticks, which is more than 32 bits hold")]
    TooLong {
        /// Index of the sample over all pieces.
        sample: usize,
        /// `duration` or `composition offset`.
        field: &'static str,
        /// The value in the output timescale.
        ticks: i128,
    },
    /// A decoding time is beyond 64 bits.
    #[error("the decoding time of sample {sample} is beyond 64 bits")]
    TooLate {
        /// Index of the sample over all pieces.
        sample: usize,
    },
}

/// Joins the pieces that make one segment and converts them from the timescale `from` to `to`.
///
/// A sample lasts until the next one is decoded, also across pieces: the last sample of a piece is made to end
/// exactly where the next piece starts, so a small hole or overlap between pieces changes one duration and
/// never the time of a later sample. The last sample of all keeps its own length, or ends at `end_time` (in the
/// source timescale: the decoding time of the piece that follows) if that is given and after its start.
pub fn join_runs(runs: &[SampleRun<'_>], end_time: Option<u64>, from: u32, to: u32) -> Result<TimedSamples, JoinError> {
    let count = runs.iter().map(|run| run.samples.len()).sum();
    let mut samples: Vec<Sample> = Vec::with_capacity(count);
    let mut first_time = None;
    let mut previous = 0u64;
    let mut previous_source = 0u64;
    let mut source_end = 0u64;
    for (piece, run) in runs.iter().enumerate() {
        let mut source_time = run.decode_time;
        if !samples.is_empty() && run.decode_time <= previous_source {
            return Err(JoinError::GoesBack { piece, start: run.decode_time, last: previous_source });
        }
        for sample in run.samples {
            let index = samples.len();
            let decode_time = rescale_time(source_time, from, to);
            if let Some(last) = samples.last_mut() {
                let ticks = decode_time.saturating_sub(previous);
                last.duration = u32::try_from(ticks).map_err(|_| JoinError::TooLong {
                    sample: index - 1,
                    field: "duration",
                    ticks: i128::from(ticks),
                })?;
            }
            first_time.get_or_insert(decode_time);
            samples.push(Sample {
                composition_offset: rescale_offset(source_time, decode_time, sample.composition_offset, from, to)
                    .map_err(|ticks| JoinError::TooLong { sample: index, field: "composition offset", ticks })?,
                ..*sample
            });
            previous = decode_time;
            previous_source = source_time;
            source_time = source_time
                .checked_add(u64::from(sample.duration))
                .ok_or(JoinError::TooLate { sample: index.saturating_add(1) })?;
            source_end = source_time;
        }
    }
    let (Some(decode_time), Some(last)) = (first_time, samples.last_mut()) else { return Err(JoinError::Empty) };
    let source_end = end_time.filter(|end| *end > previous_source).unwrap_or(source_end);
    let end_time = rescale_time(source_end, from, to);
    let ticks = end_time.saturating_sub(previous);
    last.duration = u32::try_from(ticks).map_err(|_| JoinError::TooLong {
        sample: count.saturating_sub(1),
        field: "duration",
        ticks: i128::from(ticks),
    })?;
    Ok(TimedSamples { decode_time, samples, end_time })
}

/// Presentation minus decoding time after both were converted as points in time.
fn rescale_offset(source_time: u64, decode_time: u64, offset: i32, from: u32, to: u32) -> Result<i32, i128> {
    if from == to || offset == 0 {
        return Ok(offset);
    }
    let from = i128::from(from.max(1));
    let presentation = i128::from(source_time) + i128::from(offset);
    let ticks = (presentation * i128::from(to) + from / 2).div_euclid(from) - i128::from(decode_time);
    i32::try_from(ticks).map_err(|_| ticks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(duration: u32, composition_offset: i32) -> Sample {
        Sample { size: 10, duration, composition_offset, is_sync: false }
    }

    #[test]
    fn a_time_goes_to_the_nearest_tick() {
        assert_eq!(rescale_time(1, 90_000, 48_000), 1);
        assert_eq!(rescale_time(1_920, 90_000, 48_000), 1_024);
        assert_eq!(rescale_time(u64::MAX, 48_000, 90_000), u64::MAX);
        assert_eq!(rescale_time(u64::MAX, 2, 1), u64::MAX / 2 + 1);
        assert_eq!(rescale_time(7, 0, 5), 35);
        assert_eq!(rescale_signed_time(-1_920, 90_000, 48_000), -1_024);
    }

    #[test]
    fn frames_of_29_97_hertz_do_not_drift() {
        let samples = vec![sample(3_003, 3_003); 300];
        let run = SampleRun { decode_time: 90_000, samples: &samples };
        let joined = join_runs(&[run], None, 90_000, 30_000).unwrap();
        assert_eq!(joined.decode_time, 30_000);
        assert!(joined.samples.iter().all(|sample| sample.duration == 1_001 && sample.composition_offset == 1_001));
        assert_eq!(joined.end_time, 30_000 + 300 * 1_001);
    }

    #[test]
    fn the_last_sample_of_a_piece_ends_where_the_next_piece_starts() {
        let samples = [sample(1_000, 0), sample(1_000, 0)];
        let runs =
            [SampleRun { decode_time: 0, samples: &samples }, SampleRun { decode_time: 2_007, samples: &samples }];
        let joined = join_runs(&runs, Some(4_000), 1_000, 1_000).unwrap();
        let durations: Vec<u32> = joined.samples.iter().map(|sample| sample.duration).collect();
        assert_eq!(durations, [1_000, 1_007, 1_000, 993]);
        assert_eq!(joined.end_time, 4_000);
    }

    #[test]
    fn a_piece_that_goes_back_in_time_is_refused() {
        let samples = [sample(1_000, 0), sample(1_000, 0)];
        let runs =
            [SampleRun { decode_time: 5_000, samples: &samples }, SampleRun { decode_time: 6_000, samples: &samples }];
        assert_eq!(
            join_runs(&runs, None, 1_000, 1_000),
            Err(JoinError::GoesBack { piece: 1, start: 6_000, last: 6_000 })
        );
        assert_eq!(join_runs(&[], None, 1, 1), Err(JoinError::Empty));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let samples = [sample(u32::MAX, 0)];
        let run = SampleRun { decode_time: 0, samples: &samples };
        assert!(matches!(join_runs(&[run], None, 1, 90_000), Err(JoinError::TooLong { sample: 0, .. })));
        let run = SampleRun { decode_time: u64::MAX, samples: &samples };
        assert_eq!(join_runs(&[run], None, 1, 1), Err(JoinError::TooLate { sample: 1 }));
    }

    proptest! {
        /// The joined durations lead from the converted start to the converted end, and every presentation time
        /// is the converted presentation time of the source.
        #[test]
        fn points_in_time_are_converted_one_by_one(
            start in 0u64..1 << 40,
            parts in prop::collection::vec((1u32..10_000, -5_000i32..5_000), 1..200),
            from in 1u32..200_000,
            to in 1u32..200_000,
        ) {
            let source: Vec<Sample> = parts.iter().map(|(duration, offset)| sample(*duration, *offset)).collect();
            let run = SampleRun { decode_time: start, samples: &source };
            let joined = join_runs(&[run], None, from, to).unwrap();
            let (mut time, mut source_time) = (joined.decode_time, start);
            for (out, source) in joined.samples.iter().zip(&source) {
                prop_assert_eq!(time, rescale_time(source_time, from, to));
                let presentation = rescale_signed_time(source_time as i64 + i64::from(source.composition_offset), from, to);
                if source.composition_offset != 0 {
                    prop_assert_eq!(time as i64 + i64::from(out.composition_offset), presentation);
                }
                time += u64::from(out.duration);
                source_time += u64::from(source.duration);
            }
            prop_assert_eq!(time, joined.end_time);
        }
    }
}
