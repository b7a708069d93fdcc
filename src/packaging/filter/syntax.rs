//! The text of a manifest filter.
//!
//! `name:value[;name:value…]`, in any case. A value is a list with commas; where it is numbers, an element may be a range
//! with a hyphen, both ends included. Every name may come once.

use super::{AudioCodec, ManifestFilter, Range, TrickPlay, VideoCodec};
use crate::media::codec::colour::DynamicRange;

/// The longest text that is read.
pub const MAX_CHARACTERS: usize = 1024;

/// The largest number of most filters.
const MAX_NUMBER: u64 = i32::MAX as u64;

/// Why a text is no manifest filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Longer than [`MAX_CHARACTERS`].
    #[error("a manifest filter has at most {MAX_CHARACTERS} characters, but this one has {0}")]
    TooLong(usize),
    /// A part is not a name, a colon and a value.
    #[error("a manifest filter is made of 'name:value' parts with ';' between them, but has '{0}'")]
    Form(String),
    /// No filter has this name.
    #[error("'{0}' is no manifest filter: there are {known}", known = NAMES.join(", "))]
    UnknownName(String),
    /// A name stands twice.
    #[error("the manifest filter {0} may be given once")]
    Duplicate(&'static str),
    /// A value of a closed list that is not in it.
    #[error("the manifest filter {name} knows {known}, but not '{value}'")]
    UnknownValue {
        /// The filter.
        name: &'static str,
        /// All values.
        known: String,
        /// As it was given.
        value: String,
    },
    /// A value that is neither a number nor a range.
    #[error("the manifest filter {name} takes numbers and ranges such as '{example}', but has '{value}'")]
    NoNumber {
        /// The filter.
        name: &'static str,
        /// What it could be.
        example: &'static str,
        /// As it was given.
        value: String,
    },
    /// A number outside the bounds.
    #[error("the manifest filter {name} takes numbers from {bounds}, but has '{value}'")]
    OutOfBounds {
        /// The filter.
        name: &'static str,
        /// The smallest and the largest.
        bounds: &'static str,
        /// As it was given.
        value: String,
    },
    /// A range that ends before it starts.
    #[error("a range starts with its smaller end, but the manifest filter {name} has '{value}'")]
    Backwards {
        /// The filter.
        name: &'static str,
        /// As it was given.
        value: String,
    },
}

/// All names, in the order of the documentation.
const NAMES: [&str; 13] = [
    "audio_bitrate",
    "audio_channels",
    "audio_codec",
    "audio_language",
    "audio_sample_rate",
    "subtitle_language",
    "trickplay_height",
    "trickplay_type",
    "video_bitrate",
    "video_codec",
    "video_dynamic_range",
    "video_framerate",
    "video_height",
];

/// What numbers a filter takes.
struct Numbers {
    /// Digits behind the point; values are counted in units of the last one.
    decimals: usize,
    smallest: u64,
    largest: u64,
    bounds: &'static str,
    example: &'static str,
}

const RATES: Numbers =
    Numbers { decimals: 0, smallest: 0, largest: MAX_NUMBER, bounds: "0 to 2147483647", example: "0-2000000" };
const SMALL: Numbers = Numbers { decimals: 0, smallest: 1, largest: 32_767, bounds: "1 to 32767", example: "2-6" };
const HEIGHTS: Numbers =
    Numbers { decimals: 0, smallest: 1, largest: MAX_NUMBER, bounds: "1 to 2147483647", example: "360-720" };
const FRAME_RATES: Numbers =
    Numbers { decimals: 3, smallest: 1_000, largest: 999_999, bounds: "1 to 999.999", example: "23.976-30" };

