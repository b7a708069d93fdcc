"""Validators for manifests and media."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import m3u8
import xmlschema
from lxml import etree

from . import media, paths
from .playback import Kept, Monitor


class DashSchema:
    """The MPEG schema, with its imports taken from local files."""

    def __init__(self, path: Path):
        class Local(etree.Resolver):
            def resolve(self, url, public_id, context):
                for name in ("xlink.xsd", "xml.xsd"):
                    if url.endswith(name):
                        found = next(Path(xmlschema.__file__).parent.rglob(name))
                        return self.resolve_filename(str(found), context)
                return None

        parser = etree.XMLParser()
        parser.resolvers.add(Local())
        self.schema = etree.XMLSchema(etree.parse(str(path), parser))

    def complaints(self, body: bytes) -> list[str]:
        try:
            document = etree.fromstring(body)
        except etree.XMLSyntaxError as error:
            return [str(error)]
        if self.schema.validate(document):
            return []
        return [f"line {e.line}: {e.message}" for e in self.schema.error_log]


def playlist_complaints(texts: list[bytes]) -> list[str]:
    """What hls-parser in strict mode and m3u8 say against these playlists."""
    complaints = []
    folder = Path(tempfile.mkdtemp())
    try:
        files = []
        for i, text in enumerate(texts):
            path = folder / f"{i}.m3u8"
            path.write_bytes(text)
            files.append(str(path))
            try:
                playlist = m3u8.loads(text.decode())
                if not playlist.segments and not playlist.playlists:
                    complaints.append(f"m3u8 finds nothing in {text[:80]!r}")
            except Exception as error:  # noqa: BLE001
                complaints.append(f"m3u8: {error!r}")
        script = paths.CONFORMANCE / "browser" / "parse-playlists.mjs"
        result = subprocess.run(["node", str(script), *files], capture_output=True, text=True, timeout=60)
        complaints += result.stdout.splitlines()
        if result.returncode:
            complaints.append(result.stderr[-300:])
    finally:
        shutil.rmtree(folder)
    return complaints


def ffprobe_streams(url: str, timeout: float = 60) -> tuple[list[dict], str]:
    """Streams as ffprobe sees them, and what it said on standard error."""
    result = subprocess.run(
        ["ffprobe", "-loglevel", "error", "-show_streams", "-of", "json", url], capture_output=True, text=True, timeout=timeout
    )
    return json.loads(result.stdout or "{}").get("streams", []), result.stderr.strip()


def frame_complaints(monitor: Monitor, source: Path, from_first: bool = False, allow_gap: bool = False) -> list[str]:
    """Compares decoded pictures and audio access units of everything that a monitor kept with the source: they must be
    one unbroken run of it, and as long as the manifest said."""
    complaints, compared = [], 0
    if not monitor.tracks:
        return ["nothing was kept"]
    for key, kept in monitor.tracks.items():
        runs = kept.runs()
        if len(runs) != 1 and not allow_gap:
            complaints.append(f"{key}: {len(runs)} runs of numbers")
        for run in runs:
            compared += 1
            complaints += _compare(key, kept, run, source, from_first and run is runs[0])
    return complaints if compared else ["nothing to compare"]


def _compare(key: str, kept: Kept, run: list[int], source: Path, from_first: bool) -> list[str]:
    with tempfile.NamedTemporaryFile(suffix=".ts" if kept.init is None else ".mp4") as file:
        file.write(kept.media(run))
        file.flush()
        seconds = sum(kept.entries[n].duration for n in run)
        complaints = []
        streams, problem = ffprobe_streams(file.name)
        if problem:
            complaints.append(f"{key}: ffprobe says {problem[:200]}")
        audio_index = 0
        for stream in streams:
            if stream["codec_type"] == "video":
                size = (stream["width"], stream["height"])
                number = next((i for i, r in enumerate(media.RENDITIONS) if (r.width, r.height) == size), None)
                if number is None:
                    complaints.append(f"{key}: video of unknown size {size}")
                    continue
                played = media.video_hashes(file.name, f"0:{stream['index']}")
                whole = [media.cached_hashes("video", source, f"0:v:{number}")]
                expected = seconds * media.FRAMES_PER_SECOND
            elif stream["codec_type"] == "audio":
                played = media.audio_hashes(file.name, f"0:{stream['index']}")
                languages = [l for _, l, _ in media.LANGUAGES]
                language = kept.language or stream.get("tags", {}).get("language")
                candidates = [languages.index(language)] if language in languages else range(len(languages))
                whole = [media.cached_hashes("audio", source, f"0:a:{i}") for i in candidates]
                expected = seconds * 48000 / 1024
                audio_index += 1
            else:
                continue
            kind = stream["codec_type"]
            start = next((s for w in whole if (s := media.find_run(played, w)) is not None), None)
            if start is None:
                complaints.append(f"{key}: {len(played)} {kind} units of {run[0]}..{run[-1]} are no run of the source")
            elif from_first and start > 1:
                complaints.append(f"{key}: the {kind} begins at unit {start} of the source")
            # A muxed audio stream may end some access units before or after the picture does.
            if abs(len(played) - expected) > (2 if kind == "video" else 50):
                complaints.append(f"{key}: {len(played)} {kind} units where the manifest's {seconds:.3f} s make {expected:.0f}")
        if not streams:
            complaints.append(f"{key}: no streams in {len(run)} segments")
        return complaints


def validate_monitor(report, monitor: Monitor, schema: "DashSchema | None"):
    """Schema or playlist checks over every distinct manifest that the monitor kept."""
    texts = [text for versions in monitor.manifests.values() for text in versions]
    if monitor.is_dash:
        if schema is None:
            report.skip(f"{monitor.name}: MPDs are valid", "the schema is absent: set OPENMEDIAPACKAGE_DASH_SCHEMA")
            return
        complaints = sorted({c for text in texts for c in schema.complaints(text)})
        report.check(f"{monitor.name}: {len(texts)} MPDs are valid against the MPEG schema", texts and not complaints, "; ".join(complaints[:3]))
    else:
        complaints = playlist_complaints(texts)
        report.check(f"{monitor.name}: {len(texts)} playlists pass hls-parser (strict) and m3u8", texts and not complaints, "; ".join(complaints[:3]))
