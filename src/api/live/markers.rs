//! Ad markers and playlist types: what HLS, CMAF and DASH packages share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::aws::ApiError;
use crate::resources;

/// How ad markers appear in HLS playlists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AdMarkers {
    /// None at all.
    #[default]
    None,
    /// Cue tags made from SCTE-35 messages.
    #[serde(rename = "SCTE35_ENHANCED")]
    Scte35Enhanced,
    /// The comments of the input playlist, copied.
    Passthrough,
    /// `EXT-X-DATERANGE` tags.
    Daterange,
}

/// A kind of SCTE-35 message that makes an ad marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AdTrigger {
    /// `splice_insert`.
    SpliceInsert,
    /// Break, segmentation types 0x22 and 0x23.
    Break,
    /// Provider advertisement, 0x30 and 0x31.
    ProviderAdvertisement,
    /// Distributor advertisement, 0x32 and 0x33.
    DistributorAdvertisement,
    /// Provider placement opportunity, 0x34 and 0x35.
    ProviderPlacementOpportunity,
    /// Distributor placement opportunity, 0x36 and 0x37.
    DistributorPlacementOpportunity,
    /// Provider overlay placement opportunity, 0x38 and 0x39.
    ProviderOverlayPlacementOpportunity,
    /// Distributor overlay placement opportunity, 0x3A and 0x3B.
    DistributorOverlayPlacementOpportunity,
}

/// Which `time_signal` messages become ads, by their delivery restriction flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AdsOnDeliveryRestrictions {
    /// None of them.
    None,
    /// Those with restrictions.
    Restricted,
    /// Those without restrictions.
    Unrestricted,
    /// All of them.
    Both,
}

/// Whether a media playlist has `EXT-X-PLAYLIST-TYPE`, RFC 8216 §4.3.3.5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlaylistType {
    /// No tag.
    #[default]
    None,
    /// `EVENT`.
    Event,
    /// `VOD`.
    Vod,
}

impl AdMarkers {
    /// What the engine must know of it.
    fn neutral(self) -> resources::AdMarkers {
        match self {
            AdMarkers::None => resources::AdMarkers::None,
            AdMarkers::Scte35Enhanced => resources::AdMarkers::Scte35Enhanced,
            AdMarkers::Passthrough => resources::AdMarkers::Passthrough,
            AdMarkers::Daterange => resources::AdMarkers::DateRange,
        }
    }
}

impl AdTrigger {
    /// What the engine must know of it.
    fn neutral(self) -> resources::AdTrigger {
        match self {
            AdTrigger::SpliceInsert => resources::AdTrigger::SpliceInsert,
            AdTrigger::Break => resources::AdTrigger::Break,
            AdTrigger::ProviderAdvertisement => resources::AdTrigger::ProviderAdvertisement,
            AdTrigger::DistributorAdvertisement => resources::AdTrigger::DistributorAdvertisement,
            AdTrigger::ProviderPlacementOpportunity => resources::AdTrigger::ProviderPlacementOpportunity,
            AdTrigger::DistributorPlacementOpportunity => resources::AdTrigger::DistributorPlacementOpportunity,
            AdTrigger::ProviderOverlayPlacementOpportunity => resources::AdTrigger::ProviderOverlayPlacementOpportunity,
            AdTrigger::DistributorOverlayPlacementOpportunity => {
                resources::AdTrigger::DistributorOverlayPlacementOpportunity
            }
        }
    }
}

impl PlaylistType {
    /// What the engine must know of it.
    pub fn neutral(self) -> resources::PlaylistType {
        match self {
            PlaylistType::None => resources::PlaylistType::None,
            PlaylistType::Event => resources::PlaylistType::Event,
            PlaylistType::Vod => resources::PlaylistType::Vod,
        }
    }
}

/// What the engine must know of the two members that select ads.
pub fn ad_selection(
    triggers: Option<&[AdTrigger]>,
    restrictions: Option<AdsOnDeliveryRestrictions>,
) -> resources::AdSelection {
    let triggers = triggers.map(|triggers| triggers.iter().map(|trigger| trigger.neutral()).collect());
    let restrictions = restrictions.map(|restrictions| match restrictions {
        AdsOnDeliveryRestrictions::None => resources::DeliveryRestrictions::None,
        AdsOnDeliveryRestrictions::Restricted => resources::DeliveryRestrictions::Restricted,
        AdsOnDeliveryRestrictions::Unrestricted => resources::DeliveryRestrictions::Unrestricted,
        AdsOnDeliveryRestrictions::Both => resources::DeliveryRestrictions::Both,
    });
    resources::AdSelection::new(triggers, restrictions)
}

/// What the engine must know of a HLS manifest's three ad members.
pub fn hls_ads(
    markers: AdMarkers,
    triggers: Option<&[AdTrigger]>,
    restrictions: Option<AdsOnDeliveryRestrictions>,
) -> resources::HlsAds {
    resources::HlsAds { markers: markers.neutral(), selection: ad_selection(triggers, restrictions) }
}

/// DATERANGE tags carry dates, so they need an interval for program date and time.
pub fn check_daterange(member: &str, markers: AdMarkers, date_time_interval_seconds: i32) -> Result<(), ApiError> {
    if markers == AdMarkers::Daterange && date_time_interval_seconds == 0 {
        let member = format!("{member}.programDateTimeIntervalSeconds");
        return Err(ApiError::invalid(&member, "greater than 0 when adMarkers is DATERANGE", 0));
    }
    Ok(())
}
