//! From a URL to what it asks for.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::time_shift::Times;
use crate::resources::EndpointGuid;

/// A playback path, split but not looked up.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The endpoint's name.
    pub endpoint: EndpointGuid,
    /// The path below the endpoint, decoded and without `start/…/end/…` elements: one that
    /// [`crate::packaging::name`] may know.
    pub file: Cow<'a, str>,
    /// The `start/…/end/…` elements.
    pub times: Times<'a>,
}

impl<'a> Target<'a> {
    /// Splits a raw path.
    ///
    /// Names need no percent-encoding, but players encode the parentheses of Smooth Streaming's fragments, and some
    /// more. So elements are decoded, each once, after the path was split: an encoded slash or dot never makes an
    /// element of its own.
    pub fn parse(path: &'a str) -> Option<Target<'a>> {
        let (guid, rest) = path.strip_prefix("/out/v1/")?.split_once('/')?;
        if !is_plain_name(guid) {
            return None;
        }
        let mut elements = Vec::with_capacity(4);
        for element in rest.split('/') {
            if elements.len() >= MOST_ELEMENTS {
                return None;
            }
            elements.push(decoded(element)?);
        }
        let times = Times::take_from(&mut elements);
        let is_file = elements.iter().all(|element| is_name(element));
        let file = match elements.len() {
            1 => elements.pop()?,
            _ => elements.join("/").into(),
        };
        is_file.then(|| Target { endpoint: EndpointGuid(guid.to_owned()), file, times })
    }
}

/// Path elements below an endpoint: four of a Smooth Streaming fragment and four of a time shift.
const MOST_ELEMENTS: usize = 8;

fn decoded(element: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(element).decode_utf8().ok()
}

fn is_plain_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// A path element that names may have: those of Smooth Streaming have parentheses and an equals sign.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-()=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playback_paths_are_split() {
        for (path, file, is_time_shifted) in [
            ("live.m3u8", "live.m3u8", false),
            ("start/1/end/2/live.m3u8", "live.m3u8", true),
            ("start/2026-02-03T18:00:00%2B00:00/live.m3u8", "live.m3u8", true),
            ("end/2/live.m3u8", "live.m3u8", true),
            ("main/live.m3u8", "main/live.m3u8", false),
            ("main/start/1/end/2/live_1.m3u8", "main/live_1.m3u8", true),
            ("start/live.m3u8", "start/live.m3u8", false),
            ("live.ism/Manifest", "live.ism/Manifest", false),
            ("start/1/live.ism/Manifest", "live.ism/Manifest", true),
            (
                "live.ism/Events(1_0)/QualityLevels%28900%29/Fragments(v%3D7)",
                "live.ism/Events(1_0)/QualityLevels(900)/Fragments(v=7)",
                false,
            ),
        ] {
            let path = format!("/out/v1/ab12/{path}");
            let target = Target::parse(&path).unwrap();
            assert_eq!((target.endpoint.0.as_str(), target.file.as_ref()), ("ab12", file), "{path}");
            assert_eq!(target.times != Times::default(), is_time_shifted, "{path}");
        }
    }

    #[test]
    fn other_paths_are_none() {
        for path in [
            "/out/v1/ab12",
            "/out/v1/ab12/",
            "/out/v1//live.m3u8",
            "/out/v2/ab12/live.m3u8",
            "/out/v1/ab12//live.m3u8",
            "/out/v1/ab%31/live.m3u8",
            "/out/v1/ab12/main%2Flive.m3u8",
            "/out/v1/ab12/live%00.m3u8",
            "/out/v1/ab12/live%2525.m3u8",
            "/out/v1/ab12/%ff/live.m3u8",
            "/out/v1/ab12/live.m3u8/",
            "/out/v1/ab12/a/b/c/d/e/f/g/h/live.m3u8",
            "/out/v1/ab12/live.m3u8\r\nx",
        ] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
    }
}
