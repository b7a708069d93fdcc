//! The encoder's door: HLS pushed by WebDAV-style PUT with digest authentication becomes events of a channel.
//!
//! ```text
//! PUT /in/v2/<channel guid>/<ingest endpoint id>/<file>
//! ```
//!
//! | file | what becomes of it |
//! | --- | --- |
//! | `channel.m3u8` (or `channel`) | the parent playlist; a media playlist there is a stream of its own |
//! | another `.m3u8` | a media playlist |
//! | MPEG-TS, packed audio | taken apart once, stored as samples; what cannot be used is a gap with a reason |
//! | WebVTT | stored as it is |
//!
//! * A segment is answered 201 once it is durable, 204 if this very segment was there already. One that cannot be
//!   used is answered 201 as well, because encoders would only push it again; the log and the gap say why.
//! * DELETE is answered 204 and deletes nothing: what is kept is the endpoints' business, not the encoder's.
//! * 401 comes before the body is asked for; a client that did not wait for `100 Continue` may send it in vain.
//! * What was received whole is taken in even if the client has gone: ffmpeg never waits for its last answers.

mod ad_tags;
mod address;
mod body;
mod digest;
mod messages;
mod playlist;
mod refusal;
mod request_rate;
mod segment;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, USER_AGENT};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body;
use jiff::Timestamp;

use crate::channels::{Channels, RunningChannel};
use crate::plane::{AnswerFuture, Connection, Plane, Request, RequestBody, Response, ResponseBody};
use crate::presentation::{ChannelEvent, InputIndex};
use crate::resources::{CatalogueHandle, Channel, ChannelGuid};
use address::IngestAddress;
use body::InFlight;
use digest::{Claim, DigestGate, DigestRefusal};
use refusal::{ALLOWED_METHODS, text};
use request_rate::RequestRate;
use segment::FileKind;

pub use body::{BodyLimits, BodyProblem};
pub use digest::ConnectionMemory;
pub use playlist::PlaylistRefusal;
pub use refusal::Refusal;

/// Settings of the ingest plane.
#[derive(Debug, Clone, Copy)]
pub struct IngestSettings {
    /// How fast and how large a body must be.
    pub body: BodyLimits,
    /// Requests per second and channel; AWS's quota is 50. `None`: no quota.
    pub requests_per_second: Option<u32>,
    /// How long the answer to a wrong name or password takes, against guessing.
    pub wrong_password_delay: Duration,
}

impl Default for IngestSettings {
    fn default() -> Self {
        IngestSettings {
            body: BodyLimits::default(),
            requests_per_second: None,
            wrong_password_delay: Duration::from_millis(300),
        }
    }
}

/// The ingest plane.
pub struct Ingest {
    channels: Arc<Channels>,
    catalogue: CatalogueHandle,
    gate: DigestGate,
    rate: Option<RequestRate>,
    in_flight: Arc<InFlight>,
    settings: IngestSettings,
}

/// A request that was let in.
struct Admitted {
    channel: Arc<Channel>,
    input: InputIndex,
    file: Option<String>,
}

impl Ingest {
    /// `nonce_key` must be secret, random and new in every process.
    pub fn new(
        channels: Arc<Channels>,
        catalogue: CatalogueHandle,
        nonce_key: [u8; 32],
        settings: IngestSettings,
    ) -> Self {
        Ingest {
            channels,
            catalogue,
            gate: DigestGate::new(nonce_key),
            rate: settings.requests_per_second.map(RequestRate::new),
            in_flight: Arc::default(),
            settings,
        }
    }

    async fn handle(&self, connection: &Connection, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let answer = match self.admit(connection, &head) {
            Ok(_) if head.method == Method::OPTIONS => Ok(options()),
            Ok(admitted) if head.method == Method::PUT || head.method == Method::POST => {
                return self.put(admitted, &head, body).await;
            }
            Ok(_) => other_method(&head),
            Err(refusal) => Err(refusal),
        };
        let refusal = match answer {
            Ok(answer) => {
                self.pass_by(&head, body);
                return answer;
            }
            Err(refusal) => refusal,
        };
        log(&refusal, connection, &head);
        if matches!(refusal, Refusal::Digest { refusal: DigestRefusal::WrongCredentials, .. }) {
            tokio::time::sleep(self.settings.wrong_password_delay).await;
        }
        let closes = self.pass_by(&head, body);
        refusal.into_response(closes)
    }

    /// Deals with a body that nobody wants; true if the connection ends with the answer.
    ///
    /// A client that waits for `100 Continue` keeps its body, and nobody knows what it sends next. Others send all of
    /// it before they read an answer; cut off, they would never see it.
    fn pass_by(&self, head: &Parts, body: RequestBody) -> bool {
        if body.is_end_stream() {
            return false;
        }
        if head.headers.contains_key(EXPECT) {
            return true;
        }
        tokio::spawn(body::discard(body, self.settings.body));
        false
    }

