//! Profiles of DASH, and what they ask of an MPD beyond the standard.
//!
//! | setting | `MPD@profiles` | what changes |
//! | --- | --- | --- |
//! | NONE | ISO live, or main once complete | |
//! | HBBTV_1_5 | HbbTV 2012, ISO live | no subsegment attributes; of several sets of a kind exactly one has the role `main` |
//! | DVB_DASH_2014 | DVB-DASH 2014 with its live extension, ISO live | `contentType`, `maxWidth`, `maxHeight`, `maxFrameRate`; role `main` as above |
//! | HYBRIDCAST | ISO live | one Period only |
//!
//! Sources: ETSI TS 102 796 V1.2.1 §E.2, ETSI TS 103 285 V1.1.1 §4.2, §4.4 and §6.1.2. The operational guideline of the
//! IPTV Forum Japan is based on the ISO live profile; it is not public, and no name of its own is known to us.

use crate::manifest::mpd::{AdaptationSet, Mpd};
use crate::media::rescale::rescale_time;
use crate::resources::DashProfile;

const HBBTV_1_5: &str = "urn:hbbtv:dash:profile:isoff-live:2012";
const DVB_DASH_2014: &str = "urn:dvb:dash:profile:dvb-dash:2014";
const DVB_DASH_LIVE_2014: &str = "urn:dvb:dash:profile:dvb-dash:isoff-ext-live:2014";

/// The `Role` of the set that a player takes if nobody chose another.
const MAIN: &str = "main";

/// `MPD@profiles`.
pub fn names(profile: DashProfile, is_complete: bool) -> Vec<String> {
    let names: &[&str] = match profile {
        DashProfile::None if is_complete => &[Mpd::PROFILE_MAIN],
        DashProfile::None | DashProfile::Hybridcast => &[Mpd::PROFILE_LIVE],
        DashProfile::Hbbtv15 => &[HBBTV_1_5, Mpd::PROFILE_LIVE],
        DashProfile::DvbDash2014 => &[DVB_DASH_2014, DVB_DASH_LIVE_2014, Mpd::PROFILE_LIVE],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Makes a Period's sets what the profile asks for. The first set of a kind is the one that is played by default.
pub fn constrain(profile: DashProfile, sets: &mut [AdaptationSet]) {
    match profile {
        DashProfile::None | DashProfile::Hybridcast => {}
        DashProfile::Hbbtv15 => {
            for set in sets.iter_mut() {
                set.subsegment_alignment = false;
                set.subsegment_starts_with_sap = None;
            }
            name_main_sets(sets);
        }
        DashProfile::DvbDash2014 => {
            for set in sets.iter_mut() {
                say_most(set);
            }
            name_main_sets(sets);
        }
    }
}

/// Of several sets of one kind, the first gets the role `main`.
fn name_main_sets(sets: &mut [AdaptationSet]) {
    for kind in ["video/", "audio/"] {
        let mut of_kind: Vec<&mut AdaptationSet> =
            sets.iter_mut().filter(|set| set.mime_type.starts_with(kind)).collect();
        if let [first, _, ..] = of_kind.as_mut_slice()
            && !first.roles.iter().any(|role| role == MAIN)
        {
            first.roles.insert(0, MAIN.to_owned());
        }
    }
}

/// Writes what kind of content it is, and the largest picture and frame rate of its Representations.
fn say_most(set: &mut AdaptationSet) {
    set.content_type = match set.mime_type.split('/').next() {
        Some("video") => Some("video"),
        Some("audio") => Some("audio"),
        _ => Some("text"),
    };
    let resolutions = || set.representations.iter().filter_map(|representation| representation.resolution);
    let width = resolutions().map(|(width, _)| width).max();
    let height = resolutions().map(|(_, height)| height).max();
    set.max_resolution = width.zip(height);
    let frame_rates = set.representations.iter().filter_map(|representation| representation.frame_rate);
    // Frames in a million seconds tell any two customary rates apart.
    set.max_frame_rate =
        frame_rates.max_by_key(|(frames, seconds)| rescale_time((*frames).into(), *seconds, 1_000_000));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::mpd::Representation;

    fn video(resolution: (u32, u32), frame_rate: (u32, u32)) -> Representation {
        Representation { resolution: Some(resolution), frame_rate: Some(frame_rate), ..Representation::default() }
    }

    #[test]
    fn each_profile_has_its_names() {
        let live = "urn:mpeg:dash:profile:isoff-live:2011";
        assert_eq!(names(DashProfile::None, false), [live]);
        assert_eq!(names(DashProfile::None, true), ["urn:mpeg:dash:profile:isoff-main:2011"]);
        assert_eq!(names(DashProfile::Hbbtv15, true), ["urn:hbbtv:dash:profile:isoff-live:2012", live]);
        assert!(names(DashProfile::DvbDash2014, false).contains(&"urn:dvb:dash:profile:dvb-dash:2014".to_owned()));
        assert_eq!(names(DashProfile::Hybridcast, false), [live]);
    }

    #[test]
    fn hbbtv_knows_no_subsegments_and_one_main_set_of_several() {
        let mut sets = [AdaptationSet::video(), AdaptationSet::audio(None, None), AdaptationSet::audio(None, None)];
        constrain(DashProfile::Hbbtv15, &mut sets);
        assert_eq!((sets[0].subsegment_alignment, sets[0].subsegment_starts_with_sap), (false, None));
        let roles: Vec<_> = sets.iter().map(|set| set.roles.join(" ")).collect();
        assert_eq!(roles, ["", "main", ""]);
    }

    #[test]
    fn dvb_is_told_the_largest_picture_and_frame_rate() {
        let mut set = AdaptationSet::video();
        set.representations =
            vec![video((1280, 720), (25, 1)), video((640, 360), (30_000, 1001)), video((720, 1280), (24, 1))];
        let mut sets = [set];
        constrain(DashProfile::DvbDash2014, &mut sets);
        assert_eq!(sets[0].content_type, Some("video"));
        assert_eq!((sets[0].max_resolution, sets[0].max_frame_rate), (Some((1280, 1280)), Some((30_000, 1001))));
        assert!(sets[0].roles.is_empty(), "one video needs no role");
    }
}
