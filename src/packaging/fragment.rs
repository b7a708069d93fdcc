//! DASH, CMAF and Smooth Streaming segments: fMP4 with one track per file.

use bytes::Bytes;

use super::RenderError;
use super::media_clock::MediaClock;
use super::piece::LoadedPiece;
use crate::manifest::smooth;
use crate::media::codec::CodecConfig;
use crate::media::mp4::{
    EventMessage, Fragment, InitTrack, SmoothTimes, init_segment, media_segment_header, smooth_fragment_header,
};
use crate::media::rescale::{JoinError, SampleRun, TimedSamples, join_runs};
use crate::media::sample::total_duration;

/// `track_ID` of every track: the same in all representations, so that players may switch bitstreams.
pub(super) const TRACK_ID: u32 = 1;

/// The initialization segment of a track with one configuration; `timescale` as in [`fragment`].
pub fn init(config: &CodecConfig, language: Option<&str>, timescale: u32) -> Result<Bytes, RenderError> {
    Ok(init_segment(&InitTrack { track_id: TRACK_ID, timescale, language, config })?)
}

/// A media segment in parts: nothing of the payload is touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFragment {
    /// Everything before the payload.
    pub header: Bytes,
    /// Indices of the pieces whose payload follows, whole and in this order.
    pub pieces: Vec<usize>,
}

/// A media segment of the pieces, whose payload may be left where it is stored.
///
/// Times are those of the clock in `timescale`. A hole between pieces makes the sample before it last longer; a piece
/// that overlaps the one before it is moved to that one's end.
pub fn fragment(
    number: u64,
    clock: MediaClock,
    timescale: u32,
    pieces: &[LoadedPiece],
    events: &[EventMessage],
) -> Result<MediaFragment, RenderError> {
    let (timed, pieces) = joined(clock, timescale, pieces)?;
    Ok(MediaFragment { header: media_segment_header(&described(number, &timed, events))?, pieces })
}

/// A Smooth Streaming fragment, as [`fragment`] in the timescale of client manifests.
///
/// Players take the time in a fragment's name for the decoding time of its first sample, so decoding times are moved
/// there, and composition offsets the other way: presentation times stay as they are.
pub fn smooth_fragment(
    number: u64,
    clock: MediaClock,
    pieces: &[LoadedPiece],
    times: &SmoothTimes,
) -> Result<MediaFragment, RenderError> {
    let (mut timed, pieces) = joined(clock, smooth::TIMESCALE, pieces)?;
    let lead = i128::from(times.own.start) - i128::from(timed.decode_time);
    for (index, sample) in timed.samples.iter_mut().enumerate() {
        let ticks = i128::from(sample.composition_offset) - lead;
        sample.composition_offset = i32::try_from(ticks).map_err(|_| JoinError::TooLong {
            sample: index,
            field: "composition offset",
            ticks,
        })?;
    }
    Ok(MediaFragment { header: smooth_fragment_header(&described(number, &timed, &[]), times)?, pieces })
}

impl MediaFragment {
    /// The `moof` of a Smooth Streaming fragment alone: what its header begins with.
    pub fn description(&self) -> Bytes {
        let size = self.header.first_chunk::<4>().map_or(0, |size| u32::from_be_bytes(*size) as usize);
        self.header.slice(..size.min(self.header.len()))
    }
}

fn described<'a>(number: u64, timed: &'a TimedSamples, events: &'a [EventMessage]) -> Fragment<'a> {
    Fragment {
        sequence_number: number as u32, // counts modulo 2^32; players do not use it
        track_id: TRACK_ID,
        decode_time: timed.decode_time,
        samples: &timed.samples,
        events,
    }
}

/// The samples of all pieces on one clock, and the indices of the pieces that have any.
fn joined(
    clock: MediaClock,
    timescale: u32,
    pieces: &[LoadedPiece],
) -> Result<(TimedSamples, Vec<usize>), RenderError> {
    let mut runs: Vec<SampleRun<'_>> = Vec::with_capacity(pieces.len());
    let mut used = Vec::with_capacity(pieces.len());
    let mut source_timescale = timescale;
    let mut end: Option<(u64, u64)> = None;
    for (index, piece) in pieces.iter().enumerate() {
        let Some(media) = piece.media().filter(|media| !media.samples.is_empty()) else { continue };
        source_timescale = media.timescale;
        let time = clock.time(piece.decode_time, media.timescale);
        let mut decode_time = u64::try_from(time).map_err(|_| RenderError::BeforeClock { time })?;
        if let Some((last_sample, previous_end)) = end
            && decode_time <= last_sample
        {
            decode_time = previous_end.max(last_sample.saturating_add(1));
        }
        let piece_end = decode_time.saturating_add(total_duration(&media.samples));
        let last_duration = media.samples.last().map_or(0, |sample| u64::from(sample.duration));
        end = Some((piece_end.saturating_sub(last_duration), piece_end));
        runs.push(SampleRun { decode_time, samples: &media.samples });
        used.push(index);
    }
    Ok((join_runs(&runs, None, source_timescale, timescale)?, used))
}
