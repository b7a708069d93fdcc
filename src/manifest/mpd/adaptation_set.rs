//! Adaptation sets and representations, ISO 23009-1 §5.3.3 and §5.3.5.

use super::{Descriptor, SegmentTemplate, is_language_tag};

/// Representations that a player may switch between.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdaptationSet {
    /// `@id`, unique in the period; `None` where nothing refers to the set.
    pub id: Option<u32>,
    /// `@contentType`, such as `video`.
    pub content_type: Option<&'static str>,
    /// `@mimeType`.
    pub mime_type: String,
    /// `@segmentAlignment`.
    pub segment_alignment: bool,
    /// `@subsegmentAlignment`, written if true.
    pub subsegment_alignment: bool,
    /// `@startWithSAP`: every segment starts with a stream access point of this type.
    pub start_with_sap: Option<u8>,
    /// `@subsegmentStartsWithSAP`.
    pub subsegment_starts_with_sap: Option<u8>,
    /// `@bitstreamSwitching`, written if true.
    pub bitstream_switching: bool,
    /// `@maxWidth` and `@maxHeight` in pixels.
    pub max_resolution: Option<(u32, u32)>,
    /// `@maxFrameRate` as a fraction.
    pub max_frame_rate: Option<(u32, u32)>,
    /// `@codingDependency`, written if it is known: whether samples are decoded with the help of others.
    pub coding_dependency: Option<bool>,
    /// `@lang`, a language tag.
    pub language: Option<String>,
    /// `Label`, for people to read.
    pub label: Option<String>,
    /// `EssentialProperty`: a player that does not know one of these leaves the set alone.
    pub essential_properties: Vec<Descriptor>,
    /// `InbandEventStream`: what its segments carry in event messages.
    pub inband_event_streams: Vec<Descriptor>,
    /// `Accessibility`, such as captions in the video.
    pub accessibility: Vec<Descriptor>,
    /// Values of `Role` descriptors of scheme `urn:mpeg:dash:role:2011`, such as `main`.
    pub roles: Vec<String>,
    /// The template that representations without their own use (compact layout).
    pub segment_template: Option<SegmentTemplate>,
    /// The representations.
    pub representations: Vec<Representation>,
}

impl AdaptationSet {
    /// A set of video tracks in fragmented MP4 whose segments are aligned and start with IDR pictures.
    pub fn video() -> AdaptationSet {
        AdaptationSet {
            mime_type: "video/mp4".to_owned(),
            segment_alignment: true,
            subsegment_alignment: true,
            start_with_sap: Some(1),
            subsegment_starts_with_sap: Some(1),
            bitstream_switching: true,
            ..AdaptationSet::default()
        }
    }

    /// A set of one video's key frames, to be shown while a player winds; `video_set` is the id of the set with all of
    /// its frames (DASH-IF IOP 4.3 §3.2.9).
    pub fn trick_mode(video_set: u32) -> AdaptationSet {
        AdaptationSet {
            coding_dependency: Some(false),
            essential_properties: vec![Descriptor {
                scheme_id_uri: "http://dashif.org/guidelines/trickmode".to_owned(),
                value: Some(video_set.to_string()),
            }],
            bitstream_switching: false,
            ..AdaptationSet::video()
        }
    }

    /// A set of audio tracks in fragmented MP4. Alignment is not promised: audio segments are cut at whole frames.
    ///
    /// A `language` that is no language tag (encoders write all kinds of things there) is left out.
    pub fn audio(language: Option<&str>, label: Option<&str>) -> AdaptationSet {
        AdaptationSet {
            mime_type: "audio/mp4".to_owned(),
            language: language.filter(|language| is_language_tag(language)).map(str::to_owned),
            label: label.map(str::to_owned),
            ..AdaptationSet::default()
        }
    }
}

impl AdaptationSet {
    /// A set of one subtitle track in fragmented MP4. A `language` that is no language tag is left out.
    pub fn text(language: Option<&str>, label: Option<&str>, forced: bool) -> AdaptationSet {
        AdaptationSet {
            content_type: Some("text"),
            mime_type: "application/mp4".to_owned(),
            segment_alignment: true,
            start_with_sap: Some(1),
            roles: vec![if forced { "forced-subtitle" } else { "subtitle" }.to_owned()],
            ..AdaptationSet::audio(language, label)
        }
    }
}

/// One encoding of a track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Representation {
    /// `@id`, without white space.
    pub id: String,
    /// `@width` and `@height` in pixels.
    pub resolution: Option<(u32, u32)>,
    /// `@frameRate` as a fraction.
    pub frame_rate: Option<(u32, u32)>,
    /// `@maxPlayoutRate`: at this multiple of the usual speed all samples can still be decoded in time.
    pub max_playout_rate: Option<u32>,
    /// `@bandwidth`, bits per second.
    pub bandwidth: u32,
    /// `@audioSamplingRate`, samples per second.
    pub audio_sampling_rate: Option<u32>,
    /// `@codecs`, RFC 6381.
    pub codecs: String,
    /// `AudioChannelConfiguration`.
    pub audio_channels: Option<Descriptor>,
    /// `EssentialProperty`: players that do not know one pass the representation over.
    pub essential_properties: Vec<Descriptor>,
    /// `SupplementalProperty`.
    pub supplemental_properties: Vec<Descriptor>,
    /// Its own template (full layout).
    pub segment_template: Option<SegmentTemplate>,
}
