//! Tags: their rules are the same for every taggable resource.

use std::collections::BTreeMap;

use super::ApiError;

/// Keys and values, sorted by key.
pub type Tags = BTreeMap<String, String>;

const MOST_TAGS: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// Holds all tags of a resource against the rules: at most 50, keys of 1 to 128 and values of up to 256 characters
/// from a fixed set, no key that starts with `aws:`.
pub fn validate_tags(tags: &Tags) -> Result<(), ApiError> {
    if tags.len() > MOST_TAGS {
        return Err(ApiError::invalid("tags", "at most 50 tags", format!("{} tags", tags.len())));
    }
    for (key, value) in tags {
        validate_tag_keys([key.as_str()])?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(ApiError::invalid("a tag key", "without the reserved prefix aws:", key));
        }
        if value.chars().count() > LONGEST_VALUE || !value.chars().all(is_allowed) {
            let member = format!("the value of tag {key:?}");
            return Err(ApiError::invalid(
                &member,
                "at most 256 of the characters a-z A-Z 0-9 space _ . : / = + - @",
                value,
            ));
        }
    }
    Ok(())
}

/// Holds tag keys against the rules.
pub fn validate_tag_keys<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<(), ApiError> {
    for key in keys {
        if key.is_empty() || key.chars().count() > LONGEST_KEY || !key.chars().all(is_allowed) {
            let rule = "1 to 128 of the characters a-z A-Z 0-9 space _ . : / = + - @";
            return Err(ApiError::invalid("a tag key", rule, key));
        }
    }
    Ok(())
}

fn is_allowed(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " _.:/=+-@".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Result<(), ApiError> {
        validate_tags(&Tags::from([(key.to_owned(), value.to_owned())]))
    }

    #[test]
    fn tags_at_the_limits_pass() {
        assert!(one(&"k".repeat(128), &"v".repeat(256)).is_ok());
        assert!(one("a-Z 0_.:/=+@", "").is_ok());
        let fifty: Tags = (0..50).map(|number| (number.to_string(), String::new())).collect();
        assert!(validate_tags(&fifty).is_ok());
    }

    #[test]
    fn tags_beyond_the_limits_are_refused() {
        let fifty_one: Tags = (0..51).map(|number| (number.to_string(), String::new())).collect();
        assert!(validate_tags(&fifty_one).is_err());
        for (key, value) in [("", "v"), ("aws:x", "v"), ("AWS:x", "v"), ("k", "a\nb"), ("k\u{e9}", "v"), ("k", "<b>")] {
            assert!(one(key, value).is_err(), "{key:?} {value:?}");
        }
        assert!(one(&"k".repeat(129), "v").is_err());
        assert!(one("k", &"v".repeat(257)).is_err());
    }
}
