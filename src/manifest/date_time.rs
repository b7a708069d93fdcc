//! Wall-clock times as text.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-02-03T18:40:00.000Z`, to the nearest millisecond.
pub(super) fn with_milliseconds(time: Timestamp) -> String {
    let rounded = time.as_nanosecond().saturating_add(500_000).div_euclid(1_000_000);
    let rounded = i64::try_from(rounded).ok().and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    let utc = rounded.unwrap_or(time).to_zoned(TimeZone::UTC);
    let (year, month, day) = (utc.year(), utc.month(), utc.day());
    let (hour, minute, second, millisecond) = (utc.hour(), utc.minute(), utc.second(), utc.millisecond());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

#[cfg(test)]
mod tests {
    use super::with_milliseconds;

    #[test]
    fn times_go_to_the_nearest_millisecond() {
        assert_eq!(with_milliseconds("2026-02-03T18:40:12.4796Z".parse().unwrap()), "2026-02-03T18:40:12.480Z");
        assert_eq!(with_milliseconds("2026-12-31T23:59:59.9995Z".parse().unwrap()), "2027-01-01T00:00:00.000Z");
    }
}
