//! Packed audio: frames of AAC, AC-3 or E-AC-3 in a row, with their time in an ID3 tag (RFC 8216 §3.4).

use bytes::Bytes;

use super::adts::AdtsWriter;
use super::{MuxPiece, TsMuxError};
use crate::media::codec::CodecConfig;
use crate::media::rescale::rescale_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::media::ts::timestamp::TIMESTAMP_MODULUS;

/// Owner of the private frame that holds the timestamp.
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// A packed audio segment: an ID3 tag with the time of the first frame (33 bits, 90 kHz), then the
/// frames: those of AAC with ADTS headers.
pub fn packed_audio_segment(pieces: &[MuxPiece<'_>]) -> Result<Bytes, TsMuxError> {
    let first = pieces.iter().find(|piece| !piece.samples.is_empty()).ok_or(TsMuxError::NoSamples)?;
    let frames: usize = pieces.iter().map(|piece| piece.payload.len() + piece.samples.len() * 7).sum();
    let mut out = Vec::with_capacity(frames + 20 + OWNER.len() + 8);
    write_timestamp(&mut out, rescale_time(first.decode_time, first.timescale, MPEG_TIMESCALE) % TIMESTAMP_MODULUS);
    for (index, piece) in pieces.iter().enumerate() {
        let writer = match piece.config {
            CodecConfig::Aac(config) => {
                Some(AdtsWriter::new(config).map_err(|error| TsMuxError::Adts { track: 0, error })?)
            }
            CodecConfig::Ac3(_) | CodecConfig::Eac3(_) => None,
            CodecConfig::Avc(_) | CodecConfig::Hevc(_) | CodecConfig::WebVtt => {
                return Err(TsMuxError::NoAudio { piece: index });
            }
        };
        let samples: u64 = piece.samples.iter().map(|sample| u64::from(sample.size)).sum();
        if samples != piece.payload.len() as u64 {
            let payload = piece.payload.len();
            return Err(TsMuxError::PayloadSize { track: 0, piece: index, samples, payload });
        }
        let mut rest = piece.payload;
        for sample in piece.samples {
            let (frame, after) = rest.split_at_checked(sample.size as usize).unwrap_or((rest, &[]));
            if let Some(writer) = &writer {
                let header = writer.header(sample.size).map_err(|error| TsMuxError::Adts { track: 0, error })?;
                out.extend_from_slice(&header);
            }
            out.extend_from_slice(frame);
            rest = after;
        }
    }
    Ok(out.into())
}

/// An ID3 2.4 tag with one `PRIV` frame; both sizes are below 128, so that one byte holds them.
fn write_timestamp(out: &mut Vec<u8>, timestamp: u64) {
    let frame = (OWNER.len() + 8) as u8;
    out.extend_from_slice(&[b'I', b'D', b'3', 4, 0, 0, 0, 0, 0, frame + 10]);
    out.extend_from_slice(&[b'P', b'R', b'I', b'V', 0, 0, 0, frame, 0, 0]);
    out.extend_from_slice(OWNER);
    out.extend_from_slice(&timestamp.to_be_bytes());
}
