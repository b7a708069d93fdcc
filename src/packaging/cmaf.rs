//! CMAF segments (ISO 23000-19) of HLS playlists: fMP4, one track per file.
//!
//! Times are the encoder's own, one turn of the 33-bit clock later, so that none is negative: within a span they are
//! continuous for all tracks, and what refers to the encoder's clock (`X-TIMESTAMP-MAP` of WebVTT) stays true modulo
//! 2^33. Breaks are told by `EXT-X-DISCONTINUITY`.

use bytes::Bytes;

use super::dash_time::timescale;
use super::name::cmaf::{CmafInit, CmafTrack};
use super::timed_metadata::Carried;
use super::{RenderError, fragment};
use crate::presentation::{Snapshot, Track};
use crate::resources::{CmafManifest, CmafSettings};

/// What segments carry beside media. They are shared, so they have the ID3 tags that any of the playlists asks for.
pub fn carried(settings: &CmafSettings) -> Carried<'_> {
    let tells_dates = |manifest: &CmafManifest| manifest.playlist.program_date_time_interval_seconds > 0;
    Carried { ingest_time: settings.manifests.iter().any(tells_dates), ..Carried::default() }
}

/// How a track is named.
pub fn track_name(snapshot: &Snapshot, track: &Track) -> CmafTrack {
    let stream = snapshot.streams.iter().find(|stream| stream.id == track.stream).map_or(0, |stream| stream.number());
    CmafTrack { kind: track.kind, stream, index: track.index_in_stream }
}

/// The track of a name.
pub fn find_track(snapshot: &Snapshot, name: CmafTrack) -> Option<&Track> {
    snapshot.tracks.iter().find(|track| track_name(snapshot, track) == name)
}

/// The initialization segment of a name.
pub fn find_init(snapshot: &Snapshot, name: CmafInit) -> Result<Option<Bytes>, RenderError> {
    let Some(track) = find_track(snapshot, name.track) else { return Ok(None) };
    let init = init(track, name.config)?;
    Ok(init.filter(|bytes| init_name(snapshot, track, name.config, bytes) == name))
}

/// Names of a track's initialization segments, by index of the decoder configuration.
pub fn init_names(snapshot: &Snapshot, track: &Track) -> Result<Vec<CmafInit>, RenderError> {
    let mut names = Vec::with_capacity(track.configs.len());
    for config in 0..u16::try_from(track.configs.len()).unwrap_or(u16::MAX) {
        let bytes = init(track, config)?.unwrap_or_default();
        names.push(init_name(snapshot, track, config, &bytes));
    }
    Ok(names)
}

fn init(track: &Track, config: u16) -> Result<Option<Bytes>, RenderError> {
    let Some(config) = track.configs.get(usize::from(config)) else { return Ok(None) };
    fragment::init(config, track.language.as_deref(), timescale(track)).map(Some)
}

fn init_name(snapshot: &Snapshot, track: &Track, config: u16, bytes: &[u8]) -> CmafInit {
    let fingerprint = crc32fast::hash(bytes);
    CmafInit { track: track_name(snapshot, track), number: track.number, fingerprint, config }
}
