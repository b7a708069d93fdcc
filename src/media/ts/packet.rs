//! Transport stream packets (ISO 13818-1 §2.4.3): 188 bytes, of which the first four are
//!
//! ```text
//! sync_byte 0x47                          8 bits
//! transport_error_indicator               1
//! payload_unit_start_indicator            1
//! transport_priority                      1
//! PID                                    13
//! transport_scrambling_control            2
//! adaptation_field_control                2   1 payload, 2 adaptation field, 3 both
//! continuity_counter                      4
//! ```

/// Bytes in a packet.
pub const PACKET_SIZE: usize = 188;

/// First byte of every packet.
pub const SYNC_BYTE: u8 = 0x47;

/// Packet identifier of the program association table.
pub const PAT_PID: u16 = 0;

/// Packet identifier of stuffing packets.
pub const NULL_PID: u16 = 0x1FFF;

/// How many packet identifiers there are.
pub const PID_COUNT: usize = 0x2000;

/// One packet's header, and where its payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// Packet identifier, 13 bits.
    pub pid: u16,
    /// The sender of the packet knows of an error in it that could not be corrected.
    pub transport_error: bool,
    /// A PES packet begins with the payload, or a section within it.
    pub unit_start: bool,
    /// The payload is scrambled (`transport_scrambling_control` is not 0).
    pub scrambled: bool,
    /// Counts the packets with payload of one PID, modulo 16.
    pub continuity_counter: u8,
    /// The adaptation field says that the continuity counter may jump here.
    pub discontinuity: bool,
    /// Where the payload begins, counted from the packet's first byte: 4 to 188. 188 if there is no payload.
    pub payload_start: usize,
    /// `adaptation_field_control` announces a payload.
    pub has_payload: bool,
}

impl PacketHeader {
    /// Reads the header of a whole packet; `None` if the sync byte is wrong, `adaptation_field_control` is 0
    /// (reserved) or the adaptation field is longer than the packet.
    #[inline]
    pub fn read(packet: &[u8; PACKET_SIZE]) -> Option<PacketHeader> {
        let [sync, second, third, fourth, adaptation_length, adaptation_flags, ..] = *packet;
        if sync != SYNC_BYTE {
            return None;
        }
        let has_payload = fourth & 0x10 != 0;
        let has_adaptation = fourth & 0x20 != 0;
        let adaptation_size = if has_adaptation { usize::from(adaptation_length) + 1 } else { 0 };
        let payload_start = if has_payload { 4 + adaptation_size } else { PACKET_SIZE };
        if !(has_payload || has_adaptation) || 4 + adaptation_size > PACKET_SIZE {
            return None;
        }
        Some(PacketHeader {
            pid: u16::from(second & 0x1F) << 8 | u16::from(third),
            transport_error: second & 0x80 != 0,
            unit_start: second & 0x40 != 0,
            scrambled: fourth & 0xC0 != 0,
            continuity_counter: fourth & 0x0F,
            discontinuity: has_adaptation && adaptation_length > 0 && adaptation_flags & 0x80 != 0,
            payload_start,
            has_payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(start: &[u8]) -> [u8; PACKET_SIZE] {
        let mut packet = [0xFF; PACKET_SIZE];
        packet[..start.len()].copy_from_slice(start);
        packet
    }

    #[test]
    fn reads_a_packet_with_payload_alone() {
        let header = PacketHeader::read(&packet(&[0x47, 0x41, 0x23, 0x1A])).unwrap();
        assert_eq!((header.pid, header.unit_start, header.continuity_counter), (0x123, true, 10));
        assert_eq!((header.payload_start, header.has_payload, header.scrambled), (4, true, false));
    }

    #[test]
    fn reads_a_packet_with_adaptation_field_and_payload() {
        let header = PacketHeader::read(&packet(&[0x47, 0x01, 0x00, 0x30, 7, 0x80])).unwrap();
        assert!(header.discontinuity && !header.unit_start);
        assert_eq!(header.payload_start, 12);
    }

    #[test]
    fn reads_a_packet_with_adaptation_field_alone() {
        let header = PacketHeader::read(&packet(&[0x47, 0x01, 0x00, 0x20, 183, 0x00])).unwrap();
        assert!(!header.has_payload);
        assert_eq!(header.payload_start, PACKET_SIZE);
    }

    #[test]
    fn an_adaptation_field_longer_than_the_packet_is_refused() {
        assert_eq!(PacketHeader::read(&packet(&[0x47, 0x01, 0x00, 0x30, 184, 0x00])), None);
        assert_eq!(PacketHeader::read(&packet(&[0x47, 0x01, 0x00, 0x20, 255, 0x00])), None);
    }

    #[test]
    fn an_adaptation_field_that_fills_the_packet_leaves_an_empty_payload() {
        assert_eq!(
            PacketHeader::read(&packet(&[0x47, 0x01, 0x00, 0x30, 183, 0x00])).unwrap().payload_start,
            PACKET_SIZE
        );
    }

    #[test]
    fn wrong_sync_byte_and_reserved_adaptation_control_are_refused() {
        assert_eq!(PacketHeader::read(&packet(&[0x46, 0x01, 0x00, 0x10])), None);
        assert_eq!(PacketHeader::read(&packet(&[0x47, 0x01, 0x00, 0x00])), None);
    }
}
