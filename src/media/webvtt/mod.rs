//! WebVTT files (W3C WebVTT §4, §6) as HLS carries them (RFC 8216 §3.5): cues, and how their times belong to the media's.
//!
//! Reading is as forgiving as the standard: what is no cue is passed over. Nothing but the signature is required.

mod cue_text;
mod read;
mod time;

#[cfg(test)]
mod tests;

use std::fmt::Write;

pub use cue_text::{CueText, Style, cue_text};

/// Why a file is not WebVTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebVttError {
    /// It does not begin with the signature.
    #[error("the file does not begin with WEBVTT")]
    Signature,
    /// More cues than any segment has.
    #[error("the file has more than {0} cues")]
    TooManyCues(usize),
}

/// A WebVTT file. Comments are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebVtt {
    /// `X-TIMESTAMP-MAP`.
    pub timestamp_map: Option<TimestampMap>,
    /// `STYLE` and `REGION` blocks as they are written, without the blank line behind them.
    pub definitions: Vec<String>,
    /// The cues, in the order of the file.
    pub cues: Vec<Cue>,
}

/// Which media time a local time is (RFC 8216 §3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampMap {
    /// 33 bits, 90 kHz.
    pub mpegts: u64,
    /// The local time that is `mpegts`, milliseconds.
    pub local: u64,
}

/// A cue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// The line before the times.
    pub identifier: Option<String>,
    /// Local time, milliseconds.
    pub start: u64,
    /// Local time, milliseconds; after `start`.
    pub end: u64,
    /// What stands behind the times, such as `line:90% align:start`.
    pub settings: String,
    /// The text with its tags, lines separated by `\n`.
    pub text: String,
}

impl WebVtt {
    /// The file's text.
    pub fn to_text(&self) -> String {
        let length: usize = self.cues.iter().map(|cue| cue.text.len() + cue.settings.len() + 64).sum();
        let mut text = String::with_capacity(128 + length);
        text.push_str("WEBVTT\n");
        // Writing to a string cannot fail.
        if let Some(map) = &self.timestamp_map {
            let _ = writeln!(text, "X-TIMESTAMP-MAP=MPEGTS:{},LOCAL:{}", map.mpegts, time::format(map.local));
        }
        text.push('\n');
        for definition in &self.definitions {
            let _ = write!(text, "{definition}\n\n");
        }
        for cue in &self.cues {
            if let Some(identifier) = &cue.identifier {
                let _ = writeln!(text, "{identifier}");
            }
            let _ = write!(text, "{} --> {}", time::format(cue.start), time::format(cue.end));
            if !cue.settings.is_empty() {
                let _ = write!(text, " {}", cue.settings);
            }
            let _ = write!(text, "\n{}\n\n", cue.text);
        }
        text
    }
}

/// Milliseconds as `HH:MM:SS.mmm`, with as many digits of hours as it takes.
pub fn format_time(milliseconds: u64) -> String {
    time::format(milliseconds)
}
