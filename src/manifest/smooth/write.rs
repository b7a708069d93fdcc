//! The client manifest as XML.

use super::super::date_time::with_milliseconds;
use super::super::xml::{Element, XmlWriteError, XmlWriter};
use super::{ClientManifest, LevelDetails, PresentationKind, QualityLevel, StreamIndex, StreamKind, TIMESCALE};

/// Bits of a decoded audio sample.
const BITS_PER_SAMPLE: u8 = 16;

impl ClientManifest {
    /// The document's text, UTF-8.
    pub fn to_xml(&self) -> Result<String, XmlWriteError> {
        let mut xml = XmlWriter::new()?;
        xml.element(self.root(), |xml| {
            xml.element(Element::new("CustomAttributes"), |xml| {
                let attribute = Element::new("Attribute").with("Name", "ProducerReferenceTime");
                xml.empty(attribute.with("Value", with_milliseconds(self.producer_reference_time)))
            })?;
            self.streams.iter().try_for_each(|stream| write_stream(xml, stream))
        })?;
        xml.finish()
    }

    fn root(&self) -> Element {
        let root = Element::new("SmoothStreamingMedia")
            .with("MajorVersion", "2")
            .with("MinorVersion", "2")
            .with_number("TimeScale", TIMESCALE);
        match self.kind {
            PresentationKind::Live { dvr_window, look_ahead } => root
                .with("CanSeek", "TRUE")
                .with("CanPause", "TRUE")
                .with("IsLive", "TRUE")
                .with_number("LookAheadFragmentCount", look_ahead)
                .with_number("DVRWindowLength", dvr_window)
                .with("Duration", "0"),
            PresentationKind::Complete { duration } => root.with_number("Duration", duration),
        }
    }
}

fn write_stream(xml: &mut XmlWriter, stream: &StreamIndex) -> Result<(), XmlWriteError> {
    let kind = match stream.kind {
        StreamKind::Video => "video",
        StreamKind::Audio => "audio",
    };
    let element = Element::new("StreamIndex")
        .with("Type", kind)
        .with("Name", &stream.name)
        .with_some("Language", stream.language.as_ref())
        .with("Subtype", "")
        .with_number("Chunks", stream.chunks.len() as u64)
        .with_number("TimeScale", TIMESCALE)
        .with("Url", &stream.url)
        .with_number("QualityLevels", stream.levels.len() as u64);
    xml.element(element, |xml| {
        for (index, level) in stream.levels.iter().enumerate() {
            write_level(xml, index, level)?;
        }
        let mut follows_on = None;
        for chunk in &stream.chunks {
            let time = (follows_on != Some(chunk.time)).then(|| chunk.time.to_string());
            xml.empty(Element::new("c").with_number("d", chunk.duration).with_some("t", time))?;
            follows_on = Some(chunk.time.saturating_add(chunk.duration));
        }
        Ok(())
    })
}

fn write_level(xml: &mut XmlWriter, index: usize, level: &QualityLevel) -> Result<(), XmlWriteError> {
    let element = Element::new("QualityLevel")
        .with_number("Index", index as u64)
        .with_number("Bitrate", level.bitrate)
        .with("CodecPrivateData", hex::encode_upper(&level.codec_private_data))
        .with("FourCC", level.four_cc);
    xml.empty(match level.details {
        LevelDetails::Video { width, height } => {
            element.with_number("MaxWidth", width).with_number("MaxHeight", height)
        }
        LevelDetails::Audio { audio_tag, channels, sampling_rate } => element
            .with_number("AudioTag", audio_tag)
            .with_number("Channels", channels)
            .with_number("SamplingRate", sampling_rate)
            .with_number("BitsPerSample", BITS_PER_SAMPLE)
            .with_number("PacketSize", u32::from(channels) * u32::from(BITS_PER_SAMPLE / 8)),
    })
}
