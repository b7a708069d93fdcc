//! What a viewer asks a parent manifest to leave out: `aws.manifestfilter` and `aws.drmsettings`.

use percent_encoding::percent_decode_str;

use super::refusal::Refusal;
use crate::packaging::filter::ManifestFilter;
use crate::packaging::name::File;

const FILTER: &str = "aws.manifestfilter";
const DRM_SETTINGS: &str = "aws.drmsettings";

/// What a query asks for, where it asks for anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// `aws.manifestfilter`.
    pub filter: Option<ManifestFilter>,
    /// `aws.drmsettings=excludesessionkeys`: no `EXT-X-SESSION-KEY`. Clear content, all that there is so far, has none.
    pub excludes_session_keys: bool,
}

impl Choice {
    /// Reads a raw query; names and values in any case, percent-encoded or not. Other parameters are passed over.
    pub fn read(query: &str, file: File) -> Result<Choice, Refusal> {
        let mut choice = Choice::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8_lossy();
            let Some(name) = [FILTER, DRM_SETTINGS].into_iter().find(|known| name.eq_ignore_ascii_case(known)) else {
                continue;
            };
            if !file.is_parent() {
                return Err(Refusal::ParameterForParentOnly(name));
            }
            let value = percent_decode_str(value).decode_utf8_lossy();
            if name == FILTER {
                let filter = ManifestFilter::parse(&value)?;
                if choice.filter.replace(filter).is_some() {
                    return Err(Refusal::ParameterRepeated(FILTER));
                }
            } else if !value.eq_ignore_ascii_case("excludesessionkeys") {
                return Err(Refusal::BadDrmSettings(value.chars().take(100).collect()));
            } else if std::mem::replace(&mut choice.excludes_session_keys, true) {
                return Err(Refusal::ParameterRepeated(DRM_SETTINGS));
            }
        }
        Ok(choice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packaging::name::{HlsTrack, PlaylistSet};

    const PARENT: File = File::ParentPlaylist(PlaylistSet::ONLY);

    #[test]
    fn raw_and_encoded_queries_are_the_same() {
        let filter = ManifestFilter::parse("audio_language:de,en;video_height:360-720").unwrap();
        for query in [
            "aws.manifestfilter=audio_language:de,en;video_height:360-720",
            "m=1&AWS.ManifestFilter=Audio_Language:DE,en;VIDEO_HEIGHT:360-720&x",
            "aws.manifestfilter=audio_language%3Ade%2Cen%3Bvideo_height%3A360-720",
            "aws%2Emanifestfilter=audio_language%3ade%2cen;video_height:360-720",
        ] {
            assert_eq!(Choice::read(query, PARENT).unwrap().filter.as_ref(), Some(&filter), "{query}");
        }
        assert_eq!(Choice::read("", File::Mpd).unwrap(), Choice::default());
        assert!(Choice::read("aws.drmsettings=ExcludeSessionKeys", File::Mpd).unwrap().excludes_session_keys);
    }

    #[test]
    fn only_parents_take_them_and_only_once() {
        let child = File::MediaPlaylist(PlaylistSet::ONLY, HlsTrack::Variant { stream: 1 });
        for (query, file, sentence) in [
            (
                "aws.manifestfilter=video_height:1-2",
                child,
                "the query parameter aws.manifestfilter is for parent manifests only",
            ),
            (
                "aws.drmsettings=excludesessionkeys",
                child,
                "the query parameter aws.drmsettings is for parent manifests only",
            ),
            (
                "aws.manifestfilter=video_height:1-2&aws.manifestfilter=video_height:1-2",
                File::Mpd,
                "the query parameter aws.manifestfilter may be given once",
            ),
            (
                "aws.drmsettings=excludesessionkeys&aws.drmsettings=excludesessionkeys",
                File::Mpd,
                "the query parameter aws.drmsettings may be given once",
            ),
            (
                "aws.drmsettings=exclude_session_keys",
                File::Mpd,
                "aws.drmsettings has the value 'excludesessionkeys' or is left out, but is 'exclude_session_keys'",
            ),
        ] {
            assert_eq!(Choice::read(query, file).unwrap_err().to_string(), sentence, "{query}");
        }
    }
}
