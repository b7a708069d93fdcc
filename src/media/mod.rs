//! Bytes ↔ samples. Pure: no async, no clock, no I/O, no allocation beyond a small multiple of the input.

pub mod audio_frames;
pub mod bits;
pub mod codec;
pub mod fault;
pub mod id3;
pub mod klv;
pub mod longest_part;
pub mod mp4;
pub mod packed_audio;
pub mod rescale;
pub mod sample;
pub mod scte35;
pub mod stored;
pub mod ts;
pub mod ttml;
pub mod webvtt;
