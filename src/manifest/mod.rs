//! Typed manifests ↔ text. Pure; knows nothing of presentations, channels or requests.

mod date_time;
pub mod hls;
pub mod mpd;
pub mod smooth;
mod xml;

pub use xml::XmlWriteError;
