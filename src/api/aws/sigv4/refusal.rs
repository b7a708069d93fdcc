//! Why a request is not believed to come from whom it says.

use jiff::Timestamp;

use super::date;
use crate::api::aws::{ApiError, ErrorCode};

/// Why a request is not believed to come from whom it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has no signature.
    #[error("Missing Authentication Token: the request has no AWS signature (Signature Version 4)")]
    Unsigned,
    /// Parts of the signature are missing or malformed; one sentence.
    #[error("{0}")]
    Incomplete(String),
    /// Nobody here has this access key.
    #[error(
        "The security token included in the request is invalid: this server does not know the access key {given:?}, \
         only {known}; its flag --credentials ACCESS_KEY:SECRET[:ACCOUNT] (OPENMEDIAPACKAGE_CREDENTIALS) sets them"
    )]
    UnknownKey {
        /// The access key id of the request.
        given: String,
        /// The ids that this server knows, for reading.
        known: String,
    },
    /// Signed too long ago.
    #[error("Signature expired: {} is now earlier than {} ({} - {allowed})", date::basic(.signed), date::basic(.earliest), date::basic(.now))]
    Expired {
        /// When it was signed.
        signed: Timestamp,
        /// The earliest time that is accepted.
        earliest: Timestamp,
        /// The time here.
        now: Timestamp,
        /// The time allowed, for reading.
        allowed: String,
    },
    /// Signed in the future.
    #[error("Signature not yet current: {} is still later than {} ({} + 5 min.)", date::basic(.signed), date::basic(.latest), date::basic(.now))]
    NotYetCurrent {
        /// When it was signed.
        signed: Timestamp,
        /// The latest time that is accepted.
        latest: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// The body is not what was signed; one sentence.
    #[error("{0}")]
    Payload(String),
    /// Another secret, or another request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method: this server knows the access key {access_key:?}, but it was not used with this \
         server's secret, or the request was changed after signing (a proxy that rewrites Host or path does that)"
    )]
    Mismatch {
        /// The access key id of the request.
        access_key: String,
    },
}

impl Refusal {
    /// AWS's code for it in JSON APIs.
    pub fn code(&self) -> ErrorCode {
        match self {
            Refusal::Unsigned => ErrorCode::MissingAuthenticationToken,
            Refusal::Incomplete(_) => ErrorCode::IncompleteSignature,
            Refusal::UnknownKey { .. } => ErrorCode::UnrecognizedClient,
            Refusal::Expired { .. }
            | Refusal::NotYetCurrent { .. }
            | Refusal::Payload(_)
            | Refusal::Mismatch { .. } => ErrorCode::InvalidSignature,
        }
    }

    /// AWS's code for it in XML APIs, such as STS.
    pub fn xml_code(&self) -> &'static str {
        match self {
            Refusal::Unsigned => "MissingAuthenticationToken",
            Refusal::Incomplete(_) => "IncompleteSignature",
            Refusal::UnknownKey { .. } => "InvalidClientTokenId",
            Refusal::Expired { .. }
            | Refusal::NotYetCurrent { .. }
            | Refusal::Payload(_)
            | Refusal::Mismatch { .. } => "SignatureDoesNotMatch",
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        ApiError::new(refusal.code(), refusal.to_string())
    }
}
