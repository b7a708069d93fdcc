//! The encoder that we ship: a built-in loop or a folder of HLS, pushed to ingest URLs as an encoder would.
//!
//! What is due when is a pure function of the wall clock ([`LiveSource`]); only [`push()`] waits and sends.

mod built_in;
mod folder;
mod ingest_url;
mod playlist;
mod push;
mod restamp;
mod round;
#[cfg(test)]
mod test_server;
mod upload;

pub use built_in::{BuiltInSource, LOOP_SECONDS, SEGMENT_SECONDS};
pub use folder::{FolderError, FolderSource};
pub use ingest_url::{IngestUrl, IngestUrlError};
pub use push::{PushError, PushEvent, push};
pub use restamp::{ContinuityCounters, restamp};
pub use round::{LiveSource, Round, Upload, UploadBody};
pub use upload::{UploadError, Uploader};
