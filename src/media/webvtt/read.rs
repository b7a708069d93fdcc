//! Text → WebVTT (W3C WebVTT §6.1).

use super::{Cue, TimestampMap, WebVtt, WebVttError, time};
use crate::media::ts::timestamp::TIMESTAMP_MODULUS;

/// Cues of one file. A segment of a minute with a cue a frame has 3,600.
const MOST_CUES: usize = 20_000;

impl WebVtt {
    /// Reads a file. Bytes that are no UTF-8 become replacement characters.
    pub fn read(bytes: &[u8]) -> Result<WebVtt, WebVttError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{FFFD}");
        let mut lines = text.split('\n').peekable();
        let signature = lines.next().and_then(|line| line.strip_prefix("WEBVTT"));
        if !signature.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
            return Err(WebVttError::Signature);
        }
        let mut file = WebVtt::default();
        while let Some(line) = lines.next_if(|line| !line.is_empty() && !line.contains(ARROW)) {
            if let Some(value) = line.strip_prefix("X-TIMESTAMP-MAP=") {
                file.timestamp_map = timestamp_map(value).or(file.timestamp_map);
            }
        }
        loop {
            while lines.next_if(|line| line.is_empty()).is_some() {}
            let Some(first) = lines.next() else { return Ok(file) };
            let mut block = vec![first];
            let mut has_times = first.contains(ARROW);
            while let Some(line) = lines.next_if(|line| !(line.is_empty() || has_times && line.contains(ARROW))) {
                // Times belong into the first or second line; a block that has them later has lost its blank line.
                if line.contains(ARROW) && block.len() > 1 {
                    block.clear();
                }
                has_times |= line.contains(ARROW);
                block.push(line);
            }
            if let Some(cue) = cue(&block) {
                if file.cues.len() >= MOST_CUES {
                    return Err(WebVttError::TooManyCues(MOST_CUES));
                }
                file.cues.push(cue);
            } else if !has_times && file.cues.is_empty() && is_definition(first) {
                file.definitions.push(block.join("\n"));
            }
        }
    }
}

const ARROW: &str = "-->";

/// The first line of a `STYLE` or `REGION` block.
fn is_definition(line: &str) -> bool {
    ["STYLE", "REGION"].iter().any(|name| line.strip_prefix(name).is_some_and(|rest| rest.trim().is_empty()))
}

/// The value of `X-TIMESTAMP-MAP`: `MPEGTS:900000,LOCAL:00:00:00.000`, in either order.
fn timestamp_map(value: &str) -> Option<TimestampMap> {
    let (mut mpegts, mut local) = (None, None);
    for part in value.split(',') {
        let (name, value) = part.trim().split_once(':')?;
        match name.trim() {
            "MPEGTS" => mpegts = value.trim().parse::<u64>().ok(),
            "LOCAL" => local = time::parse(value.trim()),
            _ => {}
        }
    }
    Some(TimestampMap { mpegts: mpegts? % TIMESTAMP_MODULUS, local: local? })
}

fn cue(block: &[&str]) -> Option<Cue> {
    let place = block.iter().take(2).position(|line| line.contains(ARROW))?;
    let (start, rest) = block.get(place)?.split_once(ARROW)?;
    let rest = rest.trim_start();
    let (end, settings) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let (start, end) = (time::parse(start.trim())?, time::parse(end.trim())?);
    let identifier = block.first().filter(|_| place == 1).map(|line| (*line).to_owned());
    let text = block.get(place + 1..).unwrap_or_default().join("\n");
    (end > start).then(|| Cue { identifier, start, end, settings: settings.trim().to_owned(), text })
}
