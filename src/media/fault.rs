//! What was wrong in a pushed segment and was passed over: counted per stream and kind, so that the list stays short
//! however broken the input is.

use std::fmt;

/// What kind of damage; the text says what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// Bytes between two packets that are no packet: skipped up to the next two sync bytes in step.
    LostSync,
    /// The file ends within a packet, which was dropped.
    TruncatedPacket,
    /// A packet's adaptation field is longer than the packet, or its `adaptation_field_control` is reserved: dropped.
    BadPacketHeader,
    /// `transport_error_indicator` is set: the packet was dropped.
    TransportError,
    /// The continuity counter jumped: packets are missing, and the PES packet or section they belong to was dropped.
    ContinuityError,
    /// A PAT, PMT or private section has a wrong CRC or length: dropped.
    BadSection,
    /// A later PMT gives a PID another stream type: the first one counts.
    StreamTypeChanged,
    /// The PAT has more than one program (RFC 8216 §3.2 allows one): the first with a PMT was taken.
    SeveralPrograms,
    /// A PES packet's header is broken: the packet was dropped.
    BadPesHeader,
    /// A PES packet has fewer bytes than it announces: dropped if video, its whole frames kept if audio.
    TruncatedPes,
    /// Payload before the first PES header of its PID, or after lost bytes: dropped.
    OrphanPayload,
    /// A sequence or picture parameter set that does not parse: left in the samples, not used for the configuration.
    BadParameterSet,
    /// The first video sample is no sync sample.
    NoSyncSampleAtStart,
    /// An access unit without a coded picture: dropped.
    EmptyAccessUnit,
    /// PTS and DTS are more than ten seconds apart: presentation time taken to be decoding time.
    BadCompositionOffset,
    /// Timestamps jump back, or forward by more than ten seconds: the track was split there.
    TimestampJump,
    /// Two samples in a row with the same decoding time: the first lasts 0 ticks.
    RepeatedTimestamp,
    /// No sample of the stream has a timestamp: dropped.
    NoTimestamp,
    /// Audio timestamps leave a gap of more than half a frame: the sample before lasts longer.
    AudioGap,
    /// Audio timestamps overlap by more than half a frame: samples were kept back to back.
    AudioOverlap,
    /// Bytes before the first whole audio frame: dropped.
    PartialAudioFrameAtStart,
    /// The last audio frame is not whole: dropped.
    PartialAudioFrameAtEnd,
    /// Bytes between audio frames that are no frame: dropped.
    LostAudioSync,
    /// An audio frame whose form is not supported: dropped. AAC: no payload, several raw data blocks without their
    /// positions, channels told neither by the header nor by a program config element at its start. E-AC-3: part of an
    /// access unit.
    UnsupportedAudioFrame,
    /// A stream changes its configuration or its clock within the segment: the part that was not kept.
    PartLeftOut,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            FaultKind::LostSync => "bytes that are no packet",
            FaultKind::TruncatedPacket => "the last packet is cut off",
            FaultKind::BadPacketHeader => "packet with a broken header",
            FaultKind::TransportError => "packet with the transport error indicator",
            FaultKind::ContinuityError => "continuity counter jumped",
            FaultKind::BadSection => "section with a wrong crc or length",
            FaultKind::StreamTypeChanged => "stream type changed within the segment",
            FaultKind::SeveralPrograms => "more than one program",
            FaultKind::BadPesHeader => "pes packet with a broken header",
            FaultKind::TruncatedPes => "pes packet shorter than it announces",
            FaultKind::OrphanPayload => "payload without a pes header",
            FaultKind::BadParameterSet => "parameter set does not parse",
            FaultKind::NoSyncSampleAtStart => "the first video sample is no sync sample",
            FaultKind::EmptyAccessUnit => "access unit without a picture",
            FaultKind::BadCompositionOffset => "pts and dts more than ten seconds apart",
            FaultKind::TimestampJump => "timestamps jump",
            FaultKind::RepeatedTimestamp => "decoding time repeated",
            FaultKind::NoTimestamp => "no timestamp in the stream",
            FaultKind::AudioGap => "gap between audio frames",
            FaultKind::AudioOverlap => "audio frames overlap",
            FaultKind::PartialAudioFrameAtStart => "part of an audio frame at the start",
            FaultKind::PartialAudioFrameAtEnd => "part of an audio frame at the end",
            FaultKind::LostAudioSync => "bytes that are no audio frame",
            FaultKind::UnsupportedAudioFrame => "audio frame of an unsupported form",
            FaultKind::PartLeftOut => "part left out because the stream changes within the segment",
        })
    }
}

/// One kind of damage in one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The stream; `None` where it is not known or there are no PIDs.
    pub pid: Option<u16>,
    /// What was wrong.
    pub kind: FaultKind,
    /// How often; at least 1.
    pub count: u32,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(formatter, "pid {pid}: {}, {} times", self.kind, self.count),
            None => write!(formatter, "{}, {} times", self.kind, self.count),
        }
    }
}

/// The largest distance between two samples, and between a sample's PTS and DTS, that is not a break: ten seconds of
/// 90 kHz. No encoder makes a regular segment with a longer silence inside.
pub const MAXIMUM_GAP: i64 = 900_000;

/// In how many pieces the track of one segment may fall apart (new configuration, timestamps that jump).
pub const MAXIMUM_PIECES: usize = 16;

/// A stream that falls apart in more than [`MAXIMUM_PIECES`] pieces within one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream changes its configuration or jumps in time more than 15 times in one segment")]
pub struct TooManyPieces;

/// The longest list of faults; further kinds are counted in the last place.
const MAXIMUM: usize = 64;

/// The faults of one segment, at most 64 lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Counts one.
    pub fn add(&mut self, pid: Option<u16>, kind: FaultKind) {
        let full = self.0.len() >= MAXIMUM;
        match self.0.iter_mut().find(|fault| fault.pid == pid && fault.kind == kind) {
            Some(fault) => fault.count = fault.count.saturating_add(1),
            None if full => {
                if let Some(last) = self.0.last_mut() {
                    last.count = last.count.saturating_add(1);
                }
            }
            None => self.0.push(Fault { pid, kind, count: 1 }),
        }
    }

    /// In the order in which they were first seen.
    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_kind_in_the_same_stream_is_counted_in_one_line() {
        let mut faults = Faults::default();
        faults.add(Some(256), FaultKind::ContinuityError);
        faults.add(Some(256), FaultKind::ContinuityError);
        faults.add(Some(257), FaultKind::ContinuityError);
        let list = faults.into_vec();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].to_string(), "pid 256: continuity counter jumped, 2 times");
    }

    #[test]
    fn the_list_is_bounded_and_loses_no_count() {
        let mut faults = Faults::default();
        for pid in 0..1000 {
            faults.add(Some(pid), FaultKind::BadSection);
        }
        let list = faults.into_vec();
        assert_eq!(list.len(), MAXIMUM);
        assert_eq!(list.iter().map(|fault| fault.count).sum::<u32>(), 1000);
    }
}
