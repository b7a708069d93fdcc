//! URLs as answers show them, below the configured public URL. They are never stored.

/// Makes URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    public_url: String,
}

impl Urls {
    /// URLs below this one, such as `http://127.0.0.1:4790`; a slash at the end does not matter.
    pub fn below(public_url: &str) -> Self {
        Urls { public_url: public_url.trim_end_matches('/').to_owned() }
    }

    /// The ingest URL: that of the parent playlist without `.m3u8`.
    pub fn ingest(&self, channel_guid: &str, ingest_endpoint_id: &str) -> String {
        format!("{}/in/v2/{channel_guid}/{ingest_endpoint_id}/channel", self.public_url)
    }

    /// The playback URL of a file of an endpoint.
    pub fn playback(&self, endpoint_guid: &str, file: &str) -> String {
        format!("{}/out/v1/{endpoint_guid}/{file}", self.public_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_stand_below_the_public_url() {
        for public_url in ["https://live.example.net/base", "https://live.example.net/base/"] {
            let urls = Urls::below(public_url);
            assert_eq!(urls.ingest("c", "i"), "https://live.example.net/base/in/v2/c/i/channel");
            assert_eq!(urls.playback("e", "index.m3u8"), "https://live.example.net/base/out/v1/e/index.m3u8");
        }
    }
}
