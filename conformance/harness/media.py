"""The test ladder: three H.264 renditions and two AAC languages, encoded once and kept in conformance/.tools/media."""

import fcntl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .paths import MEDIA

FRAMES_PER_SECOND = 30
SECONDS = 330
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


@dataclass(frozen=True)
class Rendition:
    name: str
    width: int
    height: int
    kilobits_per_second: int


RENDITIONS = [
    Rendition("v360", 640, 360, 600),
    Rendition("v270", 480, 270, 350),
    Rendition("v180", 320, 180, 180),
]
# name, ISO 639-2 language, frequency of the tone in Hz
LANGUAGES = [("aeng", "eng", 440), ("afra", "fra", 660)]
AUDIO_KILOBITS_PER_SECOND = 64


def ladder(seconds: int = SECONDS) -> Path:
    """A Matroska file with streams v:0..2 and a:0..1: 30 frames/s, closed GOP of one second, two B-frames, each frame
    with its rendition, number and time burned in."""
    MEDIA.mkdir(parents=True, exist_ok=True)
    path = MEDIA / f"ladder-{seconds}.mkv"
    with open(MEDIA / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _encode(path, seconds)
    return path


def _encode(path: Path, seconds: int):
    graph = [f"testsrc2=size=640x360:rate={FRAMES_PER_SECOND}:duration={seconds},split={len(RENDITIONS)}"
             + "".join(f"[s{i}]" for i in range(len(RENDITIONS)))]
    for i, rendition in enumerate(RENDITIONS):
        graph.append(
            f"[s{i}]scale={rendition.width}:{rendition.height},drawtext=fontfile={FONT}:x=8:y=h-28:fontsize=20:"
            f"fontcolor=white:box=1:boxcolor=black:text='{rendition.name} %{{n}} %{{pts\\:hms}}',format=yuv420p[v{i}]"
        )
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"]
    for _, _, hertz in LANGUAGES:
        command += ["-f", "lavfi", "-i", f"sine=frequency={hertz}:beep_factor=4:sample_rate=48000:duration={seconds}"]
    command += ["-filter_complex", ";".join(graph)]
    for i, rendition in enumerate(RENDITIONS):
        rate = rendition.kilobits_per_second
        command += ["-map", f"[v{i}]", f"-b:v:{i}", f"{rate}k", f"-maxrate:v:{i}", f"{rate}k", f"-bufsize:v:{i}", f"{rate}k"]
    command += ["-c:v", "libx264", "-preset", "superfast", "-profile:v", "main", "-bf", "2", "-g", str(FRAMES_PER_SECOND),
                "-keyint_min", str(FRAMES_PER_SECOND), "-sc_threshold", "0", "-flags", "+cgop", "-x264-params", "open-gop=0"]
    for i, (_, language, _) in enumerate(LANGUAGES):
        command += ["-map", f"{i}:a", f"-metadata:s:a:{i}", f"language={language}"]
    command += ["-c:a", "aac", "-b:a", f"{AUDIO_KILOBITS_PER_SECOND}k", "-ac", "2"]
    unfinished = path.with_suffix(".partial.mkv")
    subprocess.run([*command, str(unfinished)], check=True)
    unfinished.rename(path)


def video_hashes(source: Path | str, stream: str = "0:v:0") -> list[str]:
    """MD5 of every decoded picture in presentation order."""
    return _hashes(source, ["-map", stream, "-fps_mode", "passthrough", "-f", "framemd5"])


def audio_hashes(source: Path | str, stream: str = "0:a:0") -> list[str]:
    """MD5 of every AAC access unit, without ADTS header."""
    return _hashes(source, ["-map", stream, "-c", "copy", "-bsf:a", "aac_adtstoasc", "-f", "framemd5"])


def _hashes(source, options: list[str]) -> list[str]:
    result = subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(source), *options, "-"], capture_output=True, text=True
    )
    if result.returncode != 0:
        raise RuntimeError(f"ffmpeg cannot read {source}: {result.stderr.strip()[-400:]}")
    lines = [line for line in result.stdout.splitlines() if line and not line.startswith("#")]
    # Columns: stream, dts, pts, duration, size, hash, and more for packets with side data.
    return [line.split(",")[5].strip() for line in lines]


def cached_hashes(kind: str, source: Path, stream: str) -> list[str]:
    """`video_hashes` or `audio_hashes` of a source file, computed once."""
    path = source.with_suffix(f".{stream.replace(':', '-')}.{kind}")
    if not path.exists():
        hashes = (video_hashes if kind == "video" else audio_hashes)(source, stream)
        unfinished = path.with_suffix(".partial")
        unfinished.write_text("\n".join(hashes))
        unfinished.rename(path)
    return path.read_text().split()


def find_run(part: list[str], whole: list[str]) -> int | None:
    """Where `part` stands in `whole` as one unbroken run, or None."""
    if not part:
        return None
    starts = [i for i, value in enumerate(whole) if value == part[0]]
    return next((start for start in starts if whole[start : start + len(part)] == part), None)
