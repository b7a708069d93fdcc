//! The date of a signature: `20150830T123600Z`, and how far from now it may lie.

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Form, Refusal};

/// How far a client's clock may be off; AWS's documentation says five minutes.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Reads ISO 8601 basic format in UTC, seconds, exactly 16 letters.
pub(super) fn parse(text: &str) -> Result<Timestamp, Refusal> {
    read(text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        Refusal::Incomplete(format!("X-Amz-Date must be like 20150830T123600Z, not {shown:?}"))
    })
}

fn read(text: &str) -> Option<Timestamp> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    if day.len() != 8 || time.len() != 6 || !day.bytes().chain(time.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
    let date = civil::Date::new(day.get(..4)?.parse().ok()?, number(day, 4, 6)?, number(day, 6, 8)?).ok()?;
    let time = civil::Time::new(number(time, 0, 2)?, number(time, 2, 4)?, number(time, 4, 6)?, 0).ok()?;
    Some(date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Writes ISO 8601 basic format.
pub(super) fn basic(time: &Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The signature must be of now, or its presigned URL not run out.
pub(super) fn check(signed: Timestamp, form: Form, now: Timestamp) -> Result<(), Refusal> {
    let latest = now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
    if signed > latest {
        return Err(Refusal::NotYetCurrent { signed, latest, now });
    }
    let (allowed, text) = match form {
        Form::Header => (SKEW, "5 min.".to_owned()),
        Form::Query { expires_in_seconds } => {
            (SignedDuration::from_secs(i64::from(expires_in_seconds)), format!("{expires_in_seconds} s"))
        }
    };
    let earliest = now.checked_sub(allowed).unwrap_or(Timestamp::MIN);
    if signed < earliest {
        return Err(Refusal::Expired { signed, earliest, now, allowed: text });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        parse(text).unwrap()
    }

    #[test]
    fn only_the_basic_format_is_a_date() {
        assert_eq!(basic(&at("20150830T123600Z")), "20150830T123600Z");
        for wrong in [
            "",
            "20150830",
            "20150830T123600",
            "2015-08-30T12:36:00Z",
            "20150230T000000Z",
            "20150830T250000Z",
            "２0150830T123600Z",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn five_minutes_either_way_are_accepted_and_a_second_more_is_not() {
        let now = at("20261121T120000Z");
        for fine in ["20261121T115500Z", "20261121T120500Z"] {
            check(at(fine), Form::Header, now).unwrap();
        }
        let early = check(at("20261121T115459Z"), Form::Header, now).unwrap_err().to_string();
        assert_eq!(
            early,
            "Signature expired: 20261121T115459Z is now earlier than 20261121T115500Z (20261121T120000Z - 5 min.)"
        );
        let late = check(at("20261121T120501Z"), Form::Header, now).unwrap_err().to_string();
        assert_eq!(
            late,
            "Signature not yet current: 20261121T120501Z is still later than 20261121T120500Z (20261121T120000Z + 5 min.)"
        );
    }

    #[test]
    fn a_presigned_url_lives_for_its_own_time() {
        let form = Form::Query { expires_in_seconds: 3600 };
        check(at("20261121T110000Z"), form, at("20261121T120000Z")).unwrap();
        assert!(check(at("20261121T110000Z"), form, at("20261121T120001Z")).is_err());
        assert!(check(at("20261121T120000Z"), form, at("20261121T115459Z")).is_err());
    }
}
