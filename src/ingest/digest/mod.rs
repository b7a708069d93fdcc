//! Digest authentication of encoders: RFC 7616 and its predecessors RFC 2617 and 2069, `qop=auth`.
//!
//! What shapes it is what encoders do: ffmpeg answers MD5 only, takes the last challenge, opens a new connection
//! after each 401, and in persistent mode never answers a second 401; curl takes the first challenge that it knows.

mod accepted;
mod authorization;
mod nonce;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::resources::IngestEndpoint;
use accepted::{AcceptedNonces, NonceRefusal};
use authorization::DigestAuthorization;
use nonce::NonceMint;

pub use accepted::ConnectionMemory;
pub use authorization::AuthorizationProblem;

/// The realm of every challenge; clients echo it.
const REALM: &str = "MediaPackage";

/// Why a request is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestRefusal {
    /// No `Authorization` header: the first request of nearly every client.
    #[error("the ingest endpoint needs digest authentication with its user name and password")]
    NoAuthorization,
    /// A header that cannot be read.
    #[error(transparent)]
    Header(#[from] AuthorizationProblem),
    /// The header was made for another request line.
    #[error("the uri of the authorization header is not that of the request line (RFC 7616 section 3.4.6)")]
    OtherUri,
    /// An algorithm, quality of protection or option that was not offered.
    #[error("the authorization header uses {0}, which was not offered")]
    NotOffered(&'static str),
    /// Name or password is wrong.
    #[error("the user name or password of the ingest endpoint is wrong")]
    WrongCredentials,
    /// Name and password are right, but the nonce is not good any more or never was.
    #[error("{0}: answer the new challenge")]
    StaleNonce(&'static str),
}

impl DigestRefusal {
    /// The request was malformed: asking again in the same way is useless.
    pub fn is_malformed(&self) -> bool {
        matches!(self, DigestRefusal::OtherUri)
            || matches!(self, DigestRefusal::Header(problem) if *problem != AuthorizationProblem::OtherScheme)
    }
}

/// What a request says of itself, as far as its authentication goes.
pub struct Claim<'a> {
    /// The method of the request line.
    pub method: &'a Method,
    /// Path and query of the request line, as they were sent.
    pub target: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The channel's guid in the path.
    pub channel: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Algorithm::Md5),
            text if text.eq_ignore_ascii_case("MD5") => Some(Algorithm::Md5),
            text if text.eq_ignore_ascii_case("SHA-256") => Some(Algorithm::Sha256),
            _ => None,
        }
    }

    /// Hash of the parts, with colons between them, in hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Algorithm::Md5 => hex::encode(Md5::digest(text)),
            Algorithm::Sha256 => hex::encode(Sha256::digest(text)),
        }
    }
}

/// Checks answers and makes challenges.
pub struct DigestGate {
    mint: NonceMint,
    accepted: AcceptedNonces,
}

impl DigestGate {
    /// `key` must be secret, random and new in every process.
    pub fn new(key: [u8; 32]) -> Self {
        DigestGate { mint: NonceMint::new(key), accepted: AcceptedNonces::default() }
    }

    /// Lets a request in or says why not.
    pub fn check(
        &self,
        claim: &Claim<'_>,
        endpoint: &IngestEndpoint,
        connection: &ConnectionMemory,
        now: Timestamp,
    ) -> Result<(), DigestRefusal> {
        let mut headers = claim.headers.get_all(AUTHORIZATION).iter();
        let Some(header) = headers.next() else { return Err(DigestRefusal::NoAuthorization) };
        if headers.next().is_some() {
            return Err(AuthorizationProblem::Twice("Authorization").into());
        }
        let header = std::str::from_utf8(header.as_bytes()).map_err(|_| AuthorizationProblem::Syntax)?;
        let answer = DigestAuthorization::parse(header)?;
        if !is_same_target(&answer.uri, claim.target) {
            return Err(DigestRefusal::OtherUri);
        }
        check_answer(&answer, claim.method, endpoint)?;

        // From here on the client knows the password; what can be wrong is only old.
        let Some(nonce) = self.mint.read(&answer.nonce, claim.channel, &endpoint.id) else {
            return Err(DigestRefusal::StaleNonce("the nonce is not one of this server for this ingest endpoint"));
        };
        // An answer without qop has no count, so its nonce is good for one request.
        let count = answer.protection.map_or(1, |protection| protection.nonce_count);
        let name = format!("{}/{}", claim.channel, endpoint.id);
        self.accepted.take(&name, nonce, count, connection, now.as_millisecond()).map_err(|refusal| {
            DigestRefusal::StaleNonce(match refusal {
                NonceRefusal::Expired => "the nonce has expired",
                NonceRefusal::Replayed => "the nonce count was used before",
            })
        })
    }

