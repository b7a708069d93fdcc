//! The credential scope: `AKIDEXAMPLE/20150830/us-east-1/service/aws4_request`.

use jiff::Timestamp;

use super::{Refusal, date};
use crate::config::is_region;

/// Whose key signed, for which day, region and service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The access key id.
    pub access_key: String,
    /// Eight digits: year, month, day in UTC.
    pub day: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The service's signing name, such as `mediapackage`.
    pub service: String,
}

impl Scope {
    /// Reads a scope.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let wrong = || {
            Refusal::Incomplete(
                "Credential must be ACCESS_KEY/YYYYMMDD/REGION/SERVICE/aws4_request with a valid region and service"
                    .into(),
            )
        };
        let parts: Vec<&str> = text.split('/').collect();
        let [access_key, day, region, service, "aws4_request"] = parts[..] else { return Err(wrong()) };
        let key_fits = (1..=128).contains(&access_key.len()) && access_key.bytes().all(|byte| byte.is_ascii_graphic());
        let day_fits = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        if !key_fits || !day_fits || !is_region(region) || !is_service(service) {
            return Err(wrong());
        }
        Ok(Scope {
            access_key: access_key.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }

    /// The day of the scope must be the day of the signature.
    pub(super) fn check_day(&self, signed: Timestamp) -> Result<(), Refusal> {
        let day = date::basic(&signed);
        if day.get(..8) == Some(self.day.as_str()) {
            return Ok(());
        }
        Err(Refusal::Incomplete(format!(
            "the day of the credential scope, {}, is not that of the date, {day}",
            self.day
        )))
    }
}

fn is_service(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_five_parts_and_valid_names() {
        let scope = Scope::parse("test/20261121/eu-west-1/mediapackage/aws4_request").unwrap();
        assert_eq!((scope.access_key.as_str(), scope.region.as_str()), ("test", "eu-west-1"));
        for wrong in [
            "",
            "test",
            "test/20261121/eu-west-1/mediapackage",
            "test/20261121/eu-west-1/mediapackage/aws4_request/x",
            "test/20261121/eu-west-1/mediapackage/aws5_request",
            "test/2026112/eu-west-1/mediapackage/aws4_request",
            "test/20261121//mediapackage/aws4_request",
            "test/20261121/../mediapackage/aws4_request",
            "/20261121/eu-west-1/mediapackage/aws4_request",
        ] {
            assert!(matches!(Scope::parse(wrong), Err(Refusal::Incomplete(_))), "{wrong}");
        }
    }
}
