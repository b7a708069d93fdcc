//! Origin endpoints as clients see them.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::authorization::Authorization;
use super::cmaf_package::{CmafPackage, CmafPackageCreateOrUpdateParameters};
use super::dash_package::DashPackage;
use super::document::{EndpointDocument, Package};
use super::hls_package::HlsPackage;
use super::mss_package::MssPackage;
use super::rules::{check_identifier, check_range};
use super::urls::Urls;
use crate::api::aws::{ApiError, Caller, Limits, Tags};

/// Longest start-over window: 14 days.
const LONGEST_STARTOVER_SECONDS: i32 = 1_209_600;

/// Bounds of a time delay that is not 0.
const TIME_DELAY_SECONDS: std::ops::RangeInclusive<i32> = 5..=86_400;

/// File name of a manifest when nothing is said.
const DEFAULT_MANIFEST_NAME: &str = "index";

/// Whether playback is allowed at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origination {
    /// Yes.
    #[default]
    Allow,
    /// No: the URL stays, playback is refused.
    Deny,
}

/// An origin endpoint: from where, in which form and to whom a channel is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OriginEndpoint {
    /// Its ARN; ends with a generated guid, not with the id.
    #[schema(required = false)]
    pub arn: String,
    /// The secret that a CDN must show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// The id of its channel.
    #[schema(required = false)]
    pub channel_id: String,
    /// CMAF settings, if that is its packager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmaf_package: Option<CmafPackage>,
    /// When it was created, ISO 8601 in whole seconds.
    #[schema(required = false)]
    pub created_at: String,
    /// DASH settings, if that is its packager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dash_package: Option<DashPackage>,
    /// Free text; absent if never set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// HLS settings, if that is its packager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hls_package: Option<HlsPackage>,
    /// Its id.
    #[schema(required = false)]
    pub id: String,
    /// File name of the manifest, without extension.
    #[schema(required = false)]
    pub manifest_name: String,
    /// Smooth Streaming settings, if that is its packager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mss_package: Option<MssPackage>,
    /// Whether playback is allowed at all.
    #[schema(required = false)]
    pub origination: Origination,
    /// How far back `start` may reach, in seconds; 0 is off.
    #[schema(required = false)]
    pub startover_window_seconds: i32,
    /// Tags.
    #[schema(required = false, value_type = BTreeMap<String, String>)]
    pub tags: Tags,
    /// By how much everybody's "now" lags, in seconds.
    #[schema(required = false)]
    pub time_delay_seconds: i32,
    /// Where it is played; empty with CMAF, whose manifests have URLs of their own.
    #[schema(required = false)]
    pub url: String,
    /// Networks that may play, IPv4 CIDR; empty means everyone.
    #[schema(required = false)]
    pub whitelist: Vec<String>,
}

/// What CreateOriginEndpoint takes. Exactly one of the four packages is required.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateOriginEndpointRequest {
    /// The secret that a CDN must show.
    pub authorization: Option<Authorization>,
    /// The id of the channel to play.
    pub channel_id: String,
    /// CMAF settings.
    pub cmaf_package: Option<CmafPackageCreateOrUpdateParameters>,
    /// DASH settings.
    pub dash_package: Option<DashPackage>,
    /// Free text.
    pub description: Option<String>,
    /// HLS settings.
    pub hls_package: Option<HlsPackage>,
    /// The new endpoint's id: unique in the account and region, 1 to 256 of `a-z A-Z 0-9 _ -`.
    pub id: String,
    /// File name of the manifest, without extension; `index` if absent.
    pub manifest_name: Option<String>,
    /// Smooth Streaming settings.
    pub mss_package: Option<MssPackage>,
    /// Whether playback is allowed at all; ALLOW if absent.
    pub origination: Option<Origination>,
    /// How far back `start` may reach, in seconds, up to 14 days; 0 is off.
    pub startover_window_seconds: Option<i32>,
    /// Tags.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub tags: Option<Tags>,
    /// By how much everybody's "now" lags, in seconds: 0 or 5 to 86400.
    pub time_delay_seconds: Option<i32>,
    /// Networks that may play, IPv4 CIDR; empty means everyone.
    pub whitelist: Option<Vec<String>>,
}

