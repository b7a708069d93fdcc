//! What the engine must know of a channel or an endpoint, in one neutral form, and the catalogue: the
//! immutable snapshot where ingest and origin look it up.
//!
//! The control plane derives these from its wire documents and publishes them; the engine reads nothing
//! else of the API.

mod ads;
mod catalogue;
mod channel;
mod endpoint;
mod harvest;
mod owner;
mod time_text;

pub use ads::{AdMarkers, AdSelection, AdTrigger, DeliveryRestrictions, HlsAds, ONLY_MANIFEST, OutputRules};
pub use catalogue::{Catalogue, CatalogueHandle};
pub use channel::{Channel, ChannelGuid, IngestEndpoint, Secret};
pub use endpoint::{
    CmafManifest, CmafSettings, DashProfile, DashSettings, Endpoint, EndpointGuid, HlsSettings, ManifestLayout,
    MssSettings, NotBuiltYet, Packaging, PlaylistSettings, PlaylistType, SegmentTemplateFormat, StreamOrder,
    StreamSelection, UtcTiming,
};
pub use harvest::{Destination, HarvestFuture, HarvestJob, HarvestJobs, HarvestOutcome};
pub use owner::Owner;
pub use time_text::read_time;
