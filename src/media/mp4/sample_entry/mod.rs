//! Sample entries: what `stsd` says of the codec (ISO 14496-12 §8.5.2).

mod audio;
mod text;
mod video;

use super::Mp4WriteError;
use super::box_writer::BoxWriter;
use crate::media::codec::{AacConfig, Ac3Config, CodecConfig, Eac3Config};
use video::VideoEntry;

/// What is known of a sample entry before it is written, so that writing cannot fail half way.
pub(super) enum SampleEntry<'a> {
    Video(VideoEntry<'a>),
    Aac(&'a AacConfig),
    Ac3(&'a Ac3Config),
    Eac3(&'a Eac3Config),
    /// What WebVTT becomes.
    Ttml,
}

impl<'a> SampleEntry<'a> {
    /// Checks that the format can carry the configuration.
    pub(super) fn new(config: &'a CodecConfig) -> Result<SampleEntry<'a>, Mp4WriteError> {
        match config {
            CodecConfig::Avc(config) => VideoEntry::avc(config).map(SampleEntry::Video),
            CodecConfig::Hevc(config) => VideoEntry::hevc(config).map(SampleEntry::Video),
            CodecConfig::Aac(config) => {
                at_most("AudioSpecificConfig length", config.audio_specific_config.len(), 1_024)?;
                Ok(SampleEntry::Aac(config))
            }
            CodecConfig::WebVtt => Ok(SampleEntry::Ttml),
            CodecConfig::Ac3(config) => Ok(SampleEntry::Ac3(config)),
            CodecConfig::Eac3(config) => {
                at_most("number of independent substreams", config.substreams.len(), 8)?;
                Ok(SampleEntry::Eac3(config))
            }
        }
    }

    /// Writes the entry.
    pub(super) fn write(&self, writer: &mut BoxWriter) {
        match self {
            SampleEntry::Video(entry) => entry.write(writer),
            SampleEntry::Aac(config) => audio::write_aac(writer, config),
            SampleEntry::Ac3(config) => audio::write_ac3(writer, config),
            SampleEntry::Eac3(config) => audio::write_eac3(writer, config),
            SampleEntry::Ttml => text::write_ttml(writer),
        }
    }
}

fn at_most(field: &'static str, value: usize, limit: usize) -> Result<(), Mp4WriteError> {
    if value > limit { Err(Mp4WriteError::TooLarge { field, value, limit }) } else { Ok(()) }
}
