"""A short encoded loop as MPEG-TS segments of one second, stamped anew for every round, and what is in a segment."""

import hashlib
import subprocess
from pathlib import Path

from harness import paths

SEGMENTS = 16  # 16 s are 750 AAC frames of 48 kHz: a whole number
FRAMES_PER_SECOND = 30
CLOCK = 90_000
WIRE = 1 << 33


def loop() -> list[bytes]:
    """The segments of one round."""
    folder = paths.MEDIA / "crash-loop"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        source = ["-f", "lavfi", "-i", f"testsrc2=size=160x90:rate={FRAMES_PER_SECOND}:duration={SEGMENTS}",
                  "-f", "lavfi", "-i", f"sine=frequency=440:beep_factor=4:sample_rate=48000:duration={SEGMENTS}"]
        codecs = ["-c:v", "libx264", "-preset", "superfast", "-b:v", "120k", "-bf", "2", "-g", str(FRAMES_PER_SECOND),
                  "-keyint_min", str(FRAMES_PER_SECOND), "-sc_threshold", "0", "-x264-params", "open-gop=0", "-pix_fmt",
                  "yuv420p", "-c:a", "aac", "-b:a", "48k", "-ac", "1"]
        output = ["-f", "segment", "-segment_time", "1", "-segment_format", "mpegts", str(folder / "%03d.ts")]
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *source, *codecs, *output], check=True)
        (folder / "done").touch()
    return [(folder / f"{n:03d}.ts").read_bytes() for n in range(SEGMENTS)]


def stamped(segments: list[bytes], number: int) -> bytes:
    """Segment `number` of an endless run of rounds: its time stamps and clock references are moved."""
    return restamp(segments[number % SEGMENTS], number // SEGMENTS * SEGMENTS * CLOCK)


def restamp(segment: bytes, ticks: int) -> bytes:
    """All PTS, DTS and PCR later by so many ticks of 90 kHz."""
    out = bytearray(segment)
    for at in range(0, len(out), 188):
        payload = at + 4
        if out[at + 3] & 0x20:
            if out[at + 4] >= 7 and out[at + 5] & 0x10:
                _move_clock_reference(out, at + 6, ticks)
            payload += 1 + out[at + 4]
        starts = out[at + 1] & 0x40 and out[at + 3] & 0x10
        if starts and out[payload : payload + 3] == b"\0\0\1" and _has_time_stamps(out[payload + 3]):
            flags = out[payload + 7] >> 6
            if flags & 2:
                _move_time_stamp(out, payload + 9, ticks)
            if flags == 3:
                _move_time_stamp(out, payload + 14, ticks)
    return bytes(out)


def _has_time_stamps(stream_id: int) -> bool:
    return 0xC0 <= stream_id <= 0xEF


def _time_stamp(data, at: int) -> int:
    b = data[at : at + 5]
    return (b[0] >> 1 & 7) << 30 | b[1] << 22 | (b[2] >> 1) << 15 | b[3] << 7 | b[4] >> 1


def _move_time_stamp(data: bytearray, at: int, ticks: int):
    value = (_time_stamp(data, at) + ticks) % WIRE
    data[at : at + 5] = bytes([data[at] & 0xF1 | (value >> 30) << 1, value >> 22 & 0xFF, value >> 14 & 0xFE | 1,
                               value >> 7 & 0xFF, value << 1 & 0xFE | 1])


def _move_clock_reference(data: bytearray, at: int, ticks: int):
    value = int.from_bytes(data[at : at + 6])
    base = ((value >> 15) + ticks) % WIRE
    data[at : at + 6] = (base << 15 | value & 0x7FFF).to_bytes(6)


def contents(segment: bytes) -> tuple[str, str, int]:
    """MD5 of the coded pictures, MD5 of the audio frames, and the first picture's PTS."""
    payloads, first_pts = {"video": bytearray(), "audio": bytearray()}, None
    kinds = {}
    for at in range(0, len(segment), 188):
        packet = segment[at : at + 188]
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        start = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        if not packet[3] & 0x10:
            continue
        if packet[1] & 0x40 and packet[start : start + 3] == b"\0\0\1":
            stream_id = packet[start + 3]
            kinds[pid] = "video" if 0xE0 <= stream_id <= 0xEF else "audio" if 0xC0 <= stream_id <= 0xDF else None
            if kinds[pid] == "video" and first_pts is None:
                first_pts = _time_stamp(packet, start + 9)
            start += 9 + packet[start + 8]
        if kinds.get(pid):
            payloads[kinds[pid]] += packet[start:]
    pictures = hashlib.md5()
    for unit in _units(bytes(payloads["video"])):
        if unit and unit[0] & 0x1F in (1, 5):
            pictures.update(unit)
    return pictures.hexdigest(), hashlib.md5(payloads["audio"]).hexdigest(), first_pts


def _units(stream: bytes) -> list[bytes]:
    """NAL units of a byte stream (ITU-T H.264 annex B)."""
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]]
