//! How long a channel's media is kept: as long as any of its endpoints can show it, and a little longer.

use jiff::{SignedDuration, Timestamp};

use crate::resources::{Catalogue, ChannelGuid, Endpoint, Packaging};

/// Kept even without endpoints, so that one made now has something to show.
const LEAST_KEPT_SECONDS: i64 = 300;

/// Kept beyond what manifests list: a viewer may still fetch what a manifest listed a moment ago.
const MARGIN_SECONDS: i64 = 120;

/// Media that ended before this time is not needed any more.
pub fn horizon(catalogue: &Catalogue, channel: &ChannelGuid, now: Timestamp) -> Timestamp {
    let longest = catalogue.endpoints_of(channel).map(|endpoint| shown_seconds(endpoint)).max().unwrap_or(0);
    let kept = longest.max(LEAST_KEPT_SECONDS) + MARGIN_SECONDS;
    now.saturating_sub(SignedDuration::from_secs(kept)).unwrap_or(Timestamp::MIN)
}

/// How far back an endpoint's viewers can see, in seconds.
fn shown_seconds(endpoint: &Endpoint) -> i64 {
    let window = match &endpoint.packaging {
        Packaging::Hls(hls) => hls.playlist.window_seconds,
        Packaging::Cmaf(cmaf) => {
            cmaf.manifests.iter().map(|manifest| manifest.playlist.window_seconds).max().unwrap_or(0)
        }
        Packaging::Dash(dash) => dash.manifest_window_seconds,
        Packaging::Mss(mss) => mss.manifest_window_seconds,
    };
    // A live window keeps at least three segments, however short it is set, and Smooth Streaming two more that it does
    // not list yet.
    let segment = endpoint.packaging.output_rules().target_duration_seconds;
    let window = i64::from(window).max(i64::from(segment) * 4) + i64::from(segment) * 2;
    window.max(i64::from(endpoint.startover_window_seconds)) + i64::from(endpoint.time_delay_seconds)
}
