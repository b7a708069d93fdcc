//! Manifests: rendered once for each change that a viewer can see, then served from memory.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use jiff::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::choice::Choice;
use super::refusal::Refusal;
use super::time_shift::TimeShift;
use crate::packaging::filter::ManifestFilter;
use crate::packaging::hls::Playlists;
use crate::packaging::links::Links;
use crate::packaging::name::File;
use crate::packaging::offer::OfferKey;
use crate::packaging::{Manifest, RenderError, dash, hls, mss};
use crate::presentation::{Reach, Snapshot, TimeRange, View};
use crate::resources::{Endpoint, EndpointGuid, Packaging};

/// What decides a manifest's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    endpoint: EndpointGuid,
    configuration_version: i64,
    file: File,
    /// What a manifest filter leaves: filters with the same effect share a manifest.
    filtered: Option<OfferKey>,
    links: Links,
    content: Content,
}

/// What decides which segments are listed, and what is said of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Content {
    /// All that is live: the snapshot decides it.
    Live { snapshot_version: u64 },
    /// A view that the clock has a part in: a time delay or a range. However it was asked for, equal views share.
    View {
        numbers: Range<u64>,
        complete: bool,
        starts_fixed: bool,
        /// `None` where nothing is added any more: then it stays as it is.
        snapshot_version: Option<u64>,
    },
}

impl Content {
    fn of(view: &View, snapshot: &Snapshot) -> Content {
        Content::View {
            numbers: view.numbers.clone(),
            complete: view.complete,
            starts_fixed: view.starts_fixed,
            snapshot_version: (!(view.complete && view.starts_fixed)).then_some(snapshot.version),
        }
    }
}

/// A manifest with its headers, ready to be sent.
#[derive(Debug)]
pub struct ReadyManifest {
    /// The manifest.
    pub body: Bytes,
    /// The manifest in gzip, made when it is first asked for.
    compressed: OnceLock<Bytes>,
    /// `Content-Type`.
    pub content_type: HeaderValue,
    /// `Content-Length`, `ETag` of the plain body.
    pub etag: HeaderValue,
    /// `X-MediaPackage-Manifest-Last-Sequence`.
    pub last_sequence: Option<HeaderValue>,
    /// `X-MediaPackage-Manifest-Last-Updated`: epoch milliseconds.
    pub last_updated: Option<HeaderValue>,
}

impl ReadyManifest {
    fn new(manifest: Manifest, content_type: &'static str) -> Self {
        let mut hasher = DefaultHasher::new();
        manifest.text.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        ReadyManifest {
            body: Bytes::from(manifest.text),
            compressed: OnceLock::new(),
            content_type: HeaderValue::from_static(content_type),
            etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\"")),
            last_sequence: manifest.last_sequence.map(HeaderValue::from),
            last_updated: manifest.last_updated.map(|time| HeaderValue::from(time.as_millisecond())),
        }
    }

    /// The manifest in gzip.
    pub fn compressed(&self) -> Bytes {
        self.compressed
            .get_or_init(|| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                // Writing into memory cannot fail; if it did, nothing would be compressed and the body says so.
                match encoder.write_all(&self.body).and_then(|()| encoder.finish()) {
                    Ok(compressed) => compressed.into(),
                    Err(_) => Bytes::new(),
                }
            })
            .clone()
    }
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Key, Arc<ReadyManifest>> for ByBytes {
    fn weight(&self, _key: &Key, manifest: &Arc<ReadyManifest>) -> u64 {
        // The compressed form may come later; a quarter is more than it takes.
        (manifest.body.len() + manifest.body.len() / 4 + 500) as u64
    }
}

/// The manifests of all endpoints that were asked for lately.
pub struct ManifestCache {
    cache: Cache<Key, Arc<ReadyManifest>, ByBytes>,
}

impl ManifestCache {
    /// A cache of at most this many bytes; they are not taken before they are needed.
    pub fn new(bytes: u64) -> Self {
        ManifestCache { cache: Cache::with_weighter(64, bytes, ByBytes) }
    }

