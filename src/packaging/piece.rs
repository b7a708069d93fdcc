//! Pieces of source media that make one output segment.

use std::sync::Arc;

use crate::media::sample::ElementarySegment;
use crate::presentation::{Line, OutputSegment, TrackId, TrackSegment};

/// Source segments of a track within an output segment, in order; missing ones are left out.
pub fn track_segments<'a>(
    line: &'a Line,
    segment: &OutputSegment,
    track: TrackId,
) -> impl Iterator<Item = &'a TrackSegment> {
    segment.slots().filter_map(move |slot| line.slots().get(slot)?.pieces.get(&track)?.media())
}

/// True if the track has media in the output segment.
pub fn has_media(line: &Line, segment: &OutputSegment, track: TrackId) -> bool {
    track_segments(line, segment, track).next().is_some()
}

/// One source segment of one track with its samples.
#[derive(Debug, Clone)]
pub struct LoadedPiece {
    /// The track.
    pub track: TrackId,
    /// Decoding time of the first sample, in the track's timescale, within the span's media time.
    pub decode_time: i64,
    /// Everything in the object that holds it; shared by the tracks of one pushed segment.
    pub object: Arc<Vec<ElementarySegment>>,
    /// Its place in the object.
    pub index: usize,
}

impl LoadedPiece {
    /// The samples; `None` if the object has fewer tracks.
    pub fn media(&self) -> Option<&ElementarySegment> {
        self.object.get(self.index)
    }
}
