//! What is known of one channel: tracks on a common clock, their segments, where the timeline breaks, and
//! which part of it a request sees. Pure: time comes in as an argument, payload stays outside.
//!
//! One channel is one fold over [`ChannelEvent`]s: [`ChannelState::apply`]. Everything that decides —
//! when a segment is published, when it is given up, which input plays, which number it gets — follows
//! from the events alone, so replaying a journal gives the same channel again.
//!
//! * [`intake`]: what each input pushed: names in playlists ↔ stored objects, in order per stream.
//! * [`timeline`]: slots: one source segment period over all tracks of one input.
//! * [`side`]: subtitles beside the media.
//! * [`line`]: the closed slots of both inputs, as long as media is kept.
//! * [`output`]: source segments combined to an endpoint's segments, and numbered.
//! * [`index`]: what keeps slots and segments for weeks in little memory.
//! * [`archive`]: what of it is stored apart from checkpoints.
//! * [`object`]: names of stored segments.
//! * [`failover`]: which input an endpoint plays; [`alignment`]: where one input's slots lie on the other's timeline.
//! * [`ads`]: the ads that begin and end between an endpoint's segments.
//! * [`view`]: the part that one request sees.

pub mod ad_signal;
pub mod ads;
pub mod alignment;
pub mod archive;
pub mod event;
pub mod failover;
pub mod index;
pub mod intake;
pub mod line;
pub mod message;
pub mod object;
pub mod output;
pub mod side;
pub mod state;
pub mod timeline;
pub mod track;
pub mod view;

#[cfg(test)]
mod scenarios;
#[cfg(test)]
pub mod simulation;

pub use ad_signal::AdKind;
pub use ads::{AdBreak, AdBreakEnd};
pub use archive::{ArchivedChunk, ArchivedUntil, ListName};
pub use event::{
    CaptionDeclaration, ChannelEvent, CueSpan, InputIndex, NamedSegment, StoredMessage, StoredText, StoredTrack,
    StreamDeclaration, StreamRole,
};
pub use failover::SwitchReason;
pub use line::{Line, LineOrigin, LineSlot, Lines};
pub use message::{MessageKind, TimedMessage};
pub use object::{ObjectId, SeriesTable};
pub use output::{ClockAnchor, InputSwitch, OutputSegment, OutputTimeline, Run};
pub use side::TextSegment;
pub use state::{ChannelState, Fact, Snapshot};
pub use timeline::{GapReason, Piece, TrackSegment};
pub use track::{Stream, StreamId, Track, TrackId};
pub use view::{OutOfReach, Reach, TimeRange, View};
