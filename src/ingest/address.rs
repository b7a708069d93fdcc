//! Whom a request path names: channel, ingest endpoint and file.
//!
//! Names of pushed files never reach a file system: they are only matched with what playlists say. They are
//! still held to rules, because they appear in logs and answers and because two spellings of one name would not match.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Longest file name, folders included, in bytes after decoding.
const LONGEST_NAME: usize = 512;

/// Most folders and file name together.
const MOST_SEGMENTS: usize = 8;

/// Why a path names no file that can be pushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// Not an ingest URL at all.
    #[error("the path is no ingest url: those are /in/v2/<channel>/<ingest endpoint>/<file>")]
    NoIngestUrl,
    /// The file name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameProblem),
}

/// Why a file name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Too many bytes.
    #[error("the file name has {0} bytes, more than {LONGEST_NAME}")]
    TooLong(usize),
    /// Too many folders.
    #[error("the file name has {0} parts, more than {MOST_SEGMENTS}")]
    TooDeep(usize),
    /// `//`, or a slash at the end.
    #[error("the file name has an empty part: two slashes in a row, or one at the end")]
    EmptyPart,
    /// `.` or `..`, also percent-encoded.
    #[error("the file name has a part `.` or `..`")]
    DotPart,
    /// Something that some systems take for a path separator, or that hides one.
    #[error("the file name has an encoded slash, an encoded percent sign or a backslash")]
    HiddenSeparator,
    /// NUL, line breaks and the like.
    #[error("the file name has the control character U+{0:04X}")]
    ControlCharacter(u32),
    /// `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("the file name has a percent-encoding that is broken or gives no utf-8")]
    Encoding,
}

/// What an ingest path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestAddress<'a> {
    /// The channel's guid.
    pub channel: &'a str,
    /// The ingest endpoint's id.
    pub ingest_endpoint: &'a str,
    /// The file's name, decoded; `None` for the folder itself.
    pub file: Option<String>,
}

impl<'a> IngestAddress<'a> {
    /// Reads the path of a request, as it was on the request line, without query.
    pub fn parse(raw_path: &'a str) -> Result<Self, AddressProblem> {
        let rest = raw_path.strip_prefix("/in/v2/").ok_or(AddressProblem::NoIngestUrl)?;
        let mut parts = rest.splitn(3, '/');
        let (Some(channel), Some(ingest_endpoint)) = (parts.next(), parts.next()) else {
            return Err(AddressProblem::NoIngestUrl);
        };
        if channel.is_empty() || ingest_endpoint.is_empty() {
            return Err(AddressProblem::NoIngestUrl);
        }
        let file = match parts.next() {
            None | Some("") => None,
            Some(raw_name) => Some(file_name(raw_name)?),
        };
        Ok(IngestAddress { channel, ingest_endpoint, file })
    }
}

/// The name that a raw path below the ingest folder stands for.
pub fn file_name(raw: &str) -> Result<String, NameProblem> {
    // Decoding only shortens, at most to a third.
    if raw.len() > LONGEST_NAME * 3 {
        return Err(NameProblem::TooLong(raw.len()));
    }
    let parts = raw.split('/').count();
    if parts > MOST_SEGMENTS {
        return Err(NameProblem::TooDeep(parts));
    }
    let mut name = String::with_capacity(raw.len());
    for part in raw.split('/') {
        let part = decode_part(part)?;
        if !name.is_empty() {
            name.push('/');
        }
        name.push_str(&part);
    }
    if name.len() > LONGEST_NAME { Err(NameProblem::TooLong(name.len())) } else { Ok(name) }
}

fn decode_part(part: &str) -> Result<Cow<'_, str>, NameProblem> {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = part.as_bytes();
    let is_broken = |at: usize| !is_hex(bytes.get(at + 1)) || !is_hex(bytes.get(at + 2));
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'%' && is_broken(at)) {
        return Err(NameProblem::Encoding);
    }
    let decoded = percent_decode_str(part).decode_utf8().map_err(|_| NameProblem::Encoding)?;
    if decoded.is_empty() {
        return Err(NameProblem::EmptyPart);
    }
    if decoded == "." || decoded == ".." {
        return Err(NameProblem::DotPart);
    }
    if decoded.contains(['/', '\\', '%']) {
        return Err(NameProblem::HiddenSeparator);
    }
    match decoded.chars().find(|letter| letter.is_control()) {
        Some(control) => Err(NameProblem::ControlCharacter(u32::from(control))),
        None => Ok(decoded),
    }
}

