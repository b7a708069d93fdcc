//! HLS playlists (RFC 8216): what an encoder pushes is read, what a player asks for is written, both as the same
//! types.
//!
//! [`read_playlist`] takes what encoders send (byte order mark, CRLF, unknown tags) and refuses what could do harm,
//! with the line and the rule. [`ParentPlaylist::to_text`] and [`MediaPlaylist::to_text`] write the tags and
//! attributes in the order in which AWS Elemental MediaPackage does.

mod ad_tags;
mod attributes;
mod decimal;
mod media;
mod names;
mod parent;
mod read;
mod read_media;
mod read_parent;
mod uri;
mod write;
mod write_media;
mod write_parent;

pub use ad_tags::{CueTag, DateRange, DateRangeSection};
pub use media::{MediaPlaylist, MediaSegment, PlaylistType};
pub use names::named_files;
pub use parent::{ClosedCaptions, FrameRate, IFrameVariant, MediaType, ParentPlaylist, Rendition, Variant, VideoRange};
pub use read::{LineProblem, Playlist, PlaylistError, PlaylistLimits, read_playlist};
pub use uri::{UriProblem, check_relative_uri};
pub use write::PlaylistWriteError;
