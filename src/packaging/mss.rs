//! Smooth Streaming (MS-SSTR): the client manifest, and where its fragments lie.
//!
//! **Time.** Smooth Streaming has one timeline and no breaks, so all times lie on the clock of
//! [`MediaClock::of_span`]: they only grow, and after a break they go on where the wall clock is. A chunk of video
//! starts when the endpoint's segment does, whatever the quality; a chunk of audio when its first frame does.
//!
//! **Qualities.** All qualities of a stream share one chunk list. A quality that misses a listed segment is left out as
//! long as that segment is listed. `Bitrate` names fragments, so it must not change: it is what the encoder declared for
//! the variant, or else what the track's first segment had, made distinct.
//!
//! **Decoder configurations.** A manifest has room for one of each quality, so after a change the list starts anew.
//!
//! **Look-ahead.** Each fragment tells the times of those that follow it ([`LOOK_AHEAD`]), so it is listed, and there,
//! once these are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::filter::ManifestFilter;
use super::media_clock::{HEAD_ROOM, MediaClock};
use super::mss_level::quality_level;
use super::name::smooth::{SmoothFragment, SmoothStream};
use super::offer::{Offer, tracks_of_stream};
use super::piece::{has_media, track_segments};
use super::{Manifest, RenderError, dash_time};
use crate::manifest::smooth::{
    Chunk, ClientManifest, PresentationKind, QualityLevel, StreamIndex, StreamKind, TIMESCALE,
};
use crate::media::codec::TrackKind;
use crate::media::mp4::{FragmentTime, SmoothTimes};
use crate::media::rescale::rescale_signed_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::presentation::event::StreamRole;
use crate::presentation::{LineOrigin, OutputSegment, OutputTimeline, Snapshot, Track, TrackId, View};
use crate::resources::{EndpointGuid, MssSettings};

/// Fragments that each fragment tells of. So many of the newest ones are held back.
pub const LOOK_AHEAD: u64 = 2;

/// What the client manifest offers to a viewer with this filter.
pub fn offer<'a>(snapshot: &'a Snapshot, settings: &MssSettings, filter: &ManifestFilter) -> Offer<'a> {
    let mut offer = Offer::of(snapshot, &settings.stream_selection);
    filter.apply(&mut offer, false);
    offer
}

/// The client manifest of a view; `None` while there is nothing to list.
pub fn client_manifest(
    snapshot: &Snapshot,
    settings: &MssSettings,
    output: &OutputTimeline,
    view: &View,
    filter: &ManifestFilter,
) -> Result<Option<Manifest>, RenderError> {
    let Some(origin) = snapshot.origin() else { return Ok(None) };
    let offer = offer(snapshot, settings, filter);
    let listed: Vec<Arc<OutputSegment>> = view.segments(output).collect();
    let runs = newest_runs(snapshot, &listed, &offer);
    let (Some(first), Some(last)) = (runs.first().and_then(|run| run.segments.first()), listed.last()) else {
        return Ok(None);
    };
    let lister = Lister { snapshot, output, origin, runs: &runs };
    let mut streams: Vec<StreamIndex> = lister.video(&offer).into_iter().collect();
    for (index, audio) in offer.audio.iter().enumerate() {
        streams.extend(lister.audio(index, audio.track));
    }
    let starts = streams.iter().filter_map(|stream| stream.chunks.first()).map(|chunk| chunk.time);
    let ends = streams.iter().filter_map(|stream| stream.chunks.last()).map(|chunk| chunk.time + chunk.duration);
    let (Some(start), Some(end)) = (starts.min(), ends.max()) else { return Ok(None) };
    let last_sequence = streams.first().and_then(|stream| stream.chunks.last()).map(|chunk| chunk.time);
    let manifest = ClientManifest {
        kind: if view.complete {
            PresentationKind::Complete { duration: end - start }
        } else {
            PresentationKind::Live {
                // 0 stands for all there was since the start.
                dvr_window: match view.starts_fixed {
                    true => 0,
                    false => u64::from(settings.manifest_window_seconds) * u64::from(TIMESCALE),
                },
                look_ahead: LOOK_AHEAD as u32,
            }
        },
        producer_reference_time: first.wall_clock,
        streams,
    };
    Ok(Some(Manifest { text: manifest.to_xml()?, last_sequence, last_updated: Some(last.received) }))
}

/// Segments of one run, and the tracks that they all have.
struct ListedRun<'a> {
    segments: &'a [Arc<OutputSegment>],
    configs: BTreeMap<TrackId, u16>,
}

