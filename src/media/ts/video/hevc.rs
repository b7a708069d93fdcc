//! H.265 (ISO 23008-2). Pictures that are fields are samples of their own. NAL units of other layers than the base
//! layer stay in the samples and say nothing here.

use super::parameter_sets::{ParameterSets, SetId};
use super::syntax::{NalRole, PictureStart, VideoSyntax};
use crate::media::codec::hevc::{
    BrightnessMessages, NalHeader, SequenceParameters, is_first_slice, nal_unit_type, picture_parameter_set_id,
    read_brightness_messages, video_parameter_set_id,
};
use crate::media::codec::{CodecConfig, HevcConfig};

/// What an H.265 stream said so far.
#[derive(Default)]
pub(in crate::media::ts) struct HevcSyntax {
    /// The first ones of the stream, for all of its configurations.
    brightness: BrightnessMessages,
}

impl VideoSyntax for HevcSyntax {
    fn role(nal: &[u8]) -> NalRole {
        let Some(header) = NalHeader::read(nal).filter(|header| header.layer == 0) else {
            return NalRole::Other { begins_unit: false };
        };
        if header.is_slice() {
            return NalRole::Slice { is_first: is_first_slice(nal), is_sync: header.is_random_access_point() };
        }
        match header.unit_type {
            nal_unit_type::VPS | nal_unit_type::SPS | nal_unit_type::PPS => NalRole::ParameterSet,
            nal_unit_type::ACCESS_UNIT_DELIMITER => NalRole::Delimiter,
            nal_unit_type::PREFIX_SEI => NalRole::Message,
            // ISO 23008-2 §7.4.2.4.4.
            kind => NalRole::Other { begins_unit: matches!(kind, 41..=44 | 48..=55) },
        }
    }

    fn set_id(nal: &[u8]) -> Option<SetId> {
        match NalHeader::read(nal)?.unit_type {
            nal_unit_type::VPS => video_parameter_set_id(nal).map(SetId::Video),
            nal_unit_type::SPS => SequenceParameters::read_id(nal).map(SetId::Sequence),
            _ => picture_parameter_set_id(nal).map(SetId::Picture),
        }
    }

    fn learn(&mut self, id: SetId, nal: &[u8]) -> bool {
        match id {
            SetId::Sequence(_) => SequenceParameters::read(nal).is_ok(),
            // Their numbers were read, and nothing else of them is.
            SetId::Video(_) | SetId::Picture(_) => true,
        }
    }

    fn message(&mut self, nal: &[u8], _asks_for_recovery: bool) -> bool {
        if !self.brightness.is_complete() {
            read_brightness_messages(nal, &mut self.brightness);
        }
        false
    }

    fn picture(&self, _slice: &[u8], _asks_for_intra: bool) -> PictureStart {
        PictureStart::default()
    }

    fn config(&self, sets: &ParameterSets) -> Option<CodecConfig> {
        let config = HevcConfig::from_parameter_sets(sets.video(), sets.sequence(), sets.picture(), self.brightness);
        config.ok().map(CodecConfig::Hevc)
    }
}