    /// Everything that can be said before the body is read.
    fn admit(&self, connection: &Connection, head: &Parts) -> Result<Admitted, Refusal> {
        let address = IngestAddress::parse(head.uri.path())?;
        let guid = ChannelGuid(address.channel.to_owned());
        let channel = self.catalogue.load().channel(&guid).cloned().ok_or(Refusal::NoSuchEndpoint)?;
        let endpoints = InputIndex::BOTH.iter().zip(&channel.ingest_endpoints);
        let found = endpoints.into_iter().find(|(_, endpoint)| endpoint.id == address.ingest_endpoint);
        let (input, endpoint) = found.ok_or(Refusal::NoSuchEndpoint)?;
        let input = *input;
        if head.method == Method::OPTIONS {
            return Ok(Admitted { channel, input, file: address.file });
        }
        let now = self.channels.now();
        let claim = Claim {
            method: &head.method,
            target: head.uri.path_and_query().map_or("", |target| target.as_str()),
            headers: &head.headers,
            channel: address.channel,
        };
        let memory = connection.memory::<ConnectionMemory>();
        if let Err(refusal) = self.gate.check(&claim, endpoint, &memory, now) {
            let challenges = if refusal.is_malformed() {
                Vec::new()
            } else {
                let user_agent = head.headers.get(USER_AGENT);
                self.gate.challenges(&refusal, address.channel, endpoint, user_agent, now)
            };
            return Err(Refusal::Digest { refusal, challenges });
        }
        if let Some(rate) = &self.rate {
            rate.take(address.channel, now.as_millisecond()).map_err(Refusal::TooManyRequests)?;
        }
        Ok(Admitted { channel, input, file: address.file })
    }

    async fn put(&self, admitted: Admitted, head: &Parts, body: RequestBody) -> Response {
        let Some(name) = admitted.file else {
            let closes = self.pass_by(head, body);
            return Refusal::NoFile.into_response(closes);
        };
        // The ingest URL itself ends in `channel`; encoders that take it as the playlist's URL mean this.
        let name = if name == "channel" { playlist::PARENT_NAME.to_owned() } else { name };
        let is_gzip = match is_gzip(head, &name) {
            Ok(is_gzip) => is_gzip,
            Err(refusal) => {
                tracing::warn!(channel = %admitted.channel.guid, name = ?name, %refusal, "a pushed file was refused");
                let closes = self.pass_by(head, body);
                return refusal.into_response(closes);
            }
        };
        let push = Push {
            channels: self.channels.clone(),
            guid: admitted.channel.guid.clone(),
            input: admitted.input,
            name,
            is_gzip,
            limits: self.settings.body,
            in_flight: self.in_flight.clone(),
        };
        // A task of its own: an encoder that closes its connection right after the last byte drops this future, often
        // before that byte was taken from the connection.
        let pushed = tokio::spawn(push.run(body)).await;
        match pushed.unwrap_or_else(|error| Err(Refusal::Internal(format!("taking a pushed file in died: {error}")))) {
            Ok(status) => {
                let mut response = Response::new(ResponseBody::empty());
                *response.status_mut() = status;
                response
            }
            // Only a body that was read to its end leaves a usable connection.
            Err(refusal) => {
                let closes = matches!(refusal, Refusal::Body(_));
                refusal.into_response(closes)
            }
        }
    }
}

impl Plane for Ingest {
    fn answer<'a>(&'a self, connection: &'a Arc<Connection>, request: Request) -> AnswerFuture<'a> {
        Box::pin(self.handle(connection, request))
    }
}

/// A file that is being pushed, by a client that was let in.
struct Push {
    channels: Arc<Channels>,
    guid: ChannelGuid,
    input: InputIndex,
    name: String,
    is_gzip: bool,
    limits: BodyLimits,
    in_flight: Arc<InFlight>,
}

impl Push {
    async fn run(self, body: RequestBody) -> Result<StatusCode, Refusal> {
        let taken_in = self.receive_and_take_in(body).await;
        if let Err(refusal) = &taken_in {
            let (channel, input, name) = (&self.guid, self.input, &self.name);
            tracing::warn!(%channel, ?input, name = ?name, %refusal, "a pushed file was refused");
        }
        taken_in
    }

    async fn receive_and_take_in(&self, body: RequestBody) -> Result<StatusCode, Refusal> {
        let limits = &self.limits;
        let is_playlist = FileKind::of_name(&self.name) == FileKind::Playlist;
        let largest = if is_playlist { limits.playlist_bytes } else { limits.segment_bytes };
        // Held until the bytes are not needed any more.
        let (bytes, _reservation) = body::receive(body, largest, limits, &self.in_flight).await?;
        let at = self.channels.now();
        let bytes = if self.is_gzip { body::gunzip(&bytes, limits.playlist_bytes)? } else { bytes };
        let channel = self.channels.get(&self.guid).await?.ok_or(Refusal::NoSuchEndpoint)?;
        match FileKind::of(&self.name, &bytes) {
            FileKind::Playlist => self.take_playlist(&channel, &bytes, at).await,
            kind => self.take_segment(&channel, kind, bytes, at).await,
        }
    }

