//! Assembles stores, planes and the server, and stops them in order.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use crate::api::aws::sigv4::{KnownKeys, Verifier};
use crate::api::aws::{Limits, OperatingSystemRandomness, Randomness, RandomnessError, SystemClock};
use crate::api::live::{self, LiveApi, LiveSettings};
use crate::api::{Access, ApiPlane};
use crate::channels::Channels;
use crate::config::{self, AuthMode, Durability, HarvestTarget, Settings};
use crate::console::{Console, Reset};
use crate::ingest::{Ingest, IngestSettings};
use crate::jobs::harvest::Harvester;
use crate::media_store::bucket::folder::FolderBuckets;
use crate::media_store::bucket::s3::{S3Buckets, S3Settings};
use crate::media_store::bucket::{Buckets, NoBuckets};
use crate::media_store::{self, LocalStore, LocalStoreSettings, StoreError};
use crate::origin::{Origin, OriginLimits};
use crate::resources::CatalogueHandle;
use crate::server::{Planes, Server, ServerLimits, raise_open_files_limit};
use crate::state::{DataFolder, DataFolderError, DocumentStore, OpenError, SledSettings, SledStore, StateError, Write};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// The state store cannot be opened.
    #[error(transparent)]
    State(#[from] OpenError),
    /// The stored resources cannot be read.
    #[error(transparent)]
    Resources(#[from] StateError),
    /// The media store cannot be opened.
    #[error(transparent)]
    Media(#[from] StoreError),
    /// The folder for harvested files cannot be used.
    #[error("{0}")]
    HarvestFolder(String),
    /// The system gives no random numbers.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A started server: everything is open, connections queue up, nothing is answered before [`App::run_until`].
pub struct App {
    server: Server,
    planes: Planes,
    listen_address: SocketAddr,
    public_url: String,
    state: Arc<dyn DocumentStore>,
    channels: Arc<Channels>,
    harvester: Arc<Harvester>,
    data_folder: DataFolder,
}

impl App {
    /// Opens everything.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let data_folder = DataFolder::open(&settings.data_dir)?;
        let listen = settings.listen;
        raise_open_files_limit();
        let server = Server::bind(listen, ServerLimits::default())
            .await
            .map_err(|source| StartError::Listen { listen, source })?;
        let listen_address = server.local_addr().map_err(|source| StartError::Listen { listen, source })?;
        let public_url = settings.public_url.clone().unwrap_or_else(|| default_public_url(listen_address));

        let sled = SledSettings { flush: settings.durability == Durability::Flush, ..SledSettings::default() };
        let state: Arc<dyn DocumentStore> = Arc::new(SledStore::open(&data_folder.join("state"), sled)?);
        let catalogue = CatalogueHandle::default();
        let live = LiveApi::open(LiveSettings {
            store: Arc::clone(&state),
            catalogue: catalogue.clone(),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(OperatingSystemRandomness),
            limits: match settings.limits {
                config::Limits::Aws => Limits::Aws,
                config::Limits::Relaxed => Limits::Relaxed,
            },
            public_url: public_url.clone(),
        })?;

        let media = LocalStoreSettings {
            durability: media_durability(&settings),
            repair: settings.repair,
            ..LocalStoreSettings::default()
        };
        let media = Arc::new(LocalStore::open(&data_folder.join("media"), media)?);
        let channels = Arc::new(Channels::new(media, catalogue.clone(), Arc::new(jiff::Timestamp::now)));

        let harvester = Arc::new(Harvester {
            jobs: Arc::new(live.clone()),
            channels: Arc::clone(&channels),
            catalogue: catalogue.clone(),
            buckets: buckets(&settings)?,
            clock: Arc::new(jiff::Timestamp::now),
        });

        let reset = ResetEverything { state: Arc::clone(&state), live: live.clone(), channels: Arc::clone(&channels) };
        let planes = Planes {
            ingest: Arc::new(ingest(&settings, &channels, &catalogue)?),
            origin: Arc::new(Origin::new(Arc::clone(&channels), catalogue.clone(), OriginLimits::default())),
            console: Arc::new(Console::new(Arc::new(reset), catalogue, Arc::clone(&channels))),
            api: Arc::new(ApiPlane::new(access(&settings), Arc::new(SystemClock), live::router(live))),
        };
        Ok(App { server, planes, listen_address, public_url, state, channels, harvester, data_folder })
    }

    /// `http://` and the address that is listened on.
    pub fn listen_url(&self) -> String {
        format!("http://{}", self.listen_address)
    }

    /// The address that is listened on; tells the port when it was asked to be any.
    pub fn listen_address(&self) -> SocketAddr {
        self.listen_address
    }

    /// The start of every ingest and playback URL, without a final slash.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Serves until `stop` resolves, then drains and closes everything.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        let App { server, planes, state, channels, harvester, data_folder, .. } = self;
        // Retention must not begin before the worker holds what its jobs need.
        let holds = harvester.hold_all();
        let opening = Arc::clone(&channels);
        let opening = tokio::spawn(async move { opening.open_all().await });
        let time = tokio::spawn(Arc::clone(&channels).keep_time());
        let retention = tokio::spawn(Arc::clone(&channels).keep_retention());
        let harvest = tokio::spawn(harvester.keep_harvesting(holds));
        server.serve(planes, stop).await;
        time.abort();
        retention.abort();
        opening.abort();
        channels.rest().await;
        harvest.abort();
        // What it holds of the stores is let go before they are closed.
        let _ = harvest.await;
        drop(channels);
        // The last reference closes the store: it flushes and writes a last export.
        drop(state);
        drop(data_folder);
        tracing::info!("stopped");
    }
}

/// A server that listens everywhere is reached by some name; which, only its owner knows.
fn default_public_url(listen_address: SocketAddr) -> String {
    if listen_address.ip().is_unspecified() {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, listen_address.port()));
        tracing::warn!("URLs begin with http://{local}: set --public-url to how clients reach this server");
        return format!("http://{local}");
    }
    format!("http://{listen_address}")
}