impl ManifestFilter {
    /// Reads a filter, percent-encoding undone.
    pub fn parse(text: &str) -> Result<ManifestFilter, FilterError> {
        let characters = text.chars().count();
        if characters > MAX_CHARACTERS {
            return Err(FilterError::TooLong(characters));
        }
        let mut filter = ManifestFilter::default();
        for part in text.split(';') {
            let form = || FilterError::Form(part.to_owned());
            let (name, values) = part.split_once(':').ok_or_else(form)?;
            if values.split(',').any(|value| value.is_empty() || value.contains(':')) {
                return Err(form());
            }
            let known = NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name));
            filter.read(known.ok_or_else(|| FilterError::UnknownName(name.to_owned()))?, values)?;
        }
        Ok(filter)
    }

    fn read(&mut self, name: &'static str, values: &str) -> Result<(), FilterError> {
        match name {
            "audio_bitrate" => once(&mut self.audio_bitrate, name, numbers(name, values, &RATES)?),
            "audio_channels" => once(&mut self.audio_channels, name, numbers(name, values, &SMALL)?),
            "audio_codec" => {
                let known = [
                    ("AACL", AudioCodec::AacLow),
                    ("AACH", AudioCodec::AacHigh),
                    ("AC-3", AudioCodec::Ac3),
                    ("EC-3", AudioCodec::Eac3),
                ];
                once(&mut self.audio_codec, name, closed(name, values, &known)?)
            }
            "audio_language" => once(&mut self.audio_language, name, open(values)),
            "audio_sample_rate" => once(&mut self.audio_sample_rate, name, numbers(name, values, &RATES)?),
            "subtitle_language" => once(&mut self.subtitle_language, name, open(values)),
            "trickplay_height" => once(&mut self.trickplay_height, name, numbers(name, values, &HEIGHTS)?),
            "trickplay_type" => {
                let known = [("iframe", TrickPlay::IFrame), ("image", TrickPlay::Image), ("none", TrickPlay::None)];
                once(&mut self.trickplay_type, name, closed(name, values, &known)?)
            }
            "video_bitrate" => once(&mut self.video_bitrate, name, numbers(name, values, &RATES)?),
            "video_codec" => {
                let known = [("H264", VideoCodec::Avc), ("H265", VideoCodec::Hevc)];
                once(&mut self.video_codec, name, closed(name, values, &known)?)
            }
            "video_dynamic_range" => {
                let known = [("hdr10", DynamicRange::Pq), ("hlg", DynamicRange::Hlg), ("sdr", DynamicRange::Standard)];
                once(&mut self.video_dynamic_range, name, closed(name, values, &known)?)
            }
            "video_framerate" => once(&mut self.video_framerate, name, numbers(name, values, &FRAME_RATES)?),
            "video_height" => once(&mut self.video_height, name, numbers(name, values, &SMALL)?),
            _ => Err(FilterError::UnknownName(name.to_owned())),
        }
    }
}

/// Sets a condition that was not set before.
fn once<T>(condition: &mut Option<Vec<T>>, name: &'static str, values: Vec<T>) -> Result<(), FilterError> {
    if condition.is_some() {
        return Err(FilterError::Duplicate(name));
    }
    *condition = Some(values);
    Ok(())
}

/// Values that may be anything, in lower case.
fn open(values: &str) -> Vec<String> {
    values.split(',').map(str::to_lowercase).collect()
}

/// Values of a closed list.
fn closed<T: Copy>(name: &'static str, values: &str, known: &[(&str, T)]) -> Result<Vec<T>, FilterError> {
    let value_of = |value: &str| {
        let found = known.iter().find(|(text, _)| text.eq_ignore_ascii_case(value));
        found.map(|(_, value)| *value).ok_or_else(|| FilterError::UnknownValue {
            name,
            known: known.iter().map(|(text, _)| *text).collect::<Vec<_>>().join(", "),
            value: value.to_owned(),
        })
    };
    values.split(',').map(value_of).collect()
}

/// Numbers and ranges of numbers.
fn numbers(name: &'static str, values: &str, allowed: &Numbers) -> Result<Vec<Range>, FilterError> {
    let range = |value: &str| {
        let number = |text: &str| {
            let no_number = || FilterError::NoNumber { name, example: allowed.example, value: value.to_owned() };
            match fixed_point(text, allowed.decimals) {
                None => Err(no_number()),
                Some(number) if (allowed.smallest..=allowed.largest).contains(&number) => Ok(number),
                Some(_) => Err(FilterError::OutOfBounds { name, bounds: allowed.bounds, value: value.to_owned() }),
            }
        };
        let (first, last) = value.split_once('-').unwrap_or((value, value));
        let range = Range { first: number(first)?, last: number(last)? };
        if range.first > range.last {
            return Err(FilterError::Backwards { name, value: value.to_owned() });
        }
        Ok(range)
    };
    values.split(',').map(range).collect()
}

