//! Reading what an encoder pushed: limits, lines, and whether it is a parent or a media playlist.

use super::uri::UriProblem;
use super::{MediaPlaylist, ParentPlaylist, read_media, read_parent};

/// How large a pushed playlist may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaylistLimits {
    /// Bytes.
    pub bytes: usize,
    /// Lines, empty ones too.
    pub lines: usize,
    /// Segments of a media playlist; variants, renditions and I-frame variants together of a parent playlist.
    pub entries: usize,
}

/// A playlist of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playlist {
    /// Names streams.
    Parent(ParentPlaylist),
    /// Names segments.
    Media(MediaPlaylist),
}

/// Why a playlist is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    /// More bytes than allowed.
    #[error("playlist has {size} bytes, more than {limit}")]
    TooManyBytes {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// More lines than allowed.
    #[error("playlist has more than {limit} lines")]
    TooManyLines {
        /// The limit.
        limit: usize,
    },
    /// Another character set, or no text at all.
    #[error("playlist is not utf-8 text: byte {offset} begins no character")]
    NotUtf8 {
        /// Offset of the first wrong byte.
        offset: usize,
    },
    /// The first line is not `#EXTM3U`.
    #[error("playlist does not start with #EXTM3U but with `{found}`")]
    NoHeader {
        /// Start of what is there.
        found: String,
    },
    /// `#EXTM3U` but neither streams nor segments.
    #[error("playlist has neither EXT-X-STREAM-INF nor EXT-X-TARGETDURATION or EXTINF; it has {found}")]
    NeitherKind {
        /// The tags that it has instead, the first few.
        found: String,
    },
    /// A media playlist must say its target duration.
    #[error("media playlist has no EXT-X-TARGETDURATION")]
    NoTargetDuration,
    /// Something is wrong with a line.
    #[error("playlist line {line}: {problem}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong.
        problem: LineProblem,
    },
}

/// What is wrong with a line. Values are shortened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Not an attribute list.
    #[error("{rule}: `{found}`")]
    AttributeList {
        /// The rule that is broken.
        rule: &'static str,
        /// Where.
        found: String,
    },
    /// An attribute that must be there is not.
    #[error("attribute {name} is missing")]
    MissingAttribute {
        /// Which.
        name: &'static str,
    },
    /// A tag or attribute with a value that it cannot have.
    #[error("{name} cannot be `{found}`")]
    BadValue {
        /// The tag or attribute.
        name: &'static str,
        /// Its value.
        found: String,
    },
    /// A number above what is allowed.
    #[error("{name} is {found}, more than {limit}")]
    TooLarge {
        /// The tag or attribute.
        name: &'static str,
        /// Its value.
        found: String,
        /// The limit.
        limit: u64,
    },
    /// A URI that is not a plain relative path.
    #[error("uri `{uri}` {problem}")]
    Uri {
        /// The URI.
        uri: String,
        /// What is wrong with it.
        problem: UriProblem,
    },
    /// A control character in a line.
    #[error("the line has the control character U+{code:04X}")]
    ControlCharacter {
        /// The character's code.
        code: u32,
    },
    /// A URI without the tag that must stand before it, or the tag without its URI.
    #[error("{0}")]
    Unpaired(&'static str),
    /// A tag of the other kind of playlist.
    #[error("{tag} does not belong into a {kind} playlist")]
    WrongKind {
        /// The tag.
        tag: &'static str,
        /// `parent` or `media`.
        kind: &'static str,
    },
    /// A tag that would change the meaning of others and is not supported.
    #[error("{tag} is not supported")]
    Unsupported {
        /// The tag.
        tag: &'static str,
    },
    /// More segments or streams than allowed.
    #[error("there are more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
}

impl LineProblem {
    pub(super) fn attribute_list(rule: &'static str, found: &str) -> LineProblem {
        LineProblem::AttributeList { rule, found: shortened(found) }
    }

    pub(super) fn bad_value(name: &'static str, found: &str) -> LineProblem {
        LineProblem::BadValue { name, found: shortened(found) }
    }

    pub(super) fn uri(uri: &str, problem: UriProblem) -> LineProblem {
        LineProblem::Uri { uri: shortened(uri), problem }
    }
}

/// At most 60 characters, without control characters, fit for an error message.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String =
        text.chars().take(60).map(|letter| if letter.is_control() { '�' } else { letter }).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

/// A line with content: its number from 1, and its text without white space at the end.
pub(super) type Line<'a> = (usize, &'a str);

