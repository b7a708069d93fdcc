//! Times as clients write them.

use jiff::Timestamp;

/// The longest text that can be a time.
const LONGEST_TIME: usize = 64;

/// The time that text tells: ISO 8601 with an offset, or whole seconds since 1970. Playback URLs and harvest jobs take
/// the same forms.
pub fn read_time(text: &str) -> Option<Timestamp> {
    if text.len() > LONGEST_TIME {
        return None;
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    // What the parser of jiff takes beyond ISO 8601 (a space for the T, names of zones) is none of the service's forms.
    let is_iso = text.bytes().all(|byte| byte.is_ascii_digit() || b"TtZz:+-.,".contains(&byte));
    if is_iso { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIX: i64 = 1_770_141_600;

    #[test]
    fn times_are_read_in_every_documented_form() {
        for text in [
            "2026-02-03T18:00:00+00:00",
            "2026-02-03T19:00:00+01:00",
            "2026-02-03T12:30:00-05:30",
            "2026-02-03T18:00:00Z",
            "2026-02-03T18:00:00.000Z",
            "20260203T180000Z",
            "1770141600",
        ] {
            assert_eq!(read_time(text).map(Timestamp::as_second), Some(SIX), "{text}");
        }
        assert_eq!(read_time("2026-02-03T18:00:00.5Z").map(Timestamp::as_millisecond), Some(SIX * 1000 + 500));
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "",
            "now",
            "-1",
            "1770141600.5",
            "2026-02-03T18:00:00",
            "2026-02-03",
            "2026-02-30T18:00:00Z",
            "2026-02-03 18:00:00Z",
            "2026-02-03T18:00:00+00:00[UTC]",
            "2026-02-03T18:00:00 00:00",
            "999999999999999999999999",
            "99999999999999",
            "%00",
            "1770141600\0",
        ] {
            assert_eq!(read_time(text), None, "{text}");
        }
        assert_eq!(read_time(&"1".repeat(5000)), None);
    }
}
