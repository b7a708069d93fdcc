//! Where to push: an ingest URL and its credentials.

use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What is percent-encoded in a file name that becomes a path element.
const PATH_ELEMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// An ingest URL such as `http://host:4790/in/v2/…/channel`: the parent playlist goes to the URL plus `.m3u8`,
/// everything else next to it.
#[derive(Clone, PartialEq, Eq)]
pub struct IngestUrl {
    /// Scheme and authority, without credentials.
    origin: String,
    /// Path up to and with the last slash.
    folder: String,
    /// Last path element without `.m3u8`.
    stem: String,
    username: String,
    password: String,
}

/// Why a URL cannot be pushed to. The URL is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IngestUrlError {
    /// It is no URL.
    #[error("the ingest URL cannot be read: {0}")]
    Malformed(String),
    /// Only `http` is spoken.
    #[error("the ingest URL must start with http://, not {0:?}")]
    Scheme(String),
    /// There is no file name to put `.m3u8` behind.
    #[error("the ingest URL must end with the channel's name, such as /channel, not with {0:?}")]
    NoName(String),
    /// Neither the URL nor the flags say who pushes.
    #[error("user name and password are missing: write http://USER:PASSWORD@host/… or give --user and --password")]
    NoCredentials,
}

impl IngestUrl {
    /// Reads a URL. Credentials are those given, or else those of the URL (percent-encoded there).
    pub fn parse(url: &str, credentials: Option<(&str, &str)>) -> Result<Self, IngestUrlError> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(IngestUrlError::Malformed("it has no ://".to_owned()));
        };
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(IngestUrlError::Scheme(scheme.to_owned()));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (own_credentials, authority) = match authority.rsplit_once('@') {
            Some((own, authority)) => (own.split_once(':'), authority),
            None => (None, authority),
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let Some((folder, name)) = path.rsplit_once('/') else { return Err(IngestUrlError::NoName(path.to_owned())) };
        let stem = name.strip_suffix(".m3u8").unwrap_or(name);
        if stem.is_empty() {
            return Err(IngestUrlError::NoName(name.to_owned()));
        }
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (username, password) = match (credentials, own_credentials) {
            (Some((username, password)), _) => (username.to_owned(), password.to_owned()),
            (None, Some((username, password))) => (decode(username), decode(password)),
            (None, None) => return Err(IngestUrlError::NoCredentials),
        };
        let ingest_url = IngestUrl {
            origin: format!("http://{authority}"),
            folder: format!("{folder}/"),
            stem: decode(stem),
            username,
            password,
        };
        // From here on, making the URI of a file cannot fail: its name is encoded.
        let parent = format!("{}{}{}.m3u8", ingest_url.origin, ingest_url.folder, stem);
        parent.parse::<Uri>().map_err(|error| IngestUrlError::Malformed(error.to_string()))?;
        Ok(ingest_url)
    }

    /// File name of the parent playlist, not percent-encoded.
    pub fn parent_name(&self) -> String {
        format!("{}.m3u8", self.stem)
    }

    /// The URI of a file next to the ingest URL.
    pub(super) fn file(&self, name: &str) -> Result<Uri, http::uri::InvalidUri> {
        format!("{}{}{}", self.origin, self.folder, utf8_percent_encode(name, PATH_ELEMENT)).parse()
    }

    /// User name of the digest authentication.
    pub(super) fn username(&self) -> &str {
        &self.username
    }

    /// Password of the digest authentication.
    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

/// The URL without credentials.
impl std::fmt::Display for IngestUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}{}", self.origin, self.folder, self.stem)
    }
}

impl std::fmt::Debug for IngestUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "IngestUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_siblings_of_the_ingest_url() {
        let url = IngestUrl::parse("http://ab:c%40d@127.0.0.1:4790/in/v2/1/2/channel", None).unwrap();
        assert_eq!((url.username(), url.password()), ("ab", "c@d"));
        assert_eq!(url.parent_name(), "channel.m3u8");
        assert_eq!(url.file("a b_1.ts").unwrap().to_string(), "http://127.0.0.1:4790/in/v2/1/2/a%20b_1.ts");
        assert_eq!(format!("{url} {url:?}").matches("c@d").count(), 0);
    }

    #[test]
    fn a_parent_playlist_url_means_the_same() {
        let credentials = Some(("u", "p"));
        let with = IngestUrl::parse("http://h/in/v2/1/2/channel.m3u8", credentials).unwrap();
        assert_eq!(with, IngestUrl::parse("http://x:y@h/in/v2/1/2/channel", credentials).unwrap());
    }

    #[test]
    fn what_cannot_be_pushed_to_is_refused_with_its_reason() {
        let credentials = Some(("u", "p"));
        assert_eq!(IngestUrl::parse("https://h/channel", credentials), Err(IngestUrlError::Scheme("https".to_owned())));
        assert_eq!(IngestUrl::parse("http://h/in/", credentials), Err(IngestUrlError::NoName(String::new())));
        assert_eq!(IngestUrl::parse("http://h/channel", None), Err(IngestUrlError::NoCredentials));
        assert!(matches!(IngestUrl::parse("h/channel", credentials), Err(IngestUrlError::Malformed(_))));
        assert!(matches!(IngestUrl::parse("http:///channel", credentials), Err(IngestUrlError::Malformed(_))));
    }
}
