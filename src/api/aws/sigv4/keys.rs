//! The access keys that a server knows.

use std::fmt;

use super::Refusal;
use crate::config::AccessKey;

/// The access keys that a server knows, with secret and account.
#[derive(Clone)]
pub struct KnownKeys {
    keys: Vec<Key>,
}

/// One of them.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) account: String,
}

impl KnownKeys {
    /// These keys; those without an account belong to `default_account`. Of two with one id the last holds.
    pub fn new(keys: &[AccessKey], default_account: &str) -> Self {
        let mut known: Vec<Key> = Vec::new();
        for key in keys {
            known.retain(|earlier| earlier.id != key.id);
            let account = key.account.clone().unwrap_or_else(|| default_account.to_owned());
            known.push(Key { id: key.id.clone(), secret: key.secret.clone(), account });
        }
        KnownKeys { keys: known }
    }

    /// The account of a key, if it is known.
    pub fn account(&self, access_key: &str) -> Option<&str> {
        self.keys.iter().find(|key| key.id == access_key).map(|key| key.account.as_str())
    }

    pub(super) fn get(&self, access_key: &str) -> Result<&Key, Refusal> {
        self.keys
            .iter()
            .find(|key| key.id == access_key)
            .ok_or_else(|| Refusal::UnknownKey { given: access_key.to_owned(), known: self.ids() })
    }

    fn ids(&self) -> String {
        const SHOWN: usize = 5;
        let mut ids: Vec<String> = self.keys.iter().take(SHOWN).map(|key| format!("{:?}", key.id)).collect();
        if self.keys.len() > SHOWN {
            ids.push(format!("{} more", self.keys.len() - SHOWN));
        }
        if ids.is_empty() { "none at all".to_owned() } else { ids.join(", ") }
    }
}

impl fmt::Debug for KnownKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KnownKeys({})", self.ids())
    }
}
