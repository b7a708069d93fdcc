//! Clips: a part of an endpoint's content as files that are copied elsewhere. They are the origin's own renderings of
//! that part, but for the names: those begin with the clip's name and have no `?m=`.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::manifests::render;
use super::refusal::Refusal;
use super::segments::SegmentCache;
use crate::channels::Channels;
use crate::packaging::links::Links;
use crate::packaging::name::{self, PlaylistSet};
use crate::plane::BodySlice;
use crate::presentation::{OutOfReach, Reach, Snapshot, TimeRange, View};
use crate::resources::{CatalogueHandle, Endpoint, EndpointGuid, Packaging};

/// Memory for the index of stored segments while clips are read, in bytes. Packaged segments are not kept.
const INDEX_BYTES: u64 = 8 << 20;

/// Opens clips. Its caches are its own: a clip of a day must not push out what viewers watch.
pub struct Clips {
    channels: Arc<Channels>,
    catalogue: CatalogueHandle,
    segments: SegmentCache,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ClipRequest<'a> {
    /// The endpoint.
    pub endpoint: &'a EndpointGuid,
    /// Where the clip starts.
    pub start: Timestamp,
    /// Where it ends.
    pub end: Timestamp,
    /// When it was asked for: then the start had to be within the start-over window.
    pub asked_at: Timestamp,
    /// What file names begin with.
    pub name: &'a str,
}

/// A part of an endpoint's content.
pub struct Clip {
    endpoint: Endpoint,
    snapshot: Arc<Snapshot>,
    view: View,
    links: Links,
}

/// A file of a clip.
#[derive(Debug, Clone)]
pub struct ClipFile {
    /// Its bytes, in order.
    pub slices: Vec<Bytes>,
    /// `Content-Type`.
    pub content_type: String,
}

/// Why there is no clip, or no file of it.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// It will not come: asking again is of no use.
    #[error("{0}")]
    Impossible(String),
    /// The encoder brought no media for this segment.
    #[error("the encoder brought no media for this segment")]
    Gap,
    /// Something failed that may work later.
    #[error("{0}")]
    Failed(String),
}

impl From<Refusal> for ClipError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Gap => ClipError::Gap,
            refusal if refusal.status().is_server_error() => ClipError::Failed(refusal.to_string()),
            refusal => ClipError::Impossible(refusal.to_string()),
        }
    }
}

impl Clips {
    /// Clips of the catalogue's endpoints.
    pub fn new(channels: Arc<Channels>, catalogue: CatalogueHandle) -> Self {
        let segments = SegmentCache::new(channels.store().clone(), 0, INDEX_BYTES);
        Clips { channels, catalogue, segments }
    }

    /// The clip as it is now; it may not be [complete](Clip::is_complete) yet. Access rules do not matter, and a time
    /// delay does not hold it back: it hides nothing from the endpoint's owner.
    pub async fn open(&self, request: ClipRequest<'_>) -> Result<Clip, ClipError> {
        let catalogue = self.catalogue.load();
        let gone = || ClipError::Impossible("the origin endpoint was deleted".to_owned());
        let mut endpoint = Endpoint::clone(catalogue.endpoint(request.endpoint).ok_or_else(gone)?);
        endpoint.manifest_name = request.name.to_owned();
        let snapshot = super::snapshot_of(&self.channels, &endpoint, &endpoint.packaging.output_rules()).await?;
        let now = self.channels.now();
        let since_asked = now.duration_since(request.asked_at).as_secs().max(0);
        let window = endpoint.startover_window_seconds.saturating_add(endpoint.time_delay_seconds);
        let reach = Reach {
            startover_window_seconds: window.saturating_add(u32::try_from(since_asked).unwrap_or(u32::MAX)),
            time_delay_seconds: 0,
            held_back: 0,
            ended: snapshot.ended(&endpoint.guid),
            now,
        };
        let output = snapshot.outputs.get(&endpoint.guid).ok_or(Refusal::NothingYet)?;
        let range = TimeRange { start: request.start, end: Some(request.end) };
        let view = View::of_range(output, range, reach).map_err(|error| match error {
            // The segments of its end may still be on their way.
            OutOfReach::Future => ClipError::Failed(error.to_string()),
            error => ClipError::Impossible(error.to_string()),
        })?;
        let (oldest, first) = (output.oldest(), view.segments(output).next());
        let starts_before_content = first.is_some_and(|first| {
            first.wall_clock > request.start && oldest.is_none_or(|oldest| oldest.number == first.number)
        });
        if starts_before_content {
            return Err(ClipError::Impossible("the start lies before the first content that is there".to_owned()));
        }
        Ok(Clip { endpoint, snapshot, view, links: Links::default() })
    }

    /// A file that one of the clip's manifests names.
    pub async fn file(&self, clip: &Clip, name: &str) -> Result<ClipFile, ClipError> {
        let file = name::parse(&clip.endpoint, name).ok_or(Refusal::UnknownFile)?;
        if file.is_manifest() {
            return clip.rendered(file);
        }
        // The view says what belongs to the clip, not the time delay.
        let endpoint = Endpoint { time_delay_seconds: 0, ..clip.endpoint.clone() };
        let segment = self.segments.get(&endpoint, file, &clip.snapshot, self.channels.now()).await?;
        let load = |slice: &BodySlice| match slice {
            BodySlice::Memory(bytes) => Ok(bytes.clone()),
            BodySlice::File(file) => file.load(),
        };
        let slices = segment.slices.iter().map(load).collect::<Result<Vec<Bytes>, _>>();
        let slices = slices.map_err(|error| ClipError::Failed(format!("a stored segment cannot be read: {error}")))?;
        let content_type = segment.content_type.to_str().unwrap_or_default().to_owned();
        Ok(ClipFile { slices, content_type })
    }
}

impl Clip {
    /// Nothing will be added to it.
    pub fn is_complete(&self) -> bool {
        self.view.complete
    }

    /// How many segments of each track it has.
    pub fn segments(&self) -> u64 {
        self.view.numbers.end - self.view.numbers.start
    }

    /// It is DASH: its top manifest is an MPD.
    pub fn is_dash(&self) -> bool {
        matches!(self.endpoint.packaging, Packaging::Dash(_))
    }

    /// The top manifest.
    pub fn top_manifest(&self) -> Result<ClipFile, ClipError> {
        self.rendered(if self.is_dash() { name::File::Mpd } else { name::File::ParentPlaylist(PlaylistSet::ONLY) })
    }

    fn rendered(&self, file: name::File) -> Result<ClipFile, ClipError> {
        let everything = super::choice::Choice::default();
        let manifest = render(&self.endpoint, file, &everything, &self.snapshot, &self.view, &self.links)?;
        let content_type = manifest.content_type.to_str().unwrap_or_default().to_owned();
        Ok(ClipFile { slices: vec![manifest.body], content_type })
    }
}
