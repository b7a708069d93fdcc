//! One pushed HLS segment → samples.
//!
//! The packets are sorted by PID in one pass over the file, so that it does not matter where PAT and PMT are; then
//! each stream is put together. Nothing is remembered between segments.

use bytes::Bytes;

use super::packet::{NULL_PID, PACKET_SIZE, PAT_PID, PID_COUNT, PacketHeader, SYNC_BYTE};
use super::pes::PesHeader;
use super::psi::{
    SPLICE_INFO_TABLE_ID, SectionAssembler, StreamDescription, StreamKind, crc32, read_program_associations,
    read_program_map,
};
use super::video::{AvcSyntax, HevcSyntax, Stamp, VideoSyntax, VideoUnits};
use crate::media::audio_frames::AudioFrames;
use crate::media::audio_frames::syntax::{Ac3, Adts, Eac3, FrameSyntax};
use crate::media::codec::CodecConfig;
use crate::media::fault::{Fault, FaultKind, Faults, TooManyPieces};
use crate::media::sample::ElementarySegment;

/// Why a file cannot be read as a segment at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TsError {
    /// No two packets in step anywhere.
    #[error("the segment of {0} bytes has no sync byte 0x47 every 188 bytes: it is no transport stream")]
    NotTransportStream(usize),
    /// Larger than offsets can say.
    #[error("the segment of {0} bytes is larger than 4 GiB")]
    TooLarge(usize),
    /// No program association table (RFC 8216 §3.2 asks for one in every segment).
    #[error("the segment has no valid program association table")]
    NoProgramAssociation,
    /// No program map table.
    #[error("the segment has no valid program map table on pid {0}")]
    NoProgramMap(u16),
    /// A stream that would be packaged is scrambled.
    #[error("pid {0} is scrambled: the segment must come in the clear")]
    Scrambled(u16),
    /// A stream falls apart.
    #[error("pid {pid}: {source}")]
    TooManyPieces {
        /// The stream.
        pid: u16,
        /// What it does.
        source: TooManyPieces,
    },
}

/// Why a stream of the program is not in [`TransportSegment::tracks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IgnoredReason {
    /// Of a kind that is not packaged yet.
    NotPackagedYet(StreamKind),
    /// It carries messages, which are in [`TransportSegment::splice_sections`] and
    /// [`TransportSegment::timed_metadata`].
    Messages,
    /// Video without a sequence parameter set.
    NoParameterSets,
    /// The program map lists it, but it has no samples here.
    Empty,
}

impl std::fmt::Display for IgnoredReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            IgnoredReason::NoParameterSets => return formatter.write_str("video without a sequence parameter set"),
            IgnoredReason::Empty => return formatter.write_str("no samples in this segment"),
            IgnoredReason::Messages => return formatter.write_str("messages, but no samples"),
            IgnoredReason::NotPackagedYet(kind) => match kind {
                StreamKind::H264 => "h.264",
                StreamKind::AacAdts => "aac in adts",
                StreamKind::AacLatm => "aac in latm",
                StreamKind::H265 => "h.265",
                StreamKind::Ac3 => "ac-3",
                StreamKind::Eac3 => "e-ac-3",
                StreamKind::Id3 => "id3 metadata",
                StreamKind::Scte35 => "scte-35",
                StreamKind::KlvSynchronous | StreamKind::KlvAsynchronous => "klv metadata",
                StreamKind::DvbSubtitles => "dvb subtitles",
                StreamKind::DvbTeletext => "dvb teletext",
                StreamKind::SampleAes => "sample-aes encryption",
                StreamKind::Other => "this stream type",
            },
        };
        write!(formatter, "{name} is not packaged yet")
    }
}

/// A stream of the program that gave no track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IgnoredStream {
    /// Where it is.
    pub pid: u16,
    /// `stream_type` of the program map.
    pub stream_type: u8,
    /// Why.
    pub reason: IgnoredReason,
}

/// A SCTE-35 splice information section, as it was on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceSection {
    /// Where it was.
    pub pid: u16,
    /// Its stream's place among the SCTE-35 streams of the program map, from 0.
    pub stream_index: u8,
    /// The last PTS of the first video stream (audio if there is none) before the section in the file; 33 bits, 90 kHz.
    pub pts_before: Option<u64>,
    /// The whole section, its CRC (which was right) included.
    pub section: Bytes,
}

