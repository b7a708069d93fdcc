//! Whether a commit may happen.

use super::{CommitError, Precondition, StateError};

/// What preconditions are held against.
pub(super) trait Documents {
    /// Whether a document has this key, and if `document` is given, exactly these bytes.
    fn has(&self, key: &str, document: Option<&[u8]>) -> Result<bool, StateError>;

    /// How many documents' keys start with this; may stop counting at `most`.
    fn count(&self, prefix: &str, most: usize) -> Result<usize, StateError>;
}

/// Fails with the first precondition that does not hold.
pub(super) fn check(preconditions: &[Precondition], documents: &impl Documents) -> Result<(), CommitError> {
    for (index, precondition) in preconditions.iter().enumerate() {
        let holds = match precondition {
            Precondition::Absent(key) => !documents.has(key, None)?,
            Precondition::Present(key) => documents.has(key, None)?,
            Precondition::Unchanged(key, document) => documents.has(key, Some(document))?,
            Precondition::NoneWithPrefix(prefix) => documents.count(prefix, 1)? == 0,
            Precondition::FewerThan(prefix, limit) => documents.count(prefix, *limit)? < *limit,
        };
        if !holds {
            return Err(CommitError::PreconditionFailed(index));
        }
    }
    Ok(())
}
