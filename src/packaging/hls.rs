//! HLS playlists (RFC 8216): one set over MPEG-TS segments, or several over the same CMAF segments.

use std::sync::Arc;

use jiff::SignedDuration;

use super::ad_tags::AdTags;
use super::cmaf;
use super::filter::ManifestFilter;
use super::links::Links;
use super::name::{HlsTrack, PlaylistSet};
use super::offer::{self, Audio, Offer, Text};
use super::piece::{has_media, track_segments};
use super::{Manifest, RenderError};
use crate::manifest::hls::{
    ClosedCaptions, FrameRate, MediaPlaylist, MediaSegment, MediaType, ParentPlaylist, PlaylistType as WrittenType,
    Rendition, Variant, VideoRange,
};
use crate::media::codec::TrackKind;
use crate::media::codec::colour::DynamicRange;
use crate::media::sample::MPEG_TIMESCALE;
use crate::presentation::{CaptionDeclaration, OutputSegment, OutputTimeline, Snapshot, Stream, Track, View};
use crate::resources::{Endpoint, ONLY_MANIFEST, Packaging, PlaylistSettings, PlaylistType, StreamSelection};

/// `GROUP-ID` of the audio renditions.
const AUDIO_GROUP: &str = "audio_0";

/// `GROUP-ID` of the subtitle renditions.
const SUBTITLE_GROUP: &str = "subtitles";

/// `GROUP-ID` of the captions in the video.
const CAPTION_GROUP: &str = "captions";

/// One set of playlists: a parent playlist and the media playlists that it names.
#[derive(Debug, Clone, Copy)]
pub struct Playlists<'a> {
    /// Name of the parent playlist, without extension: what all names start with.
    manifest_name: &'a str,
    settings: &'a PlaylistSettings,
    stream_selection: &'a StreamSelection,
    segment_duration_seconds: u32,
    links: &'a Links,
    container: Container<'a>,
    /// The set's id in [`crate::resources::OutputRules::ads`].
    ads_of: &'a str,
}

/// What the segments are.
#[derive(Debug, Clone, Copy)]
enum Container<'a> {
    /// MPEG-TS, video and audio muxed unless audio is grouped.
    TransportStream { groups_audio: bool },
    /// fMP4 with one track per segment; audio is always grouped.
    Cmaf { prefix: &'a str },
}

impl Container<'_> {
    fn groups_audio(&self) -> bool {
        match self {
            Container::TransportStream { groups_audio } => *groups_audio,
            Container::Cmaf { .. } => true,
        }
    }

    /// The version that everything in a playlist needs; the writer raises it where gaps are listed.
    fn version(&self) -> u8 {
        match self {
            Container::TransportStream { .. } => 3,
            Container::Cmaf { .. } => 6,
        }
    }
}

impl<'a> Playlists<'a> {
    /// The set of an HLS or CMAF endpoint, with these links; `None` if it has no such set.
    pub fn of(endpoint: &'a Endpoint, set: PlaylistSet, links: &'a Links) -> Option<Playlists<'a>> {
        match &endpoint.packaging {
            Packaging::Hls(hls) if set == PlaylistSet::ONLY => Some(Playlists {
                manifest_name: &endpoint.manifest_name,
                settings: &hls.playlist,
                stream_selection: &hls.stream_selection,
                segment_duration_seconds: hls.segment_duration_seconds,
                links,
                container: Container::TransportStream { groups_audio: hls.use_audio_rendition_group },
                ads_of: ONLY_MANIFEST,
            }),
            Packaging::Cmaf(cmaf) => {
                let manifest = cmaf.manifests.get(usize::from(set.0))?;
                Some(Playlists {
                    manifest_name: &manifest.manifest_name,
                    settings: &manifest.playlist,
                    stream_selection: &cmaf.stream_selection,
                    segment_duration_seconds: cmaf.segment_duration_seconds,
                    links,
                    container: Container::Cmaf { prefix: &cmaf.segment_prefix },
                    ads_of: &manifest.id,
                })
            }
            Packaging::Hls(_) | Packaging::Dash(_) | Packaging::Mss(_) => None,
        }
    }

    /// Length of a live media playlist, in seconds.
    pub fn window_seconds(&self) -> u32 {
        self.settings.window_seconds
    }
}

/// What the parent playlist offers to a viewer with this filter.
pub fn offer<'a>(snapshot: &'a Snapshot, playlists: &Playlists<'_>, filter: &ManifestFilter) -> Offer<'a> {
    let mut offer = Offer::of(snapshot, playlists.stream_selection);
    let groups_audio = playlists.container.groups_audio();
    if !groups_audio {
        offer.audio.clear();
    }
    filter.apply(&mut offer, !groups_audio);
    offer
}

