//! SEI messages about brightness (HDR10), ISO 23008-2 §D.2.28 and §D.2.35.

use super::NAL_HEADER_SIZE;
use crate::media::bits::RbspBits;
use crate::media::codec::colour::{ContentLightLevel, MasteringDisplay};
use crate::media::codec::sei::message_header;

const MASTERING_DISPLAY_COLOUR_VOLUME: u32 = 137;
const CONTENT_LIGHT_LEVEL: u32 = 144;

/// What the SEI messages of a stream say of its brightness; the same in every random access point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BrightnessMessages {
    /// `mastering_display_colour_volume`.
    pub mastering_display: Option<MasteringDisplay>,
    /// `content_light_level_info`.
    pub content_light_level: Option<ContentLightLevel>,
}

impl BrightnessMessages {
    /// Both are known.
    pub fn is_complete(&self) -> bool {
        self.mastering_display.is_some() && self.content_light_level.is_some()
    }
}

/// Reads the messages of a prefix SEI NAL unit; what is not in it stays as it is in `found`.
pub fn read_brightness_messages(nal: &[u8], found: &mut BrightnessMessages) {
    // What is cut off says nothing.
    let _ = read(&mut RbspBits::new(nal, NAL_HEADER_SIZE), found);
}

fn read(bits: &mut RbspBits<'_>, found: &mut BrightnessMessages) -> Option<()> {
    loop {
        let (kind, size) = message_header(bits)?;
        match (kind, size) {
            (MASTERING_DISPLAY_COLOUR_VOLUME, 24) => {
                let mut point = || Some((bits.bits(16)? as u16, bits.bits(16)? as u16));
                let (primaries, white_point) = ([point()?, point()?, point()?], point()?);
                let (maximum_luminance, minimum_luminance) = (bits.bits(32)?, bits.bits(32)?);
                let display = MasteringDisplay { primaries, white_point, maximum_luminance, minimum_luminance };
                found.mastering_display.get_or_insert(display);
            }
            (CONTENT_LIGHT_LEVEL, 4) => {
                let (maximum_content, maximum_frame_average) = (bits.bits(16)? as u16, bits.bits(16)? as u16);
                found.content_light_level.get_or_insert(ContentLightLevel { maximum_content, maximum_frame_average });
            }
            _ => bits.skip(usize::try_from(size).ok()?.checked_mul(8)?)?,
        }
    }
}