/// What UpdateOriginEndpoint takes. Absent members stay as they are; a package that is present replaces the old
/// one as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateOriginEndpointRequest {
    /// The secret that a CDN must show.
    pub authorization: Option<Authorization>,
    /// CMAF settings.
    pub cmaf_package: Option<CmafPackageCreateOrUpdateParameters>,
    /// DASH settings.
    pub dash_package: Option<DashPackage>,
    /// Free text.
    pub description: Option<String>,
    /// HLS settings.
    pub hls_package: Option<HlsPackage>,
    /// File name of the manifest, without extension.
    pub manifest_name: Option<String>,
    /// Smooth Streaming settings.
    pub mss_package: Option<MssPackage>,
    /// Whether playback is allowed at all.
    pub origination: Option<Origination>,
    /// How far back `start` may reach, in seconds, up to 14 days; 0 is off.
    pub startover_window_seconds: Option<i32>,
    /// By how much everybody's "now" lags, in seconds: 0 or 5 to 86400.
    pub time_delay_seconds: Option<i32>,
    /// Networks that may play, IPv4 CIDR; empty means everyone.
    pub whitelist: Option<Vec<String>>,
}

/// What ListOriginEndpoints answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OriginEndpointList {
    /// Where the next page starts; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// A page of endpoints, oldest first.
    #[schema(required = false)]
    pub origin_endpoints: Vec<OriginEndpoint>,
}

/// The settings that create and update share, checked and complete.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointSettings {
    /// See [`EndpointDocument`], as all others.
    pub description: Option<String>,
    /// File name of the manifest, without extension.
    pub manifest_name: String,
    /// Seconds.
    pub startover_window_seconds: i32,
    /// Seconds.
    pub time_delay_seconds: i32,
    /// Networks that may play.
    pub whitelist: Vec<Ipv4Net>,
    /// Whether playback is allowed at all.
    pub origination: Origination,
    /// The CDN's secret.
    pub authorization: Option<Authorization>,
    /// The packager.
    pub package: Package,
}

impl CreateOriginEndpointRequest {
    /// Holds all members against the rules and fills in the defaults. Gives the settings, and the tags.
    pub fn into_settings(self, limits: Limits) -> Result<(EndpointSettings, Tags), ApiError> {
        let package = one_package(self.hls_package, self.cmaf_package, self.dash_package, self.mss_package)?;
        let mut settings = EndpointSettings {
            description: self.description,
            manifest_name: self.manifest_name.unwrap_or_else(|| DEFAULT_MANIFEST_NAME.to_owned()),
            startover_window_seconds: self.startover_window_seconds.unwrap_or(0),
            time_delay_seconds: self.time_delay_seconds.unwrap_or(0),
            whitelist: networks(self.whitelist.as_deref().unwrap_or_default())?,
            origination: self.origination.unwrap_or_default(),
            authorization: self.authorization,
            package: package.ok_or_else(|| {
                let names = "hlsPackage, cmafPackage, dashPackage and mssPackage";
                ApiError::unprocessable(format!("exactly one of {names} is required, but none is there"))
            })?,
        };
        settings.complete(limits)?;
        Ok((settings, self.tags.unwrap_or_default()))
    }
}

