//! From stored documents to what the engine must know.

use super::document::{EndpointDocument, Package};
use super::origin_endpoint::Origination;
use crate::resources::{ChannelGuid, Endpoint, EndpointGuid, NotBuiltYet, Packaging};

impl EndpointDocument {
    /// What the engine must know of the endpoint. Settings that this build cannot obey are named, so that playback
    /// is refused instead of wrong.
    pub fn neutral(&self) -> Endpoint {
        let mut not_built_yet = Vec::new();
        let mut name = |setting: &str| not_built_yet.push(NotBuiltYet { setting: setting.to_owned() });
        if self.authorization.is_some() {
            name("authorization");
        }
        let packaging = match &self.package {
            Package::Hls(hls) => {
                hls.not_built_yet().for_each(&mut name);
                Packaging::Hls(hls.neutral())
            }
            Package::Dash(dash) => {
                dash.not_built_yet().for_each(&mut name);
                Packaging::Dash(dash.neutral())
            }
            Package::Cmaf(cmaf) => {
                cmaf.not_built_yet().for_each(|setting| name(&setting));
                Packaging::Cmaf(cmaf.neutral(&self.channel_id, &self.manifest_name))
            }
            Package::Mss(mss) => {
                mss.not_built_yet().for_each(&mut name);
                Packaging::Mss(mss.neutral())
            }
        };
        Endpoint {
            guid: EndpointGuid(self.guid.clone()),
            id: self.id.clone(),
            channel: ChannelGuid(self.channel_guid.clone()),
            manifest_name: self.manifest_name.clone(),
            startover_window_seconds: self.startover_window_seconds.unsigned_abs(),
            time_delay_seconds: self.time_delay_seconds.unsigned_abs(),
            whitelist: self.whitelist.clone(),
            originates: self.origination == Origination::Allow,
            configuration_version: self.configuration_version,
            packaging,
            not_built_yet,
        }
    }
}
