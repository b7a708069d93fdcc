//! What is known of one channel: tracks on a common clock, their segments, where the timeline breaks, and
//! which part of it a request sees. Pure: time comes in as an argument, payload stays outside.
//!
//! One channel is one fold over [`ChannelEvent`]s: [`ChannelState::apply`]. Everything that decides —
//! when a segment is published, when it is given up, which input plays, which number it gets — follows
//! from the events alone, so replaying a journal gives the same channel again.
//!
//! * [`intake`]: what each input pushed: names in playlists ↔ stored objects, in order per stream.
//! * [`timeline`]: slots: one source segment period over all tracks of one input.
//! * [`line`]: the channel's line: the slots that are played, from whichever input was active.
//! * [`output`]: source segments combined to an endpoint's segments, and numbered.
//! * [`object`]: names of stored segments.
//! * [`view`]: the part that one request sees.

pub mod chunked;
pub mod event;
pub mod intake;
pub mod line;
pub mod message;
pub mod object;
pub mod output;
pub mod state;
pub mod timeline;
pub mod track;
pub mod view;

#[cfg(test)]
mod scenarios;

pub use event::{ChannelEvent, InputIndex, NamedSegment, StoredMessage, StoredTrack, StreamDeclaration, StreamRole};
pub use line::{Line, LineOrigin, LineSlot};
pub use message::{MessageKind, TimedMessage};
pub use object::{ObjectId, SeriesTable};
pub use output::{OutputSegment, OutputTimeline, Run};
pub use state::{ChannelState, Fact, Snapshot};
pub use timeline::{GapReason, Piece, TrackSegment};
pub use track::{Stream, StreamId, Track, TrackId};
pub use view::View;
