"""Transport streams with streams of messages added: SCTE-35 sections and ID3 tags beside video and audio."""

SCTE35_PID, ID3_PID = 0x1F0, 0x1F1
PACKET = 188


def crc32(data: bytes) -> int:
    """CRC_32 of ISO 13818-1 annex A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def first_pts(segment: bytes) -> int:
    """The first PTS of the first video stream, 90 kHz."""
    for at in range(0, len(segment), PACKET):
        packet = segment[at : at + PACKET]
        start = 4 + (packet[4] + 1 if packet[3] & 0x20 else 0)
        payload = packet[start:]
        if packet[1] & 0x40 and payload[:3] == b"\0\0\1" and 0xE0 <= payload[3] <= 0xEF and payload[7] & 0x80:
            stamp = payload[9:14]
            return ((stamp[0] >> 1 & 7) << 30 | stamp[1] << 22 | stamp[2] >> 1 << 15 | stamp[3] << 7 | stamp[4] >> 1)
    raise ValueError("there is no video in the segment")


def with_messages(segment: bytes, cues: list[bytes] = (), tags: list[tuple[int, bytes]] = ()) -> bytes:
    """The segment with the two streams in its program map, and sections and (PTS, tag) pairs behind the map."""
    out = bytearray()
    is_first = True
    map_pid = None
    for at in range(0, len(segment), PACKET):
        packet = segment[at : at + PACKET]
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        if pid == 0:
            section = packet[5 + packet[4] :]
            map_pid = (section[10] & 0x1F) << 8 | section[11]
        if pid != map_pid:
            out += packet
            continue
        out += _section_packet(pid, packet[3] & 0x0F, _longer_map(packet[5 + packet[4] :]))
        if is_first:
            is_first = False
            for counter, cue in enumerate(cues):
                out += _section_packet(SCTE35_PID, counter & 0x0F, cue)
            for counter, (pts, tag) in enumerate(tags):
                out += _pes_packet(ID3_PID, counter & 0x0F, pts, tag)
    return bytes(out)


def _longer_map(section: bytes) -> bytes:
    size = 3 + ((section[1] & 0x0F) << 8 | section[2])
    body = section[: size - 4]
    # Metadata in an application of its own with an identifier, in a format of its own with an identifier.
    metadata = bytes([0x26, 13, 0xFF, 0xFF]) + b"ID3 " + b"\xFF" + b"ID3 " + bytes([0, 0x0F])
    streams = bytes([0x86, 0xE0 | SCTE35_PID >> 8, SCTE35_PID & 0xFF, 0xF0, 0])
    streams += bytes([0x15, 0xE0 | ID3_PID >> 8, ID3_PID & 0xFF, 0xF0, len(metadata)]) + metadata
    length = len(body) + len(streams) + 4 - 3
    longer = bytes([body[0], body[1] & 0xF0 | length >> 8, length & 0xFF]) + body[3:] + streams
    return longer + crc32(longer).to_bytes(4, "big")


def _section_packet(pid: int, counter: int, section: bytes) -> bytes:
    packet = bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x10 | counter, 0]) + section
    assert len(packet) <= PACKET, "one packet is enough here"
    return packet.ljust(PACKET, b"\xFF")


def _pes_packet(pid: int, counter: int, pts: int, data: bytes) -> bytes:
    stamp = bytes([0x21 | pts >> 29 & 0x0E, pts >> 22 & 0xFF, pts >> 14 & 0xFE | 1, pts >> 7 & 0xFF, pts << 1 & 0xFE | 1])
    pes = b"\0\0\1\xBD" + (8 + len(data)).to_bytes(2, "big") + bytes([0x84, 0x80, 5]) + stamp + data
    stuffing = PACKET - 4 - len(pes)
    assert stuffing >= 2, "one packet is enough here"
    field = bytes([stuffing - 1, 0]) + b"\xFF" * (stuffing - 2)
    return bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x30 | counter]) + field + pes


def id3_text(text: str) -> bytes:
    """An ID3v2.4 tag with one TXXX frame."""
    body = b"\x03\0" + text.encode() + b"\0"
    frame = b"TXXX" + len(body).to_bytes(4, "big") + b"\0\0" + body
    return b"ID3\x04\0\0" + len(frame).to_bytes(4, "big") + frame
