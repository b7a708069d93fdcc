//! WebVTT timestamps: `MM:SS.mmm` or `HH:MM:SS.mmm` with two digits of hours or more (W3C WebVTT §4.1).

/// The largest number of hours that is believed, far from where adding could overflow.
const MOST_HOURS: u64 = 1_000_000;

/// Milliseconds; `None` if it is no timestamp.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once('.')?;
    let parts: Vec<&str> = clock.splitn(4, ':').collect();
    let (hours, minutes, seconds) = match parts[..] {
        [minutes, seconds] => (0, two_digits(minutes)?, two_digits(seconds)?),
        [hours, minutes, seconds] if hours.len() >= 2 => (digits(hours)?, two_digits(minutes)?, two_digits(seconds)?),
        _ => return None,
    };
    let milliseconds = digits(fraction).filter(|_| fraction.len() == 3)?;
    let is_clock = hours <= MOST_HOURS && minutes < 60 && seconds < 60;
    is_clock.then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + milliseconds)
}

fn two_digits(text: &str) -> Option<u64> {
    digits(text).filter(|_| text.len() == 2)
}

fn digits(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

/// The inverse of [`parse`], always with hours.
pub(super) fn format(milliseconds: u64) -> String {
    let (seconds, fraction) = (milliseconds / 1_000, milliseconds % 1_000);
    format!("{:02}:{:02}:{:02}.{fraction:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_with_and_without_hours() {
        for (text, milliseconds) in
            [("00:00.000", 0), ("59:59.999", 3_599_999), ("01:00:00.001", 3_600_001), ("336:00:00.000", 1_209_600_000)]
        {
            assert_eq!(parse(text), Some(milliseconds), "{text}");
        }
        assert_eq!(format(1_209_600_001), "336:00:00.001");
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for text in ["", "1", "00:00", "0:00.000", "00:60.000", "1:00:00.000", "00:00.00", "+0:00.000", "-1:00.000"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("99999999999999999999:00:00.000"), None);
    }
}
