//! A pushed segment is one piece of each of its streams. Where a stream falls apart within the segment (its
//! configuration changes or its clock jumps), one part is kept and the rest is given up: an encoder begins a segment
//! where it changes anything, so that this is damage.

use super::codec::TrackKind;
use super::fault::{Fault, FaultKind};
use super::rescale::rescale_time;
use super::sample::{ElementarySegment, MPEG_TIMESCALE};
use super::ts::timestamp;

/// Keeps of each PID one piece: of the leading one (the first video, else the first stream) the longest, of the others
/// that which shares most of its time. What is left out is counted in `faults`.
pub fn keep_longest_part(tracks: Vec<ElementarySegment>, faults: &mut Vec<Fault>) -> Vec<ElementarySegment> {
    let is_whole = |track: &ElementarySegment| tracks.iter().filter(|other| other.pid == track.pid).count() == 1;
    let leading = tracks.iter().find(|track| track.config.kind() == TrackKind::Video).or_else(|| tracks.first());
    let Some(leading_pid) = leading.map(|track| track.pid).filter(|_| !tracks.iter().all(is_whole)) else {
        return tracks;
    };
    let of_pid = |pid: u16| tracks.iter().enumerate().filter(move |(_, track)| track.pid == pid);
    // The first of several that are equal.
    let longest = of_pid(leading_pid).rev().max_by_key(|(_, track)| ticks(track));
    let Some((longest_index, longest)) = longest else { return tracks };
    let is_kept: Vec<bool> = (0..tracks.len())
        .map(|index| {
            let Some(track) = tracks.get(index) else { return false };
            if track.pid == leading_pid {
                return index == longest_index;
            }
            let best = of_pid(track.pid).rev().max_by_key(|(_, part)| shared_ticks(longest, part));
            best.is_some_and(|(best, part)| best == index && shared_ticks(longest, part) > 0)
        })
        .collect();
    for (track, _) in tracks.iter().zip(&is_kept).filter(|(_, kept)| !**kept) {
        let pid = Some(track.pid).filter(|pid| *pid != 0);
        match faults.iter_mut().find(|fault| fault.pid == pid && fault.kind == FaultKind::PartLeftOut) {
            Some(fault) => fault.count = fault.count.saturating_add(1),
            None => faults.push(Fault { pid, kind: FaultKind::PartLeftOut, count: 1 }),
        }
    }
    tracks.into_iter().zip(is_kept).filter(|(_, kept)| *kept).map(|(track, _)| track).collect()
}

/// Duration in 90 kHz.
fn ticks(track: &ElementarySegment) -> i64 {
    i64::try_from(rescale_time(track.duration(), track.timescale, MPEG_TIMESCALE)).unwrap_or(i64::MAX)
}

/// How long both last at once, 90 kHz; 0 or less if they do not meet.
fn shared_ticks(one: &ElementarySegment, other: &ElementarySegment) -> i64 {
    let other_start = timestamp::difference(other.wire_decode_time, one.wire_decode_time);
    let end = ticks(one).min(other_start.saturating_add(ticks(other)));
    end.saturating_sub(other_start.max(0))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::codec::hevc::ProfileTierLevel;
    use crate::media::codec::{AacConfig, Ac3Config, CodecConfig, HevcConfig};
    use crate::media::sample::Sample;

    fn part(pid: u16, is_video: bool, start: u64, seconds: u32) -> ElementarySegment {
        let config = if is_video {
            CodecConfig::Hevc(HevcConfig {
                video_parameter_sets: vec![],
                sequence_parameter_sets: vec![],
                picture_parameter_sets: vec![],
                profile: ProfileTierLevel {
                    space: 0,
                    high_tier: false,
                    profile: 1,
                    compatibility_flags: 0,
                    constraint_flags: [0; 6],
                    level: 93,
                },
                chroma_format: 1,
                bit_depth_luma: 8,
                bit_depth_chroma: 8,
                temporal_layers: 1,
                temporal_layers_nested: true,
                width: 2,
                height: 2,
                sample_aspect_ratio: (1, 1),
                frame_rate: None,
                colour: None,
                mastering_display: None,
                content_light_level: None,
            })
        } else if pid == 258 {
            CodecConfig::Ac3(Ac3Config {
                sampling_rate_code: 0,
                bit_stream_identification: 8,
                bit_stream_mode: 0,
                audio_coding_mode: 2,
                has_low_frequency_effects: false,
                bit_rate_code: 10,
            })
        } else {
            CodecConfig::Aac(AacConfig {
                audio_specific_config: Bytes::from_static(&[0x11, 0x90]),
                object_type: 2,
                sampling_rate: 48_000,
                channels: 2,
            })
        };
        let sample = Sample { size: 1, duration: seconds * 90_000, composition_offset: 0, is_sync: true };
        ElementarySegment {
            pid,
            language: None,
            config,
            timescale: 90_000,
            wire_decode_time: start,
            samples: vec![sample],
            payload: Bytes::from_static(b"x"),
        }
    }

    /// PID and time of what is kept; PID and count of what is left out.
    type Outcome = (Vec<(u16, u64)>, Vec<(Option<u16>, u32)>);

    fn kept(tracks: &[ElementarySegment]) -> Outcome {
        let mut faults = Vec::new();
        let kept = keep_longest_part(tracks.to_vec(), &mut faults);
        assert!(faults.iter().all(|fault| fault.kind == FaultKind::PartLeftOut));
        (
            kept.iter().map(|track| (track.pid, track.wire_decode_time)).collect(),
            faults.iter().map(|fault| (fault.pid, fault.count)).collect(),
        )
    }

    #[test]
    fn a_segment_of_whole_streams_stays_as_it_is() {
        let tracks = [part(257, false, 0, 4), part(256, true, 0, 4), part(258, false, 0, 4)];
        assert_eq!(kept(&tracks), (vec![(257, 0), (256, 0), (258, 0)], vec![]));
    }

    #[test]
    fn the_longest_video_is_kept_and_the_sound_that_is_there_meanwhile() {
        let jump = 90_000 * 3600;
        let tracks = [
            part(257, false, 0, 1),
            part(257, false, jump, 3),
            part(256, true, 0, 1),
            part(256, true, jump, 3),
            part(258, false, 0, 1),
        ];
        assert_eq!(
            kept(&tracks),
            (vec![(257, jump), (256, jump)], vec![(Some(257), 1), (Some(256), 1), (Some(258), 1)])
        );
    }

    #[test]
    fn of_equal_parts_the_first_is_kept() {
        let tracks = [part(256, true, 0, 2), part(256, true, 180_000, 2), part(257, false, 0, 4)];
        assert_eq!(kept(&tracks), (vec![(256, 0), (257, 0)], vec![(Some(256), 1)]));
    }
}
