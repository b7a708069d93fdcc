//! Segments: packaged once however many ask, from stored segments that are decoded once.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::memory_file::sendable;
use super::refusal::Refusal;
use super::stored_segments::{StoredSegments, WEIGHT_OF_A_FILE};
use crate::media::codec::TrackKind;
use crate::media::mp4::{EventMessage, SmoothTimes};
use crate::media::webvtt::WebVtt;
use crate::media_store::MediaStore;
use crate::packaging::dash_events::carried;
use crate::packaging::dash_time::{
    clock_of, nominal_if_clocked, segment_at_time, segment_on_grid, segment_time, timescale,
};
use crate::packaging::fragment::MediaFragment;
use crate::packaging::hls::Playlists;
use crate::packaging::links::Links;
use crate::packaging::media_clock::MediaClock;
use crate::packaging::mss::FoundFragment;
use crate::packaging::name::smooth::{FragmentPart, SmoothFragment};
use crate::packaging::name::{DashTrack, File, HlsTrack, PlaylistSet};
use crate::packaging::piece::{LoadedPiece, has_media, track_segments};
use crate::packaging::text::LoadedText;
use crate::packaging::timed_metadata::{Carried, event_messages, messages};
use crate::packaging::transport_stream::LoadedTrack;
use crate::packaging::{cmaf, fragment, hls, mss, text, transport_stream};
use crate::plane::BodySlice;
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
    pub slices: Arc<[BodySlice]>,
    /// Sum of their lengths.
    pub length: u64,
    /// Bytes of memory that it takes, open files counted as [`WEIGHT_OF_A_FILE`].
    cost: u64,
    /// `Content-Type`.
    pub content_type: HeaderValue,
    /// `ETag`.
    pub etag: HeaderValue,
}

