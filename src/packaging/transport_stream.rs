//! HLS segments: MPEG-TS with the encoder's own timestamps.

use bytes::Bytes;

use super::RenderError;
use super::media_clock::WIRE_CLOCK_PERIOD;
use super::piece::LoadedPiece;
use crate::media::rescale::rescale_signed_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::media::ts::mux::{MuxPiece, MuxTrack, transport_segment};
use crate::presentation::Run;

/// Runs that start before this media time (90 kHz) may decode before time 0.
const EARLY: i64 = 60 * MPEG_TIMESCALE as i64;

/// A track and what is loaded of it.
#[derive(Debug, Clone)]
pub struct LoadedTrack<'a> {
    /// ISO 639-2 code, if known.
    pub language: Option<&'a str>,
    /// Its pieces, in order of time.
    pub pieces: &'a [LoadedPiece],
}

/// A transport stream segment of one or more tracks: one video at most, and audio.
pub fn segment(number: u64, run: &Run, tracks: &[LoadedTrack<'_>]) -> Result<Bytes, RenderError> {
    let mut mux_tracks = Vec::with_capacity(tracks.len());
    for track in tracks {
        let mut pieces = Vec::with_capacity(track.pieces.len());
        for piece in track.pieces {
            let Some(media) = piece.media().filter(|media| !media.samples.is_empty()) else { continue };
            // One turn of the clock more shows as the same 33 bits, and keeps decoding times before 0 positive.
            let turn = if run.start < EARLY {
                rescale_signed_time(WIRE_CLOCK_PERIOD, MPEG_TIMESCALE, media.timescale)
            } else {
                0
            };
            let time = piece.decode_time.saturating_add(turn);
            pieces.push(MuxPiece {
                config: &media.config,
                timescale: media.timescale,
                decode_time: u64::try_from(time).map_err(|_| RenderError::BeforeClock { time })?,
                samples: &media.samples,
                payload: &media.payload,
            });
        }
        if !pieces.is_empty() {
            mux_tracks.push(MuxTrack { language: track.language, pieces });
        }
    }
    Ok(transport_segment(&mux_tracks, number)?)
}
