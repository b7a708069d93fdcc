//! File names: how manifests name what a player fetches, and back.
//!
//! All names are relative to the endpoint.
//!
//! | file | name |
//! | --- | --- |
//! | HLS parent playlist, MPD | `<manifest>.m3u8`, `<manifest>.mpd` |
//! | HLS media playlist of a variant | `<manifest>_<stream>.m3u8` |
//! | HLS media playlist of a rendition | `<manifest>_<stream>_<track>.m3u8` |
//! | HLS segment of a variant | `<manifest>_<stream>_<number>.ts` |
//! | HLS segment of an audio rendition | `<manifest>_<stream>_<track>_<number>.ts` |
//! | HLS segment of subtitles | `<manifest>_<stream>_<track>_<number>.vtt` |
//! | DASH initialization segment | `<manifest>_<kind>_<track>_<configuration>_init.mp4` |
//! | DASH media segment | `<manifest>_<kind>_<track>_<configuration>_<number or time>.mp4` |
//! | … by time in another timescale than the track's | `<manifest>_<kind>_<track>_<configuration>_<timescale>_<time>.mp4` |
//! | CMAF playlists | as HLS playlists, below `<manifest id>/` |
//! | CMAF segment, initialization segment | see [`cmaf`] |
//! | Smooth Streaming manifest and fragments | see [`smooth`] |
//!
//! A kind is `video`, `audio` or `text`. Streams count from 1 in the order of the encoder's parent playlist. An audio rendition's track counts from 0 within
//! its stream. DASH tracks count from 1 over all streams, see [`crate::presentation::Track::number`]. The configuration
//! counts how often the track's decoder configuration changed, so that an initialization segment never changes.

pub mod cmaf;
pub mod smooth;

use std::fmt;

use crate::media::codec::TrackKind;
use crate::resources::{Endpoint, Packaging};
use cmaf::{CmafInit, CmafTrack};
use smooth::SmoothFragment;

/// What a file name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum File {
    /// HLS parent playlist.
    ParentPlaylist(PlaylistSet),
    /// HLS media playlist.
    MediaPlaylist(PlaylistSet, HlsTrack),
    /// HLS segment.
    TransportSegment(HlsTrack, u64),
    /// HLS segment of subtitles.
    TextSegment(HlsTrack, u64),
    /// MPD.
    Mpd,
    /// DASH initialization segment.
    Init(DashTrack),
    /// DASH media segment, by number or time as the endpoint's templates say.
    Fragment(DashTrack, u64),
    /// DASH media segment by its time in a timescale that its track shares with others.
    TimedFragment {
        /// The track.
        track: DashTrack,
        /// Ticks per second of `time`: a multiple of those of the track.
        timescale: u32,
        /// The segment's presentation time.
        time: u64,
    },
    /// CMAF initialization segment.
    CmafInit(CmafInit),
    /// CMAF media segment, by number.
    CmafSegment(CmafTrack, u64),
    /// Smooth Streaming client manifest.
    SmoothManifest,
    /// Smooth Streaming fragment, by time.
    SmoothFragment(SmoothFragment),
}

/// Which of an endpoint's sets of HLS playlists: its place among `hlsManifests` of a CMAF endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlaylistSet(pub u16);

impl PlaylistSet {
    /// The one that an HLS endpoint has.
    pub const ONLY: PlaylistSet = PlaylistSet(0);
}

impl File {
    /// It lists what a channel or asset offers: the file that a player begins with.
    pub fn is_parent(&self) -> bool {
        matches!(self, File::ParentPlaylist(_) | File::Mpd | File::SmoothManifest)
    }

    /// It lists other files; what it holds changes with time.
    pub fn is_manifest(&self) -> bool {
        self.is_parent() || matches!(self, File::MediaPlaylist(..))
    }
}

/// What one HLS media playlist lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HlsTrack {
    /// A variant: the stream of this number.
    Variant {
        /// The stream's number, from 1.
        stream: u32,
    },
    /// A member of the group of audio or subtitles, which depends on the stream.
    Rendition {
        /// The stream's number, from 1.
        stream: u32,
        /// The track's place among those of its kind in the stream, from 0.
        track: u8,
    },
}

/// One DASH track with one decoder configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DashTrack {
    /// Video or audio.
    pub kind: TrackKind,
    /// The track's number, also its `Representation@id`.
    pub number: u32,
    /// Index of the decoder configuration.
    pub config: u16,
}

impl DashTrack {
    /// The name with something else in the place of the number, such as a placeholder.
    pub fn of_any_number(&self, number: impl fmt::Display) -> String {
        format!("{}_{number}_{}", kind_name(self.kind), self.config)
    }
}

impl fmt::Display for HlsTrack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HlsTrack::Variant { stream } => write!(formatter, "{stream}"),
            HlsTrack::Rendition { stream, track } => write!(formatter, "{stream}_{track}"),
        }
    }
}

impl fmt::Display for DashTrack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of_any_number(self.number))
    }
}

/// What a path below an endpoint stands for; `None` if it names nothing.
///
/// Numbers are plain decimals without leading zeros, so that every file has exactly one name.
pub fn parse(endpoint: &Endpoint, path: &str) -> Option<File> {
    match &endpoint.packaging {
        Packaging::Hls(_) => hls(&endpoint.manifest_name, path),
        Packaging::Cmaf(settings) => cmaf::parse(settings, path),
        Packaging::Dash(_) => dash(&endpoint.manifest_name, path),
        Packaging::Mss(_) => smooth::parse(&endpoint.manifest_name, path),
    }
}

