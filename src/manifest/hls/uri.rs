//! Which URIs a pushed playlist may name.
//!
//! Nothing that a playlist names is ever fetched; a URI is only matched with what was pushed beside it. So it must be
//! a plain relative path that cannot leave its folder.

/// Bytes that a URI may have.
const MAX_URI_BYTES: usize = 2_048;

/// Why a URI is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriProblem {
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// More than 2,048 bytes.
    #[error("is longer than 2,048 bytes")]
    TooLong,
    /// A control character, written out or percent-encoded.
    #[error("has a control character")]
    ControlCharacter,
    /// A backslash, which some systems take for a slash.
    #[error("has a backslash")]
    Backslash,
    /// `scheme:` in front; nothing is fetched from elsewhere.
    #[error("has a scheme")]
    Scheme,
    /// Starts with a slash.
    #[error("is not relative")]
    Absolute,
    /// A `..` segment, written out or percent-encoded.
    #[error("leaves its folder by `..`")]
    ParentFolder,
    /// A `%` without two hexadecimal digits, or an encoded slash or percent sign.
    #[error("has a percent-encoding that is broken or hides a slash")]
    PercentEncoding,
}

/// Checks that `uri` is a relative path that stays in its folder, with or without a query.
pub fn check_relative_uri(uri: &str) -> Result<(), UriProblem> {
    if uri.is_empty() {
        return Err(UriProblem::Empty);
    }
    if uri.len() > MAX_URI_BYTES {
        return Err(UriProblem::TooLong);
    }
    if uri.chars().any(char::is_control) {
        return Err(UriProblem::ControlCharacter);
    }
    if uri.contains('\\') {
        return Err(UriProblem::Backslash);
    }
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    if path.is_empty() {
        return Err(UriProblem::Empty);
    }
    if path.starts_with('/') {
        return Err(UriProblem::Absolute);
    }
    // A colon in the first segment makes it a scheme, RFC 3986 §4.2.
    if path.split('/').next().is_some_and(|first| first.contains(':')) {
        return Err(UriProblem::Scheme);
    }
    for segment in path.split('/') {
        let decoded = decode(segment)?;
        if decoded == b".." {
            return Err(UriProblem::ParentFolder);
        }
    }
    Ok(())
}

/// The bytes of a path segment, with percent-encodings undone.
fn decode(segment: &str) -> Result<Vec<u8>, UriProblem> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else {
            return Err(UriProblem::PercentEncoding);
        };
        match (high * 16 + low) as u8 {
            b'/' | b'\\' | b'%' => return Err(UriProblem::PercentEncoding),
            0..=31 | 127 => return Err(UriProblem::ControlCharacter),
            byte => decoded.push(byte),
        }
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_accepted() {
        for uri in ["seg_1.ts", "video/seg%201.ts", "seg.ts?x=http://a/../b", "a..b.ts", "Übertragung.ts", "a/b:c.ts"]
        {
            assert_eq!(check_relative_uri(uri), Ok(()), "{uri}");
        }
    }

    #[test]
    fn what_leaves_the_folder_is_refused_with_its_rule() {
        for (uri, problem) in [
            ("", UriProblem::Empty),
            ("?a", UriProblem::Empty),
            ("file:///etc/passwd", UriProblem::Scheme),
            ("http://169.254.169.254/latest", UriProblem::Scheme),
            ("//host/seg.ts", UriProblem::Absolute),
            ("/seg.ts", UriProblem::Absolute),
            ("../seg.ts", UriProblem::ParentFolder),
            ("a/%2e%2E/seg.ts", UriProblem::ParentFolder),
            ("a/.%2e", UriProblem::ParentFolder),
            ("a%2fb.ts", UriProblem::PercentEncoding),
            ("%252e%252e/a", UriProblem::PercentEncoding),
            ("a%0", UriProblem::PercentEncoding),
            ("a%00.ts", UriProblem::ControlCharacter),
            ("a\0.ts", UriProblem::ControlCharacter),
            ("a\r.ts", UriProblem::ControlCharacter),
            ("..\\a.ts", UriProblem::Backslash),
        ] {
            assert_eq!(check_relative_uri(uri), Err(problem), "{uri}");
        }
        assert_eq!(check_relative_uri(&"a".repeat(2_049)), Err(UriProblem::TooLong));
    }
}
