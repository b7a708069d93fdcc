//! AWS Signature Version 4, verified: who signed, when, for which world, and whether the request still is what
//! was signed.
//!
//! The crate `aws-sigv4` signs the request again, built from the headers that the client says it signed; the
//! two signatures are compared. What a signer need not care about and a verifier must is ours, one file per
//! notion: [`scope`], [`authorization`], [`presigned`], [`date`], [`signed_headers`], [`payload`], [`keys`].
//!
//! Replay within the window is possible, as at AWS: the signature proves who wrote the request, not that it is
//! sent once. Session tokens: this server issues none, so one that comes with a known key is covered by the
//! signature and adds nothing to what that proves.

mod authorization;
mod date;
mod keys;
mod payload;
mod presigned;
mod refusal;
mod scope;
mod signature;
mod signed_headers;
mod signer;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod verification_tests;

use http::request::Parts;
use jiff::Timestamp;

use super::Caller;
pub use keys::KnownKeys;
pub use refusal::Refusal;
pub use scope::Scope;
pub use signer::{SignError, sign_request};

/// What a request says about its signature; nothing of it is proven yet.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Key, day, region and service.
    pub scope: Scope,
    form: Form,
    time: Timestamp,
    /// Lower-case, ascending.
    signed_headers: Vec<String>,
    signature: String,
}

/// Where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query of a presigned URL, valid for so many seconds.
    Query { expires_in_seconds: u32 },
}

impl Claim {
    /// Reads the signature of a request, in either form.
    pub fn of(parts: &Parts) -> Result<Self, Refusal> {
        let in_header = parts.headers.contains_key(http::header::AUTHORIZATION);
        let in_query = presigned::is_presigned(parts.uri.query().unwrap_or_default());
        match (in_header, in_query) {
            (true, true) => Err(Refusal::Incomplete("a request is signed by header or by query, not by both".into())),
            (true, false) => authorization::claim(&parts.headers),
            (false, true) => presigned::claim(parts.uri.query().unwrap_or_default()),
            (false, false) => Err(Refusal::Unsigned),
        }
    }
}

/// Verifies signatures against the access keys that it knows.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: KnownKeys,
}

impl Verifier {
    /// A verifier that knows these keys.
    pub fn new(keys: KnownKeys) -> Self {
        Verifier { keys }
    }

    /// Everything that can be checked before the body is read: form, time, headers, key.
    pub fn check_head(&self, parts: &Parts, claim: &Claim, now: Timestamp) -> Result<(), Refusal> {
        self.keys.get(&claim.scope.access_key)?;
        claim.scope.check_day(claim.time)?;
        date::check(claim.time, claim.form, now)?;
        signed_headers::check(&parts.headers, claim)
    }

    /// The caller, if the request is what the owner of the access key signed.
    pub fn verify(&self, parts: &Parts, body: &[u8], claim: &Claim, now: Timestamp) -> Result<Caller, Refusal> {
        self.check_head(parts, claim, now)?;
        let key = self.keys.get(&claim.scope.access_key)?;
        payload::check(&parts.headers, body)?;
        signature::check(parts, body, claim, &key.secret)?;
        Ok(Caller {
            account: key.account.clone(),
            region: claim.scope.region.clone(),
            service: claim.scope.service.clone(),
            access_key: claim.scope.access_key.clone(),
        })
    }
}