/// An ID3 tag or KLV metadata from a PES packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedMetadata {
    /// Where it was.
    pub pid: u16,
    /// [`StreamKind::Id3`], [`StreamKind::KlvSynchronous`] or [`StreamKind::KlvAsynchronous`].
    pub kind: StreamKind,
    /// Its stream's place among those of its kind in the program map, from 0.
    pub stream_index: u8,
    /// When it applies, 33 bits, 90 kHz; asynchronous KLV has no time of its own.
    pub pts: Option<u64>,
    /// Like [`SpliceSection::pts_before`].
    pub pts_before: Option<u64>,
    /// The PES packet's data.
    pub data: Bytes,
}

/// What one transport stream file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransportSegment {
    /// The samples, in the order of the program map. A PID comes more than once, in decoding order, if its
    /// configuration changes or its timestamps jump within the file.
    pub tracks: Vec<ElementarySegment>,
    /// SCTE-35 sections, by PID in the order of the file. Their streams are in `ignored` as well.
    pub splice_sections: Vec<SpliceSection>,
    /// ID3 tags and KLV, by PID in the order of the file. Their streams are in `ignored` as well.
    pub timed_metadata: Vec<TimedMetadata>,
    /// Streams that gave no track.
    pub ignored: Vec<IgnoredStream>,
    /// What was wrong and was passed over.
    pub faults: Vec<Fault>,
}

/// The payload of one packet.
#[derive(Debug, Clone, Copy)]
struct Piece {
    offset: u32,
    length: u8,
    unit_start: bool,
    /// Packets of this PID are missing before this one.
    after_loss: bool,
}

/// The packets of one PID.
#[derive(Debug, Default)]
struct Packets {
    pieces: Vec<Piece>,
    /// Counter and payload offset of the last packet with payload.
    last: Option<(u8, usize)>,
    was_repeated: bool,
    /// Packets are missing before the next one, or at the end.
    after_loss: bool,
    is_scrambled: bool,
}

/// Reads one pushed segment: a whole transport stream file that begins with whole PES packets.
///
/// Damage is passed over and told in [`TransportSegment::faults`]; what the error says is that nothing can be used.
/// Memory stays below a small multiple of the input's size, time is linear.
pub fn demux(bytes: &Bytes) -> Result<TransportSegment, TsError> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(TsError::TooLarge(bytes.len()));
    }
    let mut faults = Faults::default();
    let file = SortedPackets::read(bytes, &mut faults)?;
    let streams = file.streams(&mut faults)?;
    let mut segment = TransportSegment::default();
    let first = |wanted: fn(StreamKind) -> bool| streams.iter().find(|stream| wanted(stream.kind));
    let clock_pid = first(StreamKind::is_video).or_else(|| first(StreamKind::is_audio)).map(|stream| stream.pid);
    let mut buffer = Vec::new();
    for (place, stream) in streams.iter().enumerate() {
        let pid = stream.pid;
        let before = streams.iter().take(place).filter(|other| other.kind == stream.kind).count();
        let stream_index = u8::try_from(before).unwrap_or(u8::MAX);
        let reason = match stream.kind {
            StreamKind::H264 | StreamKind::H265 | StreamKind::AacAdts | StreamKind::Ac3 | StreamKind::Eac3 => {
                if file.packets(pid).is_some_and(|packets| packets.is_scrambled) {
                    return Err(TsError::Scrambled(pid));
                }
                let tracks = match stream.kind {
                    StreamKind::H264 => file.video::<AvcSyntax>(stream, &mut buffer, &mut faults),
                    StreamKind::H265 => file.video::<HevcSyntax>(stream, &mut buffer, &mut faults),
                    StreamKind::Ac3 => file.audio::<Ac3>(stream, &mut buffer, &mut faults).map(Some),
                    StreamKind::Eac3 => file.audio::<Eac3>(stream, &mut buffer, &mut faults).map(Some),
                    _ => file.audio::<Adts>(stream, &mut buffer, &mut faults).map(Some),
                };
                match tracks.map_err(|source| TsError::TooManyPieces { pid, source })? {
                    None => IgnoredReason::NoParameterSets,
                    Some(tracks) if tracks.is_empty() => IgnoredReason::Empty,
                    Some(tracks) => {
                        segment.tracks.extend(tracks);
                        continue;
                    }
                }
            }
            StreamKind::Scte35 => {
                file.splice_sections(pid, stream_index, clock_pid, &mut segment.splice_sections, &mut faults);
                IgnoredReason::Messages
            }
            StreamKind::Id3 | StreamKind::KlvSynchronous | StreamKind::KlvAsynchronous => {
                let found = &mut segment.timed_metadata;
                file.timed_metadata(stream, stream_index, clock_pid, found, &mut buffer, &mut faults);
                IgnoredReason::Messages
            }
            kind => IgnoredReason::NotPackagedYet(kind),
        };
        segment.ignored.push(IgnoredStream { pid, stream_type: stream.stream_type, reason });
    }
    segment.faults = faults.into_vec();
    Ok(segment)
}

