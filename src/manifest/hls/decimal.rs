//! Decimal numbers of playlists as integers, RFC 8216 §4.2. No floats: `NaN`, `1e308` and signs are no numbers here.

/// `text` (digits with at most one point) times ten to the power of `places`, to the nearest integer.
///
/// `None` if it is anything else or does not fit. `6.` and `.5` are accepted, `.` is not.
pub(super) fn parse_decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !only_digits(whole) || !only_digits(fraction) {
        return None;
    }
    let mut value: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut digits = fraction.bytes().map(|byte| u64::from(byte - b'0'));
    for _ in 0..places {
        value = value.checked_mul(10)?.checked_add(digits.next().unwrap_or(0))?;
    }
    if digits.next().unwrap_or(0) >= 5 { value.checked_add(1) } else { Some(value) }
}

/// A decimal-integer of at most 20 digits.
pub(super) fn parse_integer(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_integers() {
        assert_eq!(parse_decimal("6.006", 6), Some(6_006_000));
        assert_eq!(parse_decimal("6", 6), Some(6_000_000));
        assert_eq!(parse_decimal("6.", 3), Some(6_000));
        assert_eq!(parse_decimal(".5", 3), Some(500));
        assert_eq!(parse_decimal("29.97002997", 3), Some(29_970));
        assert_eq!(parse_decimal("0.9999996", 6), Some(1_000_000));
    }

    #[test]
    fn what_is_no_plain_number_is_refused() {
        for text in ["", ".", "NaN", "inf", "1e308", "-1", "+1", "1.2.3", " 1", "1,5", "99999999999999999999"] {
            assert_eq!(parse_decimal(text, 6), None, "{text}");
        }
        assert_eq!(parse_decimal("18446744073709551615", 1), None);
        assert_eq!(parse_integer("18446744073709551616"), None);
        assert_eq!(parse_integer("-1"), None);
        assert_eq!(parse_integer("007"), Some(7));
    }
}
