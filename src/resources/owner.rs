//! Whose a resource is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The account and the region that a resource belongs to: the two together are a world of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The 12-digit account.
    pub account: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
}

impl Owner {
    /// The first part of its ARNs: which of AWS's separate clouds the region lies in.
    pub fn partition(&self) -> &'static str {
        match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// The ARN of one of its resources, such as `channels/0f1e…` of the service `mediapackage`.
    pub fn arn(&self, service: &str, resource: impl fmt::Display) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition(), self.region, self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_partition_region_and_account() {
        let owner = |region: &str| Owner { account: "123456789012".into(), region: region.into() };
        let arn = owner("eu-west-1").arn("mediapackage", "channels/0f");
        assert_eq!(arn, "arn:aws:mediapackage:eu-west-1:123456789012:channels/0f");
        assert!(owner("cn-north-1").arn("mediapackage", "x").starts_with("arn:aws-cn:mediapackage:cn-north-1:"));
        assert!(owner("us-gov-west-1").arn("mediapackage", "x").starts_with("arn:aws-us-gov:"));
    }
}
