//! Renderings: what a viewer gets, made from a snapshot of the presentation, an endpoint's settings and loaded
//! samples. Pure: no store, no clock, no request.
//!
//! * [`offer`]: which tracks an endpoint offers, and in which groups; [`filter`]: which of them one viewer wants.
//! * [`name`]: file names, both ways. * [`links`]: from names to the URIs that manifests write.
//! * [`media_clock`]: from a channel's media time to the times that viewers see.
//! * [`hls`] and [`dash`]: manifests; [`dash_layout`] and [`dash_profile`]: what settings make of an MPD.
//! * [`cmaf`]: what is particular to CMAF segments. * [`mss`]: Smooth Streaming.
//! * [`ad_tags`]: ad markers of HLS media playlists.
//! * [`timed_metadata`] and [`dash_events`]: messages that segments carry, and events of MPDs.
//! * [`piece`], [`fragment`] and [`transport_stream`]: segments.

pub mod ad_tags;
pub mod cmaf;
pub mod dash;
mod dash_captions;
mod dash_codec;
pub mod dash_events;
pub mod dash_layout;
pub mod dash_profile;
pub mod dash_time;
pub mod filter;
pub mod fragment;
pub mod hls;
pub mod links;
pub mod media_clock;
pub mod mss;
mod mss_level;
pub mod name;
pub mod offer;
pub mod piece;
pub mod text;
pub mod timed_metadata;
pub mod transport_stream;

use crate::manifest::XmlWriteError;
use crate::manifest::hls::PlaylistWriteError;
use crate::media::mp4::Mp4WriteError;
use crate::media::rescale::JoinError;
use crate::media::ts::mux::TsMuxError;

/// Why something could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A playlist cannot be written.
    #[error(transparent)]
    Playlist(#[from] PlaylistWriteError),
    /// An MPD or client manifest cannot be written.
    #[error(transparent)]
    Xml(#[from] XmlWriteError),
    /// A part of an fMP4 file cannot be written.
    #[error(transparent)]
    Mp4(#[from] Mp4WriteError),
    /// Samples cannot be put on one clock.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Samples cannot be multiplexed.
    #[error(transparent)]
    TransportStream(#[from] TsMuxError),
    /// A piece of media is before the start of its clock.
    #[error("media time {time} lies before the start of the clock")]
    BeforeClock {
        /// The time, in the track's timescale.
        time: i64,
    },
}

/// A rendered manifest with what the freshness headers say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The manifest.
    pub text: String,
    /// The highest segment number in it, or the last segment's time where times name segments; `None` in a parent
    /// playlist.
    pub last_sequence: Option<u64>,
    /// When that segment became complete.
    pub last_updated: Option<jiff::Timestamp>,
}
