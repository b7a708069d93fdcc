//! The initialization segment of a track: `ftyp` and `moov` without samples (ISO 14496-12 §8.2, CMAF §7.3.1).

use bytes::Bytes;

use super::Mp4WriteError;
use super::box_writer::BoxWriter;
use super::sample_entry::SampleEntry;
use crate::media::codec::{CodecConfig, TrackKind};

/// What an initialization segment says of its one track.
#[derive(Debug, Clone, Copy)]
pub struct InitTrack<'a> {
    /// `track_ID`, from 1; the fragments must carry the same.
    pub track_id: u32,
    /// Ticks per second of all times in the fragments.
    pub timescale: u32,
    /// Three-letter ISO 639-2 code; anything else is written as `und`.
    pub language: Option<&'a str>,
    /// The codec and its parameters.
    pub config: &'a CodecConfig,
}

/// Identity transformation of `tkhd` and `mvhd`.
const UNITY_MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// The initialization segment of one track.
///
/// Brands: `iso6` says movie fragments with `tfdt` and offsets relative to `moof`; `cmfc` is the CMAF brand, whose
/// structure is kept (one track, `default-base-is-moof`, no edit list); `dash` is DASH's brand for a
/// self-initialized track. Media profile brands such as `cfhd` are not claimed: levels and sizes are the encoder's.
pub fn init_segment(track: &InitTrack<'_>) -> Result<Bytes, Mp4WriteError> {
    if track.track_id == 0 {
        return Err(Mp4WriteError::ZeroTrackId);
    }
    if track.timescale == 0 {
        return Err(Mp4WriteError::ZeroTimescale { track_id: track.track_id });
    }
    let entry = SampleEntry::new(track.config)?;
    let mut writer = BoxWriter::with_capacity(1_024);
    writer.boxed(b"ftyp", |writer| {
        writer.bytes(b"iso6");
        writer.u32(0);
        writer.bytes(b"iso6cmfcdash");
    });
    writer.boxed(b"moov", |writer| {
        movie_header(writer, track.timescale);
        writer.boxed(b"trak", |writer| {
            track_header(writer, track);
            writer.boxed(b"mdia", |writer| media(writer, track, &entry));
        });
        writer.boxed(b"mvex", |writer| {
            writer.full_box(b"trex", 0, 0, |writer| {
                writer.u32(track.track_id);
                writer.u32(1); // sample description
                writer.zeros(12); // duration, size and flags: said by every fragment
            });
        });
    });
    Ok(writer.finish())
}

fn movie_header(writer: &mut BoxWriter, timescale: u32) {
    writer.full_box(b"mvhd", 0, 0, |writer| {
        writer.zeros(8); // creation and modification time: kept out, so that equal input gives equal bytes
        writer.u32(timescale);
        writer.u32(0); // duration: in the fragments
        writer.u32(0x0001_0000); // rate 1
        writer.u16(0x0100); // volume 1
        writer.zeros(10);
        UNITY_MATRIX.iter().for_each(|value| writer.u32(*value));
        writer.zeros(24);
        writer.u32(0xFFFF_FFFF); // next track: search
    });
}

fn track_header(writer: &mut BoxWriter, track: &InitTrack<'_>) {
    // enabled, in movie, in preview
    writer.full_box(b"tkhd", 0, 0x7, |writer| {
        writer.zeros(8);
        writer.u32(track.track_id);
        writer.zeros(4);
        writer.u32(0); // duration
        writer.zeros(8);
        writer.u16(0); // layer
        writer.u16(0); // alternate group
        writer.u16(if track.config.kind() == TrackKind::Audio { 0x0100 } else { 0 });
        writer.u16(0);
        UNITY_MATRIX.iter().for_each(|value| writer.u32(*value));
        let (width, height) = presented_size(track.config);
        writer.u32(width);
        writer.u32(height);
    });
}

/// Width and height as shown, 16.16: the width is stretched by the sample aspect ratio.
fn presented_size(config: &CodecConfig) -> (u32, u32) {
    let Some(picture) = config.picture() else { return (0, 0) };
    let (horizontal, vertical) = picture.sample_aspect_ratio;
    let (horizontal, vertical) = if horizontal == 0 || vertical == 0 { (1, 1) } else { (horizontal, vertical) };
    let width = (u64::from(picture.width) << 16) * u64::from(horizontal) / u64::from(vertical);
    (u32::try_from(width).unwrap_or(u32::MAX), picture.height.saturating_mul(0x1_0000))
}

fn media(writer: &mut BoxWriter, track: &InitTrack<'_>, entry: &SampleEntry<'_>) {
    writer.full_box(b"mdhd", 0, 0, |writer| {
        writer.zeros(8);
        writer.u32(track.timescale);
        writer.u32(0);
        writer.u16(packed_language(track.language));
        writer.u16(0);
    });
    let (handler, name): (&[u8; 4], &[u8]) = match track.config.kind() {
        TrackKind::Video => (b"vide", b"VideoHandler\0"),
        TrackKind::Audio => (b"soun", b"SoundHandler\0"),
        TrackKind::Text => (b"subt", b"SubtitleHandler\0"),
    };
    writer.full_box(b"hdlr", 0, 0, |writer| {
        writer.u32(0);
        writer.bytes(handler);
        writer.zeros(12);
        writer.bytes(name);
    });
    writer.boxed(b"minf", |writer| {
        match track.config.kind() {
            TrackKind::Video => writer.full_box(b"vmhd", 0, 1, |writer| writer.zeros(8)),
            TrackKind::Audio => writer.full_box(b"smhd", 0, 0, |writer| writer.zeros(4)),
            TrackKind::Text => writer.full_box(b"sthd", 0, 0, |_| {}),
        }
        writer.boxed(b"dinf", |writer| {
            writer.full_box(b"dref", 0, 0, |writer| {
                writer.u32(1);
                writer.full_box(b"url ", 0, 1, |_| {}); // the media is in this file
            });
        });
        writer.boxed(b"stbl", |writer| {
            writer.full_box(b"stsd", 0, 0, |writer| {
                writer.u32(1);
                entry.write(writer);
            });
            writer.full_box(b"stts", 0, 0, |writer| writer.u32(0));
            writer.full_box(b"stsc", 0, 0, |writer| writer.u32(0));
            writer.full_box(b"stsz", 0, 0, |writer| writer.zeros(8));
            writer.full_box(b"stco", 0, 0, |writer| writer.u32(0));
        });
    });
}

/// Three letters of five bits each, ISO 14496-12 §8.4.2.
fn packed_language(language: Option<&str>) -> u16 {
    let pack = |letters: &[u8]| letters.iter().fold(0u16, |packed, letter| packed << 5 | u16::from(letter & 0x1F));
    match language.map(str::as_bytes) {
        Some(letters) if letters.len() == 3 && letters.iter().all(u8::is_ascii_lowercase) => pack(letters),
        _ => pack(b"und"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_letter_codes_are_packed() {
        assert_eq!(packed_language(Some("deu")), 0b00100_00101_10101);
        assert_eq!(packed_language(Some("de")), packed_language(Some("und")));
        assert_eq!(packed_language(Some("DEU")), packed_language(None));
    }
}
