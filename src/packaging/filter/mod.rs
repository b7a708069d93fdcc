//! Manifest filters: which of an endpoint's tracks one viewer asks for (`aws.manifestfilter`).
//!
//! A filter is read once ([`syntax`]), and then decides track by track. What it leaves is an [`Offer`] like any other,
//! so every format obeys it in the same way.
//!
//! * Filters of video and audio decide about tracks of their kind only.
//! * A variant whose segments have its audio muxed in goes with its audio.
//! * `video_bitrate` does not count for trick-play, which has filters of its own.

mod syntax;

pub use syntax::{FilterError, MAX_CHARACTERS};

use super::offer::{self, Offer, Variant};
use crate::media::codec::CodecConfig;
use crate::media::codec::colour::DynamicRange;
use crate::presentation::Track;

/// Conditions that must all hold; `None` is no condition, a list holds if one of its elements does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManifestFilter {
    audio_bitrate: Option<Vec<Range>>,
    audio_channels: Option<Vec<Range>>,
    audio_codec: Option<Vec<AudioCodec>>,
    /// In lower case.
    audio_language: Option<Vec<String>>,
    audio_sample_rate: Option<Vec<Range>>,
    /// In lower case.
    subtitle_language: Option<Vec<String>>,
    trickplay_height: Option<Vec<Range>>,
    trickplay_type: Option<Vec<TrickPlay>>,
    video_bitrate: Option<Vec<Range>>,
    video_codec: Option<Vec<VideoCodec>>,
    video_dynamic_range: Option<Vec<DynamicRange>>,
    /// In thousandths of a frame per second.
    video_framerate: Option<Vec<Range>>,
    video_height: Option<Vec<Range>>,
}

/// Numbers from the first to the last, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
}

/// Codecs of audio that a filter can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AudioCodec {
    /// AAC-LC.
    AacLow,
    /// HE-AAC, with or without parametric stereo.
    AacHigh,
    /// AC-3.
    Ac3,
    /// Enhanced AC-3.
    Eac3,
}

/// Codecs of video that a filter can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VideoCodec {
    /// H.264.
    Avc,
    /// H.265.
    Hevc,
}

/// Kinds of trick-play that a filter can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TrickPlay {
    /// Key frames of a video.
    IFrame,
    /// Still images.
    Image,
    /// None at all.
    None,
}

/// `value` is in one of the ranges, or there are none to be in.
fn within(ranges: &Option<Vec<Range>>, value: impl Into<u64>) -> bool {
    let value = value.into();
    ranges.as_ref().is_none_or(|ranges| ranges.iter().any(|range| (range.first..=range.last).contains(&value)))
}

/// `value` is one of the list, or there is no list.
fn listed<T: PartialEq>(list: &Option<Vec<T>>, value: Option<T>) -> bool {
    list.as_ref().is_none_or(|list| value.is_some_and(|value| list.contains(&value)))
}

impl ManifestFilter {
    /// The variant's video is wanted. `height` and the like are those of its newest configuration.
    fn admits_video(&self, video: &Track, bitrate: u64) -> bool {
        let config = video.configs.last().map(AsRef::as_ref);
        let picture = offer::picture(video);
        let (frames, seconds) = video.frame_rate;
        let frame_rate = (u64::from(frames) * 1000 + u64::from(seconds) / 2).checked_div(seconds.into());
        within(&self.video_bitrate, bitrate)
            && listed(&self.video_codec, config.and_then(video_codec))
            && listed(&self.video_dynamic_range, picture.as_ref().map(|picture| picture.dynamic_range))
            && within(&self.video_framerate, frame_rate.unwrap_or(0))
            && within(&self.video_height, picture.map_or(0, |picture| picture.height))
    }

    fn admits_audio(&self, audio: &Track) -> bool {
        let config = audio.configs.last().map(AsRef::as_ref);
        let sound = config.and_then(CodecConfig::sound);
        within(&self.audio_bitrate, audio.first_bitrate)
            && within(&self.audio_channels, sound.map_or(0, |sound| sound.channels))
            && listed(&self.audio_codec, config.and_then(audio_codec))
            && listed(&self.audio_language, audio.language.as_ref().map(|language| language.to_lowercase()))
            && within(&self.audio_sample_rate, sound.map_or(0, |sound| sound.sampling_rate))
    }

    /// Subtitles in this language are wanted.
    pub fn admits_subtitles(&self, language: Option<&str>) -> bool {
        listed(&self.subtitle_language, language.map(str::to_lowercase))
    }

    /// Key frames of pictures of this height are wanted for trick-play.
    pub fn admits_iframes(&self, height: u32) -> bool {
        self.admits_trick_play(TrickPlay::IFrame, height)
    }

    /// Still images of this height are wanted for trick-play.
    pub fn admits_images(&self, height: u32) -> bool {
        self.admits_trick_play(TrickPlay::Image, height)
    }

    fn admits_trick_play(&self, kind: TrickPlay, height: u32) -> bool {
        let wants = |kinds: &Vec<TrickPlay>| kinds.contains(&kind) && !kinds.contains(&TrickPlay::None);
        self.trickplay_type.as_ref().is_none_or(wants) && within(&self.trickplay_height, height)
    }

    /// Drops from an offer what is not wanted. `muxes_audio` says that variants have their audio in their segments.
    pub fn apply(&self, offer: &mut Offer<'_>, muxes_audio: bool) {
        let admits_sound = |variant: &Variant<'_>| variant.audio.iter().all(|track| self.admits_audio(track));
        offer.variants.retain(|variant| match variant.video {
            Some(video) => self.admits_video(video, variant.video_bitrate()) && (!muxes_audio || admits_sound(variant)),
            None => admits_sound(variant),
        });
        offer.audio.retain(|audio| self.admits_audio(audio.track));
        offer.texts.retain(|text| self.admits_subtitles(text.track.language.as_deref()));
    }
}

fn audio_codec(config: &CodecConfig) -> Option<AudioCodec> {
    match config {
        // Audio object types of ISO 14496-3: 5 is SBR, 29 is PS.
        CodecConfig::Aac(aac) if matches!(aac.object_type, 5 | 29) => Some(AudioCodec::AacHigh),
        CodecConfig::Aac(_) => Some(AudioCodec::AacLow),
        CodecConfig::Ac3(_) => Some(AudioCodec::Ac3),
        CodecConfig::Eac3(_) => Some(AudioCodec::Eac3),
        CodecConfig::Avc(_) | CodecConfig::Hevc(_) | CodecConfig::WebVtt => None,
    }
}

fn video_codec(config: &CodecConfig) -> Option<VideoCodec> {
    match config {
        CodecConfig::Avc(_) => Some(VideoCodec::Avc),
        CodecConfig::Hevc(_) => Some(VideoCodec::Hevc),
        CodecConfig::Aac(_) | CodecConfig::Ac3(_) | CodecConfig::Eac3(_) | CodecConfig::WebVtt => None,
    }
}