/// The file's packets by PID.
struct SortedPackets<'a> {
    bytes: &'a [u8],
    /// Index into `pids` by PID; `u16::MAX` if the PID has no packets.
    index: Vec<u16>,
    pids: Vec<Packets>,
}

impl<'a> SortedPackets<'a> {
    fn read(bytes: &'a [u8], faults: &mut Faults) -> Result<SortedPackets<'a>, TsError> {
        let mut file = SortedPackets { bytes, index: vec![u16::MAX; PID_COUNT], pids: Vec::new() };
        let mut offset = 0usize;
        let mut is_in_step = false;
        while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
            match rest.first_chunk::<PACKET_SIZE>() {
                Some(packet) if packet[0] == SYNC_BYTE && (is_in_step || in_step(bytes, offset)) => {
                    is_in_step = true;
                    file.sort(packet, offset, faults);
                    offset += PACKET_SIZE;
                }
                None if is_in_step && rest.first() == Some(&SYNC_BYTE) => {
                    faults.add(None, FaultKind::TruncatedPacket);
                    file.note_truncated(rest);
                    break;
                }
                _ => {
                    is_in_step = false;
                    faults.add(None, FaultKind::LostSync);
                    let candidates = memchr::memchr_iter(SYNC_BYTE, rest).skip_while(|at| *at == 0);
                    match candidates.map(|at| offset + at).find(|at| in_step(bytes, *at)) {
                        Some(found) => offset = found,
                        None => break,
                    }
                }
            }
        }
        if file.pids.is_empty() {
            return Err(TsError::NotTransportStream(bytes.len()));
        }
        Ok(file)
    }

    fn sort(&mut self, packet: &[u8; PACKET_SIZE], offset: usize, faults: &mut Faults) {
        let Some(header) = PacketHeader::read(packet) else {
            faults.add(None, FaultKind::BadPacketHeader);
            return;
        };
        if header.pid == NULL_PID {
            return;
        }
        let Some(slot) = self.index.get_mut(usize::from(header.pid)) else { return };
        if *slot == u16::MAX {
            // There are at most 8192 PIDs.
            *slot = self.pids.len() as u16;
            self.pids.push(Packets::default());
        }
        let Some(packets) = self.pids.get_mut(usize::from(*slot)) else { return };
        if header.transport_error {
            faults.add(Some(header.pid), FaultKind::TransportError);
            packets.after_loss = true;
            packets.last = None;
            return;
        }
        if !header.has_payload {
            return;
        }
        let payload = offset + header.payload_start;
        if let Some((counter, last_payload)) = packets.last.filter(|_| !header.discontinuity) {
            let length = PACKET_SIZE - header.payload_start;
            let is_repeated = counter == header.continuity_counter
                && !packets.was_repeated
                && self.bytes.get(last_payload..last_payload + length) == packet.get(header.payload_start..);
            if is_repeated {
                packets.was_repeated = true;
                return;
            }
            if (counter + 1) & 0x0F != header.continuity_counter {
                faults.add(Some(header.pid), FaultKind::ContinuityError);
                packets.after_loss = true;
            }
        }
        packets.was_repeated = false;
        packets.last = Some((header.continuity_counter, payload));
        packets.is_scrambled |= header.scrambled;
        packets.pieces.push(Piece {
            offset: payload as u32,
            length: (PACKET_SIZE - header.payload_start) as u8,
            unit_start: header.unit_start,
            after_loss: std::mem::take(&mut packets.after_loss),
        });
    }

