//! Amazon Resource Names: `arn:<partition>:<service>:<region>:<account>:<resource>`.

use std::fmt;

/// Text that is no ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an ARN must have the form arn:partition:service:region:account:resource, but is {0:?}")]
pub struct ArnError(pub String);

/// An ARN in its six parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
    /// The service, such as `mediapackage`.
    pub service: &'a str,
    /// The region; empty for global resources such as IAM roles.
    pub region: &'a str,
    /// The 12-digit account; empty for a few global resources.
    pub account: &'a str,
    /// The rest, such as `channels/0123…`; may hold colons.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart.
    pub fn parse(text: &'a str) -> Result<Self, ArnError> {
        let not_an_arn = || ArnError(text.chars().take(200).collect());
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().ok_or_else(not_an_arn);
        let (scheme, partition, service, region, account, resource) =
            (part()?, part()?, part()?, part()?, part()?, part()?);
        if scheme != "arn" || partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(not_an_arn());
        }
        Ok(Arn { partition, service, region, account, resource })
    }

    /// Whether the account part is a 12-digit account.
    pub fn has_account(&self) -> bool {
        self.account.len() == 12 && self.account.bytes().all(|digit| digit.is_ascii_digit())
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(formatter, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_taken_apart_and_put_together_again() {
        let text = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:cdn:7";
        let arn = Arn::parse(text).unwrap();
        assert_eq!((arn.service, arn.region, arn.resource), ("secretsmanager", "eu-west-1", "secret:cdn:7"));
        assert!(arn.has_account());
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn text_that_is_no_arn_is_refused() {
        for text in ["", "arn", "arn:aws:iam::1", "urn:aws:iam::1:role/x", "arn::iam::1:role/x", "arn:aws:iam::1:"] {
            assert!(Arn::parse(text).is_err(), "{text}");
        }
        assert!(!Arn::parse("arn:aws:iam::12:role/x").unwrap().has_account());
    }
}
