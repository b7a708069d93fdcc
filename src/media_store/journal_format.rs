//! Bytes of a journal file ↔ frames; pure.
//!
//! ```text
//! file   = "OMPJRNL" version:u8 frame*
//! frame  = FE 'O' 'M' 'J' kind:u8 length:u32 crc:u32 payload[length]
//! kind 1 = checkpoint: payload is the checkpoint; only as the first frame
//! kind 2 = records:    payload is (length:u32 record[length])*
//! ```
//!
//! Numbers are little-endian; `crc` is CRC-32 (ISO-HDLC) of kind, length and payload. Everything that one call
//! appends is one frame, and a frame is only begun once the one before it is on the disk. So the only damage that a
//! crash can leave is in the last frame; damage with a good frame behind it is the disk's fault or somebody's.

use std::ops::Range;

use super::Replay;

/// First bytes of every journal file.
const MAGIC: &[u8; 7] = b"OMPJRNL";

/// The format of this version.
const VERSION: u8 = 1;

/// Bytes before the first frame.
pub(super) const FILE_HEADER_BYTES: usize = 8;

/// FE never occurs in UTF-8 text, so that no name in a record looks like a frame.
const MARKER: [u8; 4] = [0xFE, b'O', b'M', b'J'];

const FRAME_HEADER_BYTES: usize = 13;
const KIND_CHECKPOINT: u8 = 1;
const KIND_RECORDS: u8 = 2;

/// Why a journal file cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JournalDamage {
    #[error("it does not start as a journal does")]
    NoJournal,
    #[error("it is of format version {0}, and this version knows {VERSION} only")]
    OtherVersion(u8),
    #[error("the frame at offset {offset} is damaged, and a good one follows at offset {next_good}")]
    Middle { offset: usize, next_good: usize },
    #[error("the frame at offset {0} holds what no journal holds")]
    Nonsense(usize),
}

/// More than 4 GiB in one frame.
#[derive(Debug, thiserror::Error)]
#[error("{0} bytes are too many for one journal frame")]
pub(super) struct FrameTooLarge(usize);

/// What a file holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) replay: Replay,
    /// Bytes up to the end of the last good frame; what follows is torn.
    pub(super) good_bytes: usize,
    /// Where damage was passed over.
    pub(super) skipped: Vec<Range<usize>>,
}

/// What to do about damage that no crash leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDamage {
    /// Read nothing.
    Refuse,
    /// Pass over damaged frames, and read the good ones.
    Skip,
}

/// The bytes before the first frame.
pub(super) fn file_header() -> [u8; FILE_HEADER_BYTES] {
    let mut header = [VERSION; FILE_HEADER_BYTES];
    header[..MAGIC.len()].copy_from_slice(MAGIC);
    header
}

/// A frame of records.
pub(super) fn records_frame(records: &[Vec<u8>]) -> Result<Vec<u8>, FrameTooLarge> {
    let payload_bytes = records.iter().map(|record| record.len() + 4).sum();
    let mut frame = begin_frame(KIND_RECORDS, payload_bytes)?;
    for record in records {
        // Each is smaller than their sum, which fits.
        frame.extend_from_slice(&(record.len() as u32).to_le_bytes());
        frame.extend_from_slice(record);
    }
    Ok(end_frame(frame))
}

/// A frame of one checkpoint.
pub(super) fn checkpoint_frame(checkpoint: &[u8]) -> Result<Vec<u8>, FrameTooLarge> {
    let mut frame = begin_frame(KIND_CHECKPOINT, checkpoint.len())?;
    frame.extend_from_slice(checkpoint);
    Ok(end_frame(frame))
}

fn begin_frame(kind: u8, payload_bytes: usize) -> Result<Vec<u8>, FrameTooLarge> {
    let length = u32::try_from(payload_bytes).map_err(|_| FrameTooLarge(payload_bytes))?;
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + payload_bytes);
    frame.extend_from_slice(&MARKER);
    frame.push(kind);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&[0; 4]);
    Ok(frame)
}

