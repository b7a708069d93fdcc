//! What an MPD says of a codec beside its name: channels, objects, colour.

use crate::manifest::mpd::{AdaptationSet, Descriptor};
use crate::media::codec::colour::DynamicRange;
use crate::media::codec::{CodecConfig, aac};

/// ISO 23003-3: the value is a `ChannelConfiguration` of ISO 23091-3.
const CHANNELS_MPEG: &str = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";
/// ETSI TS 102 366 §I.1.2.1: the value is a channel map of four hexadecimal digits.
const CHANNELS_DOLBY: &str = "tag:dolby.com,2014:dash:audio_channel_configuration:2011";
/// ETSI TS 103 420 §D.2: E-AC-3 with objects, and the complexity of the stream.
const EXTENSION_TYPE: &str = "tag:dolby.com,2018:dash:EC3_ExtensionType:2018";
const EXTENSION_COMPLEXITY: &str = "tag:dolby.com,2018:dash:EC3_ExtensionComplexityIndex:2018";
/// ISO 23091-2: code points of colour.
const COLOUR_PRIMARIES: &str = "urn:mpeg:mpegB:cicp:ColourPrimaries";
const TRANSFER_CHARACTERISTICS: &str = "urn:mpeg:mpegB:cicp:TransferCharacteristics";
const MATRIX_COEFFICIENTS: &str = "urn:mpeg:mpegB:cicp:MatrixCoefficients";

fn descriptor(scheme_id_uri: &str, value: impl ToString) -> Descriptor {
    Descriptor { scheme_id_uri: scheme_id_uri.to_owned(), value: Some(value.to_string()) }
}

/// `AudioChannelConfiguration`; `None` for video and text.
pub(super) fn audio_channels(config: &CodecConfig) -> Option<Descriptor> {
    let dolby = |map: u16| descriptor(CHANNELS_DOLBY, format_args!("{map:04X}"));
    match config {
        CodecConfig::Avc(_) | CodecConfig::Hevc(_) | CodecConfig::WebVtt => None,
        CodecConfig::Aac(aac) => Some(descriptor(CHANNELS_MPEG, aac::channel_configuration(aac))),
        CodecConfig::Ac3(ac3) => Some(dolby(ac3.channel_map())),
        CodecConfig::Eac3(eac3) => Some(dolby(eac3.channel_map())),
    }
}

/// `SupplementalProperty` descriptors of E-AC-3 with objects.
pub(super) fn object_properties(config: &CodecConfig) -> Vec<Descriptor> {
    let Some(complexity) = config.sound().and_then(|sound| sound.objects) else { return Vec::new() };
    vec![descriptor(EXTENSION_TYPE, "JOC"), descriptor(EXTENSION_COMPLEXITY, complexity)]
}

/// `EssentialProperty` descriptors of video whose range is not standard (DASH-IF IOP 4.3 §10.4): a player that does not
/// know them would show wrong colours.
pub(super) fn colour_properties(config: &CodecConfig) -> Vec<Descriptor> {
    let CodecConfig::Hevc(hevc) = config else { return Vec::new() };
    let Some(colour) = hevc.colour.filter(|colour| colour.dynamic_range() != DynamicRange::Standard) else {
        return Vec::new();
    };
    vec![
        descriptor(COLOUR_PRIMARIES, colour.primaries),
        descriptor(TRANSFER_CHARACTERISTICS, colour.transfer),
        descriptor(MATRIX_COEFFICIENTS, colour.matrix),
    ]
}

/// Says once for the set what all of its representations say.
pub(super) fn lift_common_colour(set: &mut AdaptationSet) {
    let Some(first) = set.representations.first() else { return };
    let common = first.essential_properties.clone();
    if set.representations.iter().all(|representation| representation.essential_properties == common) {
        set.representations.iter_mut().for_each(|representation| representation.essential_properties.clear());
        set.essential_properties.extend(common);
    }
}