/// The parent playlist; `None` while there is nothing to list.
///
/// `BANDWIDTH` is what the encoder declared, else what the first segments had, so that it never changes.
pub fn parent_playlist(
    snapshot: &Snapshot,
    playlists: &Playlists<'_>,
    filter: &ManifestFilter,
) -> Result<Option<Manifest>, RenderError> {
    let offer = offer(snapshot, playlists, filter);
    let has_video = offer.videos().next().is_some();
    let groups_audio = !offer.audio.is_empty() && (has_video || offer.variants.is_empty());
    let mut variants: Vec<Variant> = offer
        .variants
        .iter()
        .filter(|variant| !groups_audio || variant.video.is_some())
        .map(|variant| {
            let default = offer.audio.first().filter(|_| groups_audio).map(|audio| audio.track);
            let with_audio = if groups_audio { default.as_slice() } else { &variant.audio };
            let track = HlsTrack::Variant { stream: variant.stream.number() };
            Variant {
                uri: playlists.links.manifest(format_args!("{}_{track}.m3u8", playlists.manifest_name)),
                bandwidth: variant.bandwidth,
                average_bandwidth: variant.average_bandwidth,
                resolution: variant.video.and_then(offer::resolution),
                frame_rate: variant
                    .video
                    .and_then(|video| FrameRate::from_fraction(video.frame_rate.0, video.frame_rate.1)),
                video_range: variant.video.and_then(video_range),
                codecs: Some(offer::codecs(variant.video.iter().chain(with_audio).copied())),
                audio: groups_audio.then(|| AUDIO_GROUP.to_owned()),
                subtitles: (!offer.texts.is_empty()).then(|| SUBTITLE_GROUP.to_owned()),
                closed_captions: (!snapshot.captions.is_empty() && variant.video.is_some())
                    .then(|| ClosedCaptions::Group(CAPTION_GROUP.to_owned())),
            }
        })
        .collect();
    if variants.is_empty() {
        variants.extend(offer.audio.first().map(|audio| sound_alone(playlists, audio)));
    }
    if variants.is_empty() && offer.texts.is_empty() {
        return Ok(None);
    }
    let mut renditions = if groups_audio { audio_renditions(playlists, &offer.audio) } else { Vec::new() };
    renditions.extend(subtitle_renditions(playlists, &offer.texts));
    if has_video {
        renditions.extend(caption_renditions(&snapshot.captions));
    }
    let playlist = ParentPlaylist {
        version: playlists.container.version(),
        independent_segments: true,
        variants,
        renditions,
        ..ParentPlaylist::default()
    };
    Ok(Some(Manifest { text: playlist.to_text()?, last_sequence: None, last_updated: None }))
}

/// `VIDEO-RANGE` of video that is not of standard range.
pub fn video_range(track: &Track) -> Option<VideoRange> {
    match offer::picture(track)?.dynamic_range {
        DynamicRange::Standard => None,
        DynamicRange::Hlg => Some(VideoRange::Hlg),
        DynamicRange::Pq => Some(VideoRange::Pq),
    }
}

/// The variant of a viewer who wants no picture: the audio group with a playlist of one of its members.
fn sound_alone(playlists: &Playlists<'_>, audio: &Audio<'_>) -> Variant {
    Variant {
        uri: format!("{}_{}.m3u8", playlists.manifest_name, rendition_track(audio)),
        bandwidth: audio.track.first_bitrate.max(1),
        codecs: Some(offer::codecs([audio.track])),
        audio: Some(AUDIO_GROUP.to_owned()),
        ..Variant::default()
    }
}

fn rendition_track(audio: &Audio<'_>) -> HlsTrack {
    HlsTrack::Rendition { stream: audio.stream.number(), track: audio.track.index_in_stream }
}

fn audio_renditions(playlists: &Playlists<'_>, audio: &[Audio<'_>]) -> Vec<Rendition> {
    audio
        .iter()
        .enumerate()
        .map(|(index, audio)| {
            let track = rendition_track(audio);
            Rendition {
                media_type: MediaType::Audio,
                uri: Some(playlists.links.manifest(format_args!("{}_{track}.m3u8", playlists.manifest_name))),
                group_id: AUDIO_GROUP.to_owned(),
                language: audio.track.language.clone(),
                associated_language: None,
                name: audio.name.clone(),
                is_default: index == 0,
                autoselect: true,
                forced: None,
                instream_id: None,
                characteristics: audio.characteristics.map(str::to_owned),
                channels: offer::channels(audio.track),
            }
        })
        .collect()
}