/// Reads a pushed playlist of either kind.
///
/// A byte order mark, CRLF and unknown tags are accepted; unknown tags are kept. URIs must be relative and stay in
/// their folder ([`super::check_relative_uri`]). No more memory is used than a small multiple of the input.
pub fn read_playlist(bytes: &[u8], limits: &PlaylistLimits) -> Result<Playlist, PlaylistError> {
    if bytes.len() > limits.bytes {
        return Err(PlaylistError::TooManyBytes { size: bytes.len(), limit: limits.bytes });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| PlaylistError::NotUtf8 { offset: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default().trim_end();
    if first != "#EXTM3U" {
        return Err(PlaylistError::NoHeader { found: shortened(first) });
    }
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if index >= limits.lines {
            return Err(PlaylistError::TooManyLines { limit: limits.lines });
        }
        let line = line.trim_end_matches([' ', '\t', '\r']);
        if let Some(control) = line.chars().find(|letter| letter.is_control() && *letter != '\t') {
            let problem = LineProblem::ControlCharacter { code: u32::from(control) };
            return Err(PlaylistError::Line { line: index + 1, problem });
        }
        if index > 0 && !line.is_empty() {
            lines.push((index + 1, line));
        }
    }
    let has = |tags: &[&str]| lines.iter().any(|(_, line)| tags.contains(&tag_name(line)));
    if has(&["#EXT-X-STREAM-INF", "#EXT-X-MEDIA", "#EXT-X-I-FRAME-STREAM-INF"]) {
        read_parent::read(&lines, limits.entries).map(Playlist::Parent)
    } else if has(&["#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE"]) {
        read_media::read(&lines, limits.entries).map(Playlist::Media)
    } else {
        let found: Vec<String> = lines.iter().take(4).map(|(_, line)| format!("`{}`", shortened(line))).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        Err(PlaylistError::NeitherKind { found })
    }
}

/// The line up to its colon.
pub(super) fn tag_name(line: &str) -> &str {
    line.split_once(':').map_or(line, |(name, _)| name)
}

/// Name and value of a tag; `None` for a comment or a URI.
pub(super) fn tag(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with("#EXT") {
        return None;
    }
    Some(line.split_once(':').unwrap_or((line, "")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: PlaylistLimits = PlaylistLimits { bytes: 4_096, lines: 100, entries: 10 };

    fn error(text: &str) -> String {
        read_playlist(text.as_bytes(), &LIMITS).expect_err("the playlist is refused").to_string()
    }

    #[test]
    fn what_is_neither_kind_is_told_with_what_was_found() {
        assert_eq!(error("<MPD/>"), "playlist does not start with #EXTM3U but with `<MPD/>`");
        assert!(error("#EXTM3U\n#EXT-X-VERSION:3\n").ends_with("it has `#EXT-X-VERSION:3`"));
        assert!(error("#EXTM3U\n").ends_with("it has nothing"));
        assert!(matches!(read_playlist(b"#EXTM3U\n\xff", &LIMITS), Err(PlaylistError::NotUtf8 { offset: 8 })));
    }

    #[test]
    fn size_and_line_limits_hold() {
        assert!(error(&format!("#EXTM3U\n{}", " ".repeat(4_096))).contains("more than 4096"));
        assert_eq!(error(&format!("#EXTM3U\n{}", "\n".repeat(200))), "playlist has more than 100 lines");
    }

    #[test]
    fn control_characters_are_refused_with_their_line() {
        assert_eq!(
            error("#EXTM3U\n#EXTINF:1,\na\0b.ts\n"),
            "playlist line 3: the line has the control character U+0000"
        );
        assert_eq!(
            error("#EXTM3U\n#EXTINF:1,\na\rb.ts\n"),
            "playlist line 3: the line has the control character U+000D"
        );
    }

    proptest! {
        /// Whatever comes, reading ends without a panic.
        #[test]
        fn nothing_makes_the_reader_panic(
            lines in prop::collection::vec(
                prop::sample::select(vec![
                    "#EXTINF:6,", "#EXTINF:", "#EXT-X-STREAM-INF:BANDWIDTH=1", "#EXT-X-STREAM-INF:,", "a.ts", "../a",
                    "#EXT-X-TARGETDURATION:6", "#EXT-X-MEDIA-SEQUENCE:18446744073709551615", "#EXT-X-KEY:METHOD=NONE",
                    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\"", "#EXT-X-ENDLIST", "#EXT-X-MAP:URI=\"i\"", "#",
                    "#EXT-X-PROGRAM-DATE-TIME:2026-02-03T18:40:12.480+0000", "#EXT-X-BYTERANGE:1@2", "#EXT-X-GAP",
                ]),
                0..12,
            ),
            noise in ".{0,40}",
        ) {
            let text = format!("#EXTM3U\n{}\n{noise}", lines.join("\n"));
            let _ = read_playlist(text.as_bytes(), &LIMITS);
        }
    }
}