fn end_frame(mut frame: Vec<u8>) -> Vec<u8> {
    let crc = checksum(&frame[4..9], &frame[FRAME_HEADER_BYTES..]);
    frame[9..FRAME_HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    frame
}

fn checksum(kind_and_length: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(kind_and_length);
    hasher.update(payload);
    hasher.finalize()
}

/// Reads a whole file.
pub(super) fn read(file: &[u8], on_damage: OnDamage) -> Result<Contents, JournalDamage> {
    let header = file_header();
    if file.len() <= header.len() && file != header {
        // A crash while the file was made: the header is flushed before any frame is written.
        let common = file.iter().zip(&header).take_while(|(byte, expected)| byte == expected).count();
        if file[common..].iter().all(|byte| *byte == 0) {
            return Ok(Contents { replay: Replay::default(), good_bytes: 0, skipped: Vec::new() });
        }
    }
    let mut skipped = Vec::new();
    match file.split_first_chunk::<FILE_HEADER_BYTES>() {
        Some((found, _)) if *found == header => {}
        Some((found, _)) if found.starts_with(MAGIC) => return Err(JournalDamage::OtherVersion(found[MAGIC.len()])),
        _ if on_damage == OnDamage::Skip => skipped.push(0..FILE_HEADER_BYTES.min(file.len())),
        _ => return Err(JournalDamage::NoJournal),
    }
    let mut replay = Replay::default();
    let mut offset = FILE_HEADER_BYTES.min(file.len());
    while offset < file.len() {
        let Some((kind, payload)) = good_frame(&file[offset..]) else {
            let Some(next_good) = next_good_frame(file, offset + 1) else { break };
            if on_damage == OnDamage::Refuse {
                return Err(JournalDamage::Middle { offset, next_good });
            }
            skipped.push(offset..next_good);
            offset = next_good;
            continue;
        };
        match kind {
            KIND_CHECKPOINT if offset == FILE_HEADER_BYTES => replay.checkpoint = Some(payload.to_vec()),
            KIND_RECORDS => split_records(payload, &mut replay.records).ok_or(JournalDamage::Nonsense(offset))?,
            _ => return Err(JournalDamage::Nonsense(offset)),
        }
        offset += FRAME_HEADER_BYTES + payload.len();
    }
    Ok(Contents { replay, good_bytes: offset, skipped })
}

/// Kind and payload of the frame that starts here, if it is whole and undamaged.
fn good_frame(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>()?;
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let payload = rest.get(..usize::try_from(number(5)).ok()?)?;
    let is_good = header[..4] == MARKER && checksum(&header[4..9], payload) == number(9);
    is_good.then_some((header[4], payload))
}

fn next_good_frame(file: &[u8], from: usize) -> Option<usize> {
    let finder = memchr::memmem::Finder::new(&MARKER);
    let mut from = from;
    loop {
        let found = from + finder.find(file.get(from..)?)?;
        if good_frame(&file[found..]).is_some() {
            return Some(found);
        }
        from = found + 1;
    }
}

fn split_records(mut payload: &[u8], records: &mut Vec<Vec<u8>>) -> Option<()> {
    while !payload.is_empty() {
        let (length, rest) = payload.split_first_chunk::<4>()?;
        let (record, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        records.push(record.to_vec());
        payload = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Vec<u8>, Vec<usize>) {
        let mut file = file_header().to_vec();
        let mut ends = vec![file.len()];
        file.extend(checkpoint_frame(b"state").unwrap());
        ends.push(file.len());
        for records in [vec![b"one".to_vec(), Vec::new()], vec![b"three".to_vec()]] {
            file.extend(records_frame(&records).unwrap());
            ends.push(file.len());
        }
        (file, ends)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (file, _) = sample();
        let contents = read(&file, OnDamage::Refuse).unwrap();
        assert_eq!(contents.replay.checkpoint.as_deref(), Some(&b"state"[..]));
        assert_eq!(contents.replay.records, [b"one".to_vec(), Vec::new(), b"three".to_vec()]);
        assert_eq!(contents.good_bytes, file.len());
    }

    #[test]
    fn a_file_torn_at_any_byte_keeps_exactly_its_whole_frames() {
        let (file, ends) = sample();
        for length in 0..file.len() {
            let whole = ends.iter().copied().filter(|end| *end <= length).max().unwrap_or(0);
            let contents = read(&file[..length], OnDamage::Refuse).unwrap();
            assert_eq!(contents.good_bytes, whole, "cut at {length}");
            let mut zeros = file[..length].to_vec();
            zeros.resize(if length < FILE_HEADER_BYTES { FILE_HEADER_BYTES } else { file.len() + 100 }, 0);
            // Zeros may complete a frame that ended in zeros, never lose one.
            assert!(read(&zeros, OnDamage::Refuse).unwrap().good_bytes >= whole, "zeros from {length}");
        }
    }

    #[test]
    fn damage_before_a_good_frame_is_told_with_its_offset() {
        let (file, ends) = sample();
        for (number, offset) in ends[..ends.len() - 2].iter().enumerate() {
            for byte in *offset..ends[number + 1] {
                let mut damaged = file.clone();
                damaged[byte] ^= 0x10;
                let next_good = ends[number + 1];
                let found = read(&damaged, OnDamage::Refuse).unwrap_err();
                assert_eq!(found, JournalDamage::Middle { offset: *offset, next_good });
                let salvaged = read(&damaged, OnDamage::Skip).unwrap();
                assert_eq!(salvaged.skipped.as_slice(), std::slice::from_ref(&(*offset..next_good)));
                assert_eq!(salvaged.good_bytes, file.len());
                assert_eq!(salvaged.replay.records.last().map(Vec::as_slice), Some(&b"three"[..]));
            }
        }
    }

    #[test]
    fn a_foreign_file_and_a_newer_version_are_refused() {
        assert_eq!(read(b"hello, world", OnDamage::Refuse).unwrap_err(), JournalDamage::NoJournal);
        let mut newer = file_header();
        newer[7] = 2;
        assert_eq!(read(&newer, OnDamage::Skip).unwrap_err(), JournalDamage::OtherVersion(2));
    }
}
