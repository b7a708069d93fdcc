//! The newest changes, in memory: enough for a follower that keeps up.

use std::collections::VecDeque;

use super::{Change, Revision, Write};

/// Most changes that are remembered.
const MOST_CHANGES: usize = 4096;

/// Most bytes of documents that are remembered.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The newest changes, whole commits only.
#[derive(Debug)]
pub(super) struct ChangeLog {
    /// Every change after this revision is remembered.
    complete_since: Revision,
    newest: Revision,
    changes: VecDeque<Change>,
    bytes: usize,
}

impl ChangeLog {
    /// A log that knows nothing before `revision`.
    pub(super) fn starting_at(revision: Revision) -> Self {
        ChangeLog { complete_since: revision, newest: revision, changes: VecDeque::new(), bytes: 0 }
    }

    /// The number of the last commit.
    pub(super) fn newest(&self) -> Revision {
        self.newest
    }

    /// Remembers a commit.
    pub(super) fn push(&mut self, revision: Revision, writes: Vec<Write>) {
        self.newest = revision;
        for write in writes {
            self.bytes += size(&write);
            self.changes.push_back(Change { revision, write });
        }
        while self.changes.len() > MOST_CHANGES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.changes.front().map(|change| change.revision) else { break };
            self.complete_since = oldest;
            while let Some(change) = self.changes.pop_front_if(|change| change.revision == oldest) {
                self.bytes -= size(&change.write);
            }
        }
    }

    /// The changes after `since`, or `None` if some of them are forgotten or `since` is of no commit yet.
    pub(super) fn since(&self, since: Revision) -> Option<Vec<Change>> {
        if since < self.complete_since || since > self.newest {
            return None;
        }
        Some(self.changes.iter().filter(|change| change.revision > since).cloned().collect())
    }
}

fn size(write: &Write) -> usize {
    match write {
        Write::Put(key, document) => key.len() + document.len(),
        Write::Delete(key) => key.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_is_forgotten_by_whole_commits() {
        let mut log = ChangeLog::starting_at(5);
        assert_eq!(log.since(5), Some(vec![]));
        assert_eq!(log.since(4), None);
        for revision in 6..10_000 {
            log.push(revision, vec![Write::Delete("a".into()), Write::Delete("b".into())]);
        }
        assert_eq!(log.since(5), None);
        assert_eq!(log.since(9_998).map(|changes| changes.len()), Some(2));
        let oldest = log.changes.front().map(|change| change.revision).unwrap();
        assert_eq!(log.since(oldest - 1).map(|changes| changes.len()), Some(log.changes.len()));
        assert_eq!(log.since(oldest - 2), None);
    }
}
