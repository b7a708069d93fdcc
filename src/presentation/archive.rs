//! What of a channel is stored apart from its checkpoints, because it is large and never changes: the large chunks of its
//! lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::InputIndex;
use super::index::LargeChunk;
use super::state::ChannelState;
use crate::resources::EndpointGuid;

/// One of a channel's lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ListName {
    /// The slots of an input.
    Line(InputIndex),
    /// The segments of an endpoint.
    Output(EndpointGuid),
}

/// A large chunk of one of a channel's lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedChunk {
    /// The list.
    pub list: ListName,
    /// The chunk.
    pub chunk: LargeChunk,
}

/// How much of each list is archived: the number after its last archived element.
pub type ArchivedUntil = BTreeMap<ListName, u64>;

impl ChannelState {
    /// How far each list would be archived if all its large chunks were.
    pub fn archivable_until(&self) -> ArchivedUntil {
        let lines = InputIndex::BOTH.map(|input| (ListName::Line(input), self.lines.of(input).slots().large_end()));
        let outputs = self
            .outputs
            .iter()
            .map(|(endpoint, output)| (ListName::Output(endpoint.clone()), output.list().large_end()));
        lines.into_iter().chain(outputs).collect()
    }

    /// The chunks that are not archived yet.
    pub fn unarchived(&self, until: &ArchivedUntil) -> Vec<ArchivedChunk> {
        let from = |list: &ListName| until.get(list).copied().unwrap_or(0);
        let mut chunks = Vec::new();
        for input in InputIndex::BOTH {
            let list = ListName::Line(input);
            let large = self.lines.of(input).slots().large_chunks(from(&list));
            chunks.extend(large.map(|chunk| ArchivedChunk { list: list.clone(), chunk }));
        }
        for (endpoint, output) in &self.outputs {
            let list = ListName::Output(endpoint.clone());
            let large = output.list().large_chunks(from(&list));
            chunks.extend(large.map(|chunk| ArchivedChunk { list: list.clone(), chunk }));
        }
        chunks
    }

    /// Puts a chunk back into its list; one whose list or place is gone is passed over.
    pub fn put_back(&mut self, ArchivedChunk { list, chunk }: ArchivedChunk) {
        match list {
            ListName::Line(input) => self.lines.put_back(input, chunk),
            ListName::Output(endpoint) => {
                if let Some(output) = self.outputs.get_mut(&endpoint) {
                    output.put_back(chunk);
                }
            }
        }
    }

    /// Elements of its lists that were not put back: their chunks are lost.
    pub fn missing(&self) -> u64 {
        let lines = InputIndex::BOTH.iter().map(|input| self.lines.of(*input).slots().missing());
        lines.chain(self.outputs.values().map(|output| output.list().missing())).sum()
    }
}