impl ReadySegment {
    fn new(slices: Vec<BodySlice>, content_type: &'static str, key: &Key) -> Self {
        let length = slices.iter().map(|slice| slice.len() as u64).sum();
        let cost = slices.iter().map(|slice| match slice {
            BodySlice::Memory(bytes) => bytes.len() as u64,
            BodySlice::File(_) => WEIGHT_OF_A_FILE,
        });
        let cost = cost.sum();
        let (number, version) = (last_number(key.file), key.configuration_version);
        // A segment's bytes never change under one name, so the name and the length are identity enough.
        let etag = format!("\"{number:x}-{length:x}-{version:x}\"");
        ReadySegment {
            slices: slices.into(),
            length,
            cost,
            content_type: HeaderValue::from_static(content_type),
            etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }
}

fn last_number(file: File) -> u64 {
    match file {
        File::TransportSegment(_, number)
        | File::TextSegment(_, number)
        | File::Fragment(_, number)
        | File::TimedFragment { time: number, .. }
        | File::CmafSegment(_, number)
        | File::SmoothFragment(SmoothFragment { time: number, .. }) => number,
        File::Init(track) => u64::from(track.config),
        File::CmafInit(init) => u64::from(init.fingerprint),
        File::ParentPlaylist(_) | File::MediaPlaylist(..) | File::Mpd | File::SmoothManifest => 0,
    }
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Key, ReadySegment> for ByBytes {
    fn weight(&self, _key: &Key, segment: &ReadySegment) -> u64 {
        segment.cost + 300
    }
}

/// Packaged segments, and the index of stored ones, that were asked for lately.
pub struct SegmentCache {
    stored: StoredSegments,
    packaged: Cache<Key, ReadySegment, ByBytes>,
}

/// How a segment is packaged.
enum Form {
    Fragment { number: u64, clock: MediaClock, timescale: u32, events: Vec<EventMessage>, content_type: &'static str },
    Smooth { number: u64, clock: MediaClock, times: SmoothTimes, part: FragmentPart, content_type: &'static str },
    Transport,
}

impl SegmentCache {
    /// Caches of at most this many bytes each; they are not taken before they are needed.
    pub fn new(store: Arc<dyn MediaStore>, packaged_bytes: u64, decoded_bytes: u64) -> Self {
        SegmentCache {
            stored: StoredSegments::new(store, decoded_bytes),
            packaged: Cache::with_weighter(64, packaged_bytes, ByBytes),
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
                let links = Links::default();
                let playlists = Playlists::of(endpoint, PlaylistSet::ONLY, &links).ok_or(Refusal::UnknownFile)?;
                let segment = numbered(output, number)?;
                check_delay(endpoint, &segment, now)?;
                let packaged = self.transport(snapshot, &playlists, &segment, track, &key);
                self.packaged.get_or_insert_async(&key, packaged).await
            }
            (Packaging::Hls(_), File::TextSegment(track, number)) => {
                let links = Links::default();
                let playlists = Playlists::of(endpoint, PlaylistSet::ONLY, &links).ok_or(Refusal::UnknownFile)?;
                let tracks = hls::tracks_in(snapshot, &playlists, track).ok_or(Refusal::UnknownFile)?;
                let track = tracks.first().filter(|track| track.kind == TrackKind::Text).ok_or(Refusal::UnknownFile)?;
                let segment = numbered(output, number)?;
                check_delay(endpoint, &segment, now)?;
                self.packaged.get_or_insert_async(&key, self.webvtt(snapshot, &segment, track, &key)).await
            }
            (Packaging::Cmaf(_), File::CmafInit(name)) => {
                let init = cmaf::find_init(snapshot, name)?.ok_or(Refusal::UnknownFile)?;
                Ok(ReadySegment::new(vec![init.into()], content_type(name.track.kind), &key))
            }
            (Packaging::Cmaf(settings), File::CmafSegment(name, number)) => {
                let track = cmaf::find_track(snapshot, name).ok_or(Refusal::UnknownFile)?;
                let segment = numbered(output, number)?;
                check_delay(endpoint, &segment, now)?;
                if track.kind == TrackKind::Text {
                    return self.packaged.get_or_insert_async(&key, self.webvtt(snapshot, &segment, track, &key)).await;
                }
                if !has_media(snapshot, &segment, track.id) {
                    return Err(Refusal::Gap);
                }
                let clock = MediaClock::ENCODER;
                let events = events_in(snapshot, &segment, track, clock, cmaf::carried(settings));
                let packaged = self.fragment(snapshot, &segment, track, clock, events, &key);
                self.packaged.get_or_insert_async(&key, packaged).await
            }
            (Packaging::Dash(_), File::Init(track)) => {
                let slices = init(snapshot, track)?;
                Ok(ReadySegment::new(slices.into_iter().map(Into::into).collect(), content_type(track.kind), &key))
            }
            (Packaging::Dash(settings), File::Fragment(name, _) | File::TimedFragment { track: name, .. }) => {
                let track = dash_track(snapshot, name)?;
                let number = match file {
                    File::Fragment(_, number) => number,
                    file => own_time(settings, track, file).ok_or(Refusal::UnknownFile)?,
                };
                let segment = named_by(settings, snapshot, output, track, number)?;
                check_delay(endpoint, &segment, now)?;
                let origin = snapshot.origin().ok_or(Refusal::NothingYet)?;
                let clock = clock_of(&segment, &origin, nominal_if_clocked(settings.segment_template_format, output));
                let times = segment_time(snapshot, &segment, track, clock).ok_or(Refusal::Gap)?;
                if times.config != name.config {
                    return Err(Refusal::UnknownFile);
                }
                if track.kind == TrackKind::Text {
                    let packaged = self.ttml(snapshot, output, &segment, track, clock, &key);
                    return self.packaged.get_or_insert_async(&key, packaged).await;
                }
                let events = events_in(snapshot, &segment, track, clock, carried(settings));
                let packaged = self.fragment(snapshot, &segment, track, clock, events, &key);
                self.packaged.get_or_insert_async(&key, packaged).await
            }
            (Packaging::Mss(_), File::SmoothFragment(name)) => {
                let found = mss::find(snapshot, &endpoint.guid, output, name).ok_or(Refusal::NotThereYet)?;
                check_delay(endpoint, &found.segment, now)?;
                self.packaged.get_or_insert_async(&key, self.smooth(snapshot, found, name.part, &key)).await
            }
            _ => Err(Refusal::UnknownFile),
        }
    }

    async fn smooth(
        &self,
        snapshot: &Snapshot,
        found: FoundFragment<'_>,
        part: FragmentPart,
        key: &Key,
    ) -> Result<ReadySegment, Refusal> {
        let form = Form::Smooth {
            number: found.segment.number,
            clock: found.clock,
            times: found.times,
            part,
            content_type: content_type(found.track.kind),
        };
        self.package(snapshot, &found.segment, &[found.track], form, key).await
    }

    /// The subtitle files that came with a segment.
    async fn texts(
        &self,
        snapshot: &Snapshot,
        segment: &OutputSegment,
        track: &Track,
        key: &Key,
    ) -> Result<Vec<LoadedText>, Refusal> {
        let mut texts = Vec::new();
        for found in text::texts_of(snapshot, segment, track.id) {
            let bytes = self.stored.whole(&found.object.key(&key.channel)).await?;
            // It was read once already, when it came in.
            let file = WebVtt::read(&bytes).unwrap_or_default();
            texts.push(LoadedText { local_zero: found.local_zero, file });
        }
        Ok(texts)
    }

    async fn webvtt(
        &self,
        snapshot: &Snapshot,
        segment: &OutputSegment,
        track: &Track,
        key: &Key,
    ) -> Result<ReadySegment, Refusal> {
        let texts = self.texts(snapshot, segment, track, key).await?;
        Ok(ReadySegment::new(vec![text::webvtt_segment(segment, &texts).into()], "text/vtt", key))
    }

    async fn ttml(
        &self,
        snapshot: &Snapshot,
        output: &OutputTimeline,
        segment: &OutputSegment,
        track: &Track,
        clock: MediaClock,
        key: &Key,
    ) -> Result<ReadySegment, Refusal> {
        // A cue may have begun in the segment before, and encoders need not repeat it.
        let before = output.segment(segment.number.saturating_sub(1)).filter(|before| before.span == segment.span);
        let mut texts = match before {
            Some(before) => self.texts(snapshot, &before, track, key).await?,
            None => Vec::new(),
        };
        texts.extend(self.texts(snapshot, segment, track, key).await?);
        let slices = text::ttml_segment(segment, clock, track.language.as_deref(), &texts)?;
        let slices = slices.into_iter().map(Into::into).collect();
        Ok(ReadySegment::new(slices, content_type(track.kind), key))
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
        events: Vec<EventMessage>,
        key: &Key,
    ) -> Result<ReadySegment, Refusal> {
        let form = Form::Fragment {
            number: segment.number,
            clock,
            events,
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
        let wanted = |track: &Track| -> Vec<(Arc<str>, usize, i64)> {
            track_segments(snapshot, segment, track.id)
                .map(|piece| {
                    (piece.object.key(&key.channel).into(), usize::from(piece.index_in_object), piece.decode_time)
                })
                .collect()
        };
        match form {
            Form::Fragment { number, clock, timescale, events, content_type } => {
                let Some(track) = tracks.first() else { return Err(Refusal::Gap) };
                let (pieces, payloads) = self.indexed(track, wanted(track)).await?;
                let fragment = fragment::fragment(number, clock, timescale, &pieces, &events)?;
                Ok(ReadySegment::new(with_payload(fragment, &payloads), content_type, key))
            }
            Form::Smooth { number, clock, times, part, content_type } => {
                let Some(track) = tracks.first() else { return Err(Refusal::Gap) };
                let (pieces, payloads) = self.indexed(track, wanted(track)).await?;
                let fragment = fragment::smooth_fragment(number, clock, &pieces, &times)?;
                let slices = match part {
                    FragmentPart::Whole => with_payload(fragment, &payloads),
                    FragmentPart::Info => vec![fragment.description().into()],
                };
                Ok(ReadySegment::new(slices, content_type, key))
            }
            Form::Transport => {
                let mut loaded = Vec::with_capacity(tracks.len());
                for track in tracks {
                    let mut pieces = Vec::new();
                    for (object, index, decode_time) in wanted(track) {
                        let object = self.stored.loaded(&object).await?;
                        pieces.push(LoadedPiece { track: track.id, decode_time, object, index });
                    }
                    loaded.push((*track, pieces));
                }
                let tracks: Vec<LoadedTrack<'_>> = loaded
                    .iter()
                    .filter(|(_, pieces)| !pieces.is_empty())
                    .map(|(track, pieces)| LoadedTrack { language: track.language.as_deref(), pieces })
                    .collect();
                let woven = sendable(transport_stream::segment(segment.number, &segment.run, &tracks)?);
                let length = woven.len() as u64;
                let mut ready = ReadySegment::new(vec![woven], "video/MP2T", key);
                // A memory file takes memory too.
                ready.cost = ready.cost.max(length);
                Ok(ready)
            }
        }
    }

    /// A track's stored segments with their indices; their payload stays where it is.
    async fn indexed(
        &self,
        track: &Track,
        objects: Vec<(Arc<str>, usize, i64)>,
    ) -> Result<(Vec<LoadedPiece>, Vec<Option<BodySlice>>), Refusal> {
        let (mut pieces, mut payloads) = (Vec::with_capacity(objects.len()), Vec::with_capacity(objects.len()));
        for (object, index, decode_time) in objects {
            let stored = self.stored.indexed(&object).await?;
            payloads.push(stored.payload(index));
            pieces.push(LoadedPiece { track: track.id, decode_time, object: stored.tracks.clone(), index });
        }
        Ok((pieces, payloads))
    }
}

/// The header of a fragment, then the payload of its pieces.
fn with_payload(fragment: MediaFragment, payloads: &[Option<BodySlice>]) -> Vec<BodySlice> {
    let payloads = fragment.pieces.iter().filter_map(|piece| payloads.get(*piece).cloned().flatten());
    [BodySlice::from(fragment.header)].into_iter().chain(payloads).collect()
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

/// Event messages of a segment: on the video, which every presentation has, and alike in all of its representations.
fn events_in(
    snapshot: &Snapshot,
    segment: &OutputSegment,
    track: &Track,
    clock: MediaClock,
    carried: Carried<'_>,
) -> Vec<EventMessage> {
    match track.kind {
        TrackKind::Video => event_messages(&messages(snapshot, segment, carried), clock),
        TrackKind::Audio | TrackKind::Text => Vec::new(),
    }
}

fn content_type(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video/mp4",
        TrackKind::Audio => "audio/mp4",
        TrackKind::Text => "application/mp4",
    }
}