/// What follows the manifest's name, split at underscores, and the extension.
fn parts<'a>(manifest_name: &str, path: &'a str) -> Option<(Vec<&'a str>, &'a str)> {
    let (stem, extension) = path.strip_prefix(manifest_name)?.strip_prefix('_')?.rsplit_once('.')?;
    Some((stem.splitn(6, '_').collect(), extension))
}

/// A playlist of a set with this manifest name.
fn playlist(set: PlaylistSet, manifest_name: &str, path: &str) -> Option<File> {
    if path.strip_prefix(manifest_name)? == ".m3u8" {
        return Some(File::ParentPlaylist(set));
    }
    let (parts, extension) = parts(manifest_name, path)?;
    match (extension, parts.as_slice()) {
        ("m3u8", [stream]) => Some(File::MediaPlaylist(set, HlsTrack::Variant { stream: number(stream)? })),
        ("m3u8", [stream, track]) => {
            Some(File::MediaPlaylist(set, HlsTrack::Rendition { stream: number(stream)?, track: number(track)? }))
        }
        _ => None,
    }
}

fn hls(manifest_name: &str, path: &str) -> Option<File> {
    if let Some(playlist) = playlist(PlaylistSet::ONLY, manifest_name, path) {
        return Some(playlist);
    }
    let (parts, extension) = parts(manifest_name, path)?;
    match (extension, parts.as_slice()) {
        ("ts", [stream, segment]) => {
            Some(File::TransportSegment(HlsTrack::Variant { stream: number(stream)? }, number(segment)?))
        }
        ("vtt", [stream, track, segment]) => Some(File::TextSegment(
            HlsTrack::Rendition { stream: number(stream)?, track: number(track)? },
            number(segment)?,
        )),
        ("ts", [stream, track, segment]) => Some(File::TransportSegment(
            HlsTrack::Rendition { stream: number(stream)?, track: number(track)? },
            number(segment)?,
        )),
        _ => None,
    }
}

fn dash(manifest_name: &str, path: &str) -> Option<File> {
    if path.strip_prefix(manifest_name)? == ".mpd" {
        return Some(File::Mpd);
    }
    let (parts, extension) = parts(manifest_name, path)?;
    match (extension, parts.as_slice()) {
        ("mp4", [kind, track, config, timescale, time]) => Some(File::TimedFragment {
            track: dash_track(kind, track, config)?,
            timescale: number(timescale)?,
            time: number(time)?,
        }),
        ("mp4", [kind, track, config, last]) => {
            let track = dash_track(kind, track, config)?;
            match *last {
                "init" => Some(File::Init(track)),
                last => Some(File::Fragment(track, number(last)?)),
            }
        }
        _ => None,
    }
}

fn dash_track(kind: &str, track: &str, config: &str) -> Option<DashTrack> {
    Some(DashTrack { kind: kind_of(kind)?, number: number(track)?, config: number(config)? })
}

/// How names say what kind of track they are of.
fn kind_name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
        TrackKind::Text => "text",
    }
}

fn kind_of(name: &str) -> Option<TrackKind> {
    [TrackKind::Video, TrackKind::Audio, TrackKind::Text].into_iter().find(|kind| kind_name(*kind) == name)
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_name_is_read() {
        let video = DashTrack { kind: TrackKind::Video, number: 3, config: 0 };
        for (name, file) in [
            ("live.m3u8", File::ParentPlaylist(PlaylistSet::ONLY)),
            ("live_1.m3u8", File::MediaPlaylist(PlaylistSet::ONLY, HlsTrack::Variant { stream: 1 })),
            ("live_4_0.m3u8", File::MediaPlaylist(PlaylistSet::ONLY, HlsTrack::Rendition { stream: 4, track: 0 })),
            ("live_1_20871.ts", File::TransportSegment(HlsTrack::Variant { stream: 1 }, 20871)),
            ("live_4_1_7.ts", File::TransportSegment(HlsTrack::Rendition { stream: 4, track: 1 }, 7)),
        ] {
            assert_eq!(hls("live", name), Some(file), "{name}");
            assert_eq!(dash("live", name), None, "{name}");
        }
        for (name, file) in [
            ("live.mpd", File::Mpd),
            ("live_video_3_0_init.mp4", File::Init(video)),
            ("live_video_3_0_20871.mp4", File::Fragment(video, 20871)),
            ("live_video_3_0_50000_7.mp4", File::TimedFragment { track: video, timescale: 50_000, time: 7 }),
        ] {
            assert_eq!(dash("live", name), Some(file), "{name}");
            assert_eq!(hls("live", name), None, "{name}");
        }
        assert_eq!(video.to_string(), "video_3_0");
    }

    #[test]
    fn names_that_no_manifest_writes_name_nothing() {
        for name in [
            "",
            "live",
            "live_01.m3u8",
            "live_+1.m3u8",
            "live_1.m3u",
            "live_1_.ts",
            "live_1_18446744073709551616.ts",
            "live_texts_1_0_1.mp4",
            "live_video_1_0_1_2_3.mp4",
            "live_video_1_0_50000_init.mp4",
            "liv_1.m3u8",
            "live_1_2_3_4_5_6.ts",
            "../live.m3u8",
        ] {
            assert_eq!(hls("live", name).or_else(|| dash("live", name)), None, "{name}");
        }
    }

    #[test]
    fn a_manifest_name_may_look_like_numbers() {
        assert_eq!(hls("a_1", "a_1_2_3.ts"), Some(File::TransportSegment(HlsTrack::Variant { stream: 2 }, 3)));
        assert_eq!(hls("a_1", "a_1.m3u8"), Some(File::ParentPlaylist(PlaylistSet::ONLY)));
    }
}