impl UpdateOriginEndpointRequest {
    /// The settings after this update of `old`, held against the rules.
    pub fn applied_to(self, old: &EndpointDocument, limits: Limits) -> Result<EndpointSettings, ApiError> {
        let package = one_package(self.hls_package, self.cmaf_package, self.dash_package, self.mss_package)?;
        let mut settings = EndpointSettings {
            description: self.description.or_else(|| old.description.clone()),
            manifest_name: self.manifest_name.unwrap_or_else(|| old.manifest_name.clone()),
            startover_window_seconds: self.startover_window_seconds.unwrap_or(old.startover_window_seconds),
            time_delay_seconds: self.time_delay_seconds.unwrap_or(old.time_delay_seconds),
            whitelist: match self.whitelist {
                Some(list) => networks(&list)?,
                None => old.whitelist.clone(),
            },
            origination: self.origination.unwrap_or(old.origination),
            authorization: self.authorization.or_else(|| old.authorization.clone()),
            package: package.unwrap_or_else(|| old.package.clone()),
        };
        settings.complete(limits)?;
        match (&old.package, &settings.package) {
            (Package::Hls(_), Package::Hls(_)) | (Package::Mss(_), Package::Mss(_)) => {}
            (Package::Cmaf(before), Package::Cmaf(after)) => before.validate_change_to(after)?,
            (Package::Dash(before), Package::Dash(after)) => before.validate_change_to(after)?,
            (before, after) => {
                return Err(ApiError::unprocessable(format!(
                    "the packager of an endpoint cannot be changed, but is {} and was to become {}",
                    before.member(),
                    after.member()
                )));
            }
        }
        Ok(settings)
    }
}

impl EndpointSettings {
    fn complete(&mut self, limits: Limits) -> Result<(), ApiError> {
        check_identifier("manifestName", &self.manifest_name)?;
        let (startover, delay) = (self.startover_window_seconds, self.time_delay_seconds);
        check_range("startoverWindowSeconds", startover, 0..=LONGEST_STARTOVER_SECONDS)?;
        if delay != 0 && !TIME_DELAY_SECONDS.contains(&delay) {
            return Err(ApiError::invalid("timeDelaySeconds", "0 or between 5 and 86400", delay));
        }
        if startover > 0 && delay >= startover {
            let rule = format!("less than startoverWindowSeconds ({startover})");
            return Err(ApiError::invalid("timeDelaySeconds", &rule, delay));
        }
        if let Some(authorization) = &self.authorization {
            authorization.validate()?;
        }
        match &mut self.package {
            Package::Hls(package) => package.validate(limits),
            Package::Cmaf(package) => package.complete(limits),
            Package::Dash(package) => package.complete(limits),
            Package::Mss(package) => package.validate(limits),
        }
    }
}

impl Package {
    /// Its name as a member of requests.
    pub fn member(&self) -> &'static str {
        match self {
            Package::Hls(_) => "hlsPackage",
            Package::Cmaf(_) => "cmafPackage",
            Package::Dash(_) => "dashPackage",
            Package::Mss(_) => "mssPackage",
        }
    }
}

impl OriginEndpoint {
    /// The endpoint as its owner sees it.
    pub fn from_document(document: &EndpointDocument, owner: &Caller, urls: &Urls) -> Self {
        let name = &document.manifest_name;
        let (mut hls, mut cmaf, mut dash, mut mss) = (None, None, None, None);
        let file = match &document.package {
            Package::Hls(package) => {
                hls = Some(package.clone());
                Some(format!("{name}.m3u8"))
            }
            Package::Dash(package) => {
                dash = Some(package.clone());
                Some(format!("{name}.mpd"))
            }
            Package::Mss(package) => {
                mss = Some(package.clone());
                Some(format!("{name}.ism/Manifest"))
            }
            Package::Cmaf(package) => {
                let url_of = |id: &str, name: &str| urls.playback(&document.guid, &format!("{id}/{name}.m3u8"));
                cmaf = Some(package.answer(&document.channel_id, name, url_of));
                None
            }
        };
        OriginEndpoint {
            arn: super::arns::endpoint(owner, &document.guid),
            authorization: document.authorization.clone(),
            channel_id: document.channel_id.clone(),
            cmaf_package: cmaf,
            created_at: super::arns::created_at(document.created_at),
            dash_package: dash,
            description: document.description.clone(),
            hls_package: hls,
            id: document.id.clone(),
            manifest_name: name.clone(),
            mss_package: mss,
            origination: document.origination,
            startover_window_seconds: document.startover_window_seconds,
            tags: document.tags.clone(),
            time_delay_seconds: document.time_delay_seconds,
            url: file.map(|file| urls.playback(&document.guid, &file)).unwrap_or_default(),
            whitelist: document.whitelist.iter().map(Ipv4Net::to_string).collect(),
        }
    }
}

