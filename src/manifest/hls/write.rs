//! What both writers share: lines and attributes that cannot be broken by what is put into them.

/// Why a playlist cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistWriteError {
    /// A quoted string cannot hold a quote, and no line can hold a line break (RFC 8216 §4.2 has no escapes).
    #[error("{name} cannot hold the character {character:?}")]
    Character {
        /// The attribute or line.
        name: &'static str,
        /// The character.
        character: char,
    },
    /// A URI that is empty or would be read as a comment.
    #[error("a uri line cannot be `{uri}`")]
    Uri {
        /// The URI.
        uri: String,
    },
    /// A tag kept as it is that does not start with `#`.
    #[error("a tag line cannot be `{line}`")]
    Tag {
        /// The line.
        line: String,
    },
}

/// `NAME=value` pairs with commas between them.
pub(super) struct AttributeWriter<'a> {
    text: &'a mut String,
    first: bool,
}

impl<'a> AttributeWriter<'a> {
    /// Starts a line with `tag`, such as `#EXT-X-MEDIA`, and a colon.
    pub(super) fn start(text: &'a mut String, tag: &str) -> AttributeWriter<'a> {
        text.push_str(tag);
        text.push(':');
        AttributeWriter { text, first: true }
    }

    fn name(&mut self, name: &str) {
        if !self.first {
            self.text.push(',');
        }
        self.first = false;
        self.text.push_str(name);
        self.text.push('=');
    }

    /// A number or an enumerated string of our own.
    pub(super) fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        use std::fmt::Write;
        self.name(name);
        // Writing into a String cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// A quoted string.
    pub(super) fn quoted(&mut self, name: &'static str, value: &str) -> Result<(), PlaylistWriteError> {
        if let Some(character) = value.chars().find(|letter| *letter == '"' || letter.is_control()) {
            return Err(PlaylistWriteError::Character { name, character });
        }
        self.name(name);
        self.text.push('"');
        self.text.push_str(value);
        self.text.push('"');
        Ok(())
    }

    /// A quoted string if there is one.
    pub(super) fn quoted_if(&mut self, name: &'static str, value: Option<&str>) -> Result<(), PlaylistWriteError> {
        value.map_or(Ok(()), |value| self.quoted(name, value))
    }

    /// `YES` or `NO`.
    pub(super) fn yes_or_no(&mut self, name: &str, value: bool) {
        self.plain(name, if value { "YES" } else { "NO" });
    }

    /// Ends the line.
    pub(super) fn end(self) {
        self.text.push('\n');
    }
}

/// A URI on a line of its own.
pub(super) fn uri_line(text: &mut String, uri: &str) -> Result<(), PlaylistWriteError> {
    if uri.trim().is_empty() || uri.starts_with('#') {
        return Err(PlaylistWriteError::Uri { uri: uri.to_owned() });
    }
    line(text, "uri", uri)
}

/// A tag or comment that is kept as it is.
pub(super) fn tag_line(text: &mut String, tag: &str) -> Result<(), PlaylistWriteError> {
    if !tag.starts_with('#') {
        return Err(PlaylistWriteError::Tag { line: tag.to_owned() });
    }
    line(text, "tag", tag)
}

/// A whole line without control characters but tabs.
pub(super) fn line(text: &mut String, name: &'static str, content: &str) -> Result<(), PlaylistWriteError> {
    if let Some(character) = content.chars().find(|letter| letter.is_control() && *letter != '\t') {
        return Err(PlaylistWriteError::Character { name, character });
    }
    text.push_str(content);
    text.push('\n');
    Ok(())
}
