//! A channel and its two ingest endpoints.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Owner;

/// The 32 hexadecimal digits that name a channel in ARNs and ingest URLs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChannelGuid(pub String);

impl fmt::Display for ChannelGuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Text that never shows in logs or `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself: for comparing and for answers of the API, never for logs.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// A channel as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name in URLs; unique over all accounts and regions.
    pub guid: ChannelGuid,
    /// The id that its owner chose; unique per account and region only.
    pub id: String,
    /// Whose it is, and its endpoints with it.
    pub owner: Owner,
    /// The two doors for encoders, in the order of the API's answers.
    pub ingest_endpoints: [IngestEndpoint; 2],
}

/// One of a channel's two doors for encoders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestEndpoint {
    /// The last-but-one path element of its URL.
    pub id: String,
    /// User name of the digest authentication.
    pub username: String,
    /// Password of the digest authentication.
    pub password: Secret,
}