/// The newest runs in which no offered track has another decoder configuration than in the newest one.
fn newest_runs<'a>(snapshot: &Snapshot, listed: &'a [Arc<OutputSegment>], offer: &Offer<'_>) -> Vec<ListedRun<'a>> {
    let offered: Vec<TrackId> =
        offer.videos().map(|(_, track)| track.id).chain(offer.audio.iter().map(|audio| audio.track.id)).collect();
    let mut known: BTreeMap<TrackId, u16> = BTreeMap::new();
    let mut runs = Vec::new();
    let all: Vec<_> = listed.chunk_by(|one, next| one.run.first_number == next.run.first_number).collect();
    for segments in all.into_iter().rev() {
        // All segments of a run have the same tracks, and configurations change between spans only.
        let Some(segment) = segments.first() else { continue };
        let configs: BTreeMap<TrackId, u16> = offered
            .iter()
            .filter_map(|track| Some((*track, track_segments(snapshot, segment, *track).next()?.config)))
            .collect();
        let changes = configs.iter().any(|(track, config)| known.get(track).is_some_and(|newer| newer != config));
        if changes {
            break;
        }
        known.extend(configs.iter().map(|(track, config)| (*track, *config)));
        runs.push(ListedRun { segments, configs });
    }
    runs.reverse();
    runs
}

/// Makes the streams of one manifest.
struct Lister<'a> {
    snapshot: &'a Snapshot,
    output: &'a OutputTimeline,
    origin: LineOrigin,
    runs: &'a [ListedRun<'a>],
}

impl Lister<'_> {
    fn video(&self, offer: &Offer<'_>) -> Option<StreamIndex> {
        let bitrates = video_bitrates(self.snapshot);
        let levels: Vec<(&Track, QualityLevel)> = offer
            .videos()
            .filter_map(|(_, track)| Some((track, self.level(track, *bitrates.get(&track.id)?)?)))
            .collect();
        let count = |track: &Track| self.runs_with(track).map(|run| run.segments.len()).sum::<usize>();
        let any: usize = self
            .runs
            .iter()
            .filter(|run| levels.iter().any(|(track, _)| run.configs.contains_key(&track.id)))
            .map(|run| run.segments.len())
            .sum();
        let is_whole = |track: &Track| count(track) == any;
        // With gaps in every quality, the one with the fewest alone decides what is listed.
        let leading = match levels.iter().find(|(track, _)| is_whole(track)) {
            Some((track, _)) => *track,
            None => levels.iter().map(|(track, _)| *track).max_by_key(|track| count(track))?,
        };
        let levels =
            levels.into_iter().filter(|(track, _)| is_whole(track) || track.id == leading.id).map(|(_, level)| level);
        self.stream(SmoothStream::Video, StreamKind::Video, "video".to_owned(), None, leading, levels.collect())
    }

    fn audio(&self, index: usize, track: &Track) -> Option<StreamIndex> {
        let level = self.level(track, audio_bitrate(track))?;
        let language = track.language.clone();
        let name = format!("{}_{}", language.as_deref().unwrap_or("audio"), index + 1);
        self.stream(audio_stream(self.snapshot, track), StreamKind::Audio, name, language, track, vec![level])
    }

    fn stream(
        &self,
        stream: SmoothStream,
        kind: StreamKind,
        name: String,
        language: Option<String>,
        leading: &Track,
        levels: Vec<QualityLevel>,
    ) -> Option<StreamIndex> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for segment in self.runs_with(leading).flat_map(|run| run.segments) {
            let Some(chunk) = self.chunk(segment, leading) else { continue };
            // Time only grows; if a clock could not help going back, the later chunk is not told of.
            if chunks.last().is_none_or(|last| last.time < chunk.time) {
                chunks.push(chunk);
            }
        }
        let is_empty = chunks.is_empty();
        (!is_empty).then(|| StreamIndex { kind, name, language, url: stream.url_pattern(), levels, chunks })
    }

    /// A segment's chunk. It lasts until the next one of the span, and never longer than until the next one.
    fn chunk(&self, segment: &OutputSegment, track: &Track) -> Option<Chunk> {
        let own = fragment_time(self.snapshot, segment, track, &self.origin)?;
        let next = self.output.segment(segment.number + 1).and_then(|next| {
            let start = fragment_time(self.snapshot, &next, track, &self.origin)?.start;
            let until_next = start.checked_sub(own.start).filter(|ticks| *ticks > 0)?;
            (next.span == segment.span || until_next < own.duration).then_some(until_next)
        });
        Some(Chunk { time: own.start, duration: next.unwrap_or(own.duration) })
    }

    fn runs_with(&self, track: &Track) -> impl Iterator<Item = &ListedRun<'_>> {
        let id = track.id;
        self.runs.iter().filter(move |run| run.configs.contains_key(&id))
    }

    /// The track as a quality level, with the configuration that it has in the listed segments.
    fn level(&self, track: &Track, bitrate: u32) -> Option<QualityLevel> {
        let config = *self.runs_with(track).last()?.configs.get(&track.id)?;
        quality_level(track.configs.get(usize::from(config))?, bitrate)
    }
}