fn one_package(
    hls: Option<HlsPackage>,
    cmaf: Option<CmafPackageCreateOrUpdateParameters>,
    dash: Option<DashPackage>,
    mss: Option<MssPackage>,
) -> Result<Option<Package>, ApiError> {
    let mut packages = [hls.map(Package::Hls), cmaf.map(Package::Cmaf), dash.map(Package::Dash), mss.map(Package::Mss)]
        .into_iter()
        .flatten();
    match (packages.next(), packages.next()) {
        (Some(one), Some(other)) => Err(ApiError::unprocessable(format!(
            "an endpoint has exactly one packager, but both {} and {} are there",
            one.member(),
            other.member()
        ))),
        (package, _) => Ok(package),
    }
}

fn networks(whitelist: &[String]) -> Result<Vec<Ipv4Net>, ApiError> {
    let parse = |(index, entry): (usize, &String)| {
        let member = format!("whitelist[{index}]");
        entry.parse().map_err(|_| ApiError::invalid(&member, "an IPv4 network in CIDR form, as 192.0.2.0/24", entry))
    };
    whitelist.iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings(changes: Value) -> Result<EndpointSettings, ApiError> {
        let mut request = json!({"id": "e", "channelId": "c", "hlsPackage": {}});
        for (member, value) in changes.as_object().unwrap() {
            request[member] = value.clone();
        }
        let request: CreateOriginEndpointRequest = serde_json::from_value(request).unwrap();
        request.into_settings(Limits::Aws).map(|(settings, _)| settings)
    }

    #[test]
    fn an_endpoint_has_exactly_one_packager() {
        let none = settings(json!({"hlsPackage": null})).unwrap_err();
        assert!(none.message.contains("but none is there"), "{none}");
        let two = settings(json!({"dashPackage": {}})).unwrap_err();
        assert!(two.message.contains("both hlsPackage and dashPackage"), "{two}");
    }

    #[test]
    fn time_shift_settings_have_bounds_and_an_order() {
        for (startover, delay, good) in [
            (0, 0, true),
            (1_209_600, 86_400, true),
            (0, 5, true),
            (6, 5, true),
            (60, 0, true),
            (-1, 0, false),
            (1_209_601, 0, false),
            (0, 1, false),
            (0, 4, false),
            (0, 86_401, false),
            (0, -5, false),
            (5, 5, false),
            (60, 61, false),
        ] {
            let result = settings(json!({"startoverWindowSeconds": startover, "timeDelaySeconds": delay}));
            assert_eq!(result.is_ok(), good, "{startover} {delay}");
        }
    }

    #[test]
    fn the_whitelist_takes_ipv4_networks_only() {
        let list = settings(json!({"whitelist": ["10.0.0.0/8", "192.0.2.7/32", "0.0.0.0/0"]})).unwrap().whitelist;
        assert_eq!(
            list.iter().map(Ipv4Net::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/8", "192.0.2.7/32", "0.0.0.0/0"]
        );
        for entry in ["10.0.0.1", "::/0", "10.0.0.0/33", "10.0.0/8", "", "example.net"] {
            let error = settings(json!({"whitelist": ["10.0.0.0/8", entry]})).unwrap_err();
            assert!(error.message.starts_with("whitelist[1] must be an IPv4 network"), "{error}");
        }
    }

    #[test]
    fn manifest_names_become_file_names() {
        assert_eq!(settings(json!({})).unwrap().manifest_name, "index");
        for name in ["", "a/b", "..", "a.m3u8", "a b"] {
            assert!(settings(json!({"manifestName": name})).unwrap_err().message.starts_with("manifestName"), "{name}");
        }
    }
}
