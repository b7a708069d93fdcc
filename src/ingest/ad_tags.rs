//! Ad tags in pushed media playlists: what `adMarkers` PASSTHROUGH hands on.

use crate::manifest::hls::MediaSegment;

/// How the tags begin that encoders write around ads; no standard lists them.
const PREFIXES: [&str; 11] = [
    "#EXT-OATCLS-SCTE35",
    "#EXT-X-AD",
    "#EXT-X-ASSET",
    "#EXT-X-BLACKOUT",
    "#EXT-X-CUE",
    "#EXT-X-DATERANGE",
    "#EXT-X-PLACEMENT-OPPORTUNITY",
    "#EXT-X-SCTE35",
    "#EXT-X-SIGNAL",
    "#EXT-X-SPLICEPOINT-SCTE35",
    "#EXT-X-VAST",
];

/// Tags of one segment. Breaks have two or three.
const MOST_TAGS: usize = 16;

/// Bytes of one segment's tags. A splice_info_section has at most 4 KiB, and two characters a byte in the longest
/// notation.
const MOST_BYTES: usize = 16 * 1024;

/// The ad tags before a segment, as they are written; those beyond the bounds are left out.
pub(super) fn of(segment: &MediaSegment) -> Vec<String> {
    let mut bytes = 0;
    segment
        .other_tags
        .iter()
        .filter(|tag| PREFIXES.iter().any(|prefix| tag.starts_with(prefix)))
        .take(MOST_TAGS)
        .take_while(|tag| {
            bytes += tag.len();
            bytes <= MOST_BYTES
        })
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(tags: &[&str]) -> MediaSegment {
        MediaSegment { other_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..MediaSegment::default() }
    }

    #[test]
    fn ad_tags_are_kept_as_they_are_and_others_are_not() {
        let tags = ["#EXT-OATCLS-SCTE35:/DA=", "#EXT-X-CUE-OUT:30.000", "#EXT-X-CUE-IN", "#EXT-X-DATERANGE:ID=\"a\""];
        let mixed = segment(&[tags[0], tags[1], "# a comment", tags[2], "#EXT-X-BITRATE:800", tags[3]]);
        assert_eq!(of(&mixed), tags);
    }

    #[test]
    fn what_is_kept_of_one_segment_is_bounded() {
        assert_eq!(of(&segment(&["#EXT-X-CUE-IN"; 20])).len(), MOST_TAGS);
        let long = format!("#EXT-X-CUE-OUT:{}", "9".repeat(10_000));
        assert_eq!(of(&segment(&[&long, &long])).len(), 1);
    }
}
