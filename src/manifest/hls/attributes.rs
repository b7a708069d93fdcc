//! Attribute lists, RFC 8216 §4.2: `NAME=value,NAME="quoted, value"`.

use super::read::LineProblem;

/// Attributes that one tag may have.
const MAX_ATTRIBUTES: usize = 64;

/// An attribute list that was taken apart.
pub(super) struct Attributes<'a> {
    entries: Vec<(&'a str, Value<'a>)>,
}

#[derive(Clone, Copy)]
struct Value<'a> {
    text: &'a str,
    quoted: bool,
}

impl<'a> Attributes<'a> {
    /// Takes `list` apart; spaces around commas are passed over.
    pub(super) fn read(list: &'a str) -> Result<Attributes<'a>, LineProblem> {
        let mut entries: Vec<(&str, Value<'_>)> = Vec::new();
        let mut rest = list.trim();
        while !rest.is_empty() {
            let Some((name, after)) = rest.split_once('=') else {
                return Err(LineProblem::attribute_list("an attribute has no `=`", rest));
            };
            let name = name.trim();
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Err(LineProblem::attribute_list("an attribute's name is not of letters and hyphens", name));
            }
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => {
                    let Some((text, after)) = quoted.split_once('"') else {
                        return Err(LineProblem::attribute_list("a quoted string does not end", quoted));
                    };
                    (Value { text, quoted: true }, after.trim_start())
                }
                None => {
                    let (text, _) = after.split_once(',').unwrap_or((after, ""));
                    (Value { text: text.trim(), quoted: false }, after.get(text.len()..).unwrap_or_default())
                }
            };
            if entries.iter().any(|(other, _)| *other == name) {
                return Err(LineProblem::attribute_list("an attribute is there twice", name));
            }
            if entries.len() == MAX_ATTRIBUTES {
                return Err(LineProblem::attribute_list("there are more than 64 attributes", name));
            }
            entries.push((name, value));
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return Err(LineProblem::attribute_list("a comma is missing", after)),
            };
        }
        Ok(Attributes { entries })
    }

    /// The value, with or without quotes around it.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.entries.iter().find(|(other, _)| *other == name).map(|(_, value)| value.text)
    }

    /// The value as an owned string; encoders that leave out the quotes are understood.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// The value if it stood there without quotes.
    pub(super) fn unquoted(&self, name: &str) -> Option<&'a str> {
        self.entries.iter().find(|(other, value)| *other == name && !value.quoted).map(|(_, value)| value.text)
    }

    /// The value, or an error that names the attribute.
    pub(super) fn required(&self, name: &'static str) -> Result<&'a str, LineProblem> {
        self.text(name).ok_or(LineProblem::MissingAttribute { name })
    }

    /// The value after `parse`, or an error that names the attribute and the value.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, LineProblem> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => match parse(text) {
                Some(value) => Ok(Some(value)),
                None => Err(LineProblem::bad_value(name, text)),
            },
        }
    }

    /// `YES` or `NO`.
    pub(super) fn yes_or_no(&self, name: &'static str) -> Result<Option<bool>, LineProblem> {
        self.parsed(name, |text| match text {
            "YES" => Some(true),
            "NO" => Some(false),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_may_hold_commas_and_equals_signs() {
        let list = Attributes::read(r#"BANDWIDTH=1280000, CODECS="avc1.64001F,mp4a.40.2",URI="a=b",X="""#).unwrap();
        assert_eq!(list.text("BANDWIDTH"), Some("1280000"));
        assert_eq!(list.text("CODECS"), Some("avc1.64001F,mp4a.40.2"));
        assert_eq!(list.text("URI"), Some("a=b"));
        assert_eq!(list.text("X"), Some(""));
        assert_eq!(list.unquoted("URI"), None);
        assert!(Attributes::read("").unwrap().entries.is_empty());
    }

    #[test]
    fn broken_lists_are_refused() {
        for list in ["A", "=1", "A=\"x", "A=\"x\"y", "A=1,A=2", "A B=1"] {
            assert!(Attributes::read(list).is_err(), "{list}");
        }
        let many: Vec<String> = (0..65).map(|index| format!("A{index}=1")).collect();
        assert!(Attributes::read(&many.join(",")).is_err());
    }
}
