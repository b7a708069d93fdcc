//! What the page lists: the channels and endpoints of the catalogue, without credentials.

use serde::Serialize;

use crate::resources::{Catalogue, Channel, Endpoint, Packaging, SegmentTemplateFormat};

/// Everything that the page lists.
#[derive(Debug, Serialize)]
pub(super) struct Overview<'a> {
    version: &'static str,
    channels: Vec<ChannelLine<'a>>,
}

/// A channel and its endpoints.
#[derive(Debug, Serialize)]
struct ChannelLine<'a> {
    id: &'a str,
    guid: &'a str,
    endpoints: Vec<EndpointLine<'a>>,
}

/// An endpoint.
#[derive(Debug, Serialize)]
struct EndpointLine<'a> {
    id: &'a str,
    guid: &'a str,
    /// `HLS`, `DASH` or `–`.
    format: &'static str,
    /// Path of the manifest below the public URL; empty if nothing can be played.
    path: String,
    playable: bool,
    /// What tells it from its neighbours, or why it does not play.
    detail: String,
}

impl<'a> Overview<'a> {
    /// All channels, by id.
    pub(super) fn of(catalogue: &'a Catalogue) -> Self {
        let mut channels: Vec<&Channel> = catalogue.channels().map(AsRef::as_ref).collect();
        channels.sort_by(|one, other| (&one.id, &one.guid).cmp(&(&other.id, &other.guid)));
        let line = |channel: &'a Channel| {
            let mut endpoints: Vec<&Endpoint> = catalogue.endpoints_of(&channel.guid).map(AsRef::as_ref).collect();
            endpoints.sort_by(|one, other| (&one.id, &one.guid).cmp(&(&other.id, &other.guid)));
            ChannelLine {
                id: &channel.id,
                guid: &channel.guid.0,
                endpoints: endpoints.into_iter().map(EndpointLine::of).collect(),
            }
        };
        Overview { version: env!("CARGO_PKG_VERSION"), channels: channels.into_iter().map(line).collect() }
    }
}

impl<'a> EndpointLine<'a> {
    fn of(endpoint: &'a Endpoint) -> Self {
        let (format, extension, detail) = match &endpoint.packaging {
            Packaging::Hls(hls) => (
                "HLS",
                "m3u8",
                format!(
                    "MPEG-TS{}, {} s segments",
                    if hls.use_audio_rendition_group { ", audio apart" } else { "" },
                    hls.segment_duration_seconds
                ),
            ),
            Packaging::Dash(dash) => {
                let addressed = match dash.segment_template_format {
                    SegmentTemplateFormat::NumberWithTimeline => "NUMBER_WITH_TIMELINE",
                    SegmentTemplateFormat::TimeWithTimeline => "TIME_WITH_TIMELINE",
                    SegmentTemplateFormat::NumberWithDuration => "NUMBER_WITH_DURATION",
                };
                ("DASH", "mpd", format!("{addressed}, {} s segments", dash.segment_duration_seconds))
            }
            Packaging::Cmaf(cmaf) => ("CMAF", "m3u8", format!("fMP4, {} s segments", cmaf.segment_duration_seconds)),
            Packaging::Mss(mss) => ("MSS", "ism/Manifest", format!("{} s fragments", mss.segment_duration_seconds)),
        };
        let obstacle = if let [first, ..] = endpoint.not_built_yet.as_slice() {
            Some(format!("not built yet: {}", first.setting))
        } else if !endpoint.originates {
            Some("origination is DENY".to_owned())
        } else {
            None
        };
        // A CMAF endpoint is shown by its first set of playlists.
        let first_manifest = match &endpoint.packaging {
            Packaging::Cmaf(cmaf) => {
                cmaf.manifests.first().map(|manifest| format!("{}/{}", manifest.id, manifest.manifest_name))
            }
            Packaging::Hls(_) | Packaging::Dash(_) | Packaging::Mss(_) => Some(endpoint.manifest_name.clone()),
        };
        let path = match first_manifest {
            Some(name) if obstacle.is_none() => format!("/out/v1/{}/{name}.{extension}", endpoint.guid),
            _ => String::new(),
        };
        let playable = !path.is_empty();
        EndpointLine {
            id: &endpoint.id,
            guid: &endpoint.guid.0,
            format,
            path,
            playable,
            detail: obstacle.unwrap_or(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{
        ChannelGuid, EndpointGuid, HlsAds, HlsSettings, IngestEndpoint, NotBuiltYet, PlaylistSettings, PlaylistType,
        Secret, StreamSelection,
    };

    fn endpoint(id: &str) -> Endpoint {
        Endpoint {
            guid: EndpointGuid(format!("guid-of-{id}")),
            id: id.to_owned(),
            channel: ChannelGuid("c".to_owned()),
            manifest_name: "live".to_owned(),
            startover_window_seconds: 0,
            time_delay_seconds: 0,
            whitelist: Vec::new(),
            originates: true,
            configuration_version: 1,
            packaging: Packaging::Hls(HlsSettings {
                segment_duration_seconds: 2,
                playlist: PlaylistSettings {
                    window_seconds: 60,
                    playlist_type: PlaylistType::None,
                    program_date_time_interval_seconds: 0,
                    ads: HlsAds::default(),
                },
                use_audio_rendition_group: false,
                stream_selection: StreamSelection::default(),
            }),
            not_built_yet: Vec::new(),
        }
    }

    #[test]
    fn lists_endpoints_by_id_with_their_paths_and_no_secret() {
        let ingest = |id: &str| IngestEndpoint {
            id: id.to_owned(),
            username: "an-ingest-user".to_owned(),
            password: Secret::new("an-ingest-password"),
        };
        let mut catalogue = Catalogue::default();
        catalogue.put_channel(Channel {
            guid: ChannelGuid("c".to_owned()),
            id: "<b>arena".to_owned(),
            owner: Default::default(),
            ingest_endpoints: [ingest("1"), ingest("2")],
        });
        catalogue.put_endpoint(Endpoint { originates: false, ..endpoint("z") });
        catalogue.put_endpoint(endpoint("a"));
        let encrypted = vec![NotBuiltYet { setting: "hlsPackage.encryption".to_owned() }];
        catalogue.put_endpoint(Endpoint { not_built_yet: encrypted, ..endpoint("m") });
        let overview = serde_json::to_value(Overview::of(&catalogue)).unwrap();
        let channel = &overview["channels"][0];
        assert_eq!(channel["id"], "<b>arena");
        let told: Vec<_> =
            channel["endpoints"].as_array().unwrap().iter().map(|line| (&line["path"], &line["detail"])).collect();
        assert_eq!(told[0], (&"/out/v1/guid-of-a/live.m3u8".into(), &"MPEG-TS, 2 s segments".into()));
        assert_eq!(told[1], (&"".into(), &"not built yet: hlsPackage.encryption".into()));
        assert_eq!(told[2], (&"".into(), &"origination is DENY".into()));
        assert!(!overview.to_string().contains("an-ingest"));
    }
}
