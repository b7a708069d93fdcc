//! How an MPD tells of captions that are in the video (ANSI/SCTE 214-1 §7).

use crate::manifest::mpd::Descriptor;
use crate::presentation::CaptionDeclaration;

const CEA_608: &str = "urn:scte:dash:cc:cea-608:2015";
const CEA_708: &str = "urn:scte:dash:cc:cea-708:2015";

/// One `Accessibility` descriptor for the CEA-608 channels that the encoder declared and one for the CEA-708 services,
/// such as `CC1=eng;CC3=spa` and `1=lang:eng;2=lang:spa`.
pub(super) fn descriptors(captions: &[CaptionDeclaration]) -> Vec<Descriptor> {
    let channels = captions
        .iter()
        .filter(|caption| caption.instream_id.starts_with("CC"))
        .map(|caption| format!("{}={}", caption.instream_id, language(caption)));
    let services = captions
        .iter()
        .filter_map(|caption| Some((caption.instream_id.strip_prefix("SERVICE")?, caption)))
        .map(|(number, caption)| format!("{number}=lang:{}", language(caption)));
    [(CEA_608, channels.collect::<Vec<_>>()), (CEA_708, services.collect())]
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(scheme, values)| Descriptor { scheme_id_uri: scheme.to_owned(), value: Some(values.join(";")) })
        .collect()
}

/// The declared language, unless it has what separates values.
fn language(caption: &CaptionDeclaration) -> &str {
    let is_plain = |told: &&str| told.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    caption.language.as_deref().filter(is_plain).unwrap_or("und")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_services_are_told_apart() {
        let caption = |id: &str, language: Option<&str>| CaptionDeclaration {
            instream_id: id.to_owned(),
            name: id.to_owned(),
            language: language.map(str::to_owned),
            characteristics: None,
        };
        let captions = [
            caption("CC1", Some("eng")),
            caption("SERVICE2", Some("spa")),
            caption("CC3", None),
            caption("CC4", Some("a;b")),
        ];
        let told: Vec<_> = descriptors(&captions).into_iter().map(|told| (told.scheme_id_uri, told.value)).collect();
        assert_eq!(
            told,
            [
                (CEA_608.to_owned(), Some("CC1=eng;CC3=und;CC4=und".to_owned())),
                (CEA_708.to_owned(), Some("2=lang:spa".to_owned())),
            ]
        );
        assert!(descriptors(&[]).is_empty());
    }
}
