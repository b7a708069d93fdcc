//! Why a request was not taken, and how that is told: one sentence of text.

use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use super::address::AddressProblem;
use super::body::BodyProblem;
use super::digest::DigestRefusal;
use super::playlist::PlaylistRefusal;
use crate::channels::SubmitError;
use crate::media_store::StoreError;
use crate::plane::{Response, ResponseBody};

/// The methods that an ingest URL answers.
pub(super) const ALLOWED_METHODS: &str = "OPTIONS, PUT, POST, DELETE, MKCOL, PROPFIND, GET, HEAD";

/// Seconds after which a client may try again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The path names nothing that can be pushed.
    #[error(transparent)]
    Address(#[from] AddressProblem),
    /// No such channel, or no such ingest endpoint in it.
    #[error("there is no ingest endpoint with this url")]
    NoSuchEndpoint,
    /// Not authenticated.
    #[error("{refusal}")]
    Digest {
        /// Why.
        refusal: DigestRefusal,
        /// The `WWW-Authenticate` headers; empty where asking again is useless.
        challenges: Vec<HeaderValue>,
    },
    /// More requests than the channel's quota.
    #[error("the channel gets more than {0} ingest requests a second")]
    TooManyRequests(u32),
    /// A method that no encoder needs.
    #[error("the method {0} is not for ingest urls")]
    Method(String),
    /// A method for files, on the folder.
    #[error("the url names a folder: put a file below it, such as channel.m3u8")]
    NoFile,
    /// Reading what was pushed.
    #[error("what is pushed here is not read here: play the channel from an origin endpoint")]
    NotForReading,
    /// A coding of the body that is not undone.
    #[error("the body has the content-encoding {0}; only gzip is understood, and only for playlists")]
    ContentEncoding(String),
    /// The body could not be received.
    #[error(transparent)]
    Body(#[from] BodyProblem),
    /// A playlist that is not taken.
    #[error("{name}: {refusal}")]
    Playlist {
        /// Its file name.
        name: String,
        /// Why.
        refusal: PlaylistRefusal,
    },
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Store(error) => Refusal::Store(error),
            other => Refusal::Internal(other.to_string()),
        }
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::Address(AddressProblem::NoIngestUrl) | Refusal::NoSuchEndpoint | Refusal::NotForReading => {
                StatusCode::NOT_FOUND
            }
            Refusal::Address(AddressProblem::Name(_)) | Refusal::Playlist { .. } | Refusal::NoFile => {
                StatusCode::BAD_REQUEST
            }
            Refusal::Digest { refusal, .. } if refusal.is_malformed() => StatusCode::BAD_REQUEST,
            Refusal::Digest { .. } => StatusCode::UNAUTHORIZED,
            Refusal::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::ContentEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::Body(problem) => problem.status(),
            Refusal::Store(StoreError::Full(_)) => StatusCode::INSUFFICIENT_STORAGE,
            Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the client is told: where the media is kept is nothing that concerns it.
    fn sentence(&self) -> String {
        match self {
            Refusal::Store(StoreError::Full(_)) => "the disk is full: nothing was stored".to_owned(),
            Refusal::Store(_) | Refusal::Internal(_) => "it could not be stored; the server's log says why".to_owned(),
            other => other.to_string(),
        }
    }

    /// The answer. `closes`: the connection cannot be used again, because the body was left unread.
    pub(super) fn into_response(self, closes: bool) -> Response {
        let status = self.status();
        let mut response = text(status, self.sentence());
        let headers = response.headers_mut();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(RETRY_AFTER, RETRY_SECONDS);
        }
        if closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        match self {
            Refusal::Digest { challenges, .. } => {
                for challenge in challenges {
                    headers.append(WWW_AUTHENTICATE, challenge);
                }
            }
            Refusal::Method(_) => {
                headers.insert(ALLOW, HeaderValue::from_static(ALLOWED_METHODS));
            }
            _ => {}
        }
        response
    }
}

/// An answer of one line of text.
pub(super) fn text(status: StatusCode, sentence: String) -> Response {
    let mut response = Response::new(ResponseBody::whole(sentence + "\n"));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