fn subtitle_renditions<'a>(playlists: &Playlists<'a>, texts: &[Text<'a>]) -> impl Iterator<Item = Rendition> {
    texts.iter().enumerate().map(|(index, text)| {
        let track = HlsTrack::Rendition { stream: text.stream.number(), track: text.track.index_in_stream };
        Rendition {
            media_type: MediaType::Subtitles,
            uri: Some(playlists.links.manifest(format_args!("{}_{track}.m3u8", playlists.manifest_name))),
            group_id: SUBTITLE_GROUP.to_owned(),
            language: text.track.language.clone(),
            associated_language: None,
            name: text.name.clone(),
            is_default: index == 0,
            autoselect: index == 0 || text.forced,
            forced: Some(text.forced),
            instream_id: None,
            characteristics: text.characteristics.map(str::to_owned),
            channels: None,
        }
    })
}

/// Captions as the encoder declared them; the first one becomes the default.
fn caption_renditions(captions: &[CaptionDeclaration]) -> impl Iterator<Item = Rendition> {
    captions.iter().enumerate().map(|(index, caption)| Rendition {
        media_type: MediaType::ClosedCaptions,
        uri: None,
        group_id: CAPTION_GROUP.to_owned(),
        language: caption.language.clone(),
        associated_language: None,
        name: caption.name.clone(),
        is_default: index == 0,
        autoselect: index == 0,
        forced: None,
        instream_id: Some(caption.instream_id.clone()),
        characteristics: caption.characteristics.clone(),
        channels: None,
    })
}

/// The tracks whose samples are in the segments of a media playlist, the one that must not be missing first.
///
/// `None` if the channel has no such stream or track. A stream that is no longer declared or not selected still has
/// its segments, for viewers who know them.
pub fn tracks_in<'a>(snapshot: &'a Snapshot, playlists: &Playlists<'_>, track: HlsTrack) -> Option<Vec<&'a Track>> {
    let (HlsTrack::Variant { stream: number } | HlsTrack::Rendition { stream: number, .. }) = track;
    let stream: &Stream = snapshot.streams.iter().find(|stream| stream.number() == number && stream.is_packaged())?;
    match track {
        HlsTrack::Variant { .. } if stream.is_variant() => {
            let video = offer::tracks_of_stream(snapshot, stream.id, TrackKind::Video).first().copied();
            let mut tracks: Vec<&Track> = video.into_iter().collect();
            if !playlists.container.groups_audio() || video.is_none() {
                tracks.extend(offer::muxed_audio(snapshot, stream));
            }
            if matches!(playlists.container, Container::Cmaf { .. }) {
                tracks.truncate(1);
            }
            (!tracks.is_empty()).then_some(tracks)
        }
        HlsTrack::Variant { .. } => None,
        HlsTrack::Rendition { track: index, .. } if stream.is_text() => {
            let tracks = offer::tracks_of_stream(snapshot, stream.id, TrackKind::Text);
            tracks.into_iter().find(|track| track.index_in_stream == index).map(|track| vec![track])
        }
        HlsTrack::Rendition { track: index, .. } if playlists.container.groups_audio() => {
            let tracks = offer::tracks_of_stream(snapshot, stream.id, TrackKind::Audio);
            tracks.into_iter().find(|track| track.index_in_stream == index).map(|track| vec![track])
        }
        HlsTrack::Rendition { .. } => None,
    }
}

/// How a media playlist names its segments.
struct SegmentNames<'a> {
    links: &'a Links,
    /// What stands before the number.
    start: String,
    /// What stands behind it.
    extension: &'static str,
    /// In CMAF: the track, and `EXT-X-MAP` of each of its decoder configurations.
    maps: Option<(&'a Track, Vec<Arc<str>>)>,
}

impl<'a> SegmentNames<'a> {
    fn of(
        snapshot: &'a Snapshot,
        playlists: &Playlists<'a>,
        track: HlsTrack,
        tracks: &[&'a Track],
    ) -> Result<SegmentNames<'a>, RenderError> {
        let links = playlists.links;
        match (playlists.container, tracks.first()) {
            (Container::Cmaf { prefix }, Some(track)) if track.kind == TrackKind::Text => Ok(SegmentNames {
                links,
                start: format!("../{prefix}_{}_", cmaf::track_name(snapshot, track)),
                extension: "vtt",
                maps: None,
            }),
            (_, Some(text)) if text.kind == TrackKind::Text => Ok(SegmentNames {
                links,
                start: format!("{}_{track}_", playlists.manifest_name),
                extension: "vtt",
                maps: None,
            }),
            (Container::Cmaf { prefix }, Some(track)) => {
                let name = cmaf::track_name(snapshot, track);
                let inits = cmaf::init_names(snapshot, track)?;
                let uri = |init| links.unversioned(format_args!("../{prefix}_{init}.mp4"));
                let maps = inits.iter().map(|init| format!("URI=\"{}\"", uri(init)).into()).collect();
                Ok(SegmentNames {
                    links,
                    start: format!("../{prefix}_{name}_"),
                    extension: "mp4",
                    maps: Some((*track, maps)),
                })
            }
            _ => Ok(SegmentNames {
                links,
                start: format!("{}_{track}_", playlists.manifest_name),
                extension: "ts",
                maps: None,
            }),
        }
    }

