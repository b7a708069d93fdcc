//! Which SCTE-35 messages become ads, and how an endpoint's segments follow from its settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A kind of SCTE-35 message that can become an ad (`adTriggers`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AdTrigger {
    /// `splice_insert`, ANSI/SCTE 35 §9.7.3.
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

impl AdTrigger {
    /// What the service uses where `adTriggers` is absent.
    pub const DEFAULT: [AdTrigger; 5] = [
        AdTrigger::SpliceInsert,
        AdTrigger::ProviderAdvertisement,
        AdTrigger::DistributorAdvertisement,
        AdTrigger::ProviderPlacementOpportunity,
        AdTrigger::DistributorPlacementOpportunity,
    ];
}

/// Which `time_signal` messages become ads, by the delivery restriction flags of their segmentation descriptors
/// (`adsOnDeliveryRestrictions`). `splice_insert` has no such flags and is not asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryRestrictions {
    /// None of them.
    None,
    /// Those with restriction flags.
    #[default]
    Restricted,
    /// Those without.
    Unrestricted,
    /// All of them.
    Both,
}

/// How ad markers appear in a media playlist (`adMarkers`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AdMarkers {
    /// None at all.
    #[default]
    None,
    /// `EXT-OATCLS-SCTE35` and `EXT-X-CUE-…` made from SCTE-35 messages.
    Scte35Enhanced,
    /// The ad tags of the encoder's playlist, copied.
    Passthrough,
    /// `EXT-X-DATERANGE` made from SCTE-35 messages.
    DateRange,
}

/// The messages that one manifest shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdSelection {
    /// Kinds of messages that become ads.
    pub triggers: Vec<AdTrigger>,
    /// Which `time_signal` messages become ads.
    pub restrictions: DeliveryRestrictions,
    /// Program starts and ends (segmentation types 0x10 and 0x11) are shown beside ads.
    pub program_transitions: bool,
}

impl AdSelection {
    /// The selection of a package's members as the API has them: absent members have the service's defaults, an empty
    /// list selects nothing.
    pub fn new(triggers: Option<Vec<AdTrigger>>, restrictions: Option<DeliveryRestrictions>) -> AdSelection {
        AdSelection {
            triggers: triggers.unwrap_or_else(|| AdTrigger::DEFAULT.to_vec()),
            restrictions: restrictions.unwrap_or_default(),
            program_transitions: false,
        }
    }
}

/// Ad settings of one HLS manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HlsAds {
    /// The form of the markers.
    pub markers: AdMarkers,
    /// What is marked where the form is made from SCTE-35 messages.
    pub selection: AdSelection,
}

impl HlsAds {
    /// What the manifest shows of the SCTE-35 messages; `None` if nothing.
    pub fn shown(&self) -> Option<AdSelection> {
        let program_transitions = match self.markers {
            AdMarkers::None | AdMarkers::Passthrough => return None,
            AdMarkers::Scte35Enhanced => false,
            AdMarkers::DateRange => true,
        };
        let selection = AdSelection { program_transitions, ..self.selection.clone() };
        (program_transitions || !selection.triggers.is_empty()).then_some(selection)
    }
}

/// The manifest of an endpoint that has only one, in [`OutputRules::ads`].
pub const ONLY_MANIFEST: &str = "";

/// What decides where an endpoint's segments begin and end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRules {
    /// Target duration of segments, seconds.
    pub target_duration_seconds: u32,
    /// What each manifest with markers shows, by the manifest's id: segments are cut where an ad of any of them begins
    /// or ends.
    pub ads: BTreeMap<String, AdSelection>,
    /// Segments are cut where the encoder's playlist has an ad tag other than a continuation.
    pub cuts_at_playlist_tags: bool,
}

impl OutputRules {
    /// Segments that no ad cuts.
    pub fn without_ads(target_duration_seconds: u32) -> OutputRules {
        OutputRules { target_duration_seconds, ..OutputRules::default() }
    }

    /// Adds what a HLS manifest of this id needs.
    pub fn add_hls(&mut self, manifest: &str, ads: &HlsAds) {
        self.cuts_at_playlist_tags |= ads.markers == AdMarkers::Passthrough;
        if let Some(selection) = ads.shown() {
            self.ads.insert(manifest.to_owned(), selection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_settings_have_the_services_defaults_and_an_empty_list_selects_nothing() {
        let default = AdSelection::new(None, None);
        assert_eq!(default.triggers, AdTrigger::DEFAULT);
        assert_eq!(default.restrictions, DeliveryRestrictions::Restricted);
        let none = HlsAds { markers: AdMarkers::Scte35Enhanced, selection: AdSelection::new(Some(Vec::new()), None) };
        assert_eq!(none.shown(), None);
    }

    #[test]
    fn only_dateranges_show_programs() {
        let ads = |markers| HlsAds { markers, selection: AdSelection::new(None, None) };
        assert_eq!(ads(AdMarkers::None).shown(), None);
        assert_eq!(ads(AdMarkers::Passthrough).shown(), None);
        assert!(!ads(AdMarkers::Scte35Enhanced).shown().unwrap().program_transitions);
        assert!(ads(AdMarkers::DateRange).shown().unwrap().program_transitions);
    }

    #[test]
    fn manifests_of_one_endpoint_add_up() {
        let mut rules = OutputRules::without_ads(6);
        rules.add_hls("a", &HlsAds { markers: AdMarkers::Passthrough, ..HlsAds::default() });
        rules.add_hls("b", &HlsAds { markers: AdMarkers::DateRange, selection: AdSelection::new(None, None) });
        rules.add_hls("c", &HlsAds::default());
        assert!(rules.cuts_at_playlist_tags);
        assert_eq!(rules.ads.keys().collect::<Vec<_>>(), ["b"]);
    }
}
