//! Writing a parent playlist.

use super::write::{AttributeWriter, PlaylistWriteError, tag_line, uri_line};
use super::{ClosedCaptions, MediaType, ParentPlaylist, Rendition, Variant};

impl ParentPlaylist {
    /// The playlist's text.
    ///
    /// Audio and video renditions come before the variants that use them, subtitles and captions after them, as
    /// MediaPackage does; within each part the order is that of the lists.
    pub fn to_text(&self) -> Result<String, PlaylistWriteError> {
        let mut text = String::with_capacity(128 + 256 * (self.variants.len() + self.renditions.len()));
        text.push_str("#EXTM3U\n");
        text.push_str(&format!("#EXT-X-VERSION:{}\n", self.version.max(1)));
        if self.independent_segments {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        for tag in &self.other_tags {
            tag_line(&mut text, tag)?;
        }
        let leads = |rendition: &&Rendition| matches!(rendition.media_type, MediaType::Audio | MediaType::Video);
        for rendition in self.renditions.iter().filter(leads) {
            write_rendition(&mut text, rendition)?;
        }
        for variant in &self.variants {
            write_variant(&mut text, variant)?;
        }
        for rendition in self.renditions.iter().filter(|rendition| !leads(rendition)) {
            write_rendition(&mut text, rendition)?;
        }
        for variant in &self.i_frame_variants {
            let mut attributes = AttributeWriter::start(&mut text, "#EXT-X-I-FRAME-STREAM-INF");
            attributes.plain("BANDWIDTH", variant.bandwidth);
            if let Some((width, height)) = variant.resolution {
                attributes.plain("RESOLUTION", format_args!("{width}x{height}"));
            }
            attributes.quoted_if("CODECS", variant.codecs.as_deref())?;
            attributes.quoted("URI", &variant.uri)?;
            attributes.end();
        }
        Ok(text)
    }
}

fn write_variant(text: &mut String, variant: &Variant) -> Result<(), PlaylistWriteError> {
    let mut attributes = AttributeWriter::start(text, "#EXT-X-STREAM-INF");
    attributes.plain("BANDWIDTH", variant.bandwidth);
    if let Some(average) = variant.average_bandwidth {
        attributes.plain("AVERAGE-BANDWIDTH", average);
    }
    if let Some((width, height)) = variant.resolution {
        attributes.plain("RESOLUTION", format_args!("{width}x{height}"));
    }
    if let Some(rate) = variant.frame_rate {
        let (whole, thousandths) = (rate.thousandths / 1_000, rate.thousandths % 1_000);
        attributes.plain("FRAME-RATE", format_args!("{whole}.{thousandths:03}"));
    }
    if let Some(range) = variant.video_range {
        attributes.plain("VIDEO-RANGE", range.as_str());
    }
    attributes.quoted_if("CODECS", variant.codecs.as_deref())?;
    attributes.quoted_if("AUDIO", variant.audio.as_deref())?;
    attributes.quoted_if("SUBTITLES", variant.subtitles.as_deref())?;
    match &variant.closed_captions {
        None => {}
        Some(ClosedCaptions::None) => attributes.plain("CLOSED-CAPTIONS", "NONE"),
        Some(ClosedCaptions::Group(group)) => attributes.quoted("CLOSED-CAPTIONS", group)?,
    }
    attributes.end();
    uri_line(text, &variant.uri)
}

fn write_rendition(text: &mut String, rendition: &Rendition) -> Result<(), PlaylistWriteError> {
    let mut attributes = AttributeWriter::start(text, "#EXT-X-MEDIA");
    attributes.plain("TYPE", rendition.media_type.as_str());
    attributes.quoted("GROUP-ID", &rendition.group_id)?;
    attributes.quoted_if("CHANNELS", rendition.channels.as_deref())?;
    attributes.quoted_if("INSTREAM-ID", rendition.instream_id.as_deref())?;
    attributes.quoted("NAME", &rendition.name)?;
    // MediaPackage writes the language of subtitles behind the flags, that of audio before them.
    let language_first = rendition.media_type != MediaType::Subtitles;
    if language_first {
        attributes.quoted_if("LANGUAGE", rendition.language.as_deref())?;
    }
    attributes.yes_or_no("DEFAULT", rendition.is_default);
    attributes.yes_or_no("AUTOSELECT", rendition.autoselect);
    if let Some(forced) = rendition.forced {
        attributes.yes_or_no("FORCED", forced);
    }
    if !language_first {
        attributes.quoted_if("LANGUAGE", rendition.language.as_deref())?;
    }
    attributes.quoted_if("ASSOC-LANGUAGE", rendition.associated_language.as_deref())?;
    attributes.quoted_if("CHARACTERISTICS", rendition.characteristics.as_deref())?;
    attributes.quoted_if("URI", rendition.uri.as_deref())?;
    attributes.end();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::FrameRate;
    use super::super::read::{Playlist, PlaylistLimits, read_playlist};
    use super::*;

    fn rendition(media_type: MediaType, uri: &str) -> Rendition {
        Rendition {
            media_type,
            uri: Some(uri.to_owned()),
            group_id: if media_type == MediaType::Audio { "audio_0" } else { "subtitles" }.to_owned(),
            language: Some("deu".to_owned()),
            associated_language: None,
            name: "Deutsch".to_owned(),
            is_default: true,
            autoselect: true,
            forced: (media_type == MediaType::Subtitles).then_some(false),
            instream_id: None,
            characteristics: None,
            channels: (media_type == MediaType::Audio).then(|| "2".to_owned()),
        }
    }

    fn playlist() -> ParentPlaylist {
        let variant = |uri: &str, bandwidth, average, resolution, codecs: &str| Variant {
            uri: uri.to_owned(),
            bandwidth,
            average_bandwidth: Some(average),
            resolution: Some(resolution),
            frame_rate: Some(FrameRate { thousandths: 25_000 }),
            video_range: None,
            codecs: Some(codecs.to_owned()),
            audio: Some("audio_0".to_owned()),
            subtitles: Some("subtitles".to_owned()),
            closed_captions: None,
        };
        ParentPlaylist {
            version: 3,
            independent_segments: true,
            variants: vec![
                variant("live_1.m3u8", 3_410_221, 3_101_440, (1_280, 720), "avc1.64001F,mp4a.40.2"),
                variant("live_2.m3u8", 1_204_880, 1_093_310, (640, 360), "avc1.4D401E,mp4a.40.2"),
            ],
            renditions: vec![
                rendition(MediaType::Subtitles, "live_3_0.m3u8"),
                rendition(MediaType::Audio, "live_4_0.m3u8"),
            ],
            ..ParentPlaylist::default()
        }
    }

    const TEXT: &str = r#"#EXTM3U
#EXT-X-VERSION:3
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio_0",CHANNELS="2",NAME="Deutsch",LANGUAGE="deu",DEFAULT=YES,AUTOSELECT=YES,URI="live_4_0.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3410221,AVERAGE-BANDWIDTH=3101440,RESOLUTION=1280x720,FRAME-RATE=25.000,CODECS="avc1.64001F,mp4a.40.2",AUDIO="audio_0",SUBTITLES="subtitles"
live_1.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1204880,AVERAGE-BANDWIDTH=1093310,RESOLUTION=640x360,FRAME-RATE=25.000,CODECS="avc1.4D401E,mp4a.40.2",AUDIO="audio_0",SUBTITLES="subtitles"
live_2.m3u8
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="Deutsch",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,LANGUAGE="deu",URI="live_3_0.m3u8"
"#;

    #[test]
    fn a_parent_playlist_is_written_in_the_services_order() {
        assert_eq!(playlist().to_text().unwrap(), TEXT);
    }

    #[test]
    fn what_is_written_is_read() {
        let limits = PlaylistLimits { bytes: 10_000, lines: 100, entries: 10 };
        let Ok(Playlist::Parent(read)) = read_playlist(TEXT.as_bytes(), &limits) else {
            panic!("it is a parent playlist")
        };
        let mut written = playlist();
        written.renditions.reverse();
        assert_eq!(read, written);
    }

    #[test]
    fn another_reader_understands_it() {
        let (_, read) = m3u8_rs::parse_master_playlist(TEXT.as_bytes()).unwrap();
        assert_eq!(read.variants.len(), 2);
        assert_eq!((read.variants[0].bandwidth, read.variants[0].frame_rate), (3_410_221, Some(25.0)));
        assert_eq!(read.variants[1].audio.as_deref(), Some("audio_0"));
        assert_eq!(read.alternatives[0].channels.as_deref(), Some("2"));
    }

    #[test]
    fn what_would_break_a_line_is_refused() {
        let mut broken = playlist();
        broken.renditions[0].name = "a\"b".to_owned();
        assert_eq!(broken.to_text(), Err(PlaylistWriteError::Character { name: "NAME", character: '"' }));
        broken.renditions[0].name = "a\nb".to_owned();
        assert_eq!(broken.to_text(), Err(PlaylistWriteError::Character { name: "NAME", character: '\n' }));
        broken.renditions.clear();
        broken.variants[0].uri = "#x".to_owned();
        assert_eq!(broken.to_text(), Err(PlaylistWriteError::Uri { uri: "#x".to_owned() }));
    }
}