/// A plain decimal number in units of its last decimal. What is too large for 64 bits is the largest that fits them.
fn fixed_point(text: &str, decimals: usize) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > decimals {
        return None;
    }
    let padding = decimals - fraction.len();
    let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', padding));
    Some(digits.fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        ManifestFilter::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn each_filter_is_read() {
        let text = "audio_bitrate:0-128000;audio_channels:2-2,6;audio_codec:aacl,EC-3;Audio_Language:DE,en-US;\
                    audio_sample_rate:44100,48000;subtitle_language:fr;trickplay_height:1-360;trickplay_type:iframe;\
                    video_bitrate:0-2147483647;video_codec:h264;video_dynamic_range:SDR;video_framerate:23.976-30,59.94;\
                    video_height:360-720";
        let filter = ManifestFilter::parse(text).unwrap();
        assert_eq!(filter.audio_channels, Some(vec![Range { first: 2, last: 2 }, Range { first: 6, last: 6 }]));
        assert_eq!(filter.audio_codec, Some(vec![AudioCodec::AacLow, AudioCodec::Eac3]));
        assert_eq!(filter.audio_language, Some(vec!["de".to_owned(), "en-us".to_owned()]));
        let rates = vec![Range { first: 23_976, last: 30_000 }, Range { first: 59_940, last: 59_940 }];
        assert_eq!(filter.video_framerate, Some(rates));
        assert_eq!(text.split(';').count(), NAMES.len(), "all of them are there");
    }

    #[test]
    fn each_refusal_names_the_filter_the_rule_and_the_value() {
        for (text, sentence) in [
            ("", "a manifest filter is made of 'name:value' parts with ';' between them, but has ''"),
            (
                "video_height",
                "a manifest filter is made of 'name:value' parts with ';' between them, but has 'video_height'",
            ),
            (
                "video_height:",
                "a manifest filter is made of 'name:value' parts with ';' between them, but has 'video_height:'",
            ),
            ("a:b:c", "a manifest filter is made of 'name:value' parts with ';' between them, but has 'a:b:c'"),
            ("video_height:1-2;", "a manifest filter is made of 'name:value' parts with ';' between them, but has ''"),
            (
                "audio_language:de,,en",
                "a manifest filter is made of 'name:value' parts with ';' between them, but has 'audio_language:de,,en'",
            ),
            ("video_codec:av1", "the manifest filter video_codec knows H264, H265, but not 'av1'"),
            ("audio_codec:AC3", "the manifest filter audio_codec knows AACL, AACH, AC-3, EC-3, but not 'AC3'"),
            (
                "video_height:720-360",
                "a range starts with its smaller end, but the manifest filter video_height has '720-360'",
            ),
            ("video_height:0-360", "the manifest filter video_height takes numbers from 1 to 32767, but has '0-360'"),
            (
                "video_bitrate:0-2147483648",
                "the manifest filter video_bitrate takes numbers from 0 to 2147483647, but has '0-2147483648'",
            ),
            (
                "video_bitrate:99999999999999999999999",
                "the manifest filter video_bitrate takes numbers from 0 to 2147483647, but has '99999999999999999999999'",
            ),
            (
                "video_bitrate:1000-",
                "the manifest filter video_bitrate takes numbers and ranges such as '0-2000000', but has '1000-'",
            ),
            (
                "video_bitrate:-5",
                "the manifest filter video_bitrate takes numbers and ranges such as '0-2000000', but has '-5'",
            ),
            (
                "video_bitrate:1.5",
                "the manifest filter video_bitrate takes numbers and ranges such as '0-2000000', but has '1.5'",
            ),
            (
                "video_framerate:29.9701",
                "the manifest filter video_framerate takes numbers and ranges such as '23.976-30', but has '29.9701'",
            ),
            (
                "video_framerate:1-1000",
                "the manifest filter video_framerate takes numbers from 1 to 999.999, but has '1-1000'",
            ),
            ("video_height:1-2;VIDEO_HEIGHT:3-4", "the manifest filter video_height may be given once"),
        ] {
            assert_eq!(refusal(text), sentence);
        }
        assert!(refusal("height:1-2").starts_with("'height' is no manifest filter: there are audio_bitrate, "));
        let long = format!("audio_language:{}", "x".repeat(MAX_CHARACTERS));
        assert_eq!(refusal(&long), "a manifest filter has at most 1024 characters, but this one has 1039");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z_:;,.0-9-]{0,60}|\\PC{0,40}") {
            let _ = ManifestFilter::parse(&text);
        }
    }
}
