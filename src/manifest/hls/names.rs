//! The files that a playlist names, whatever its tags mean.

/// URIs of a playlist that we wrote, each once, in order: lines that are no tags, and `URI` attributes.
pub fn named_files(playlist: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for line in playlist.lines().filter(|line| !line.is_empty()) {
        let name = match line.strip_prefix('#') {
            None => Some(line),
            Some(tag) => tag.split_once("URI=\"").and_then(|(_, rest)| rest.split('"').next()),
        };
        if let Some(name) = name.filter(|name| seen.insert((*name).to_owned())) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_attributes_name_files_once_each() {
        let playlist = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8\",NAME=\"x\"\n#EXT-X-MAP:URI=\"init.mp4\"\n\
                        #EXTINF:2,\n1.ts\n#EXT-X-BYTERANGE:5@0\n1.ts\n\n2.ts\n#EXT-X-ENDLIST\n";
        assert_eq!(named_files(playlist), ["a.m3u8", "init.mp4", "1.ts", "2.ts"]);
    }
}
