//! DASH and CMAF segments: fMP4 with one track per file.

use bytes::Bytes;

use super::RenderError;
use super::media_clock::MediaClock;
use super::piece::LoadedPiece;
use crate::media::codec::CodecConfig;
use crate::media::mp4::{EventMessage, Fragment, InitTrack, init_segment, media_segment_header};
use crate::media::rescale::{SampleRun, join_runs};
use crate::media::sample::total_duration;

/// `track_ID` of every track: the same in all representations, so that players may switch bitstreams.
const TRACK_ID: u32 = 1;

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
    let joined = join_runs(&runs, None, source_timescale, timescale)?;
    let header = media_segment_header(&Fragment {
        sequence_number: number as u32, // counts modulo 2^32; players do not use it
        track_id: TRACK_ID,
        decode_time: joined.decode_time,
        samples: &joined.samples,
        events,
    })?;
    Ok(MediaFragment { header, pieces: used })
}
