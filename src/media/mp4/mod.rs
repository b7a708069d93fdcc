//! Fragmented MP4: initialization segments and the headers of media segments (ISO 14496-12, ISO 14496-15,
//! ISO 14496-14, with the constraints of CMAF, ISO 23000-19, and DASH, ISO 23009-1 §6.3).
//!
//! A media segment is never assembled here: [`media_segment_header`] gives everything up to the first byte of
//! payload, and the segment is that header followed by the payload as it is stored.

mod box_writer;
mod event_message;
mod fragment;
mod init;
mod sample_entry;
mod smooth;

#[cfg(test)]
mod read_back;

pub use event_message::EventMessage;
pub use fragment::{Fragment, media_segment_header};
pub use init::{InitTrack, init_segment};
pub use smooth::{FragmentTime, SmoothTimes, smooth_fragment_header};

/// Why an MP4 structure cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mp4WriteError {
    /// A timescale of 0.
    #[error("the timescale of track {track_id} is 0")]
    ZeroTimescale {
        /// The track.
        track_id: u32,
    },
    /// `track_ID` 0 is not allowed, ISO 14496-12 §8.3.2.
    #[error("track_ID is 0")]
    ZeroTrackId,
    /// A fragment without samples.
    #[error("the fragment of track {track_id} at {decode_time} has no samples")]
    EmptyFragment {
        /// The track.
        track_id: u32,
        /// Its decoding time.
        decode_time: u64,
    },
    /// More event messages than belong into one segment.
    #[error("the fragment has event messages of {bytes} bytes, more than {limit}")]
    TooManyEvents {
        /// Their size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More samples than a fragment's 32-bit sizes can describe.
    #[error("the fragment has {count} samples, more than {limit}")]
    TooManySamples {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A parameter set or configuration is longer or there are more of them than the format can say.
    #[error("{field} is {value}, more than the {limit} that the format allows")]
    TooLarge {
        /// What is too large, in the words of the format.
        field: &'static str,
        /// Its value.
        value: usize,
        /// The format's limit.
        limit: usize,
    },
    /// No sequence or picture parameter set, or one that cannot be read.
    #[error("{what} parameter set is missing or broken: {reason}")]
    ParameterSet {
        /// `sequence` or `picture`.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}
