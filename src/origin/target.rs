//! From a URL to what it asks for.

use percent_encoding::percent_decode_str;

use super::refusal::Refusal;
use crate::packaging::name::File;
use crate::resources::{Endpoint, EndpointGuid};

/// A playback path, split but not looked up.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The endpoint's name.
    pub endpoint: EndpointGuid,
    /// The last path element.
    pub file_name: &'a str,
    /// `start/…/end/…` elements stand before the file name.
    pub is_time_shifted: bool,
}

impl<'a> Target<'a> {
    /// Splits a raw path. Our names need no percent-encoding, so a path that has any names nothing.
    pub fn parse(path: &'a str) -> Option<Target<'a>> {
        let (guid, rest) = path.strip_prefix("/out/v1/")?.split_once('/')?;
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !is_name(guid) {
            return None;
        }
        let parts: Vec<&str> = rest.splitn(6, '/').collect();
        let (file_name, is_time_shifted) = match parts.as_slice() {
            [file_name] => (*file_name, false),
            ["start", _, file_name] | ["end", _, file_name] | ["start", _, "end", _, file_name] => (*file_name, true),
            _ => return None,
        };
        is_name(file_name).then(|| Target { endpoint: EndpointGuid(guid.to_owned()), file_name, is_time_shifted })
    }
}

/// Refuses query parameters that mean something we do not do. Unknown ones are ignored, so that players and CDNs can
/// add their own.
pub fn check_query(query: &str, file: File, endpoint: &Endpoint) -> Result<(), Refusal> {
    const FILTER: &str = "aws.manifestfilter";
    const DRM_SETTINGS: &str = "aws.drmsettings";
    let is_parent = matches!(file, File::ParentPlaylist | File::Mpd);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        match name.as_ref() {
            FILTER if !is_parent => return Err(Refusal::ParameterForParentOnly(FILTER)),
            FILTER => return Err(Refusal::ParameterNotBuiltYet(FILTER)),
            DRM_SETTINGS if !is_parent => return Err(Refusal::ParameterForParentOnly(DRM_SETTINGS)),
            // Clear content has no session keys to leave out.
            DRM_SETTINGS if value.eq_ignore_ascii_case("excludesessionkeys") => {}
            DRM_SETTINGS => return Err(Refusal::BadDrmSettings),
            // An end without a start means nothing, by the service's documentation.
            "start" if file.is_manifest() => check_time_shift(endpoint)?,
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a time-shifted view.
pub fn check_time_shift(endpoint: &Endpoint) -> Result<(), Refusal> {
    Err(if endpoint.startover_window_seconds > 0 { Refusal::StartOverNotBuiltYet } else { Refusal::StartOverOff })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playback_paths_are_split() {
        let target = Target::parse("/out/v1/ab12/live.m3u8").unwrap();
        assert_eq!(
            (target.endpoint.0.as_str(), target.file_name, target.is_time_shifted),
            ("ab12", "live.m3u8", false)
        );
        let shifted = Target::parse("/out/v1/ab12/start/1/end/2/live.m3u8").unwrap();
        assert!(shifted.is_time_shifted);
    }

    #[test]
    fn other_paths_are_none() {
        for path in [
            "/out/v1/ab12",
            "/out/v1/ab12/",
            "/out/v1//live.m3u8",
            "/out/v2/ab12/live.m3u8",
            "/out/v1/ab12/x/live.m3u8",
            "/out/v1/ab12//live.m3u8",
            "/out/v1/ab12/%2e%2e/live.m3u8",
            "/out/v1/ab12/li%76e.m3u8",
            "/out/v1/ab12/live.m3u8/",
            "/out/v1/ab12/start/1/end/2/x/live.m3u8",
            "/out/v1/ab12/live.m3u8\r\nx",
        ] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
    }
}
