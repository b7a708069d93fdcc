//! What an encoder pushes at one moment.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

/// The file of one PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// File name next to the ingest URL, not percent-encoded.
    pub name: String,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// What is sent.
    pub body: UploadBody,
}

/// Where the bytes of an upload are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadBody {
    /// Here.
    Bytes(Bytes),
    /// In a file, read when it is due.
    File(PathBuf),
}

/// `Content-Type` of playlists, RFC 8216 §4.
pub(super) const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";

impl Upload {
    /// A playlist.
    pub(super) fn playlist(name: String, text: String) -> Self {
        Upload { name, content_type: PLAYLIST_TYPE, body: UploadBody::Bytes(text.into()) }
    }
}

/// What is pushed at one moment: segments, then child playlists, then the parent playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// When it is due, as time since the Unix epoch.
    pub due: Duration,
    /// Segments, then child playlists.
    pub uploads: Vec<Upload>,
    /// The text of the parent playlist, whose name the ingest URL says.
    pub parent: Bytes,
}

/// A live presentation as rounds of uploads: a pure function of the round's number, so that several pushers of one
/// source push the same bytes, and one that starts again goes on where it was.
pub trait LiveSource: Send + Sync + 'static {
    /// Number of the newest round that is due `now` (time since the Unix epoch); `None` if none is yet.
    fn newest_due(&self, now: Duration) -> Option<u64>;

    /// One round; `None` if the presentation ended before it.
    fn round(&self, number: u64) -> Option<Round>;

    /// How many rounds a pusher that starts, or that could not reach its server, goes back: those whose segments
    /// the newest child playlists still list.
    fn window_rounds(&self) -> u64;

    /// The first round that there is.
    fn first_round(&self) -> u64;
}
