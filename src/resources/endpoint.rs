//! An origin endpoint: from where, in which form and to whom a channel is played.

use std::fmt;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{AdSelection, ChannelGuid, HlsAds, ONLY_MANIFEST, OutputRules};

/// The 32 hexadecimal digits that name an endpoint in ARNs and playback URLs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointGuid(pub String);

impl fmt::Display for EndpointGuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An origin endpoint as the engine sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Its name in URLs; unique over all accounts and regions.
    pub guid: EndpointGuid,
    /// The id that its owner chose.
    pub id: String,
    /// The channel that it plays.
    pub channel: ChannelGuid,
    /// File name of the manifest, without extension.
    pub manifest_name: String,
    /// How far back `start` may reach, in seconds; 0 switches start-over off.
    pub startover_window_seconds: u32,
    /// By how much everybody's "now" lags, in seconds.
    pub time_delay_seconds: u32,
    /// Networks that may play; empty means everyone.
    pub whitelist: Vec<Ipv4Net>,
    /// False when origination is DENY: the URL stays, playback is refused.
    pub originates: bool,
    /// Changes whenever the endpoint's settings do: epoch seconds of the last change, the `m` of segment URLs.
    pub configuration_version: i64,
    /// The packager and its settings.
    pub packaging: Packaging,
    /// Settings that the API accepted and this build cannot obey: playback is refused and says which.
    pub not_built_yet: Vec<NotBuiltYet>,
}

/// A setting that is accepted and echoed by the API, but not obeyed by the engine yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBuiltYet {
    /// The setting as the API writes it, such as `hlsPackage.encryption`.
    pub setting: String,
}

/// The packager of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum Packaging {
    /// HLS with MPEG-TS segments.
    Hls(HlsSettings),
    /// HLS with fMP4 segments (CMAF).
    Cmaf(CmafSettings),
    /// DASH with fMP4 segments.
    Dash(DashSettings),
    /// Microsoft Smooth Streaming.
    Mss(MssSettings),
}

impl Packaging {
    /// What decides where output segments begin and end.
    pub fn output_rules(&self) -> OutputRules {
        match self {
            Packaging::Hls(hls) => {
                let mut rules = OutputRules::without_ads(hls.segment_duration_seconds);
                rules.add_hls(ONLY_MANIFEST, &hls.playlist.ads);
                rules
            }
            Packaging::Cmaf(cmaf) => {
                let mut rules = OutputRules::without_ads(cmaf.segment_duration_seconds);
                for manifest in &cmaf.manifests {
                    rules.add_hls(&manifest.id, &manifest.playlist.ads);
                }
                rules
            }
            Packaging::Dash(dash) => {
                let mut rules = OutputRules::without_ads(dash.segment_duration_seconds);
                if let Some(selection) = &dash.ad_periods {
                    rules.ads.insert(ONLY_MANIFEST.to_owned(), selection.clone());
                }
                rules
            }
            // SCTE-35 has no place in Smooth Streaming.
            Packaging::Mss(mss) => OutputRules::without_ads(mss.segment_duration_seconds),
        }
    }
}

/// Settings of an HLS endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct HlsSettings {
    /// Target duration of output segments.
    pub segment_duration_seconds: u32,
    /// What its playlists say.
    pub playlist: PlaylistSettings,
    /// Audio leaves the muxed segments and goes into a rendition group.
    pub use_audio_rendition_group: bool,
    /// Which streams are offered, in which order.
    pub stream_selection: StreamSelection,
}

/// Settings of one parent playlist and its media playlists, whatever container the segments have.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaylistSettings {
    /// Length of a live media playlist.
    pub window_seconds: u32,
    /// `EXT-X-PLAYLIST-TYPE`, if any.
    pub playlist_type: PlaylistType,
    /// Seconds between `EXT-X-PROGRAM-DATE-TIME` tags; 0 writes none.
    pub program_date_time_interval_seconds: u32,
    /// How ads are marked, and which.
    pub ads: HlsAds,
}

/// Settings of a CMAF endpoint: several sets of HLS playlists over the same segments.
#[derive(Debug, Clone, PartialEq)]
pub struct CmafSettings {
    /// Target duration of output segments.
    pub segment_duration_seconds: u32,
    /// What the names of segments start with.
    pub segment_prefix: String,
    /// The sets of playlists.
    pub manifests: Vec<CmafManifest>,
    /// Which streams are offered, in which order.
    pub stream_selection: StreamSelection,
}

