//! Colour and brightness, as parameter sets, SEI messages and manifests tell them.

use serde::{Deserialize, Serialize};

/// Code points of ISO 23091-2 (CICP), the same that H.264 and H.265 have in their VUI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Colour {
    /// `colour_primaries`: 1 is BT.709, 9 BT.2020; 2 unspecified.
    pub primaries: u8,
    /// `transfer_characteristics`: 1 is BT.709, 16 PQ, 18 HLG; 2 unspecified.
    pub transfer: u8,
    /// `matrix_coefficients`: 1 is BT.709, 9 BT.2020 non-constant luminance; 2 unspecified.
    pub matrix: u8,
    /// `video_full_range_flag`.
    pub full_range: bool,
}

impl Colour {
    /// What the transfer function makes of the video.
    pub fn dynamic_range(&self) -> DynamicRange {
        match self.transfer {
            16 => DynamicRange::Pq,
            18 => DynamicRange::Hlg,
            _ => DynamicRange::Standard,
        }
    }
}

/// The dynamic range of video by its transfer function; `VIDEO-RANGE` of HLS (RFC 8216bis §4.4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DynamicRange {
    /// BT.709 and the like.
    Standard,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// Perceptual quantiser (SMPTE ST 2084).
    Pq,
}

/// The display on which the picture was graded (SMPTE ST 2086), as the SEI message and `mdcv` have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MasteringDisplay {
    /// x and y of green, blue and red, in 0.00002.
    pub primaries: [(u16, u16); 3],
    /// x and y of the white point, in 0.00002.
    pub white_point: (u16, u16),
    /// In 0.0001 candela per square metre.
    pub maximum_luminance: u32,
    /// In 0.0001 candela per square metre.
    pub minimum_luminance: u32,
}

/// How bright the content is (CTA-861.3), as the SEI message and `clli` have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentLightLevel {
    /// MaxCLL: the brightest pixel, candela per square metre.
    pub maximum_content: u16,
    /// MaxFALL: the brightest frame on average, candela per square metre.
    pub maximum_frame_average: u16,
}