/// Where a track's media of a segment lies; `None` if it has none.
fn fragment_time(
    snapshot: &Snapshot,
    segment: &OutputSegment,
    track: &Track,
    origin: &LineOrigin,
) -> Option<FragmentTime> {
    let clock = clock_of(segment, origin);
    let ticks = |time: i64, timescale: u32| {
        u64::try_from(rescale_signed_time(clock.time(time, timescale), timescale, TIMESCALE)).ok()
    };
    let (start, end) = match track.kind {
        // Subtitles are not offered here.
        TrackKind::Text => return None,
        TrackKind::Video => {
            if !has_media(snapshot, segment, track.id) {
                return None;
            }
            (ticks(segment.start, MPEG_TIMESCALE)?, ticks(segment.end(), MPEG_TIMESCALE)?)
        }
        TrackKind::Audio => {
            let first = track_segments(snapshot, segment, track.id).next()?;
            let last = track_segments(snapshot, segment, track.id).last()?;
            (ticks(first.start, track.timescale)?, ticks(last.end(), track.timescale)?)
        }
    };
    Some(FragmentTime { start, duration: end.checked_sub(start).filter(|ticks| *ticks > 0)? })
}

/// The clock of a segment's fragments.
pub fn clock_of(segment: &OutputSegment, origin: &LineOrigin) -> MediaClock {
    MediaClock::of_span(&segment.run, origin, HEAD_ROOM)
}

/// A fragment that was found by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundFragment<'a> {
    /// Its track.
    pub track: &'a Track,
    /// Its segment.
    pub segment: Arc<OutputSegment>,
    /// Its clock.
    pub clock: MediaClock,
    /// Its time, and those of the fragments that follow.
    pub times: SmoothTimes,
}

/// The fragment of a name; `None` if there is none, or not all that it must tell of is known yet.
pub fn find<'a>(
    snapshot: &'a Snapshot,
    endpoint: &EndpointGuid,
    output: &OutputTimeline,
    name: SmoothFragment,
) -> Option<FoundFragment<'a>> {
    let origin = snapshot.origin()?;
    let track = find_track(snapshot, name.stream, name.bitrate)?;
    let time_of = |segment: &OutputSegment| fragment_time(snapshot, segment, track, &origin);
    let segment = dash_time::segments_near(output, &origin, name.time, TIMESCALE)
        .find(|segment| time_of(segment).is_some_and(|time| time.start == name.time))?;
    let following: Vec<Arc<OutputSegment>> =
        (1..=LOOK_AHEAD).filter_map(|ahead| output.segment(segment.number + ahead)).collect();
    let is_released = following.len() as u64 == LOOK_AHEAD || snapshot.ended(endpoint);
    if !is_released {
        return None;
    }
    let times = SmoothTimes {
        own: time_of(&segment)?,
        following: following.iter().filter_map(|segment| time_of(segment)).collect(),
    };
    Some(FoundFragment { track, clock: clock_of(&segment, &origin), segment, times })
}

fn find_track(snapshot: &Snapshot, stream: SmoothStream, bitrate: u32) -> Option<&Track> {
    match stream {
        SmoothStream::Video => {
            let bitrates = video_bitrates(snapshot);
            snapshot.tracks.iter().find(|track| bitrates.get(&track.id) == Some(&bitrate))
        }
        SmoothStream::Audio { .. } => snapshot.tracks.iter().find(|track| {
            track.kind == TrackKind::Audio && audio_stream(snapshot, track) == stream && audio_bitrate(track) == bitrate
        }),
    }
}

fn audio_stream(snapshot: &Snapshot, track: &Track) -> SmoothStream {
    let stream = snapshot.streams.iter().find(|stream| stream.id == track.stream).map_or(0, |stream| stream.number());
    SmoothStream::Audio { stream, index: track.index_in_stream }
}

fn audio_bitrate(track: &Track) -> u32 {
    u32::try_from(track.first_bitrate).unwrap_or(u32::MAX).max(1)
}

/// The bit rates of all video tracks, by which their fragments are named.
///
/// A variant's declared bit rate is that of all its tracks together. It is taken as it is: what is known of the audio
/// may come later, and names must not change.
fn video_bitrates(snapshot: &Snapshot) -> BTreeMap<TrackId, u32> {
    let mut bitrates: BTreeMap<TrackId, u32> = BTreeMap::new();
    for stream in snapshot.streams.iter().filter(|stream| stream.is_variant()) {
        let Some(track) = tracks_of_stream(snapshot, stream.id, TrackKind::Video).first().copied() else {
            continue;
        };
        let declared = match &stream.declaration.role {
            StreamRole::Variant { bandwidth, .. } => *bandwidth,
            _ => None,
        };
        let mut bitrate = u32::try_from(declared.unwrap_or(track.first_bitrate)).unwrap_or(u32::MAX).max(1);
        while bitrates.values().any(|known| *known == bitrate) {
            bitrate = bitrate.checked_add(1).unwrap_or(1);
        }
        bitrates.insert(track.id, bitrate);
    }
    bitrates
}
