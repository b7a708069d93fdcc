//! The player's door: `/out/v1/<endpoint>/<file>` → endpoint → access rules → view → rendering, with caches.
//!
//! Reading never waits for writing: an answer is made from the channel's snapshot of that moment.
//!
//! * [`target`] and [`time_shift`]: the URL. * [`choice`]: what of it. * [`access`]: who may. * [`manifests`] and [`segments`]: content and its caches.
//! * [`clip`]: the same content as files to be copied elsewhere.
//! * [`answer`]: status, headers, body. * [`range`]: parts of segments. * [`refusal`]: why there is no content.

mod access;
mod answer;
mod choice;
pub mod clip;
mod manifests;
mod memory_file;
#[cfg(test)]
mod monotone;
mod range;
mod refusal;
mod segments;
mod stored_segments;
mod target;
mod time_shift;

use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;

use crate::channels::Channels;
use crate::packaging::name::{self, File};
use crate::plane::{AnswerFuture, Connection, Plane, Request, Response};
use crate::presentation::Snapshot;
use crate::resources::{CatalogueHandle, Endpoint, OutputRules};

use answer::{Answers, Content};
use choice::Choice;
use manifests::ManifestCache;
use refusal::Refusal;
use segments::SegmentCache;
use target::Target;
use time_shift::TimeShift;

/// How much memory the origin may keep for what was asked for lately, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginLimits {
    /// Packaged segments.
    pub packaged_segments: u64,
    /// Stored segments whose index was decoded; their payload stays in their files.
    pub decoded_segments: u64,
    /// Manifests.
    pub manifests: u64,
}

impl Default for OriginLimits {
    fn default() -> Self {
        OriginLimits { packaged_segments: 64 << 20, decoded_segments: 32 << 20, manifests: 16 << 20 }
    }
}

/// The plane behind `/out/`.
pub struct Origin {
    channels: Arc<Channels>,
    catalogue: CatalogueHandle,
    manifests: ManifestCache,
    segments: SegmentCache,
    answers: Answers,
}

impl Origin {
    /// An origin of the catalogue's endpoints.
    pub fn new(channels: Arc<Channels>, catalogue: CatalogueHandle, limits: OriginLimits) -> Self {
        Origin {
            manifests: ManifestCache::new(limits.manifests),
            segments: SegmentCache::new(channels.store().clone(), limits.packaged_segments, limits.decoded_segments),
            answers: Answers::default(),
            channels,
            catalogue,
        }
    }

    /// Answers one request of a client at this address.
    pub async fn respond(&self, peer: SocketAddr, request: &http::request::Parts) -> Response {
        if request.method == Method::OPTIONS {
            return self.answers.preflight(request);
        }
        match self.content(peer, request).await {
            Ok(content) => self.answers.content(request, content),
            Err(refusal) => {
                if refusal.status().is_server_error() && refusal.status() != http::StatusCode::NOT_IMPLEMENTED {
                    tracing::error!(path = request.uri.path(), %refusal, "a request could not be answered");
                }
                self.answers.refusal(request, &refusal)
            }
        }
    }

    async fn content(&self, peer: SocketAddr, request: &http::request::Parts) -> Result<Content, Refusal> {
        if request.method != Method::GET && request.method != Method::HEAD {
            return Err(Refusal::Method);
        }
        let target = Target::parse(request.uri.path()).ok_or(Refusal::Path)?;
        let catalogue = self.catalogue.load();
        let endpoint = catalogue.endpoint(&target.endpoint).ok_or(Refusal::UnknownEndpoint)?;
        access::check(endpoint, peer)?;
        let file = name::parse(endpoint, &target.file).ok_or(Refusal::UnknownFile)?;
        let query = request.uri.query();
        let choice = Choice::read(query.unwrap_or_default(), file)?;
        // Smooth Streaming takes times in the path alone.
        let times_query = query.filter(|_| file != File::SmoothManifest);
        let time_shift =
            if file.is_manifest() { Some(TimeShift::of(target.times, times_query, endpoint)?) } else { None };
        let rules = endpoint.packaging.output_rules();
        let segment_seconds = rules.target_duration_seconds;
        let snapshot = snapshot_of(&self.channels, endpoint, &rules).await?;
        let now = self.channels.now();
        if let Some(time_shift) = time_shift {
            let manifest = self.manifests.get(endpoint, file, &choice, &time_shift, &snapshot, now)?;
            return Ok(Content::Manifest { manifest, segment_seconds });
        }
        Ok(Content::Segment(self.segments.get(endpoint, file, &snapshot, now).await?))
    }
}

/// The channel at this moment, with this endpoint's segments numbered.
async fn snapshot_of(channels: &Channels, endpoint: &Endpoint, rules: &OutputRules) -> Result<Arc<Snapshot>, Refusal> {
    let channel = channels.get(&endpoint.channel).await?.ok_or(Refusal::NothingYet)?;
    let snapshot = channel.snapshot();
    if snapshot.outputs.get(&endpoint.guid).is_some_and(|output| output.rules() == rules) {
        return Ok(snapshot);
    }
    channel.want_output(&endpoint.guid, rules).await?;
    Ok(channel.snapshot())
}

impl Plane for Origin {
    fn answer<'a>(&'a self, connection: &'a Arc<Connection>, request: Request) -> AnswerFuture<'a> {
        let (parts, _body) = request.into_parts();
        Box::pin(async move { self.respond(connection.peer, &parts).await })
    }
}
