//! Segments: packaged once however many ask, from stored segments that are decoded once.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::refusal::Refusal;
use crate::media::codec::TrackKind;
use crate::media::sample::ElementarySegment;
use crate::media::stored;
use crate::media_store::MediaStore;
use crate::packaging::dash_time::{clock_of, nominal_if_clocked, segment_at_time, segment_on_grid, timescale};
use crate::packaging::hls::Playlists;
use crate::packaging::media_clock::MediaClock;
use crate::packaging::name::{DashTrack, File, HlsTrack, PlaylistSet};
use crate::packaging::piece::{LoadedPiece, has_media, track_segments};
use crate::packaging::transport_stream::LoadedTrack;
use crate::packaging::{cmaf, fragment, hls, transport_stream};
use crate::presentation::{OutputSegment, OutputTimeline, Snapshot, Track};
use crate::resources::{ChannelGuid, DashSettings, Endpoint, EndpointGuid, Packaging, SegmentTemplateFormat};

/// Which segment of which endpoint, with which settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    channel: ChannelGuid,
    endpoint: EndpointGuid,
    configuration_version: i64,
    file: File,
}

/// A packaged segment, ready to be sent.
#[derive(Debug, Clone)]
pub struct ReadySegment {
    /// Headers that were written and payload as it is stored, in order.
    pub slices: Arc<[Bytes]>,
    /// Sum of their lengths.
    pub length: u64,
    /// `Content-Type`.
    pub content_type: HeaderValue,
    /// `ETag`.
    pub etag: HeaderValue,
}

impl ReadySegment {
    fn new(slices: Vec<Bytes>, content_type: &'static str, key: &Key) -> Self {
        let length = slices.iter().map(|slice| slice.len() as u64).sum();
        let (number, version) = (last_number(key.file), key.configuration_version);
        // A segment's bytes never change under one name, so the name and the length are identity enough.
        let etag = format!("\"{number:x}-{length:x}-{version:x}\"");
        ReadySegment {
            slices: slices.into(),
            length,
            content_type: HeaderValue::from_static(content_type),
            etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }
}

fn last_number(file: File) -> u64 {
    match file {
        File::TransportSegment(_, number)
        | File::Fragment(_, number)
        | File::TimedFragment { time: number, .. }
        | File::CmafSegment(_, number) => number,
        File::Init(track) => u64::from(track.config),
        File::CmafInit(init) => u64::from(init.fingerprint),
        File::ParentPlaylist(_) | File::MediaPlaylist(..) | File::Mpd => 0,
    }
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Key, ReadySegment> for ByBytes {
    fn weight(&self, _key: &Key, segment: &ReadySegment) -> u64 {
        segment.length + 300
    }
}

impl Weighter<Arc<str>, Arc<Vec<ElementarySegment>>> for ByBytes {
    fn weight(&self, _key: &Arc<str>, object: &Arc<Vec<ElementarySegment>>) -> u64 {
        let tracks = object.iter().map(|track| track.payload.len() + size_of_val(track.samples.as_slice()));
        tracks.sum::<usize>() as u64 + 300
    }
}

/// Packaged segments, and decoded stored ones, that were asked for lately.
pub struct SegmentCache {
    store: Arc<dyn MediaStore>,
    packaged: Cache<Key, ReadySegment, ByBytes>,
    decoded: Cache<Arc<str>, Arc<Vec<ElementarySegment>>, ByBytes>,
}

/// One wanted track and where its samples are.
struct WantedTrack<'a> {
    track: &'a Track,
    objects: Vec<(Arc<str>, u8, i64)>,
}

/// How a segment is packaged.
enum Form {
    Fragment { number: u64, clock: MediaClock, timescale: u32, content_type: &'static str },
    Transport,
}

impl SegmentCache {
    /// Caches of at most this many bytes each; they are not taken before they are needed.
    pub fn new(store: Arc<dyn MediaStore>, packaged_bytes: u64, decoded_bytes: u64) -> Self {
        SegmentCache {
            store,
            packaged: Cache::with_weighter(64, packaged_bytes, ByBytes),
            decoded: Cache::with_weighter(64, decoded_bytes, ByBytes),
        }
    }

