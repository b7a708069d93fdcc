//! The service behind the operations: reads documents, commits changes, and publishes what the engine must know.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, Notify};

use super::document::{self, ChannelDocument, EndpointDocument};
use super::keys::{EVERYTHING, Kind};
use super::urls::Urls;
use crate::api::aws::{ApiError, Clock, ErrorCode, Limits, Randomness};
use crate::resources::{Catalogue, CatalogueHandle, Channel, ChannelGuid, Endpoint, EndpointGuid};
use crate::state::{CommitError, Document, DocumentStore, Precondition, StateError, Write};

/// How often a change is planned anew when others were faster, before the client is asked to try again.
const MOST_ATTEMPTS: usize = 32;

/// Number of locks that changes are spread over.
const LOCKS: usize = 256;

/// What the service is made of.
pub struct LiveSettings {
    /// Where documents are kept.
    pub store: Arc<dyn DocumentStore>,
    /// Where the engine looks channels and endpoints up.
    pub catalogue: CatalogueHandle,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Makes ids and credentials.
    pub randomness: Arc<dyn Randomness>,
    /// Which quotas hold.
    pub limits: Limits,
    /// What ingest and playback URLs start with.
    pub public_url: String,
}

/// The live API. Cheap to clone.
#[derive(Clone)]
pub struct LiveApi {
    shared: Arc<Shared>,
}

struct Shared {
    settings: LiveSettings,
    urls: Urls,
    locks: Vec<Mutex<()>>,
    harvest_jobs: Notify,
}

/// A change that is ready to be committed.
pub(super) struct Plan<T> {
    /// What must hold, and the error if it does not; without an error somebody else was faster, and the change is
    /// planned anew.
    pub guards: Vec<(Precondition, Option<ApiError>)>,
    /// What to write.
    pub writes: Vec<Write>,
    /// What the engine must learn of it.
    pub publication: Publication,
    /// What the client gets.
    pub answer: T,
}

/// What the engine must learn of a change.
pub(super) enum Publication {
    /// A channel is new or has changed.
    PutChannel(Channel),
    /// An endpoint is new or has changed.
    PutEndpoint(Endpoint),
    /// A channel is gone.
    RemoveChannel(ChannelGuid),
    /// An endpoint is gone.
    RemoveEndpoint(EndpointGuid),
    /// A harvest job is to be done.
    NewHarvestJob,
    /// Nothing.
    Nothing,
}

impl LiveApi {
    /// Opens the service and publishes all that is stored.
    pub fn open(settings: LiveSettings) -> Result<Self, StateError> {
        let urls = Urls::below(&settings.public_url);
        let locks = (0..LOCKS).map(|_| Mutex::new(())).collect();
        let api = LiveApi { shared: Arc::new(Shared { settings, urls, locks, harvest_jobs: Notify::new() }) };
        api.publish_everything()?;
        Ok(api)
    }

    /// Publishes all that is stored, in place of all that was published: at start, and after the store was reset.
    pub fn publish_everything(&self) -> Result<(), StateError> {
        let mut catalogue = Catalogue::default();
        for (key, document) in self.shared.settings.store.scan(EVERYTHING)? {
            match Kind::of(&key) {
                Kind::Channel => {
                    let owner = super::keys::owner(&key);
                    catalogue.put_channel(document::decode::<ChannelDocument>(&key, &document)?.neutral(owner));
                }
                Kind::Endpoint => {
                    catalogue.put_endpoint(document::decode::<EndpointDocument>(&key, &document)?.neutral());
                }
                Kind::HarvestJob | Kind::Other => {}
            }
        }
        self.shared.settings.catalogue.update(|current| *current = catalogue.clone());
        Ok(())
    }

    pub(super) fn settings(&self) -> &LiveSettings {
        &self.shared.settings
    }

    pub(super) fn urls(&self) -> &Urls {
        &self.shared.urls
    }

    /// Resolves when a harvest job was made since it last resolved.
    pub(super) async fn new_harvest_job(&self) {
        self.shared.harvest_jobs.notified().await;
    }

    /// The document of this key, and its bytes.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<(T, Document)>, ApiError> {
        match self.shared.settings.store.get(key)? {
            Some(bytes) => Ok(Some((document::decode(key, &bytes)?, bytes))),
            None => Ok(None),
        }
    }

    /// All documents below this prefix.
    pub(super) fn read_all<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, ApiError> {
        let documents = self.shared.settings.store.scan(prefix)?;
        documents.iter().map(|(key, bytes)| Ok(document::decode(key, bytes)?)).collect()
    }

    /// Changes the document of this key: plans, commits, publishes. Changes of one document follow each other, so
    /// that the engine learns of them in the order of their commits.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        key: &str,
        plan: impl Fn(&LiveApi) -> Result<Plan<T>, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let api = self.clone();
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let lock = (hasher.finish() % LOCKS as u64) as usize;
        // A task of its own: when the client hangs up between commit and publication, the engine must still learn
        // of what is stored.
        let task = tokio::spawn(async move {
            let _in_order = match api.shared.locks.get(lock) {
                Some(lock) => Some(lock.lock().await),
                None => None,
            };
            for _ in 0..MOST_ATTEMPTS {
                let Plan { guards, writes, publication, answer } = plan(&api)?;
                let (preconditions, mut errors): (Vec<_>, Vec<_>) = guards.into_iter().unzip();
                match api.shared.settings.store.commit(preconditions, writes).await {
                    Ok(_) => {
                        api.publish(publication);
                        return Ok(answer);
                    }
                    Err(CommitError::PreconditionFailed(index)) => {
                        if let Some(error) = errors.get_mut(index).and_then(Option::take) {
                            return Err(error);
                        }
                    }
                    Err(CommitError::Store(error)) => return Err(error.into()),
                }
            }
            Err(ApiError::new(ErrorCode::ServiceUnavailable, "the resource is being changed by others, try again"))
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change failed");
            Err(ApiError::new(ErrorCode::InternalServerError, "the change failed"))
        })
    }

    fn publish(&self, publication: Publication) {
        let catalogue = &self.shared.settings.catalogue;
        match publication {
            Publication::PutChannel(channel) => catalogue.update(|next| next.put_channel(channel.clone())),
            Publication::PutEndpoint(endpoint) => catalogue.update(|next| next.put_endpoint(endpoint.clone())),
            Publication::RemoveChannel(guid) => catalogue.update(|next| next.remove_channel(&guid)),
            Publication::RemoveEndpoint(guid) => catalogue.update(|next| next.remove_endpoint(&guid)),
            Publication::NewHarvestJob => self.shared.harvest_jobs.notify_one(),
            Publication::Nothing => {}
        }
    }
}
