//! Supplemental enhancement information, as H.264 and H.265 both have it.

use crate::media::bits::RbspBits;

/// Payload type and size in bytes at the start of a message (ISO 14496-10 §7.3.2.3.1, ISO 23008-2 §7.3.5); the payload
/// follows. `None` at the end of the NAL unit.
pub(super) fn message_header(bits: &mut RbspBits<'_>) -> Option<(u32, u32)> {
    Some((number(bits)?, number(bits)?))
}

/// Bytes of 255 add up, the first other one ends the number.
fn number(bits: &mut RbspBits<'_>) -> Option<u32> {
    let mut sum = 0u32;
    loop {
        let byte = bits.bits(8)?;
        sum = sum.checked_add(byte)?;
        if byte != 255 {
            return Some(sum);
        }
    }
}
