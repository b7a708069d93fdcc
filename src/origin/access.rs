//! Who may play an endpoint: checked before anything else is said of it.

use std::net::{IpAddr, SocketAddr};

use super::refusal::Refusal;
use crate::resources::Endpoint;

/// Refuses whom the endpoint's settings refuse, in the order origination, whitelist, settings that are not built yet.
///
/// The address is that of the connection. Whitelists hold IPv4 networks, so an IPv6 client is on none of them.
pub fn check(endpoint: &Endpoint, peer: SocketAddr) -> Result<(), Refusal> {
    if !endpoint.originates {
        return Err(Refusal::OriginationDenied);
    }
    if !endpoint.whitelist.is_empty() {
        let address = peer.ip().to_canonical();
        let is_listed = match address {
            IpAddr::V4(address) => endpoint.whitelist.iter().any(|network| network.contains(&address)),
            IpAddr::V6(_) => false,
        };
        if !is_listed {
            return Err(Refusal::NotOnWhitelist(address));
        }
    }
    if !endpoint.not_built_yet.is_empty() {
        let settings: Vec<&str> = endpoint.not_built_yet.iter().map(|setting| setting.setting.as_str()).collect();
        return Err(Refusal::SettingsNotBuiltYet(settings.join(", ")));
    }
    Ok(())
}
