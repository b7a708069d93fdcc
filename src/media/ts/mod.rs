//! MPEG-2 transport streams (ISO 13818-1, ITU-T H.222.0) as HLS uses them: one program, one file per segment.

pub mod demux;
pub mod mux;
pub mod packet;
pub mod pes;
pub mod psi;
pub mod timestamp;
mod video;

pub use demux::{IgnoredReason, IgnoredStream, SpliceSection, TimedMetadata, TransportSegment, TsError, demux};