    /// The file ends within this packet: if it is a later part of a PES packet, that is not whole.
    fn note_truncated(&mut self, packet: &[u8]) {
        let [_, second, third, ..] = *packet else { return };
        let pid = u16::from(second & 0x1F) << 8 | u16::from(third);
        let is_later_part = second & 0x40 == 0;
        let slot = self.index.get(usize::from(pid)).map_or(usize::MAX, |slot| usize::from(*slot));
        if let Some(packets) = self.pids.get_mut(slot).filter(|_| is_later_part) {
            packets.after_loss = true;
        }
    }

    fn packets(&self, pid: u16) -> Option<&Packets> {
        self.pids.get(usize::from(*self.index.get(usize::from(pid))?))
    }

    fn pieces(&self, pid: u16) -> &[Piece] {
        self.packets(pid).map(|packets| packets.pieces.as_slice()).unwrap_or_default()
    }

    fn payload(&self, piece: &Piece) -> &'a [u8] {
        let begin = piece.offset as usize;
        self.bytes.get(begin..begin + usize::from(piece.length)).unwrap_or_default()
    }

    fn size(&self, pid: u16) -> usize {
        self.pieces(pid).iter().map(|piece| usize::from(piece.length)).sum()
    }

    /// Calls `whole` with every section of a PID and the offset in the file where it was completed.
    fn sections(&self, pid: u16, faults: &mut Faults, mut whole: impl FnMut(&[u8], usize, &mut Faults)) {
        let mut assembler = SectionAssembler::default();
        for piece in self.pieces(pid) {
            if piece.after_loss {
                assembler.lost();
            }
            let offset = piece.offset as usize;
            if !assembler.push(self.payload(piece), piece.unit_start, |section| whole(section, offset, faults)) {
                faults.add(Some(pid), FaultKind::BadSection);
            }
        }
    }

    /// The streams of the first program that has a map. Where the map changes within the file, the streams of all its
    /// versions.
    fn streams(&self, faults: &mut Faults) -> Result<Vec<StreamDescription>, TsError> {
        let mut programs = Vec::new();
        self.sections(PAT_PID, faults, |section, _, faults| match read_program_associations(section) {
            Ok(Some(associations)) => {
                for association in associations {
                    // RFC 8216 allows one; a few more are looked at, so that work stays linear.
                    if programs.len() < 8 && !programs.contains(&association) {
                        programs.push(association);
                    }
                }
            }
            Ok(None) => {}
            Err(_) => faults.add(Some(PAT_PID), FaultKind::BadSection),
        });
        let first = programs.first().ok_or(TsError::NoProgramAssociation)?;
        if programs.iter().any(|program| program.program_number != first.program_number) {
            faults.add(Some(PAT_PID), FaultKind::SeveralPrograms);
        }
        for program in &programs {
            let mut has_map = false;
            let mut seen = vec![false; PID_COUNT];
            let mut streams: Vec<StreamDescription> = Vec::new();
            let mut last: Vec<u8> = Vec::new();
            self.sections(program.map_pid, faults, |section, _, faults| {
                // Most maps repeat the one before.
                if section == last {
                    return;
                }
                let map = match read_program_map(section) {
                    Ok(map) => map.filter(|map| map.program_number == program.program_number),
                    Err(_) => return faults.add(Some(program.map_pid), FaultKind::BadSection),
                };
                let Some(map) = map else { return };
                has_map = true;
                last = section.to_vec();
                for stream in map.streams {
                    match seen.get_mut(usize::from(stream.pid)) {
                        Some(seen) if !*seen => {
                            *seen = true;
                            streams.push(stream);
                        }
                        _ => {
                            let known = streams.iter().find(|known| known.pid == stream.pid);
                            if known.is_some_and(|known| known.stream_type != stream.stream_type) {
                                faults.add(Some(stream.pid), FaultKind::StreamTypeChanged);
                            }
                        }
                    }
                }
            });
            if has_map {
                return Ok(streams);
            }
        }
        Err(TsError::NoProgramMap(first.map_pid))
    }

    /// Puts the PES packets of a PID together and hands each on, and tells where bytes are missing.
    fn pes_packets<E>(
        &self,
        pid: u16,
        buffer: &mut Vec<u8>,
        faults: &mut Faults,
        mut whole: impl FnMut(PesEvent<'_>, &mut Faults) -> Result<(), E>,
    ) -> Result<(), E> {
        // What lacks bytes is dropped, unless its announced size shows that it was complete.
        let is_complete = |buffer: &[u8]| {
            PesHeader::read(buffer).is_ok_and(|header| header.packet_size.is_some_and(|size| buffer.len() >= size))
        };
        buffer.clear();
        let mut is_open = false;
        for piece in self.pieces(pid) {
            if piece.after_loss {
                if is_open && is_complete(buffer) {
                    whole(PesEvent::Packet { buffer }, faults)?;
                }
                whole(PesEvent::Lost, faults)?;
                is_open = false;
            }
            if piece.unit_start {
                if is_open {
                    whole(PesEvent::Packet { buffer }, faults)?;
                }
                buffer.clear();
                is_open = true;
            }
            if is_open {
                buffer.extend_from_slice(self.payload(piece));
            } else {
                faults.add(Some(pid), FaultKind::OrphanPayload);
            }
        }
        let lacks_end = self.packets(pid).is_some_and(|packets| packets.after_loss);
        let has_size = |buffer: &[u8]| PesHeader::read(buffer).is_ok_and(|header| header.packet_size.is_some());
        if is_open && (!lacks_end || has_size(buffer)) {
            whole(PesEvent::Packet { buffer }, faults)?;
        } else if is_open {
            faults.add(Some(pid), FaultKind::TruncatedPes);
            whole(PesEvent::Lost, faults)?;
        }
        Ok(())
    }

    fn video<S: VideoSyntax>(
        &self,
        stream: &StreamDescription,
        buffer: &mut Vec<u8>,
        faults: &mut Faults,
    ) -> Result<Option<Vec<ElementarySegment>>, TooManyPieces> {
        let pid = stream.pid;
        // Lengths of four bytes take the place of start codes, some of which have three.
        let size = self.size(pid);
        let mut units = VideoUnits::<S>::new(pid, size + size / 64);
        self.pes_packets(pid, buffer, faults, |event, faults| {
            let PesEvent::Packet { buffer } = event else { return units.lost(faults) };
            let Ok(header) = PesHeader::read(buffer) else {
                faults.add(Some(pid), FaultKind::BadPesHeader);
                return units.lost(faults);
            };
            let end = header.packet_size.unwrap_or(buffer.len());
            if end > buffer.len() {
                faults.add(Some(pid), FaultKind::TruncatedPes);
                return units.lost(faults);
            }
            let stamp = header.pts.map(|pts| Stamp { pts, dts: header.dts.unwrap_or(pts) });
            units.push(buffer, header.data_start.min(end)..end, stamp, faults)
        })?;
        units.finish(stream.language.as_deref(), faults)
    }

    fn audio<S: FrameSyntax>(
        &self,
        stream: &StreamDescription,
        buffer: &mut Vec<u8>,
        faults: &mut Faults,
    ) -> Result<Vec<ElementarySegment>, TooManyPieces> {
        let pid = stream.pid;
        let mut frames = AudioFrames::<S>::new(Some(pid), self.size(pid));
        self.pes_packets(pid, buffer, faults, |event, faults| {
            let PesEvent::Packet { buffer } = event else { return frames.lost(faults) };
            let Ok(header) = PesHeader::read(buffer) else {
                faults.add(Some(pid), FaultKind::BadPesHeader);
                return frames.lost(faults);
            };
            let end = header.packet_size.unwrap_or(buffer.len());
            if end > buffer.len() {
                faults.add(Some(pid), FaultKind::TruncatedPes);
            }
            let data = buffer.get(header.data_start..end.min(buffer.len())).unwrap_or_default();
            frames.push(data, header.pts, faults)
        })?;
        let mut tracks = frames.finish(stream.language.as_deref(), faults)?;
        for track in &mut tracks {
            if let (CodecConfig::Aac(aac), Some(extension)) = (&mut track.config, stream.high_efficiency) {
                aac.extend(extension);
            }
        }
        Ok(tracks)
    }

    fn splice_sections(
        &self,
        pid: u16,
        stream_index: u8,
        clock_pid: Option<u16>,
        found: &mut Vec<SpliceSection>,
        faults: &mut Faults,
    ) {
        let mut clock = self.clock(clock_pid);
        self.sections(pid, faults, |section, offset, faults| {
            if section.first() != Some(&SPLICE_INFO_TABLE_ID) || crc32(section) != 0 {
                return faults.add(Some(pid), FaultKind::BadSection);
            }
            let pts_before = clock.last_before(offset);
            found.push(SpliceSection { pid, stream_index, pts_before, section: Bytes::copy_from_slice(section) });
        });
    }

    fn timed_metadata(
        &self,
        stream: &StreamDescription,
        stream_index: u8,
        clock_pid: Option<u16>,
        found: &mut Vec<TimedMetadata>,
        buffer: &mut Vec<u8>,
        faults: &mut Faults,
    ) {
        let (pid, kind) = (stream.pid, stream.kind);
        let mut clock = self.clock(clock_pid);
        let mut starts = self.pieces(pid).iter().filter(|piece| piece.unit_start);
        let done: Result<(), std::convert::Infallible> = self.pes_packets(pid, buffer, faults, |event, faults| {
            let PesEvent::Packet { buffer } = event else { return Ok(()) };
            // A PES packet that was lost leaves the places of those behind it early, which only matters without a PTS.
            let pts_before = starts.next().and_then(|piece| clock.last_before(piece.offset as usize));
            match PesHeader::read(buffer) {
                Ok(header) => {
                    let data = buffer.get(header.data_start..header.packet_size.unwrap_or(buffer.len()));
                    match data.map(Bytes::copy_from_slice) {
                        Some(data) => {
                            found.push(TimedMetadata { pid, kind, stream_index, pts: header.pts, pts_before, data })
                        }
                        None => faults.add(Some(pid), FaultKind::TruncatedPes),
                    }
                }
                Err(_) => faults.add(Some(pid), FaultKind::BadPesHeader),
            }
            Ok(())
        });
        let Ok(()) = done;
    }

    /// The times of a PID's PES packets, to be asked in the order of the file.
    fn clock(&self, pid: Option<u16>) -> FileClock<'_> {
        FileClock {
            file: self,
            pieces: pid.map(|pid| self.pieces(pid)).unwrap_or_default().iter().peekable(),
            pts: None,
        }
    }
}