/// The name that a URI in a pushed playlist stands for, by RFC 3986 §5 within the playlist's folder; its query and
/// fragment do not count.
pub fn resolve(playlist: &str, uri: &str) -> Result<String, NameProblem> {
    let mut path = uri.split(['?', '#']).next().unwrap_or_default();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    let name = file_name(path)?;
    let resolved = match playlist.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name,
    };
    if resolved.len() > LONGEST_NAME { Err(NameProblem::TooLong(resolved.len())) } else { Ok(resolved) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_channel_endpoint_and_file() {
        let address = IngestAddress::parse("/in/v2/abc/def/channel.m3u8").unwrap();
        assert_eq!((address.channel, address.ingest_endpoint), ("abc", "def"));
        assert_eq!(address.file.as_deref(), Some("channel.m3u8"));
        for (path, file) in [
            ("/in/v2/abc/def/video/seg%20a_1.ts", Some("video/seg a_1.ts")),
            ("/in/v2/abc/def/%C3%BCber;x=1.ts", Some("über;x=1.ts")),
            ("/in/v2/abc/def/", None),
            ("/in/v2/abc/def", None),
        ] {
            assert_eq!(IngestAddress::parse(path).unwrap().file.as_deref(), file, "{path}");
        }
        for path in ["/in/v1/abc/def/a.ts", "/in/v2/", "/in/v2/abc", "/in/v2//def/a.ts", "/in/v2/abc//a.ts", "/"] {
            assert_eq!(IngestAddress::parse(path), Err(AddressProblem::NoIngestUrl), "{path}");
        }
    }

    #[test]
    fn a_name_that_could_mean_another_place_is_refused_with_its_rule() {
        for (raw, problem) in [
            ("..", NameProblem::DotPart),
            ("a/../b", NameProblem::DotPart),
            ("a/%2e%2E/b", NameProblem::DotPart),
            ("./a", NameProblem::DotPart),
            ("a//b", NameProblem::EmptyPart),
            ("a/", NameProblem::EmptyPart),
            ("a%2fb", NameProblem::HiddenSeparator),
            ("%252e%252e", NameProblem::HiddenSeparator),
            ("..%5cb", NameProblem::HiddenSeparator),
            ("a%00.ts", NameProblem::ControlCharacter(0)),
            ("a%0d%0aX: y", NameProblem::ControlCharacter(13)),
            ("a%c2%85", NameProblem::ControlCharacter(0x85)),
            ("%c0%ae%c0%ae", NameProblem::Encoding),
            ("a%", NameProblem::Encoding),
            ("a%4", NameProblem::Encoding),
            ("a%zz", NameProblem::Encoding),
            ("1/2/3/4/5/6/7/8/9", NameProblem::TooDeep(9)),
        ] {
            assert_eq!(file_name(raw), Err(problem), "{raw}");
        }
        assert_eq!(file_name(&"a".repeat(513)), Err(NameProblem::TooLong(513)));
        assert_eq!(file_name(&"a".repeat(4_096)), Err(NameProblem::TooLong(4_096)));
        assert!(file_name(&"%61".repeat(512)).is_ok());
    }

    #[test]
    fn a_uri_in_a_playlist_stands_for_a_name_in_its_folder() {
        for (playlist, uri, name) in [
            ("channel.m3u8", "v_1.ts", "v_1.ts"),
            ("channel.m3u8", "./v/s.m3u8?token=1#x", "v/s.m3u8"),
            ("v/s.m3u8", "seg%201.ts", "v/seg 1.ts"),
            ("v/s.m3u8", "seg 1.ts", "v/seg 1.ts"),
        ] {
            assert_eq!(resolve(playlist, uri).as_deref(), Ok(name));
        }
        assert!(resolve("v/s.m3u8", "../x.ts").is_err());
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_accepted_stays_in_its_folder(raw in r"([a-c./\\]|%2e|%2F|%5c|%25|%00|%C0%AE|é|;){0,24}") {
            if let Ok(name) = file_name(&raw) {
                let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
                proptest::prop_assert!(name.split('/').all(is_plain), "{raw} gave {name}");
                proptest::prop_assert!(!name.contains(['\\', '%', '\0']), "{raw} gave {name}");
                proptest::prop_assert_eq!(name.split('/').count(), raw.split('/').count());
            }
        }

        #[test]
        fn any_path_is_answered(raw in "\\PC{0,200}") {
            let _ = IngestAddress::parse(&format!("/in/v2/{raw}"));
            let _ = resolve("a/b.m3u8", &raw);
        }
    }
}