    /// The `WWW-Authenticate` headers that go with a refusal.
    ///
    /// MD5 comes last, where ffmpeg looks; SHA-256 before it only for curl, which takes the first. Others are not
    /// known to cope with two.
    pub fn challenges(
        &self,
        refusal: &DigestRefusal,
        channel: &str,
        endpoint: &IngestEndpoint,
        user_agent: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Vec<HeaderValue> {
        let nonce = self.mint.issue(channel, &endpoint.id, now);
        let stale = if matches!(refusal, DigestRefusal::StaleNonce(_)) { ", stale=true" } else { "" };
        let takes_first = user_agent.is_some_and(|agent| agent.as_bytes().starts_with(b"curl/"));
        let algorithms: &[&str] = if takes_first { &["SHA-256", "MD5"] } else { &["MD5"] };
        let challenge = |algorithm: &&str| {
            let text =
                format!("Digest realm=\"{REALM}\", qop=\"auth\", algorithm={algorithm}, nonce=\"{nonce}\"{stale}");
            HeaderValue::from_str(&text).ok()
        };
        algorithms.iter().filter_map(challenge).collect()
    }
}

/// Whether the `uri` parameter is that of the request line: literally, or, as ffmpeg has it, with the percent-encoding
/// of the request line undone. Encodings that hide a delimiter would make two targets of one `uri`.
fn is_same_target(uri: &str, target: &str) -> bool {
    if uri == target {
        return true;
    }
    let hides_delimiter = ["%2f", "%3f", "%23", "%25"].iter().any(|code| target.to_ascii_lowercase().contains(code));
    !hides_delimiter && percent_decode_str(target).eq(uri.bytes())
}

/// Whether the answer can only come from somebody who knows name and password.
fn check_answer(answer: &DigestAuthorization, method: &Method, endpoint: &IngestEndpoint) -> Result<(), DigestRefusal> {
    let algorithm = Algorithm::parse(&answer.algorithm)
        .ok_or(DigestRefusal::NotOffered("an algorithm other than MD5 and SHA-256"))?;
    if answer.username_is_hashed {
        return Err(DigestRefusal::NotOffered("userhash"));
    }
    let secret = algorithm.hash(&[&endpoint.username, REALM, endpoint.password.reveal()]);
    let request = algorithm.hash(&[method.as_str(), &answer.uri]);
    let expected = match &answer.protection {
        None => algorithm.hash(&[&secret, &answer.nonce, &request]),
        Some(protection) if protection.qop.eq_ignore_ascii_case("auth") => algorithm.hash(&[
            &secret,
            &answer.nonce,
            &protection.nonce_count_text,
            &protection.client_nonce,
            &protection.qop,
            &request,
        ]),
        Some(_) => return Err(DigestRefusal::NotOffered("a qop other than auth")),
    };
    let response = answer.response.to_ascii_lowercase();
    // All compared in any case, so that time does not tell which of them was wrong.
    let is_right = expected.as_bytes().ct_eq(response.as_bytes())
        & endpoint.username.as_bytes().ct_eq(answer.username.as_bytes())
        & REALM.as_bytes().ct_eq(answer.realm.as_bytes());
    if bool::from(is_right) { Ok(()) } else { Err(DigestRefusal::WrongCredentials) }
}

#[cfg(test)]
mod tests;
