//! Why a request gets no content, as a status and one sentence.

use std::net::IpAddr;

use http::StatusCode;

use crate::channels::SubmitError;
use crate::media::stored::StoredError;
use crate::media_store::StoreError;
use crate::packaging::RenderError;
use crate::packaging::filter::FilterError;
use crate::presentation::OutOfReach;

/// Why a request gets no content.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Players only read.
    #[error("players may GET, HEAD and OPTIONS here, nothing else")]
    Method,
    /// The path has another form than playback URLs have.
    #[error("playback urls have the form /out/v1/<endpoint>/<file>")]
    Path,
    /// No endpoint has this guid.
    #[error("no origin endpoint has this url")]
    UnknownEndpoint,
    /// `Origination` is `DENY`.
    #[error("this origin endpoint denies origination")]
    OriginationDenied,
    /// The client's address is in none of the whitelist's networks.
    #[error("the address {0} is not on this origin endpoint's whitelist")]
    NotOnWhitelist(IpAddr),
    /// The endpoint has settings that this build cannot obey.
    #[error("this build does not have yet what the endpoint is set to: {0}")]
    SettingsNotBuiltYet(String),
    /// A query parameter that may be given once came again.
    #[error("the query parameter {0} may be given once")]
    ParameterRepeated(&'static str),
    /// `aws.manifestfilter` is none.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// `aws.manifestfilter` admits nothing of what there is.
    #[error("the manifest filter leaves nothing: no stream of this origin endpoint meets all its conditions")]
    FilterLeavesNothing,
    /// `aws.manifestfilter` or `aws.drmsettings` beside something else than a parent manifest.
    #[error("the query parameter {0} is for parent manifests only")]
    ParameterForParentOnly(&'static str),
    /// `aws.drmsettings` knows one value.
    #[error("aws.drmsettings has the value 'excludesessionkeys' or is left out, but is '{0}'")]
    BadDrmSettings(String),
    /// `start` with an endpoint that has no start-over window.
    #[error("this origin endpoint has no start-over window")]
    StartOverOff,
    /// `start` or `end` that is no time.
    #[error("{0} must be a time as 2026-02-03T18:00:00+01:00 (with its offset) or 1770138000 (seconds since 1970)")]
    BadTime(&'static str),
    /// `start` or `end` more than once.
    #[error("{0} is given more than once")]
    TimeTwice(&'static str),
    /// The range is empty.
    #[error("start must be before end")]
    StartNotBeforeEnd,
    /// Nothing can be seen of the range.
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
    /// The name is none that a manifest of the endpoint writes.
    #[error("this origin endpoint has no such file")]
    UnknownFile,
    /// No segment came yet.
    #[error("nothing was ingested yet that this manifest could list")]
    NothingYet,
    /// The segment's number is higher than that of the newest one.
    #[error("this segment is not there yet")]
    NotThereYet,
    /// The segment was removed.
    #[error("this segment is not kept any more")]
    Gone,
    /// The encoder never brought it, and manifests do not list it or list it as a gap.
    #[error("the encoder brought no media for this segment")]
    Gap,
    /// The range lies beyond the end.
    #[error("the range lies beyond the {length} bytes of this segment")]
    Range {
        /// Length of the segment, bytes.
        length: u64,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The channel cannot number the endpoint's segments.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// A stored segment is damaged.
    #[error("stored segment {object}: {error}")]
    Damaged {
        /// Where the store keeps it.
        object: String,
        /// What is wrong with it.
        error: StoredError,
    },
    /// What is stored cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Refusal {
    /// The status.
    ///
    /// What is not there any more is 404 like what is not there yet: AWS does the same, and players treat 410 alike.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::OriginationDenied | Refusal::NotOnWhitelist(_) => StatusCode::FORBIDDEN,
            Refusal::SettingsNotBuiltYet(_) => StatusCode::NOT_IMPLEMENTED,
            Refusal::ParameterForParentOnly(_)
            | Refusal::ParameterRepeated(_)
            | Refusal::Filter(_)
            | Refusal::FilterLeavesNothing
            | Refusal::BadDrmSettings(_)
            | Refusal::BadTime(_)
            | Refusal::TimeTwice(_)
            | Refusal::StartNotBeforeEnd => StatusCode::BAD_REQUEST,
            Refusal::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Refusal::Path
            | Refusal::UnknownEndpoint
            | Refusal::StartOverOff
            | Refusal::OutOfReach(_)
            | Refusal::UnknownFile
            | Refusal::NothingYet
            | Refusal::NotThereYet
            | Refusal::Gone
            | Refusal::Gap
            // Retention may remove an object between looking it up and reading it.
            | Refusal::Store(StoreError::NotFound(_)) => StatusCode::NOT_FOUND,
            Refusal::Store(_) | Refusal::Submit(_) | Refusal::Damaged { .. } | Refusal::Render(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}