    fn uri(&self, segment: &OutputSegment) -> String {
        self.links.segment(format_args!("{}{}.{}", self.start, segment.number, self.extension))
    }

    /// Attributes of the segment's `EXT-X-MAP`. A gap has none: the one before it holds on.
    fn map(&self, snapshot: &Snapshot, segment: &OutputSegment) -> Option<Arc<str>> {
        let (track, maps) = self.maps.as_ref()?;
        let config = track_segments(snapshot, segment, track.id).next()?.config;
        maps.get(usize::from(config)).cloned()
    }
}

/// A segment of a media playlist with none of its leading track's media: players are told to pass it over.
pub fn is_gap(snapshot: &Snapshot, segment: &OutputSegment, tracks: &[&Track]) -> bool {
    tracks.first().is_none_or(|track| track.kind != TrackKind::Text && !has_media(snapshot, segment, track.id))
}

/// A media playlist; `None` if the channel has no such track or nothing is to be listed yet.
pub fn media_playlist(
    snapshot: &Snapshot,
    playlists: &Playlists<'_>,
    output: &OutputTimeline,
    view: &View,
    track: HlsTrack,
) -> Result<Option<Manifest>, RenderError> {
    let Some(tracks) = tracks_in(snapshot, playlists, track) else { return Ok(None) };
    let (Some(first), Some(last)) = (view.segments(output).next(), view.segments(output).next_back()) else {
        return Ok(None);
    };
    let settings = playlists.settings;
    let names = SegmentNames::of(snapshot, playlists, track, &tracks)?;
    let interval = SignedDuration::from_secs(i64::from(settings.program_date_time_interval_seconds));
    let mut last_date = None;
    let mut span = first.span;
    let listed: Vec<_> = view.segments(output).collect();
    let mut ad_tags = AdTags::new(snapshot, output, &listed, playlists.ads_of, settings.ads.markers)?;
    let mut segments = Vec::new();
    for segment in &listed {
        let discontinuity = segment.span != span;
        span = segment.span;
        let tells_date = !interval.is_zero()
            && (discontinuity || last_date.is_none_or(|date| segment.wall_clock.duration_since(date) >= interval));
        if tells_date {
            last_date = Some(segment.wall_clock);
        }
        segments.push(MediaSegment {
            uri: names.uri(segment),
            map: names.map(snapshot, segment),
            duration_in_microseconds: microseconds(segment.duration),
            program_date_time: tells_date.then_some(segment.wall_clock),
            discontinuity,
            gap: is_gap(snapshot, segment, &tracks),
            other_tags: ad_tags.take_before(segment.number),
            ..MediaSegment::default()
        });
    }
    let playlist = MediaPlaylist {
        version: playlists.container.version(),
        independent_segments: matches!(playlists.container, Container::Cmaf { .. }),
        target_duration: target_duration(playlists.segment_duration_seconds, output),
        media_sequence: first.number,
        // A span's first segment shows no tag when it is the first one listed: its break counts as before it.
        discontinuity_sequence: u64::from(first.span),
        playlist_type: match settings.playlist_type {
            PlaylistType::None => None,
            PlaylistType::Event => Some(WrittenType::Event),
            PlaylistType::Vod => Some(WrittenType::Vod),
        },
        segments,
        ended: view.complete,
        ..MediaPlaylist::default()
    };
    Ok(Some(Manifest {
        text: playlist.to_text()?,
        last_sequence: Some(last.number),
        last_updated: Some(last.received),
    }))
}

/// `EXT-X-TARGETDURATION`: the longest segment ever, rounded up, and no less than the endpoint's setting, so that it
/// never shrinks and grows only when a segment is longer than any before it.
fn target_duration(segment_duration_seconds: u32, output: &OutputTimeline) -> u32 {
    let longest = output.longest_duration().max(0) as u64;
    let seconds = u32::try_from(longest.div_ceil(u64::from(MPEG_TIMESCALE))).unwrap_or(u32::MAX);
    seconds.max(segment_duration_seconds).max(1)
}

/// 90 kHz ticks in microseconds, to the nearest.
fn microseconds(ticks: i64) -> u64 {
    let ticks = u128::from(ticks.max(0) as u64);
    u64::try_from((ticks * 1_000_000 + u128::from(MPEG_TIMESCALE) / 2) / u128::from(MPEG_TIMESCALE)).unwrap_or(u64::MAX)
}