/// The presentation times of one PID along the file.
struct FileClock<'a> {
    file: &'a SortedPackets<'a>,
    pieces: std::iter::Peekable<std::slice::Iter<'a, Piece>>,
    pts: Option<u64>,
}

impl FileClock<'_> {
    /// The last PTS that begins before the offset; offsets must not go back.
    fn last_before(&mut self, offset: usize) -> Option<u64> {
        while let Some(piece) = self.pieces.next_if(|piece| (piece.offset as usize) < offset) {
            let header = piece.unit_start.then(|| PesHeader::read(self.file.payload(piece)).ok()).flatten();
            self.pts = header.and_then(|header| header.pts).or(self.pts);
        }
        self.pts
    }
}

/// What comes out of the packets of one PID.
enum PesEvent<'a> {
    /// A PES packet from its start code on, perhaps with bytes behind its end.
    Packet { buffer: &'a mut Vec<u8> },
    /// Bytes are missing here.
    Lost,
}

/// Whether there is a sync byte here and 188 bytes on (or the file ends there).
fn in_step(bytes: &[u8], offset: usize) -> bool {
    let is_sync = |offset: usize| bytes.get(offset) == Some(&SYNC_BYTE);
    is_sync(offset) && (is_sync(offset + PACKET_SIZE) || offset + PACKET_SIZE == bytes.len())
}
