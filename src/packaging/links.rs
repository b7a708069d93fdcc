//! How file names become the URIs that a manifest writes: relative to where the manifest was asked for.

use std::fmt::Display;

/// What stands around the names of [`super::name`] in a manifest.
///
/// Segments have one URL however they were found, so that caches hold each of them once: a manifest below
/// `start/…/end/…/` lets its segments climb out of there. Manifests of a time-shifted view lead to others of the same
/// view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Links {
    /// Stands before the names of other manifests.
    pub to_manifests: String,
    /// Stands before the names of segments and initialization segments.
    pub to_segments: String,
    /// `m` of segment URLs: changes with the endpoint's settings, so that caches never mix them up. Files that are
    /// copied elsewhere have none.
    pub version: Option<i64>,
}

impl Links {
    /// Links beside the manifest.
    pub fn beside(version: i64) -> Links {
        Links { version: Some(version), ..Links::default() }
    }

    /// URI of another manifest.
    pub fn manifest(&self, name: impl Display) -> String {
        format!("{}{name}", self.to_manifests)
    }

    /// URI, or template of URIs, of segments.
    pub fn segment(&self, name: impl Display) -> String {
        match self.version {
            Some(version) => format!("{}{name}?m={version}", self.to_segments),
            None => format!("{}{name}", self.to_segments),
        }
    }

    /// URI of an initialization segment whose name changes with its bytes.
    pub fn unversioned(&self, name: impl Display) -> String {
        format!("{}{name}", self.to_segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_what_stands_around_them() {
        let links = Links { to_manifests: "start/1/".into(), to_segments: "../../".into(), version: Some(7) };
        assert_eq!(links.manifest("live_1.m3u8"), "start/1/live_1.m3u8");
        assert_eq!(links.segment("live_1_5.ts"), "../../live_1_5.ts?m=7");
        assert_eq!(Links::default().segment("live_1_5.ts"), "live_1_5.ts");
        assert_eq!(Links::beside(7).segment("live_1_5.ts"), "live_1_5.ts?m=7");
    }
}