    /// The segment of this name.
    pub async fn get(
        &self,
        endpoint: &Endpoint,
        file: File,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<ReadySegment, Refusal> {
        let output = snapshot.outputs.get(&endpoint.guid).ok_or(Refusal::NothingYet)?;
        let key = Key {
            channel: endpoint.channel.clone(),
            endpoint: endpoint.guid.clone(),
            configuration_version: endpoint.configuration_version,
            file,
        };
        match (&endpoint.packaging, file) {
            (Packaging::Hls(_), File::TransportSegment(track, number)) => {
                let playlists = Playlists::of(endpoint, PlaylistSet::ONLY).ok_or(Refusal::UnknownFile)?;
                let segment = numbered(output, number)?;
                check_delay(endpoint, &segment, now)?;
                let packaged = self.transport(snapshot, &playlists, &segment, track, &key);
                self.packaged.get_or_insert_async(&key, packaged).await
            }
            (Packaging::Cmaf(_), File::CmafInit(name)) => {
                let init = cmaf::find_init(snapshot, name)?.ok_or(Refusal::UnknownFile)?;
                Ok(ReadySegment::new(vec![init], content_type(name.track.kind), &key))
            }
            (Packaging::Cmaf(_), File::CmafSegment(name, number)) => {
                let track = cmaf::find_track(snapshot, name).ok_or(Refusal::UnknownFile)?;
                let segment = numbered(output, number)?;
                check_delay(endpoint, &segment, now)?;
                if !has_media(snapshot, &segment, track.id) {
                    return Err(Refusal::Gap);
                }
                let packaged = self.fragment(snapshot, &segment, track, MediaClock::ENCODER, &key);
                self.packaged.get_or_insert_async(&key, packaged).await
            }
            (Packaging::Dash(_), File::Init(track)) => {
                let slices = init(snapshot, track)?;
                Ok(ReadySegment::new(slices, content_type(track.kind), &key))
            }
            (Packaging::Dash(settings), File::Fragment(name, _) | File::TimedFragment { track: name, .. }) => {
                let track = dash_track(snapshot, name)?;
                let number = match file {
                    File::Fragment(_, number) => number,
                    file => own_time(settings, track, file).ok_or(Refusal::UnknownFile)?,
                };
                let segment = named_by(settings, snapshot, output, track, number)?;
                check_delay(endpoint, &segment, now)?;
                let config = track_segments(snapshot, &segment, track.id).next().ok_or(Refusal::Gap)?.config;
                if config != name.config {
                    return Err(Refusal::UnknownFile);
                }
                let origin = snapshot.origin().ok_or(Refusal::NothingYet)?;
                let clock = clock_of(&segment, &origin, nominal_if_clocked(settings.segment_template_format, output));
                self.packaged.get_or_insert_async(&key, self.fragment(snapshot, &segment, track, clock, &key)).await
            }
            _ => Err(Refusal::UnknownFile),
        }
    }

    async fn transport(
        &self,
        snapshot: &Snapshot,
        playlists: &Playlists<'_>,
        segment: &OutputSegment,
        name: HlsTrack,
        key: &Key,
    ) -> Result<ReadySegment, Refusal> {
        let tracks = hls::tracks_in(snapshot, playlists, name).ok_or(Refusal::UnknownFile)?;
        if hls::is_gap(snapshot, segment, &tracks) {
            return Err(Refusal::Gap);
        }
        self.package(snapshot, segment, &tracks, Form::Transport, key).await
    }

    async fn fragment(
        &self,
        snapshot: &Snapshot,
        segment: &OutputSegment,
        track: &Track,
        clock: MediaClock,
        key: &Key,
    ) -> Result<ReadySegment, Refusal> {
        let form = Form::Fragment {
            number: segment.number,
            clock,
            timescale: timescale(track),
            content_type: content_type(track.kind),
        };
        self.package(snapshot, segment, &[track], form, key).await
    }

    async fn package(
        &self,
        snapshot: &Snapshot,
        segment: &OutputSegment,
        tracks: &[&Track],
        form: Form,
        key: &Key,
    ) -> Result<ReadySegment, Refusal> {
        let mut loaded = Vec::with_capacity(tracks.len());
        for track in tracks {
            if !has_media(snapshot, segment, track.id) {
                continue;
            }
            let objects = track_segments(snapshot, segment, track.id)
                .map(|piece| (piece.object.key(&key.channel).into(), piece.index_in_object, piece.decode_time))
                .collect();
            loaded.push((*track, self.load(WantedTrack { track, objects }).await?));
        }
        let (slices, content_type) = match form {
            Form::Fragment { number, clock, timescale, content_type } => {
                let pieces = loaded.first().map_or(&[][..], |(_, pieces)| pieces);
                (fragment::fragment(number, clock, timescale, pieces)?, content_type)
            }
            Form::Transport => {
                let tracks: Vec<LoadedTrack<'_>> = loaded
                    .iter()
                    .map(|(track, pieces)| LoadedTrack { language: track.language.as_deref(), pieces })
                    .collect();
                (vec![transport_stream::segment(segment.number, &segment.run, &tracks)?], "video/MP2T")
            }
        };
        Ok(ReadySegment::new(slices, content_type, key))
    }

    async fn load(&self, wanted: WantedTrack<'_>) -> Result<Vec<LoadedPiece>, Refusal> {
        let mut pieces = Vec::with_capacity(wanted.objects.len());
        for (object, index, decode_time) in wanted.objects {
            let decoded = self
                .decoded
                .get_or_insert_async(&object, async {
                    let bytes = self.store.get(&object).await?;
                    let decoded = stored::decode(bytes);
                    decoded.map(Arc::new).map_err(|error| Refusal::Damaged { object: object.to_string(), error })
                })
                .await?;
            pieces.push(LoadedPiece {
                track: wanted.track.id,
                decode_time,
                object: decoded,
                index: usize::from(index),
            });
        }
        Ok(pieces)
    }
}

/// The segment of this number, or why it is not there.
fn numbered(output: &OutputTimeline, number: u64) -> Result<Arc<OutputSegment>, Refusal> {
    output.segment(number).ok_or(if number >= output.next_number() { Refusal::NotThereYet } else { Refusal::Gone })
}

fn named_by(
    settings: &DashSettings,
    snapshot: &Snapshot,
    output: &OutputTimeline,
    track: &Track,
    name: u64,
) -> Result<Arc<OutputSegment>, Refusal> {
    let origin = snapshot.origin().ok_or(Refusal::NothingYet)?;
    match settings.segment_template_format {
        SegmentTemplateFormat::NumberWithTimeline => numbered(output, name),
        SegmentTemplateFormat::NumberWithDuration => segment_on_grid(output, &origin, name).ok_or(Refusal::NotThereYet),
        SegmentTemplateFormat::TimeWithTimeline => {
            segment_at_time(output, snapshot, &origin, track, name).ok_or(Refusal::NotThereYet)
        }
    }
}

/// The time of a segment that is named by its time in a shared timescale, in the track's own.
fn own_time(settings: &DashSettings, track: &Track, file: File) -> Option<u64> {
    let File::TimedFragment { timescale: shared, time, .. } = file else { return None };
    let factor = u64::from(shared.checked_div(timescale(track)).filter(|factor| *factor > 0)?);
    let is_whole = u64::from(shared) == factor * u64::from(timescale(track)) && time % factor == 0;
    let names_times = settings.segment_template_format == SegmentTemplateFormat::TimeWithTimeline;
    (is_whole && names_times && settings.manifest_layout.is_compact()).then_some(time / factor)
}

/// With a time delay a segment is not there before its end plus the delay.
fn check_delay(endpoint: &Endpoint, segment: &OutputSegment, now: Timestamp) -> Result<(), Refusal> {
    let delay = SignedDuration::from_secs(i64::from(endpoint.time_delay_seconds));
    let too_early = !delay.is_zero() && now.duration_since(segment.wall_clock_end()) < delay;
    if too_early { Err(Refusal::NotThereYet) } else { Ok(()) }
}

fn dash_track(snapshot: &Snapshot, name: DashTrack) -> Result<&Track, Refusal> {
    let track = snapshot.tracks.iter().find(|track| track.number == name.number && track.kind == name.kind);
    track.ok_or(Refusal::UnknownFile)
}

fn init(snapshot: &Snapshot, name: DashTrack) -> Result<Vec<Bytes>, Refusal> {
    let track = dash_track(snapshot, name)?;
    let config = track.configs.get(usize::from(name.config)).ok_or(Refusal::UnknownFile)?;
    Ok(vec![fragment::init(config, track.language.as_deref(), timescale(track))?])
}

fn content_type(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video/mp4",
        TrackKind::Audio => "audio/mp4",
    }
}
