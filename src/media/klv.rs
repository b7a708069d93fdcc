//! KLV metadata in MPEG-TS (MISB ST 1402): from a PES packet's data to KLV units.

use bytes::{Bytes, BytesMut};

/// Bytes of a metadata access unit cell's header (ISO 13818-1 §2.12.4.2):
///
/// ```text
/// metadata_service_id            8 bits
/// sequence_number                8
/// cell_fragment_indication       2   3 whole, 2 first, 1 middle, 0 last
/// decoder_config_flag            1
/// random_access_indicator        1
/// reserved                       4
/// AU_cell_data_length           16
/// ```
const CELL_HEADER_SIZE: usize = 5;

/// The KLV units in a synchronous PES packet: what its access unit cells hold, fragments put together. A cell that is
/// cut off and fragments without their first one are passed over.
pub fn synchronous_units(data: &Bytes) -> Vec<Bytes> {
    let mut units = Vec::new();
    let mut fragments: Option<BytesMut> = None;
    let mut rest = data.clone();
    while let [_, _, flags, high, low, ..] = rest[..] {
        let end = CELL_HEADER_SIZE + usize::from(u16::from_be_bytes([high, low]));
        if rest.len() < end {
            break;
        }
        let cell = rest.slice(CELL_HEADER_SIZE..end);
        rest = rest.slice(end..);
        match flags >> 6 {
            3 => units.push(cell),
            2 => fragments = Some(BytesMut::from(&cell[..])),
            middle_or_last => {
                if let Some(unit) = &mut fragments {
                    unit.extend_from_slice(&cell);
                }
                if middle_or_last == 0 {
                    units.extend(fragments.take().map(BytesMut::freeze));
                }
            }
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(fragment: u8, data: &[u8]) -> Vec<u8> {
        [&[0, 1, fragment << 6, 0, data.len() as u8], data].concat()
    }

    #[test]
    fn cells_are_taken_out_of_their_headers_and_fragments_put_together() {
        let packet = [cell(3, b"one"), cell(0, b"stray"), cell(2, b"t"), cell(1, b"w"), cell(0, b"o")].concat();
        assert_eq!(synchronous_units(&packet.into()), ["one", "two"].map(Bytes::from));
    }

    #[test]
    fn a_cell_that_is_cut_off_is_passed_over() {
        let mut packet = [cell(3, b"one"), cell(3, b"two")].concat();
        packet.pop();
        assert_eq!(synchronous_units(&packet.into()), [Bytes::from("one")]);
        assert!(synchronous_units(&Bytes::from_static(&[0, 0, 0xC0, 0])).is_empty());
    }
}
