//! What the common part must be told of a codec.

use std::ops::Range;

use crate::media::codec::CodecConfig;
use crate::media::codec::aac::{self, ADTS_HEADER_SIZE, AdtsHeader};
use crate::media::codec::ac3::{self, Ac3Header};
use crate::media::codec::eac3::{self, BLOCKS_PER_ACCESS_UNIT, Eac3Config, Eac3Header, SubstreamKind};

/// A codec whose stream is frames that begin with a sync word and tell their size.
pub trait FrameSyntax {
    /// What a frame says of itself.
    type Header: Copy;
    /// What tells one configuration from another, without building either.
    type Key: PartialEq;
    /// First byte of every frame.
    const SYNC_BYTE: u8;
    /// Bytes by which a header is known for one.
    const HEADER_SIZE: usize;

    /// Reads the header of a frame, of which at least [`Self::HEADER_SIZE`] bytes are there.
    fn read(start: &[u8]) -> Option<Self::Header>;

    /// Bytes of the frame, header included.
    fn frame_size(header: &Self::Header) -> usize;

    /// Where in the frame the bytes of its access units are; `None` if it cannot be used.
    fn parts(header: &Self::Header, frame: &[u8]) -> Option<Vec<Range<usize>>>;

    /// Whether a frame goes on with the access unit of these frames.
    fn continues(unit: &[Self::Header], next: &Self::Header) -> bool;

    /// Whether the frames are a whole access unit.
    fn is_whole(unit: &[Self::Header]) -> bool;

    /// Samples of an access unit.
    fn duration(unit: &[Self::Header]) -> u32;

    /// What tells the access unit's configuration from that of others.
    fn key(unit: &[Self::Header]) -> Self::Key;

    /// The access unit's configuration; `None` if it cannot be used.
    fn config(unit: &[Self::Header], payload: &[u8]) -> Option<CodecConfig>;
}

/// AAC in ADTS frames; access units are their raw data blocks.
#[derive(Debug)]
pub struct Adts;

impl FrameSyntax for Adts {
    type Header = AdtsHeader;
    type Key = (u8, u8, u8);
    const SYNC_BYTE: u8 = 0xFF;
    const HEADER_SIZE: usize = ADTS_HEADER_SIZE;

    fn read(start: &[u8]) -> Option<AdtsHeader> {
        AdtsHeader::read(start)
    }

    fn frame_size(header: &AdtsHeader) -> usize {
        header.frame_size
    }

    fn parts(header: &AdtsHeader, frame: &[u8]) -> Option<Vec<Range<usize>>> {
        header.raw_data_block_ranges(frame)
    }

    fn continues(_: &[AdtsHeader], _: &AdtsHeader) -> bool {
        false
    }

    fn is_whole(_: &[AdtsHeader]) -> bool {
        true
    }

    fn duration(_: &[AdtsHeader]) -> u32 {
        aac::SAMPLES_PER_FRAME
    }

    fn key(unit: &[AdtsHeader]) -> (u8, u8, u8) {
        unit.first().map_or((0, 0, 0), |header| {
            (header.object_type, header.sampling_frequency_index, header.channel_configuration)
        })
    }

    fn config(unit: &[AdtsHeader], payload: &[u8]) -> Option<CodecConfig> {
        unit.first()?.config(payload).map(CodecConfig::Aac)
    }
}

/// AC-3; every frame is an access unit.
#[derive(Debug)]
pub struct Ac3;

impl FrameSyntax for Ac3 {
    type Header = Ac3Header;
    type Key = Option<ac3::Ac3Config>;
    const SYNC_BYTE: u8 = ac3::SYNC_WORD[0];
    const HEADER_SIZE: usize = ac3::HEADER_SIZE;

    fn read(start: &[u8]) -> Option<Ac3Header> {
        Ac3Header::read(start)
    }

    fn frame_size(header: &Ac3Header) -> usize {
        header.frame_size
    }

    fn parts(_: &Ac3Header, frame: &[u8]) -> Option<Vec<Range<usize>>> {
        Some(whole(frame))
    }

    fn continues(_: &[Ac3Header], _: &Ac3Header) -> bool {
        false
    }

    fn is_whole(_: &[Ac3Header]) -> bool {
        true
    }

    fn duration(_: &[Ac3Header]) -> u32 {
        ac3::SAMPLES_PER_FRAME
    }

    fn key(unit: &[Ac3Header]) -> Option<ac3::Ac3Config> {
        unit.first().map(|header| header.config)
    }

    fn config(unit: &[Ac3Header], _: &[u8]) -> Option<CodecConfig> {
        unit.first().map(|header| CodecConfig::Ac3(header.config))
    }
}

/// E-AC-3; an access unit is the frames of all substreams for 1536 samples.
#[derive(Debug)]
pub struct Eac3;

impl FrameSyntax for Eac3 {
    type Header = Eac3Header;
    /// The configuration, whose data rate does not count.
    type Key = Option<Eac3Config>;
    const SYNC_BYTE: u8 = ac3::SYNC_WORD[0];
    const HEADER_SIZE: usize = ac3::HEADER_SIZE;

    fn read(start: &[u8]) -> Option<Eac3Header> {
        Eac3Header::read(start.get(..eac3::HEADER_SIZE).unwrap_or(start))
    }

    fn frame_size(header: &Eac3Header) -> usize {
        header.frame_size
    }

    fn parts(_: &Eac3Header, frame: &[u8]) -> Option<Vec<Range<usize>>> {
        Some(whole(frame))
    }

    fn continues(unit: &[Eac3Header], next: &Eac3Header) -> bool {
        !unit.is_empty() && (next.kind == SubstreamKind::Dependent || next.substream > 0 || !Self::is_whole(unit))
    }

    fn is_whole(unit: &[Eac3Header]) -> bool {
        blocks(unit) >= u32::from(BLOCKS_PER_ACCESS_UNIT)
    }

    fn duration(unit: &[Eac3Header]) -> u32 {
        blocks(unit) * 256
    }

    fn key(unit: &[Eac3Header]) -> Option<Eac3Config> {
        Eac3Config::of_access_unit(unit).map(|config| Eac3Config { data_rate: 0, ..config })
    }

    fn config(unit: &[Eac3Header], _: &[u8]) -> Option<CodecConfig> {
        Eac3Config::of_access_unit(unit).map(CodecConfig::Eac3)
    }
}

/// The frame as one part.
fn whole(frame: &[u8]) -> Vec<Range<usize>> {
    std::iter::once(0..frame.len()).collect()
}

/// Blocks of 256 samples of the first programme.
fn blocks(unit: &[Eac3Header]) -> u32 {
    let first = unit.iter().filter(|frame| frame.kind == SubstreamKind::Independent && frame.substream == 0);
    first.map(|frame| u32::from(frame.blocks)).sum()
}
