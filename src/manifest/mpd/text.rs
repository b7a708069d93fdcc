//! Times and languages as attribute text.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `PT25.000S`.
pub(super) fn milliseconds(duration: u64) -> String {
    format!("PT{}.{:03}S", duration / 1_000, duration % 1_000)
}

/// `PT15S`.
pub(super) fn seconds(duration: u32) -> String {
    format!("PT{duration}S")
}

/// `2026-02-03T18:41:00Z`, with milliseconds where it is between seconds.
pub(super) fn date_time(time: Timestamp) -> String {
    let utc = time.to_zoned(TimeZone::UTC);
    let (year, month, day) = (utc.year(), utc.month(), utc.day());
    let (hour, minute, second) = (utc.hour(), utc.minute(), utc.second());
    let fraction = match utc.millisecond() {
        0 => String::new(),
        milliseconds => format!(".{milliseconds:03}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Whether `text` has the form of a language tag: letters, then groups of letters and digits of at most eight each,
/// with hyphens between them (`xs:language`, RFC 5646).
pub fn is_language_tag(text: &str) -> bool {
    text.split('-').enumerate().all(|(index, group)| {
        (1..=8).contains(&group.len())
            && group.bytes().all(|byte| byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_services_form() {
        assert_eq!(milliseconds(25_000), "PT25.000S");
        assert_eq!(milliseconds(7), "PT0.007S");
        assert_eq!(seconds(15), "PT15S");
        assert_eq!(date_time("2026-02-03T18:41:00Z".parse().unwrap()), "2026-02-03T18:41:00Z");
        assert_eq!(date_time("2026-02-03T18:41:00.25Z".parse().unwrap()), "2026-02-03T18:41:00.250Z");
    }

    #[test]
    fn only_language_tags_are_accepted() {
        for tag in ["de", "deu", "pt-BR", "es-419", "sl-rozaj-1994"] {
            assert!(is_language_tag(tag), "{tag}");
        }
        for tag in ["", "Deutsch (Original)", "de_DE", "-", "de-", "abcdefghi", "4de"] {
            assert!(!is_language_tag(tag), "{tag}");
        }
    }
}
