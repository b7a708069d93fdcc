//! ARNs and times as answers show them.

use jiff::Timestamp;

use crate::api::aws::Caller;

/// The service's name in ARNs.
pub const SERVICE: &str = "mediapackage";

/// The ARN of a channel.
pub fn channel(owner: &Caller, guid: &str) -> String {
    arn(owner, &format!("channels/{guid}"))
}

/// The ARN of an endpoint.
pub fn endpoint(owner: &Caller, guid: &str) -> String {
    arn(owner, &format!("origin_endpoints/{guid}"))
}

/// The ARN of a harvest job.
pub fn harvest_job(owner: &Caller, id: &str) -> String {
    arn(owner, &format!("harvest_jobs/{id}"))
}

/// A time in ISO 8601, whole seconds, UTC.
pub fn created_at(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn arn(owner: &Caller, resource: &str) -> String {
    owner.owner().arn(SERVICE, resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_partition_region_and_account() {
        let owner = |region: &str| Caller {
            account: "123456789012".into(),
            region: region.into(),
            service: SERVICE.into(),
            access_key: "test".into(),
        };
        assert_eq!(channel(&owner("eu-west-1"), "0f"), "arn:aws:mediapackage:eu-west-1:123456789012:channels/0f");
        assert!(endpoint(&owner("cn-north-1"), "0f").starts_with("arn:aws-cn:mediapackage:cn-north-1:"));
        assert!(endpoint(&owner("us-gov-west-1"), "0f").starts_with("arn:aws-us-gov:"));
    }

    #[test]
    fn times_have_whole_seconds() {
        let time: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
        assert_eq!(created_at(time), "2026-02-03T04:05:06Z");
    }
}