fn buckets(settings: &Settings) -> Result<Arc<dyn Buckets>, StartError> {
    Ok(match &settings.harvest {
        HarvestTarget::Nowhere => Arc::new(NoBuckets),
        HarvestTarget::Folder(root) => Arc::new(FolderBuckets::open(root).map_err(StartError::HarvestFolder)?),
        HarvestTarget::S3 { endpoint, credentials } => Arc::new(S3Buckets::new(S3Settings {
            endpoint: endpoint.clone(),
            access_key: credentials.access_key.clone(),
            secret: credentials.secret.clone(),
            session_token: credentials.session_token.clone(),
        })),
    })
}

fn media_durability(settings: &Settings) -> media_store::Durability {
    match settings.durability {
        Durability::Flush => media_store::Durability::PowerCut,
        Durability::Fast => media_store::Durability::ProcessEnd,
    }
}

/// AWS's quota of ingest requests per channel and second.
const INGEST_REQUESTS_PER_SECOND: u32 = 50;

fn ingest(
    settings: &Settings,
    channels: &Arc<Channels>,
    catalogue: &CatalogueHandle,
) -> Result<Ingest, RandomnessError> {
    let mut nonce_key = [0; 32];
    OperatingSystemRandomness.fill(&mut nonce_key)?;
    let requests_per_second = match settings.limits {
        config::Limits::Aws => Some(INGEST_REQUESTS_PER_SECOND),
        config::Limits::Relaxed => None,
    };
    let settings = IngestSettings { requests_per_second, ..IngestSettings::default() };
    Ok(Ingest::new(Arc::clone(channels), catalogue.clone(), nonce_key, settings))
}

fn access(settings: &Settings) -> Access {
    let keys = KnownKeys::new(&settings.credentials, &settings.account);
    match settings.auth {
        AuthMode::Verify => Access::Verified(Verifier::new(keys)),
        AuthMode::Off => Access::Open { keys, account: settings.account.clone(), region: settings.region.clone() },
    }
}

/// Empties the stores.
struct ResetEverything {
    state: Arc<dyn DocumentStore>,
    live: LiveApi,
    channels: Arc<Channels>,
}

impl Reset for ResetEverything {
    fn reset(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async move {
            let documents = self.state.scan("").map_err(|error| error.to_string())?;
            let deletes = documents.into_iter().map(|(key, _)| Write::Delete(key)).collect();
            self.state.commit(Vec::new(), deletes).await.map_err(|error| error.to_string())?;
            self.live.publish_everything().map_err(|error| error.to_string())?;
            self.channels.reset().await.map_err(|error| error.to_string())?;
            tracing::info!("all resources and media were reset");
            Ok(())
        })
    }
}
