//! Codecs as quality levels of Smooth Streaming (MS-SSTR §2.2.2.5).

use bytes::Bytes;

use crate::manifest::smooth::{LevelDetails, QualityLevel};
use crate::media::codec::{AacConfig, CodecConfig};

/// `wFormatTag` of AAC without ADTS headers (WAVE_FORMAT_RAW_AAC1).
const RAW_AAC: u16 = 0x00FF;

/// A codec as a quality level; `None` if the service's Smooth Streaming has no place for it.
pub(super) fn quality_level(config: &CodecConfig, bitrate: u32) -> Option<QualityLevel> {
    match config {
        CodecConfig::Avc(avc) => Some(QualityLevel {
            bitrate,
            four_cc: "H264",
            codec_private_data: annex_b([&avc.sequence_parameter_sets, &avc.picture_parameter_sets]),
            details: LevelDetails::Video { width: avc.width, height: avc.height },
        }),
        CodecConfig::Hevc(hevc) => Some(QualityLevel {
            bitrate,
            four_cc: "HVC1",
            codec_private_data: annex_b([
                &hevc.video_parameter_sets,
                &hevc.sequence_parameter_sets,
                &hevc.picture_parameter_sets,
            ]),
            details: LevelDetails::Video { width: hevc.width, height: hevc.height },
        }),
        CodecConfig::Aac(aac) => Some(QualityLevel {
            bitrate,
            four_cc: aac_four_cc(aac),
            codec_private_data: aac.audio_specific_config.to_vec(),
            details: LevelDetails::Audio {
                audio_tag: RAW_AAC,
                channels: aac.channels,
                sampling_rate: aac.sampling_rate,
            },
        }),
        CodecConfig::Ac3(_) | CodecConfig::Eac3(_) | CodecConfig::WebVtt => None,
    }
}

/// Parameter sets behind start codes (ISO 14496-10 and ISO 23008-2, annex B).
fn annex_b<'a>(sets: impl IntoIterator<Item = &'a Vec<Bytes>>) -> Vec<u8> {
    const START_CODE: [u8; 4] = [0, 0, 0, 1];
    sets.into_iter().flatten().flat_map(|set| START_CODE.iter().chain(set)).copied().collect()
}

/// `AACL` for AAC-LC, `AACH` with spectral band replication (audio object types 5 and 29).
fn aac_four_cc(aac: &AacConfig) -> &'static str {
    if matches!(aac.object_type, 5 | 29) { "AACH" } else { "AACL" }
}
