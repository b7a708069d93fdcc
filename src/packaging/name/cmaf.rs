//! Names on a CMAF endpoint.
//!
//! | file | name |
//! | --- | --- |
//! | playlists | `<manifest id>/<manifest>….m3u8`, as on an HLS endpoint |
//! | media segment | `<prefix>_<track>_<number>.mp4`, of subtitles `.vtt` |
//! | initialization segment | `<prefix>_<track>_track_<number>_csid_<fingerprint>_<configuration>_init.mp4` |
//!
//! A track is `<kind>_<stream>`, kinds as in [`super`], and `<kind>_<stream>_<index>` where the stream has more than one
//! of the kind, the index counting from 0 and left out where it is 0. Segments lie above the playlists, so that all
//! sets of playlists share them. The number after `track` is [`crate::presentation::Track::number`]; the fingerprint,
//! eight hexadecimal digits, is of the initialization segment's bytes, so that one name never has two contents.

use std::fmt;

use super::{File, PlaylistSet, kind_name, kind_of, number, playlist};
use crate::media::codec::TrackKind;
use crate::resources::CmafSettings;

/// A track of a CMAF endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CmafTrack {
    /// Video, audio or text.
    pub kind: TrackKind,
    /// The stream's number, from 1.
    pub stream: u32,
    /// Its place among the stream's tracks of the kind, from 0.
    pub index: u8,
}

/// An initialization segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CmafInit {
    /// The track.
    pub track: CmafTrack,
    /// The track's number.
    pub number: u32,
    /// Fingerprint of its bytes.
    pub fingerprint: u32,
    /// Index of the decoder configuration.
    pub config: u16,
}

impl fmt::Display for CmafTrack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}", kind_name(self.kind), self.stream)?;
        if self.index > 0 {
            write!(formatter, "_{}", self.index)?;
        }
        Ok(())
    }
}

impl fmt::Display for CmafInit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CmafInit { track, number, fingerprint, config } = self;
        write!(formatter, "{track}_track_{number}_csid_{fingerprint:08x}_{config}_init")
    }
}

/// What a path below the endpoint stands for; `None` if it names nothing.
pub(super) fn parse(settings: &CmafSettings, path: &str) -> Option<File> {
    if let Some((id, name)) = path.split_once('/') {
        let index = settings.manifests.iter().position(|manifest| manifest.id == id)?;
        let set = PlaylistSet(u16::try_from(index).ok()?);
        return playlist(set, &settings.manifests.get(index)?.manifest_name, name);
    }
    let (stem, extension) = path.strip_prefix(&settings.segment_prefix)?.strip_prefix('_')?.rsplit_once('.')?;
    let is_text = match extension {
        "mp4" => false,
        "vtt" => true,
        _ => return None,
    };
    match stem.strip_suffix("_init") {
        Some(init) => {
            let init = parse_init(init).filter(|init| init.track.kind != TrackKind::Text && !is_text)?;
            Some(File::CmafInit(init))
        }
        None => {
            let (track, segment) = stem.rsplit_once('_')?;
            let track = parse_track(track).filter(|track| (track.kind == TrackKind::Text) == is_text)?;
            Some(File::CmafSegment(track, number(segment)?))
        }
    }
}

fn parse_track(text: &str) -> Option<CmafTrack> {
    let (kind, place) = text.split_once('_')?;
    let (stream, index) = match place.split_once('_') {
        // An index of 0 is left out.
        Some((stream, index)) => (stream, number(index).filter(|index| *index > 0)?),
        None => (place, 0),
    };
    Some(CmafTrack { kind: kind_of(kind)?, stream: number(stream)?, index })
}

fn parse_init(text: &str) -> Option<CmafInit> {
    let (track, rest) = text.split_once("_track_")?;
    let (track_number, rest) = rest.split_once("_csid_")?;
    let (fingerprint, config) = rest.split_once('_')?;
    let is_plain = fingerprint.len() == 8
        && fingerprint.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    Some(CmafInit {
        track: parse_track(track)?,
        number: number(track_number)?,
        fingerprint: u32::from_str_radix(fingerprint, 16).ok().filter(|_| is_plain)?,
        config: number(config)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packaging::name::HlsTrack;
    use crate::resources::{CmafManifest, HlsAds, PlaylistSettings, PlaylistType, StreamSelection};

    fn settings() -> CmafSettings {
        let manifest = |id: &str, name: &str| CmafManifest {
            id: id.to_owned(),
            manifest_name: name.to_owned(),
            playlist: PlaylistSettings {
                window_seconds: 60,
                playlist_type: PlaylistType::None,
                program_date_time_interval_seconds: 0,
                ads: HlsAds::default(),
            },
        };
        CmafSettings {
            segment_duration_seconds: 6,
            segment_prefix: "are_na".to_owned(),
            manifests: vec![manifest("main", "live"), manifest("other", "live_2")],
            stream_selection: StreamSelection::default(),
        }
    }

    #[test]
    fn every_kind_of_name_is_read() {
        let track = CmafTrack { kind: TrackKind::Video, stream: 1, index: 0 };
        let second = CmafTrack { kind: TrackKind::Audio, stream: 3, index: 1 };
        let init = CmafInit { track: second, number: 1006, fingerprint: 0x7f3, config: 2 };
        for (path, file) in [
            ("main/live.m3u8", File::ParentPlaylist(PlaylistSet(0))),
            ("other/live_2.m3u8", File::ParentPlaylist(PlaylistSet(1))),
            ("other/live_2_1.m3u8", File::MediaPlaylist(PlaylistSet(1), HlsTrack::Variant { stream: 1 })),
            ("are_na_video_1_512.mp4", File::CmafSegment(track, 512)),
            ("are_na_audio_3_1_512.mp4", File::CmafSegment(second, 512)),
            ("are_na_text_4_9.vtt", File::CmafSegment(CmafTrack { kind: TrackKind::Text, stream: 4, index: 0 }, 9)),
            ("are_na_audio_3_1_track_1006_csid_000007f3_2_init.mp4", File::CmafInit(init)),
        ] {
            assert_eq!(parse(&settings(), path), Some(file), "{path}");
        }
        assert_eq!(init.to_string(), "audio_3_1_track_1006_csid_000007f3_2_init");
        assert_eq!(track.to_string(), "video_1");
    }

    #[test]
    fn every_file_has_one_name() {
        for path in [
            "live.m3u8",
            "main/live_2/x.m3u8",
            "none/live.m3u8",
            "main/are_na_video_1_512.mp4",
            "are_na_video_1_0_512.mp4",
            "are_na_video_01_512.mp4",
            "are_na_text_1_512.mp4",
            "are_na_video_1_512.ts",
            "are_na_video_1_track_1_csid_7f3_0_init.mp4",
            "are_na_video_1_track_1_csid_000007F3_0_init.mp4",
            "are_na_video_1_track_1_csid_+00007f3_0_init.mp4",
            "are_na_video_1_track_1_csid_000007f3_0_0_init.mp4",
        ] {
            assert_eq!(parse(&settings(), path), None, "{path}");
        }
    }
}
