//! Pieces of source media that make one output segment.

use std::sync::Arc;

use crate::media::sample::ElementarySegment;
use crate::presentation::{OutputSegment, Snapshot, TrackId, TrackSegment};

/// Source segments of a track within an output segment, in order; missing ones are left out.
pub fn track_segments(
    snapshot: &Snapshot,
    segment: &OutputSegment,
    track: TrackId,
) -> impl Iterator<Item = TrackSegment> {
    snapshot.slots_of(segment).filter_map(move |slot| slot.pieces.get(&track)?.media().cloned())
}

/// True if the track has media in the output segment.
pub fn has_media(snapshot: &Snapshot, segment: &OutputSegment, track: TrackId) -> bool {
    track_segments(snapshot, segment, track).next().is_some()
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
