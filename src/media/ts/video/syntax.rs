//! What the common part must be told of a codec.

use super::parameter_sets::{ParameterSets, SetId};
use crate::media::codec::CodecConfig;
use crate::media::codec::avc::Field;

/// What a NAL unit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media::ts) enum NalRole {
    /// Only says that an access unit begins; dropped.
    Delimiter,
    /// A parameter set.
    ParameterSet,
    /// A message (SEI) before the picture that it is about.
    Message,
    /// Part of the picture that is shown.
    Slice {
        /// The first part.
        is_first: bool,
        /// A decoder can start here.
        is_sync: bool,
    },
    /// Anything else; stays in the samples.
    Other {
        /// It lies before the picture of its access unit.
        begins_unit: bool,
    },
}

/// What the first slice says of its picture.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::media::ts) struct PictureStart {
    /// All of the picture is intra coded, as far as the first slice tells.
    pub(in crate::media::ts) is_intra: bool,
    /// The picture is one field of a frame that is one sample with its other field.
    pub(in crate::media::ts) field: Option<Field>,
}

/// A codec whose stream is NAL units; remembers of the stream what later units need.
pub(in crate::media::ts) trait VideoSyntax: Default {
    /// What a NAL unit, at least one byte, is for.
    fn role(nal: &[u8]) -> NalRole;

    /// Kind and number of a parameter set; `None` if it is cut off or out of bounds.
    fn set_id(nal: &[u8]) -> Option<SetId>;

    /// Takes a parameter set that is new; false if it does not parse.
    fn learn(&mut self, id: SetId, nal: &[u8]) -> bool;

    /// Takes a message; true if it says that a decoder can recover from here on (asked for only if that matters).
    fn message(&mut self, nal: &[u8], asks_for_recovery: bool) -> bool;

    /// Reads the first slice of a picture.
    fn picture(&self, slice: &[u8], asks_for_intra: bool) -> PictureStart;

    /// The decoder configuration that the sets make; `None` if there is no usable sequence parameter set.
    fn config(&self, sets: &ParameterSets) -> Option<CodecConfig>;
}
