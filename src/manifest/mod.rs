//! Typed manifests ↔ text. Pure; knows nothing of presentations, channels or requests.

pub mod hls;
pub mod mpd;
