//! H.264 (ISO 14496-10): arbitrary slice order is not supported.

use std::collections::BTreeMap;

use super::parameter_sets::{ParameterSets, SetId};
use super::syntax::{NalRole, PictureStart, VideoSyntax};
use crate::media::bits::RbspBits;
use crate::media::codec::avc::{
    Field, MAXIMUM_SPS_ID, SequenceParameters, SliceStart, has_recovery_point, is_first_slice, nal_unit_type,
    picture_parameter_ids, unit_type,
};
use crate::media::codec::{AvcConfig, CodecConfig};

/// What an H.264 stream said so far.
#[derive(Default)]
pub(in crate::media::ts) struct AvcSyntax {
    sequences: BTreeMap<usize, SequenceParameters>,
    sequence_of_picture: BTreeMap<usize, usize>,
    has_fields: bool,
}

impl VideoSyntax for AvcSyntax {
    fn role(nal: &[u8]) -> NalRole {
        let kind = unit_type(nal.first().copied().unwrap_or_default());
        match kind {
            nal_unit_type::SLICE | nal_unit_type::SLICE_PARTITION_A | nal_unit_type::IDR_SLICE => {
                NalRole::Slice { is_first: is_first_slice(nal), is_sync: kind == nal_unit_type::IDR_SLICE }
            }
            nal_unit_type::SEI => NalRole::Message,
            nal_unit_type::SPS | nal_unit_type::PPS => NalRole::ParameterSet,
            nal_unit_type::ACCESS_UNIT_DELIMITER => NalRole::Delimiter,
            // ISO 14496-10 §7.4.1.2.3.
            _ => NalRole::Other { begins_unit: (15..=18).contains(&kind) },
        }
    }

    fn set_id(nal: &[u8]) -> Option<SetId> {
        if unit_type(*nal.first()?) == nal_unit_type::PPS {
            return picture_parameter_ids(nal).ok().map(|(id, _)| SetId::Picture(id));
        }
        let mut bits = RbspBits::new(nal, 1);
        bits.skip(24)?;
        let id = usize::try_from(bits.unsigned()?).ok()?;
        (id <= MAXIMUM_SPS_ID).then_some(SetId::Sequence(id))
    }

    fn learn(&mut self, id: SetId, nal: &[u8]) -> bool {
        match id {
            SetId::Video(_) => false,
            SetId::Sequence(id) => SequenceParameters::read(nal).is_ok_and(|parameters| {
                self.has_fields |= !parameters.frames_only;
                self.sequences.insert(id, parameters);
                true
            }),
            SetId::Picture(id) => picture_parameter_ids(nal).is_ok_and(|(_, sequence)| {
                self.sequence_of_picture.insert(id, sequence);
                true
            }),
        }
    }

    fn message(&mut self, nal: &[u8], asks_for_recovery: bool) -> bool {
        asks_for_recovery && has_recovery_point(nal)
    }

    fn picture(&self, slice: &[u8], asks_for_intra: bool) -> PictureStart {
        if !self.has_fields && !asks_for_intra {
            return PictureStart::default();
        }
        let Some(start) = SliceStart::read(slice) else { return PictureStart::default() };
        let sequence = self.sequence_of_picture.get(&start.picture_parameter_set);
        let sequence = sequence.and_then(|sequence| self.sequences.get(sequence)).filter(|_| self.has_fields);
        PictureStart { is_intra: start.is_intra, field: sequence.and_then(|sequence| Field::read(slice, sequence)) }
    }

    fn config(&self, sets: &ParameterSets) -> Option<CodecConfig> {
        AvcConfig::from_parameter_sets(sets.sequence(), sets.picture()).ok().map(CodecConfig::Avc)
    }
}
