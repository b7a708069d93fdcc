//! The header of a Smooth Streaming fragment: `moof` with the times of this fragment and of those that follow, and the
//! header of `mdat` (MS-SSTR §2.2.4).

use bytes::Bytes;

use super::Mp4WriteError;
use super::box_writer::BoxWriter;
use super::fragment::{Fragment, header};

/// Extended type of the box with a fragment's own times (tfxd), MS-SSTR §2.2.4.4.
const OWN_TIMES: [u8; 16] =
    [0x6D, 0x1D, 0x9B, 0x05, 0x42, 0xD5, 0x44, 0xE6, 0x80, 0xE2, 0x14, 0x1D, 0xAF, 0xF7, 0x57, 0xB2];

/// Extended type of the box with the times of following fragments (tfrf), MS-SSTR §2.2.4.5.
const FOLLOWING_TIMES: [u8; 16] =
    [0xD4, 0x80, 0x7E, 0xF2, 0xCA, 0x39, 0x46, 0x95, 0x8E, 0x54, 0x26, 0xCB, 0x9E, 0x46, 0xA7, 0x9F];

/// Where a fragment lies in time, in the timescale of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentTime {
    /// Start.
    pub start: u64,
    /// To the end.
    pub duration: u64,
}

/// A fragment's time and those of the fragments that follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmoothTimes {
    /// The fragment itself.
    pub own: FragmentTime,
    /// The next ones, in order: at most 255.
    pub following: Vec<FragmentTime>,
}

impl SmoothTimes {
    pub(super) fn write(&self, writer: &mut BoxWriter) {
        writer.boxed(b"uuid", |writer| {
            writer.bytes(&OWN_TIMES);
            writer.u32(1 << 24); // version 1: 64-bit times
            writer.u64(self.own.start);
            writer.u64(self.own.duration);
        });
        let count = u8::try_from(self.following.len()).unwrap_or(u8::MAX);
        writer.boxed(b"uuid", |writer| {
            writer.bytes(&FOLLOWING_TIMES);
            writer.u32(1 << 24);
            writer.u8(count);
            for time in self.following.iter().take(usize::from(count)) {
                writer.u64(time.start);
                writer.u64(time.duration);
            }
        });
    }
}

/// Everything of a Smooth Streaming fragment up to its first payload byte; the payload of the samples follows.
///
/// There is no `tfdt`: the time is that of the request, which [`SmoothTimes::own`] repeats.
pub fn smooth_fragment_header(fragment: &Fragment<'_>, times: &SmoothTimes) -> Result<Bytes, Mp4WriteError> {
    header(fragment, Some(times))
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Any, Decode};

    use super::*;
    use crate::media::sample::Sample;

    #[test]
    fn a_fragment_tells_its_time_and_those_that_follow() {
        let samples = [Sample { size: 3, duration: 20, composition_offset: 0, is_sync: true }; 2];
        let fragment = Fragment { sequence_number: 7, track_id: 1, decode_time: 900, samples: &samples, events: &[] };
        let times = SmoothTimes {
            own: FragmentTime { start: 900, duration: 40 },
            following: vec![FragmentTime { start: 940, duration: 41 }, FragmentTime { start: 981, duration: 1 << 40 }],
        };
        let bytes = smooth_fragment_header(&fragment, &times).unwrap();
        let mut rest = bytes.as_ref();
        let Any::Moof(moof) = Any::decode(&mut rest).unwrap() else { panic!("the first box is moof") };
        assert_eq!((moof.traf.len(), moof.traf[0].tfdt.is_some()), (1, false));
        let data_offset = usize::try_from(moof.traf[0].trun[0].data_offset.unwrap()).unwrap();
        assert_eq!(data_offset, bytes.len(), "the payload follows the header");
        let boxes = b"\x00\x00\x00\x2cuuid\x6D\x1D\x9B\x05\x42\xD5\x44\xE6\x80\xE2\x14\x1D\xAF\xF7\x57\xB2\
            \x01\0\0\0\0\0\0\0\0\0\x03\x84\0\0\0\0\0\0\0\x28\
            \x00\x00\x00\x3duuid\xD4\x80\x7E\xF2\xCA\x39\x46\x95\x8E\x54\x26\xCB\x9E\x46\xA7\x9F\
            \x01\0\0\0\x02\0\0\0\0\0\0\x03\xac\0\0\0\0\0\0\0\x29\
            \0\0\0\0\0\0\x03\xd5\0\0\x01\0\0\0\0\0\
            \0\0\0\x0emdat";
        assert_eq!(&bytes[bytes.len() - boxes.len()..], boxes);
    }
}
