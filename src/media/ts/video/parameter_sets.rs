//! Parameter sets by kind and number.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A kind and number of parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::media::ts) enum SetId {
    Video(usize),
    Sequence(usize),
    Picture(usize),
}

/// Parameter sets that a decoder knows at some point of the stream.
#[derive(Debug, Clone, Default)]
pub(in crate::media::ts) struct ParameterSets(BTreeMap<SetId, Bytes>);

impl ParameterSets {
    pub(in crate::media::ts) fn get(&self, id: SetId) -> Option<&Bytes> {
        self.0.get(&id)
    }

    pub(in crate::media::ts) fn set(&mut self, id: SetId, nal: Bytes) {
        self.0.insert(id, nal);
    }

    /// Video parameter sets, in order of their numbers.
    pub(in crate::media::ts) fn video(&self) -> Vec<Bytes> {
        self.of(|id| matches!(id, SetId::Video(_)))
    }

    /// Sequence parameter sets, in order of their numbers.
    pub(in crate::media::ts) fn sequence(&self) -> Vec<Bytes> {
        self.of(|id| matches!(id, SetId::Sequence(_)))
    }

    /// Picture parameter sets, in order of their numbers.
    pub(in crate::media::ts) fn picture(&self) -> Vec<Bytes> {
        self.of(|id| matches!(id, SetId::Picture(_)))
    }

    fn of(&self, is_wanted: impl Fn(&SetId) -> bool) -> Vec<Bytes> {
        self.0.iter().filter(|(id, _)| is_wanted(id)).map(|(_, set)| set.clone()).collect()
    }
}