/// One set of HLS playlists of a CMAF endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct CmafManifest {
    /// Its id, the path element that its playlists lie in; unique in the endpoint.
    pub id: String,
    /// File name of the parent playlist, without extension.
    pub manifest_name: String,
    /// What its playlists say.
    pub playlist: PlaylistSettings,
}

/// Settings of a Smooth Streaming endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct MssSettings {
    /// Target duration of output segments (fragments).
    pub segment_duration_seconds: u32,
    /// Length of a live client manifest.
    pub manifest_window_seconds: u32,
    /// Which streams are offered, in which order.
    pub stream_selection: StreamSelection,
}

/// `EXT-X-PLAYLIST-TYPE` of RFC 8216 §4.3.3.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaylistType {
    /// No tag.
    None,
    /// `EVENT`.
    Event,
    /// `VOD`.
    Vod,
}

/// Settings of a DASH endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct DashSettings {
    /// Target duration of output segments.
    pub segment_duration_seconds: u32,
    /// Length of a live MPD.
    pub manifest_window_seconds: u32,
    /// `MPD@minimumUpdatePeriod`.
    pub min_update_period_seconds: u32,
    /// `MPD@minBufferTime`.
    pub min_buffer_time_seconds: u32,
    /// `MPD@suggestedPresentationDelay`.
    pub suggested_presentation_delay_seconds: u32,
    /// How segments are addressed.
    pub segment_template_format: SegmentTemplateFormat,
    /// Where elements that repeat stand.
    pub manifest_layout: ManifestLayout,
    /// The profile that the MPD promises beside those of the standard.
    pub profile: DashProfile,
    /// Offers the key frames of the first video as a trick-mode set.
    pub include_iframe_only_stream: bool,
    /// `UTCTiming`, if any.
    pub utc_timing: Option<UtcTiming>,
    /// Ads that begin and end periods (`periodTriggers` holds ADS); `None` for one period and no markers.
    pub ad_periods: Option<AdSelection>,
    /// Which streams are offered, in which order.
    pub stream_selection: StreamSelection,
}

/// How DASH segments are addressed, ISO 23009-1 §5.3.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentTemplateFormat {
    /// `$Number$` with a SegmentTimeline.
    NumberWithTimeline,
    /// `$Time$` with a SegmentTimeline.
    TimeWithTimeline,
    /// `$Number$` with a constant duration.
    NumberWithDuration,
}

/// Where an MPD's elements that repeat stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestLayout {
    /// In every Representation.
    Full,
    /// In the AdaptationSet where its Representations share them.
    Compact,
    /// As `Compact`, with what is said of content protection at the top of the MPD.
    DrmTopLevelCompact,
}

impl ManifestLayout {
    /// Segment templates stand in the AdaptationSet where its Representations share them.
    pub fn is_compact(self) -> bool {
        matches!(self, ManifestLayout::Compact | ManifestLayout::DrmTopLevelCompact)
    }
}

/// A profile of DASH that another body made from the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DashProfile {
    /// None: the standard's own.
    None,
    /// HbbTV 1.5, ETSI TS 102 796 V1.2.1 annex E.
    Hbbtv15,
    /// DVB-DASH 2014, ETSI TS 103 285 V1.1.1.
    DvbDash2014,
    /// Hybridcast of the IPTV Forum Japan.
    Hybridcast,
}

/// `UTCTiming` of an MPD, ISO 23009-1 §5.8.4.11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UtcTiming {
    /// `@schemeIdUri`.
    pub scheme_id_uri: &'static str,
    /// `@value`.
    pub value: String,
}

/// Which video streams are offered, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSelection {
    /// Smallest video bit rate, inclusive, bit/s.
    pub min_video_bits_per_second: u32,
    /// Largest video bit rate, inclusive, bit/s.
    pub max_video_bits_per_second: u32,
    /// Order in manifests.
    pub order: StreamOrder,
}

impl Default for StreamSelection {
    fn default() -> Self {
        StreamSelection {
            min_video_bits_per_second: 0,
            max_video_bits_per_second: i32::MAX as u32,
            order: StreamOrder::Original,
        }
    }
}

/// Order of streams in manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOrder {
    /// As in the encoder's parent playlist.
    Original,
    /// Lowest video bit rate first.
    VideoBitrateAscending,
    /// Highest video bit rate first.
    VideoBitrateDescending,
}