    async fn take_playlist(
        &self,
        channel: &RunningChannel,
        bytes: &[u8],
        at: Timestamp,
    ) -> Result<StatusCode, Refusal> {
        let events = playlist::events(self.input, &self.name, bytes, self.limits.playlist_bytes, at)
            .map_err(|refusal| Refusal::Playlist { name: self.name.clone(), refusal })?;
        channel.submit(&events).await?;
        Ok(StatusCode::CREATED)
    }

    async fn take_segment(
        &self,
        channel: &RunningChannel,
        kind: FileKind,
        bytes: Bytes,
        at: Timestamp,
    ) -> Result<StatusCode, Refusal> {
        let (guid, input, name) = (&self.guid, self.input, self.name.clone());
        let worked =
            tokio::task::spawn_blocking(move || (segment::fingerprint(&bytes), segment::take_apart(kind, &bytes)));
        let (fingerprint, taken_apart) =
            worked.await.map_err(|error| Refusal::Internal(format!("taking a segment apart died: {error}")))?;
        if channel.holds(input, &name, fingerprint).await {
            return Ok(StatusCode::NO_CONTENT);
        }
        let event = match taken_apart {
            Ok(taken_apart) => {
                if !taken_apart.faults.is_empty() {
                    let faults: Vec<String> = taken_apart.faults.iter().map(ToString::to_string).collect();
                    let faults = faults.join("; ");
                    tracing::debug!(channel = %guid, ?input, name = ?name, faults, "a segment has faults");
                }
                for problem in &taken_apart.message_problems {
                    tracing::warn!(channel = %guid, ?input, name = ?name, problem, "a message cannot be used");
                }
                let object = channel.new_object(input, &name);
                self.channels.store().put(&channel.object_key(object), taken_apart.object).await?;
                let segment::TakenApart { tracks, messages, text, .. } = taken_apart;
                ChannelEvent::ObjectStored { input, name, object, fingerprint, tracks, messages, text, at }
            }
            Err(reason) => {
                tracing::warn!(channel = %guid, ?input, name = ?name, reason, "a segment cannot be used");
                ChannelEvent::ObjectBroken { input, name, reason, at }
            }
        };
        channel.submit(&[event]).await?;
        Ok(StatusCode::CREATED)
    }
}

/// True if the body is a playlist in gzip; codings that are not undone are refused.
fn is_gzip(head: &Parts, name: &str) -> Result<bool, Refusal> {
    let mut codings = head.headers.get_all(CONTENT_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(false),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"identity") => Ok(false),
        (Some(coding), None)
            if coding.as_bytes().eq_ignore_ascii_case(b"gzip") && FileKind::of_name(name) == FileKind::Playlist =>
        {
            Ok(true)
        }
        (Some(coding), _) => {
            let coding = String::from_utf8_lossy(coding.as_bytes()).chars().take(40).collect();
            Err(Refusal::ContentEncoding(coding))
        }
    }
}

/// What encoders ask before they push, and after.
fn other_method(head: &Parts) -> Result<Response, Refusal> {
    let mut response = Response::new(ResponseBody::empty());
    match head.method.as_str() {
        "DELETE" => *response.status_mut() = StatusCode::NO_CONTENT,
        // Folders need not be made; an encoder that makes them may.
        "MKCOL" => *response.status_mut() = StatusCode::CREATED,
        "PROPFIND" => return Ok(multistatus(head.uri.path())),
        "GET" | "HEAD" => return Err(Refusal::NotForReading),
        other => return Err(Refusal::Method(other.chars().take(40).collect())),
    }
    Ok(response)
}

/// RFC 4918 §10.1 and RFC 9110 §9.3.7.
fn options() -> Response {
    let mut response = Response::new(ResponseBody::empty());
    response.headers_mut().insert(HeaderName::from_static("dav"), HeaderValue::from_static("1"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(ALLOWED_METHODS));
    response
}

/// The least answer to PROPFIND (RFC 4918 §9.1): whatever was asked for is a folder.
fn multistatus(path: &str) -> Response {
    let mut href = String::with_capacity(path.len());
    for letter in path.chars() {
        match letter {
            '&' => href.push_str("&amp;"),
            '<' => href.push_str("&lt;"),
            '>' => href.push_str("&gt;"),
            letter => href.push(letter),
        }
    }
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\"><D:response><D:href>{href}</D:href>\
         <D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop>\
         <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>\n"
    );
    let mut response = text(StatusCode::MULTI_STATUS, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    response
}

/// One line about a request that was not let in. The first request of most clients comes without authorization, so
/// that alone is nothing to warn of.
fn log(refusal: &Refusal, connection: &Connection, head: &Parts) {
    let path: String = head.uri.path().chars().take(200).collect();
    let (method, peer) = (&head.method, connection.peer);
    match refusal {
        Refusal::Digest { refusal: DigestRefusal::NoAuthorization, .. } => {
            tracing::debug!(%peer, %method, path = ?path, %refusal, "an ingest request was challenged");
        }
        _ => tracing::warn!(%peer, %method, path = ?path, %refusal, "an ingest request was refused"),
    }
}

#[cfg(test)]
mod tests;
