//! Names on a Smooth Streaming endpoint.
//!
//! | file | name |
//! | --- | --- |
//! | client manifest | `<manifest>.ism/Manifest` |
//! | fragment | `<manifest>.ism/Events(1_0)/QualityLevels(<bit rate>)/Fragments(<stream>=<start time>)` |
//! | a fragment's description | the same with `FragmentInfo` |
//!
//! A stream is `v`, the video in all its qualities, or `a_<stream>_<index>`, the audio track of this index in this
//! stream. Times are in [`crate::manifest::smooth::TIMESCALE`].

use std::fmt;

use super::{File, number};

/// What stands for the event in names: there is one per endpoint.
const EVENT: &str = "Events(1_0)";

/// A stream of a client manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmoothStream {
    /// The video, in all its qualities.
    Video,
    /// An audio track.
    Audio {
        /// The stream's number, from 1.
        stream: u32,
        /// Its place among the stream's audio tracks, from 0.
        index: u8,
    },
}

/// How much of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FragmentPart {
    /// All of it.
    Whole,
    /// Its `moof` alone: how a player that plays something else learns what follows.
    Info,
}

/// A fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SmoothFragment {
    /// The stream.
    pub stream: SmoothStream,
    /// The quality level's bit rate, bit/s.
    pub bitrate: u32,
    /// Its start.
    pub time: u64,
    /// How much of it.
    pub part: FragmentPart,
}

impl SmoothStream {
    /// The pattern of its fragments' names relative to the manifest, as a client manifest has it.
    pub fn url_pattern(&self) -> String {
        format!("{EVENT}/QualityLevels({{bitrate}})/Fragments({self}={{start time}})")
    }
}

impl fmt::Display for SmoothStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SmoothStream::Video => formatter.write_str("v"),
            SmoothStream::Audio { stream, index } => write!(formatter, "a_{stream}_{index}"),
        }
    }
}

/// What a path below the endpoint stands for; `None` if it names nothing.
pub(super) fn parse(manifest_name: &str, path: &str) -> Option<File> {
    let rest = path.strip_prefix(manifest_name)?.strip_prefix(".ism/")?;
    if rest == "Manifest" {
        return Some(File::SmoothManifest);
    }
    let rest = rest.strip_prefix(EVENT)?.strip_prefix("/QualityLevels(")?;
    let (bitrate, rest) = rest.split_once(")/")?;
    let (noun, rest) = rest.strip_suffix(')')?.split_once('(')?;
    let part = match noun {
        "Fragments" => FragmentPart::Whole,
        "FragmentInfo" => FragmentPart::Info,
        _ => return None,
    };
    let (stream, time) = rest.split_once('=')?;
    Some(File::SmoothFragment(SmoothFragment {
        stream: parse_stream(stream)?,
        bitrate: number(bitrate)?,
        time: number(time)?,
        part,
    }))
}

fn parse_stream(text: &str) -> Option<SmoothStream> {
    if text == "v" {
        return Some(SmoothStream::Video);
    }
    let (stream, index) = text.strip_prefix("a_")?.split_once('_')?;
    Some(SmoothStream::Audio { stream: number(stream)?, index: number(index)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_name_is_read() {
        let video =
            SmoothFragment { stream: SmoothStream::Video, bitrate: 900, time: 600_000_000, part: FragmentPart::Whole };
        let audio = SmoothStream::Audio { stream: 2, index: 0 };
        let info = SmoothFragment { stream: audio, bitrate: 128_000, time: 7, part: FragmentPart::Info };
        for (path, file) in [
            ("live.ism/Manifest", File::SmoothManifest),
            ("live.ism/Events(1_0)/QualityLevels(900)/Fragments(v=600000000)", File::SmoothFragment(video)),
            ("live.ism/Events(1_0)/QualityLevels(128000)/FragmentInfo(a_2_0=7)", File::SmoothFragment(info)),
        ] {
            assert_eq!(parse("live", path), Some(file), "{path}");
        }
        assert_eq!(
            audio.url_pattern(),
            "Events(1_0)/QualityLevels({bitrate})/Fragments(a_2_0={start time})",
            "the manifest's pattern leads to the name"
        );
    }

    #[test]
    fn every_file_has_one_name() {
        for path in [
            "live.ism",
            "live.ism/manifest",
            "live.isml/Manifest",
            "live.ism/Manifest/",
            "live.ism/Events(1_1)/QualityLevels(900)/Fragments(v=1)",
            "live.ism/Events(1_0)/QualityLevels(0900)/Fragments(v=1)",
            "live.ism/Events(1_0)/QualityLevels(900)/Fragments(v=-1)",
            "live.ism/Events(1_0)/QualityLevels(900)/Fragments(v)",
            "live.ism/Events(1_0)/QualityLevels(900)/KeyFrames(v=1)",
            "live.ism/Events(1_0)/QualityLevels(900)/Fragments(a_1=1)",
            "live.ism/Events(1_0)/QualityLevels(900)/Fragments(v=1))",
            "live.ism/Events(1_0)/QualityLevels(900)/Fragments(v=1",
        ] {
            assert_eq!(parse("live", path), None, "{path}");
        }
    }
}
