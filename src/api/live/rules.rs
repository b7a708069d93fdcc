//! Rules that several members share. Each error names the member, the rule and the value.

use std::ops::RangeInclusive;

use crate::api::aws::{ApiError, Arn};

/// Longest id or name, in characters.
const LONGEST_IDENTIFIER: usize = 256;

/// Whether text can be an id: 1 to 256 of the letters, digits, `_` and `-`.
pub fn is_identifier(text: &str) -> bool {
    (1..=LONGEST_IDENTIFIER).contains(&text.len())
        && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'-')
}

/// An id, or a name that becomes part of a URL.
pub fn check_identifier(member: &str, value: &str) -> Result<(), ApiError> {
    match is_identifier(value) {
        true => Ok(()),
        false => Err(ApiError::invalid(member, "1 to 256 of the characters a-z A-Z 0-9 _ -", value)),
    }
}

/// A number within bounds.
pub fn check_range(member: &str, value: i32, bounds: RangeInclusive<i32>) -> Result<(), ApiError> {
    match bounds.contains(&value) {
        true => Ok(()),
        false => Err(ApiError::invalid(member, &format!("between {} and {}", bounds.start(), bounds.end()), value)),
    }
}

/// Text that is not empty.
pub fn check_not_empty(member: &str, value: &str) -> Result<(), ApiError> {
    match value.is_empty() {
        false => Ok(()),
        true => Err(ApiError::invalid(member, "text of at least one character", value)),
    }
}

/// The ARN of an IAM role.
pub fn check_role_arn(member: &str, value: &str) -> Result<(), ApiError> {
    check_arn(member, value, "iam", "role/", "arn:aws:iam::<account>:role/<name>")
}

/// An ARN of this service whose resource starts with `resource` and goes on; it must name an account.
pub fn check_arn(member: &str, value: &str, service: &str, resource: &str, form: &str) -> Result<(), ApiError> {
    let fits = Arn::parse(value).is_ok_and(|arn| {
        arn.service == service
            && arn.has_account()
            && arn.resource.strip_prefix(resource).is_some_and(|name| !name.is_empty())
    });
    match fits {
        true => Ok(()),
        false => Err(ApiError::invalid(member, &format!("an ARN of the form {form}"), value)),
    }
}

/// Target durations of segments, in seconds. AWS publishes no bounds; these keep the engine's buffers finite.
pub const SEGMENT_DURATION_SECONDS: RangeInclusive<i32> = 1..=30;

/// A number of seconds that may be zero, up to a day.
pub const UP_TO_A_DAY_SECONDS: RangeInclusive<i32> = 0..=86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_letters_digits_underscore_and_hyphen() {
        for id in ["a", "A-b_9", "-", &"x".repeat(256)] {
            assert!(is_identifier(id), "{id}");
        }
        for id in ["", "a b", "a/b", "a.b", "é", "a\n", &"x".repeat(257)] {
            assert!(!is_identifier(id), "{id}");
        }
    }

    #[test]
    fn role_arns_need_account_and_name() {
        assert!(check_role_arn("roleArn", "arn:aws:iam::123456789012:role/path/name").is_ok());
        for arn in ["arn:aws:iam::123456789012:role/", "arn:aws:iam::1:role/x", "arn:aws:s3::123456789012:role/x", "x"]
        {
            let error = check_role_arn("roleArn", arn).unwrap_err();
            assert!(error.message.starts_with("roleArn must be an ARN of the form"), "{error}");
        }
    }
}
