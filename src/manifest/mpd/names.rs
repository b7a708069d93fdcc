//! The files that an MPD of ours names: what its templates stand for (ISO 23009-1 §5.3.9.4).

use std::collections::HashSet;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Why an MPD's files cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// The text is no XML.
    #[error("the MPD is no XML: {0}")]
    Xml(#[from] quick_xml::Error),
    /// An attribute is malformed.
    #[error("an attribute of the MPD is malformed: {0}")]
    Attribute(String),
    /// More files than an MPD of a day can have.
    #[error("the MPD names more than {MOST_FILES} files")]
    TooMany,
}

/// Segments of a second for a day, in thirty tracks.
const MOST_FILES: usize = 30 * 86_400;

/// A `SegmentTemplate` with a `SegmentTimeline`.
#[derive(Debug, Clone, Default)]
struct Template {
    media: String,
    initialization: String,
    start_number: u64,
    /// Start times and how many segments follow each other from there on, with their duration.
    runs: Vec<(u64, u64, u64)>,
}

/// Names of all initialization and media segments, each once. Templates without a timeline name no media segments.
pub fn named_files(mpd: &str) -> Result<Vec<String>, NamesError> {
    let mut reader = Reader::from_str(mpd);
    let mut names = Names::default();
    let (mut of_set, mut of_representation) = (None::<Template>, None::<Template>);
    let mut representation = None::<String>;
    let mut waiting: Vec<String> = Vec::new();
    loop {
        let event = reader.read_event()?;
        let is_empty = matches!(event, Event::Empty(_));
        match &event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                "AdaptationSet" => of_set = None,
                "Representation" => {
                    representation = attribute(element, "id")?;
                    of_representation = None;
                    if is_empty {
                        waiting.extend(representation.take());
                    }
                }
                "SegmentTemplate" => {
                    let template = Template {
                        media: attribute(element, "media")?.unwrap_or_default(),
                        initialization: attribute(element, "initialization")?.unwrap_or_default(),
                        start_number: number(element, "startNumber")?.unwrap_or(1),
                        runs: Vec::new(),
                    };
                    match representation {
                        Some(_) => of_representation = Some(template),
                        None => of_set = Some(template),
                    }
                }
                "S" => {
                    let template = of_representation.as_mut().or(of_set.as_mut());
                    if let Some(template) = template {
                        let before = template.runs.last().map_or(0, |(time, duration, count)| time + duration * count);
                        let time = number(element, "t")?.unwrap_or(before);
                        let duration = number(element, "d")?.unwrap_or(0);
                        let count = number(element, "r")?.unwrap_or(0).saturating_add(1);
                        if count > MOST_FILES as u64 || time.checked_add(duration.saturating_mul(count)).is_none() {
                            return Err(NamesError::TooMany);
                        }
                        template.runs.push((time, duration, count));
                    }
                }
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "Representation" => match (representation.take(), of_representation.take()) {
                    (Some(id), Some(template)) => names.expand(&template, &id)?,
                    (Some(id), None) => waiting.push(id),
                    _ => {}
                },
                // A set's template may stand before or behind its representations.
                "AdaptationSet" => {
                    for id in waiting.drain(..) {
                        if let Some(template) = &of_set {
                            names.expand(template, &id)?;
                        }
                    }
                }
                _ => {}
            },
            Event::Eof => return Ok(names.found),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Names {
    found: Vec<String>,
    seen: HashSet<String>,
}

impl Names {
    fn expand(&mut self, template: &Template, id: &str) -> Result<(), NamesError> {
        let fill = |text: &str, number: u64, time: u64| {
            text.replace("$RepresentationID$", id)
                .replace("$Number$", &number.to_string())
                .replace("$Time$", &time.to_string())
        };
        self.add(fill(&template.initialization, 0, 0))?;
        let mut number = template.start_number;
        for (start, duration, count) in &template.runs {
            for index in 0..*count {
                self.add(fill(&template.media, number, start + duration * index))?;
                number = number.saturating_add(1);
            }
        }
        Ok(())
    }

    fn add(&mut self, name: String) -> Result<(), NamesError> {
        if self.found.len() >= MOST_FILES {
            return Err(NamesError::TooMany);
        }
        if !name.is_empty() && self.seen.insert(name.clone()) {
            self.found.push(name);
        }
        Ok(())
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, NamesError> {
    let malformed = |error: &dyn std::fmt::Display| NamesError::Attribute(error.to_string());
    let found = element.try_get_attribute(name).map_err(|error| malformed(&error))?;
    let Some(found) = found else { return Ok(None) };
    let text = quick_xml::escape::unescape(&found.value).map_err(|error| malformed(&error))?;
    Ok(Some(text.into_owned()))
}

fn number(element: &BytesStart<'_>, name: &str) -> Result<Option<u64>, NamesError> {
    let text = attribute(element, name)?;
    text.map(|text| text.parse().map_err(|_| NamesError::Attribute(format!("{name}={text}")))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_of_representations_and_of_sets_are_filled_in() {
        let mpd = r#"<MPD><Period><AdaptationSet><Representation id="1"><SegmentTemplate media="v_$Number$.mp4?m=1"
            initialization="v_init.mp4" startNumber="7"><SegmentTimeline><S t="10" d="5" r="1"/><S d="4"/></SegmentTimeline>
            </SegmentTemplate></Representation></AdaptationSet><AdaptationSet><SegmentTemplate
            media="a_$RepresentationID$_$Time$.mp4" initialization="a_$RepresentationID$_init.mp4"><SegmentTimeline>
            <S t="10" d="5" r="1"/></SegmentTimeline></SegmentTemplate><Representation id="2"/><Representation id="3">
            <X/></Representation></AdaptationSet></Period></MPD>"#;
        assert_eq!(
            named_files(mpd).unwrap(),
            [
                "v_init.mp4",
                "v_7.mp4?m=1",
                "v_8.mp4?m=1",
                "v_9.mp4?m=1",
                "a_2_init.mp4",
                "a_2_10.mp4",
                "a_2_15.mp4",
                "a_3_init.mp4",
                "a_3_10.mp4",
                "a_3_15.mp4"
            ]
        );
    }

    #[test]
    fn an_mpd_cannot_ask_for_more_than_a_day() {
        let mpd = r#"<MPD><AdaptationSet><Representation id="1"><SegmentTemplate media="$Number$"><S t="0" d="1"
            r="999999999"/></SegmentTemplate></Representation></AdaptationSet></MPD>"#;
        assert!(matches!(named_files(mpd), Err(NamesError::TooMany)));
        assert!(named_files("<MPD><").is_err());
    }
}
