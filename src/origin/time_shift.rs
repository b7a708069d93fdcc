//! `start` and `end` of a playback URL: which part of the content is asked for, and how manifests lead on from there.
//!
//! Both may stand in the path, before the file name (`start/<time>/end/<time>/`), or in the query of a manifest. Only
//! `start` shifts a view; an `end` alone changes nothing, as the service documents it.

use std::borrow::Cow;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;
use crate::packaging::links::Links;
use crate::presentation::TimeRange;
use crate::resources::{Endpoint, read_time};

/// `start` and `end` as a URL has them, percent-encoding removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times<'a> {
    /// `start`.
    pub start: Option<Cow<'a, str>>,
    /// `end`.
    pub end: Option<Cow<'a, str>>,
}

/// What a URL asks for, and in which notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeShift {
    /// The part of the content; `None` for what is live.
    pub range: Option<TimeRange>,
    /// Path elements between the endpoint and the file: segments have to climb over them.
    elements_above: usize,
}

impl<'a> Times<'a> {
    /// Takes `start/<time>` and `end/<time>`, in this order, out of a path's decoded elements, if they stand before a
    /// file name: first, or behind the manifest's id (CMAF).
    pub fn take_from(elements: &mut Vec<Cow<'a, str>>) -> Times<'a> {
        let mut take = |name: &str| {
            let place = elements.iter().take(2).position(|element| element == name);
            let place = place.filter(|place| place + 2 < elements.len())?;
            elements.drain(place..place + 2).next_back()
        };
        Times { start: take("start"), end: take("end") }
    }

    /// Adds what the query has, of which the path must not have any.
    pub fn with_query(mut self, query: &'a str) -> Result<Times<'a>, Refusal> {
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, place) = match percent_decode_str(name).decode_utf8_lossy().as_ref() {
                "start" => ("start", &mut self.start),
                "end" => ("end", &mut self.end),
                _ => continue,
            };
            let value = percent_decode_str(value).decode_utf8().map_err(|_| Refusal::BadTime(name))?;
            if place.replace(value).is_some() {
                return Err(Refusal::TimeTwice(name));
            }
        }
        Ok(self)
    }

    fn elements(&self) -> usize {
        2 * (usize::from(self.start.is_some()) + usize::from(self.end.is_some()))
    }
}

impl TimeShift {
    /// What the times in the path and in the query of a manifest's URL ask of an endpoint.
    pub fn of(in_path: Times<'_>, query: Option<&str>, endpoint: &Endpoint) -> Result<TimeShift, Refusal> {
        let elements_above = in_path.elements();
        let times = in_path.with_query(query.unwrap_or_default())?;
        let Some(start) = times.start else { return Ok(TimeShift { range: None, elements_above }) };
        let start = read_time(&start).ok_or(Refusal::BadTime("start"))?;
        let end = times.end.map(|end| read_time(&end).ok_or(Refusal::BadTime("end"))).transpose()?;
        if end.is_some_and(|end| end <= start) {
            return Err(Refusal::StartNotBeforeEnd);
        }
        if endpoint.startover_window_seconds == 0 {
            return Err(Refusal::StartOverOff);
        }
        Ok(TimeShift { range: Some(TimeRange { start, end }), elements_above })
    }

    /// How its manifests lead on: segments climb out of the path; other manifests keep the range, which a query cannot
    /// hand down to them, so that it moves into their path.
    pub fn links(&self, version: i64) -> Links {
        let mut links = Links::beside(version);
        links.to_segments = "../".repeat(self.elements_above);
        if let Some(range) = self.range.filter(|_| self.elements_above == 0) {
            links.to_manifests = format!("start/{}/", written(range.start));
            if let Some(end) = range.end {
                links.to_manifests += &format!("end/{}/", written(end));
            }
        }
        links
    }
}

/// A time as our own manifests write it: equal times in one way, so that caches hold each view once.
fn written(time: Timestamp) -> String {
    match time.subsec_nanosecond() {
        0 => time.as_second().to_string(),
        _ => time.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_times_are_read_again() {
        for text in ["1770141600", "2026-02-03T18:00:00.125Z"] {
            let read = read_time(text).unwrap();
            assert_eq!(written(read), text);
            assert_eq!(read_time(&written(read)), Some(read));
        }
    }

    fn times(start: Option<&'static str>, end: Option<&'static str>) -> Times<'static> {
        Times { start: start.map(Cow::from), end: end.map(Cow::from) }
    }

    #[test]
    fn times_are_taken_out_of_a_path() {
        for (path, found, rest) in [
            ("live.m3u8", times(None, None), "live.m3u8"),
            ("start/1/end/2/live.m3u8", times(Some("1"), Some("2")), "live.m3u8"),
            ("main/start/1/end/2/live.m3u8", times(Some("1"), Some("2")), "main/live.m3u8"),
            ("start/1/live.m3u8", times(Some("1"), None), "live.m3u8"),
            ("end/2/live.m3u8", times(None, Some("2")), "live.m3u8"),
            ("start/1/end/2/live.ism/Manifest", times(Some("1"), Some("2")), "live.ism/Manifest"),
            ("start/1", times(None, None), "start/1"),
        ] {
            let mut elements = path.split('/').map(Cow::from).collect();
            assert_eq!(Times::take_from(&mut elements), found, "{path}");
            assert_eq!(elements.join("/"), rest, "{path}");
        }
    }

    #[test]
    fn the_query_adds_what_the_path_does_not_have() {
        let in_path = times(Some("1"), None);
        let whole = in_path.clone().with_query("m=5&end=2026-02-03T18%3A00%3A00%2B00:00").unwrap();
        assert_eq!(whole, times(Some("1"), Some("2026-02-03T18:00:00+00:00")));
        for query in ["start=1", "end=2&end=2", "end=2&%65nd=2"] {
            assert!(matches!(in_path.clone().with_query(query), Err(Refusal::TimeTwice(_))), "{query}");
        }
        assert!(matches!(in_path.with_query("end=%ff"), Err(Refusal::BadTime("end"))));
    }

    #[test]
    fn a_range_in_the_query_moves_into_the_path_of_other_manifests() {
        let range =
            TimeRange { start: read_time("1770141600").unwrap(), end: read_time("2026-02-03T18:00:10.5+00:00") };
        let links = TimeShift { range: Some(range), elements_above: 0 }.links(7);
        assert_eq!(links.manifest("live_1.m3u8"), "start/1770141600/end/2026-02-03T18:00:10.5Z/live_1.m3u8");
        assert_eq!(links.segment("live_1_5.ts"), "live_1_5.ts?m=7");
        let links = TimeShift { range: Some(range), elements_above: 4 }.links(7);
        assert_eq!(links.manifest("live_1.m3u8"), "live_1.m3u8");
        assert_eq!(links.segment("live_1_5.ts"), "../../../../live_1_5.ts?m=7");
    }
}