    /// The manifest as it is at `now`.
    pub fn get(
        &self,
        endpoint: &Endpoint,
        file: File,
        choice: &Choice,
        time_shift: &TimeShift,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Arc<ReadyManifest>, Refusal> {
        // Only a time delay or a range makes the same snapshot look different later.
        let clocked = match (endpoint.time_delay_seconds, time_shift.range) {
            (0, None) => None,
            _ => Some(view(endpoint, file, time_shift.range, snapshot, now)?),
        };
        let links = time_shift.links(endpoint.configuration_version);
        let key = Key {
            endpoint: endpoint.guid.clone(),
            configuration_version: endpoint.configuration_version,
            file,
            filtered: choice.filter.as_ref().map(|filter| filtered(endpoint, file, snapshot, filter)).transpose()?,
            links,
            content: match &clocked {
                None => Content::Live { snapshot_version: snapshot.version },
                Some(view) => Content::of(view, snapshot),
            },
        };
        self.cache.get_or_insert_with(&key, || {
            let view = match clocked {
                Some(view) => view,
                None => view(endpoint, file, None, snapshot, now)?,
            };
            render(endpoint, file, choice, snapshot, &view, &key.links).map(Arc::new)
        })
    }
}

/// What a filter leaves of an endpoint's offer.
fn filtered(
    endpoint: &Endpoint,
    file: File,
    snapshot: &Snapshot,
    filter: &ManifestFilter,
) -> Result<OfferKey, Refusal> {
    let offer = |filter: &ManifestFilter| match (&endpoint.packaging, file) {
        (_, File::ParentPlaylist(set)) => {
            Playlists::of(endpoint, set, &Links::default()).map(|playlists| hls::offer(snapshot, &playlists, filter))
        }
        (Packaging::Dash(settings), File::Mpd) => Some(dash::offer(snapshot, settings, filter)),
        (Packaging::Mss(settings), File::SmoothManifest) => Some(mss::offer(snapshot, settings, filter)),
        _ => None,
    };
    let left = offer(filter).ok_or(Refusal::UnknownFile)?;
    if !left.is_empty() {
        return Ok(left.key());
    }
    let is_filtered = offer(&ManifestFilter::default()).is_some_and(|offer| !offer.is_empty());
    Err(if is_filtered { Refusal::FilterLeavesNothing } else { Refusal::NothingYet })
}

/// Length of the live window that a manifest lists; `None` if the endpoint has no such manifest.
fn window_seconds(endpoint: &Endpoint, file: File) -> Option<u32> {
    match (&endpoint.packaging, file) {
        (_, File::ParentPlaylist(set) | File::MediaPlaylist(set, _)) => {
            Playlists::of(endpoint, set, &Links::default()).map(|playlists| playlists.window_seconds())
        }
        (Packaging::Dash(settings), File::Mpd) => Some(settings.manifest_window_seconds),
        (Packaging::Mss(settings), File::SmoothManifest) => Some(settings.manifest_window_seconds),
        _ => None,
    }
}

/// How many of the newest segments a manifest does not list yet.
fn held_back(file: File) -> u64 {
    match file {
        File::SmoothManifest => mss::LOOK_AHEAD,
        _ => 0,
    }
}

/// What a manifest's viewers see at `now` of a range, or live; never empty.
pub fn view(
    endpoint: &Endpoint,
    file: File,
    range: Option<TimeRange>,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<View, Refusal> {
    let output = snapshot.outputs.get(&endpoint.guid).ok_or(Refusal::NothingYet)?;
    let reach = Reach {
        startover_window_seconds: endpoint.startover_window_seconds,
        time_delay_seconds: endpoint.time_delay_seconds,
        held_back: held_back(file),
        ended: snapshot.ended(&endpoint.guid),
        now,
    };
    let view = match range {
        Some(range) => View::of_range(output, range, reach)?,
        None => View::live(output, window_seconds(endpoint, file).ok_or(Refusal::UnknownFile)?, reach),
    };
    if view.is_empty() { Err(Refusal::NothingYet) } else { Ok(view) }
}

/// A manifest of a view.
pub fn render(
    endpoint: &Endpoint,
    file: File,
    choice: &Choice,
    snapshot: &Snapshot,
    view: &View,
    links: &Links,
) -> Result<ReadyManifest, Refusal> {
    let everything = ManifestFilter::default();
    let filter = choice.filter.as_ref().unwrap_or(&everything);
    const PLAYLIST: &str = "application/x-mpegURL";
    const MPD: &str = "application/dash+xml";
    const CLIENT_MANIFEST: &str = "application/vnd.ms-sstr+xml";
    let output = snapshot.outputs.get(&endpoint.guid).ok_or(Refusal::NothingYet)?;
    let (manifest, content_type): (Result<Option<Manifest>, RenderError>, _) = match (&endpoint.packaging, file) {
        (_, File::ParentPlaylist(set)) => {
            let playlists = Playlists::of(endpoint, set, links).ok_or(Refusal::UnknownFile)?;
            (hls::parent_playlist(snapshot, &playlists, filter), PLAYLIST)
        }
        (_, File::MediaPlaylist(set, track)) => {
            let playlists = Playlists::of(endpoint, set, links).ok_or(Refusal::UnknownFile)?;
            if hls::tracks_in(snapshot, &playlists, track).is_none() {
                return Err(Refusal::UnknownFile);
            }
            (hls::media_playlist(snapshot, &playlists, output, view, track), PLAYLIST)
        }
        (Packaging::Dash(settings), File::Mpd) => {
            (dash::mpd(snapshot, endpoint, settings, output, view, filter, links), MPD)
        }
        (Packaging::Mss(settings), File::SmoothManifest) => {
            (mss::client_manifest(snapshot, settings, output, view, filter), CLIENT_MANIFEST)
        }
        _ => return Err(Refusal::UnknownFile),
    };
    let manifest = manifest?.ok_or(Refusal::NothingYet)?;
    Ok(ReadyManifest::new(manifest, content_type))
}
