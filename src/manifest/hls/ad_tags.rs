//! Tags that mark advertisements: cue tags, which no standard defines, and `EXT-X-DATERANGE`, RFC 8216 §4.3.2.7.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::write::{AttributeWriter, PlaylistWriteError};
use super::write_media::write_time;

/// A cue tag, as AWS Elemental encoders and packagers write it. Sections are whole splice_info_sections of SCTE-35.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CueTag<'a> {
    /// `EXT-OATCLS-SCTE35`: a section in base64.
    Section(&'a [u8]),
    /// `EXT-X-CUE-OUT`: a break begins.
    Out {
        /// How long it will be, if that is known.
        milliseconds: Option<u64>,
    },
    /// `EXT-X-CUE-OUT-CONT`: a break goes on.
    Continues {
        /// How long it has been on.
        elapsed_milliseconds: u64,
        /// How long it will be, if that is known.
        milliseconds: Option<u64>,
        /// The section that began it.
        section: &'a [u8],
    },
    /// `EXT-X-CUE-IN`: a break is over.
    In,
}

impl CueTag<'_> {
    /// The tag's line, without its end.
    pub fn to_line(&self) -> String {
        match *self {
            CueTag::Section(section) => format!("#EXT-OATCLS-SCTE35:{}", STANDARD.encode(section)),
            CueTag::Out { milliseconds: None } => "#EXT-X-CUE-OUT".to_owned(),
            CueTag::Out { milliseconds: Some(milliseconds) } => format!("#EXT-X-CUE-OUT:{}", seconds(milliseconds)),
            CueTag::Continues { elapsed_milliseconds, milliseconds, section } => {
                let mut line = format!("#EXT-X-CUE-OUT-CONT:ElapsedTime={}", seconds(elapsed_milliseconds));
                if let Some(milliseconds) = milliseconds {
                    // Writing into a String cannot fail.
                    let _ = write!(line, ",Duration={}", seconds(milliseconds));
                }
                let _ = write!(line, ",SCTE35={}", STANDARD.encode(section));
                line
            }
            CueTag::In => "#EXT-X-CUE-IN".to_owned(),
        }
    }
}

/// Seconds with three decimals.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

/// A SCTE-35 section in a date range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateRangeSection<'a> {
    /// `SCTE35-OUT`: out of the program, into an advertisement.
    Out(&'a [u8]),
    /// `SCTE35-CMD`: anything else.
    Command(&'a [u8]),
}

/// `EXT-X-DATERANGE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRange<'a> {
    /// `ID`: one for each range of a playlist.
    pub id: String,
    /// `START-DATE`.
    pub start: Timestamp,
    /// `END-DATE`, from which `DURATION` follows; not before the start.
    pub end: Option<Timestamp>,
    /// `PLANNED-DURATION` in milliseconds.
    pub planned_milliseconds: Option<u64>,
    /// The section, if it is told.
    pub section: Option<DateRangeSection<'a>>,
}

impl DateRange<'_> {
    /// The tag's line, without its end; an error if the id cannot be quoted.
    pub fn to_line(&self) -> Result<String, PlaylistWriteError> {
        let date = |time: Timestamp| {
            let mut text = String::new();
            write_time(&mut text, time);
            text
        };
        let mut line = String::new();
        let mut attributes = AttributeWriter::start(&mut line, "#EXT-X-DATERANGE");
        attributes.quoted("ID", &self.id)?;
        attributes.quoted("START-DATE", &date(self.start))?;
        if let Some(end) = self.end.map(|end| end.max(self.start)) {
            attributes.quoted("END-DATE", &date(end))?;
            // The difference of the dates as they are written.
            let elapsed = rounded_milliseconds(end).saturating_sub(rounded_milliseconds(self.start));
            attributes.plain("DURATION", seconds(u64::try_from(elapsed).unwrap_or(0)));
        }
        if let Some(milliseconds) = self.planned_milliseconds {
            attributes.plain("PLANNED-DURATION", seconds(milliseconds));
        }
        match self.section {
            None => {}
            Some(DateRangeSection::Out(section)) => attributes.plain("SCTE35-OUT", hexadecimal(section)),
            Some(DateRangeSection::Command(section)) => attributes.plain("SCTE35-CMD", hexadecimal(section)),
        }
        Ok(line)
    }
}

/// A hexadecimal sequence, RFC 8216 §4.2.
fn hexadecimal(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode_upper(bytes))
}

fn rounded_milliseconds(time: Timestamp) -> i128 {
    time.as_nanosecond().saturating_add(500_000).div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &[u8] = &[0xFC, 0x30, 0x11];

    #[test]
    fn cue_tags_have_three_decimals() {
        for (tag, line) in [
            (CueTag::Section(SECTION), "#EXT-OATCLS-SCTE35:/DAR"),
            (CueTag::Out { milliseconds: Some(30_000) }, "#EXT-X-CUE-OUT:30.000"),
            (CueTag::Out { milliseconds: None }, "#EXT-X-CUE-OUT"),
            (
                CueTag::Continues { elapsed_milliseconds: 3_760, milliseconds: Some(30_000), section: SECTION },
                "#EXT-X-CUE-OUT-CONT:ElapsedTime=3.760,Duration=30.000,SCTE35=/DAR",
            ),
            (
                CueTag::Continues { elapsed_milliseconds: 3_760, milliseconds: None, section: SECTION },
                "#EXT-X-CUE-OUT-CONT:ElapsedTime=3.760,SCTE35=/DAR",
            ),
            (CueTag::In, "#EXT-X-CUE-IN"),
        ] {
            assert_eq!(tag.to_line(), line);
        }
    }

    #[test]
    fn date_ranges_are_attribute_lists() {
        let start = DateRange {
            id: "2415919110".to_owned(),
            start: "2026-02-03T18:45:00.04Z".parse().unwrap(),
            end: None,
            planned_milliseconds: Some(30_000),
            section: Some(DateRangeSection::Out(SECTION)),
        };
        assert_eq!(
            start.to_line().unwrap(),
            "#EXT-X-DATERANGE:ID=\"2415919110\",START-DATE=\"2026-02-03T18:45:00.040Z\",PLANNED-DURATION=30.000,\
             SCTE35-OUT=0xFC3011"
        );
        let end = Some("2026-02-03T18:45:30.0404Z".parse().unwrap());
        let end = DateRange { end, planned_milliseconds: None, section: None, ..start.clone() };
        assert_eq!(
            end.to_line().unwrap(),
            "#EXT-X-DATERANGE:ID=\"2415919110\",START-DATE=\"2026-02-03T18:45:00.040Z\",\
             END-DATE=\"2026-02-03T18:45:30.040Z\",DURATION=30.000"
        );
        let broken = DateRange { id: "a\"b".to_owned(), ..start };
        assert!(broken.to_line().is_err());
    }
}
