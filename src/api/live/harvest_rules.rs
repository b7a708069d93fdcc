//! What a new harvest job is held against. What only its content or its bucket can tell makes it fail later.

use jiff::{SignedDuration, Timestamp};

use super::dash_package::SegmentTemplateFormat;
use super::document::{EndpointDocument, Package};
use super::harvest_job::{CreateHarvestJobRequest, S3Destination};
use super::rules::{check_identifier, check_role_arn};
use crate::api::aws::ApiError;
use crate::resources::read_time;

/// Longest clip, in seconds.
const LONGEST_CLIP_SECONDS: i64 = 86_400;

/// Longest key of S3, in bytes.
const LONGEST_KEY: usize = 1024;

impl CreateHarvestJobRequest {
    /// Holds everything against the rules that needs no look at other resources.
    pub fn validate(&self, now: Timestamp) -> Result<(), ApiError> {
        check_identifier("id", &self.id)?;
        check_identifier("originEndpointId", &self.origin_endpoint_id)?;
        let start = time("startTime", &self.start_time)?;
        let end = time("endTime", &self.end_time)?;
        if end <= start {
            return Err(ApiError::invalid("endTime", "after startTime", &self.end_time));
        }
        if end.duration_since(start) > SignedDuration::from_secs(LONGEST_CLIP_SECONDS) {
            return Err(ApiError::invalid("endTime", "at most 24 hours after startTime", &self.end_time));
        }
        if end > now {
            return Err(ApiError::invalid("endTime", "in the past", &self.end_time));
        }
        self.s3_destination.validate()
    }
}

impl S3Destination {
    /// The names must be such that they cannot lead anywhere but into the bucket.
    fn validate(&self) -> Result<(), ApiError> {
        if !is_bucket_name(&self.bucket_name) {
            let rule =
                "a bucket's name: 3 to 63 of a-z 0-9 . -, labels that begin and end with a letter or digit, no address";
            return Err(ApiError::invalid("s3Destination.bucketName", rule, &self.bucket_name));
        }
        if !is_key(&self.manifest_key) {
            let rule = "a key of 1 to 1024 bytes without control characters, empty parts and parts of dots only";
            return Err(ApiError::invalid("s3Destination.manifestKey", rule, &self.manifest_key));
        }
        check_role_arn("s3Destination.roleArn", &self.role_arn)
    }
}

/// The endpoint's content can be harvested.
pub fn check_endpoint(endpoint: &EndpointDocument) -> Result<(), ApiError> {
    let refused = |rule: &str| Err(ApiError::invalid("originEndpointId", rule, &endpoint.id));
    match &endpoint.package {
        Package::Cmaf(_) | Package::Mss(_) => return refused("an endpoint with an hlsPackage or a dashPackage"),
        Package::Dash(dash) if dash.segment_template_format == SegmentTemplateFormat::NumberWithDuration => {
            return refused("an endpoint whose segmentTemplateFormat is not NUMBER_WITH_DURATION");
        }
        Package::Dash(_) | Package::Hls(_) => {}
    }
    if endpoint.startover_window_seconds == 0 {
        return refused("an endpoint with a start-over window");
    }
    Ok(())
}

/// The time of a member.
pub fn time(member: &str, text: &str) -> Result<Timestamp, ApiError> {
    let rule = "ISO 8601 with an offset, as 2026-02-03T18:00:00+01:00, or seconds since 1970";
    read_time(text).ok_or_else(|| ApiError::invalid(member, rule, text))
}

/// The naming rules of S3 for general purpose buckets.
fn is_bucket_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    (3..=63).contains(&text.len()) && text.split('.').all(is_label) && text.parse::<std::net::Ipv4Addr>().is_err()
}

/// A key that no client or store takes for another one.
fn is_key(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.bytes().all(|byte| byte == b'.');
    (1..=LONGEST_KEY).contains(&text.len()) && !text.chars().any(char::is_control) && text.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_are_those_of_s3() {
        for name in ["abc", "clips.example.net", "0-9", &"a".repeat(63)] {
            assert!(is_bucket_name(name), "{name}");
        }
        for name in [
            "ab",
            "Clips",
            "a_b",
            "..",
            "a..b",
            "-ab",
            "ab-",
            "a.-b",
            "10.0.0.1",
            "a/b",
            "a@b.net",
            "a:80",
            &"a".repeat(64),
        ] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }

    #[test]
    fn keys_cannot_climb() {
        for key in ["index.m3u8", "clips/goal 1/index.m3u8", "é/x", "a/..b/c"] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", "/index.m3u8", "a//b", "a/", "../x", "a/../b", "a/./b", "a\n", "a\0b", &"x".repeat(1025)] {
            assert!(!is_key(key), "{key}");
        }
    }
}
