"""Reads HLS and DASH as a patient player would: every manifest again and again, every listed segment once or more."""

import hashlib
import math
import random
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urljoin

from lxml import etree

from .server import Server

MPD = "{urn:mpeg:dash:schema:mpd:2011}"


@dataclass(frozen=True)
class Entry:
    """One segment as a manifest lists it. `number` is its media sequence, `$Number$` or `$Time$`, `following` that of the
    segment after it. `start` is whatever the manifest says of its time: `t` in DASH, the PROGRAM-DATE-TIME in HLS, None
    where it says nothing."""

    number: int
    url: str
    duration: float
    following: int
    start: str | None = None
    # EXT-X-GAP: the playlist says itself that there is nothing to fetch.
    gap: bool = False


@dataclass
class Track:
    """One media playlist or one Representation at one moment."""

    key: str
    kind: str
    language: str | None
    resolution: tuple[int, int] | None
    init_url: str | None
    entries: list[Entry]
    # Whether the manifest lists each segment; else this reader counts them by its own clock.
    listed: bool = True


def hls_children(parent_url: str, text: str) -> list[tuple[str, str, str | None, tuple[int, int] | None]]:
    """(URL, kind, language, resolution) of every media playlist that a parent playlist names."""
    children, resolution = [], None
    expects_uri = False
    for line in text.splitlines():
        if line.startswith("#EXT-X-MEDIA:") and "TYPE=AUDIO" in line and (uri := re.search(r'URI="([^"]+)"', line)):
            language = re.search(r'LANGUAGE="([^"]+)"', line)
            children.append((urljoin(parent_url, uri[1]), "audio", language and language[1], None))
        elif line.startswith("#EXT-X-STREAM-INF:"):
            size = re.search(r"RESOLUTION=(\d+)x(\d+)", line)
            resolution = (int(size[1]), int(size[2])) if size else None
            expects_uri = True
        elif line and not line.startswith("#") and expects_uri:
            children.append((urljoin(parent_url, line), "video", None, resolution))
            expects_uri = False
    return children


def hls_entries(url: str, text: str) -> list[Entry]:
    """Segments of a media playlist."""
    number = int((re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text) or [0, "0"])[1])
    entries, duration, stamp, gap = [], 0.0, None, False
    for line in text.splitlines():
        if match := re.match(r"#EXTINF:([0-9.]+)", line):
            duration = float(match[1])
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            stamp = line.split(":", 1)[1]
        elif line == "#EXT-X-GAP":
            gap = True
        elif line and not line.startswith("#"):
            entries.append(Entry(number, urljoin(url, line), duration, number + 1, stamp, gap))
            number, stamp, gap = number + 1, None, False
    return entries


def iso_duration(text: str) -> float:
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([0-9.]+)S)?)?", text)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def dash_tracks(url: str, body: bytes, now: float) -> list[Track]:
    """Every Representation with the segments that are available at `now` (epoch seconds)."""
    mpd = etree.fromstring(body)
    tracks = []
    # A static MPD has no clock; then every segment that it lists is available.
    origin = datetime.fromisoformat(mpd.get("availabilityStartTime", "1970-01-01T00:00:00Z").replace("Z", "+00:00")).timestamp()
    depth = iso_duration(mpd.get("timeShiftBufferDepth", "PT0S"))
    for period in mpd.iter(f"{MPD}Period"):
        period_start = iso_duration(period.get("start", "PT0S"))
        for adaptation in period.iter(f"{MPD}AdaptationSet"):
            for representation in adaptation.iter(f"{MPD}Representation"):
                templates = [t for t in (adaptation.find(f"{MPD}SegmentTemplate"), representation.find(f"{MPD}SegmentTemplate")) if t is not None]

                def attribute(name, default=None):
                    return next((t.get(name) for t in reversed(templates) if t.get(name) is not None), default)

                def fill(template, number=None, at=None):
                    text = template.replace("$RepresentationID$", representation.get("id"))
                    text = text.replace("$Bandwidth$", representation.get("bandwidth", ""))
                    text = text.replace("$Number$", str(number)).replace("$Time$", str(at))
                    return urljoin(url, text)

                timescale = int(attribute("timescale", "1"))
                number = int(attribute("startNumber", "1"))
                timeline = next((t.find(f"{MPD}SegmentTimeline") for t in reversed(templates) if t.find(f"{MPD}SegmentTimeline") is not None), None)
                entries = []
                if timeline is not None:
                    at = 0
                    for s in timeline:
                        at = int(s.get("t", at))
                        for _ in range(int(s.get("r", "0")) + 1):
                            length = int(s.get("d"))
                            by_time = "$Time$" in attribute("media")
                            name, following = (at, at + length) if by_time else (number, number + 1)
                            entries.append(Entry(name, fill(attribute("media"), number, at), length / timescale, following, str(at)))
                            number, at = number + 1, at + length
                else:
                    length = int(attribute("duration")) / timescale
                    newest = math.floor((now - origin - period_start) / length) - 1
                    oldest = max(0, math.ceil((now - origin - period_start - depth) / length))
                    for index in range(oldest, newest + 1):
                        entries.append(Entry(number + index, fill(attribute("media"), number + index), length, number + index + 1))
                mime = adaptation.get("mimeType") or representation.get("mimeType") or ""
                size = (int(representation.get("width")), int(representation.get("height"))) if representation.get("width") else None
                tracks.append(Track(f"{period.get('id')}/{representation.get('id')}", mime.split("/")[0], adaptation.get("lang"), size,
                                    fill(attribute("initialization")), entries, timeline is not None))
    return tracks


@dataclass
class Kept:
    """What was seen of one track over time."""

    kind: str
    language: str | None
    resolution: tuple[int, int] | None
    init: bytes | None = None
    entries: dict[int, Entry] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)
    newest_list: list[int] = field(default_factory=list)
    polls: int = 0

    def runs(self) -> list[list[int]]:
        """Numbers seen, in unbroken runs. A `$Time$` may be off by a thousandth of a segment: the ladder comes out of
        Matroska, whose times are whole milliseconds."""
        runs = []
        for number in sorted(self.bodies):
            before = self.entries[runs[-1][-1]] if runs else None
            if before and abs(before.following - number) <= (before.following - before.number) // 1000:
                runs[-1].append(number)
            else:
                runs.append([number])
        return runs

    def media(self, numbers: list[int]) -> bytes:
        """A playable file of these segments."""
        return (self.init or b"") + b"".join(self.bodies[n] for n in numbers)


class Monitor:
    """Polls one endpoint in a thread, keeps every segment and writes down every broken promise."""

    def __init__(self, server: Server, name: str, url: str, interval: float = 1.0, keep_manifests: bool = True):
        self.server, self.name, self.url, self.interval = server, name, url, interval
        self.is_dash = url.endswith(".mpd")
        self.tracks: dict[str, Kept] = {}
        self.complaints: list[str] = []
        self.manifests: dict[str, list[bytes]] = {}
        self.keep_manifests = keep_manifests
        self.not_after: float | None = None
        self.tolerate_outage = False
        self._random = random.Random(7)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._stop.set()
        self._thread.join(30)
        return self

    def _run(self):
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self.poll()
            except ConnectionError as error:
                if not self.tolerate_outage:
                    self._complain(f"connection: {error!r}")
            except Exception as error:  # noqa: BLE001 - every surprise is a finding
                self._complain(f"poll: {error!r}")
            self._stop.wait(max(0.0, self.interval - (time.monotonic() - began)))

    def _complain(self, text: str):
        if len(self.complaints) < 50:
            self.complaints.append(f"{self.name}: {text}")

    def _manifest(self, url: str) -> bytes | None:
        answer = self.server.get(url)
        if answer.status != 200:
            self._complain(f"{url} answered {answer.status}")
            return None
        if self.keep_manifests:
            versions = self.manifests.setdefault(url, [])
            if not versions or versions[-1] != answer.body:
                versions.append(answer.body)
        return answer.body

    def poll(self):
        """One look at every manifest and every new segment."""
        body = self._manifest(self.url)
        if body is None:
            return
        if self.is_dash:
            for track in dash_tracks(self.url, body, time.time()):
                self._take(track)
            return
        for url, kind, language, resolution in hls_children(self.url, body.decode()):
            child = self._manifest(url)
            if child is not None:
                self._take(Track(url, kind, language, resolution, None, hls_entries(url, child.decode())))

    def _take(self, track: Track):
        kept = self.tracks.setdefault(track.key, Kept(track.kind, track.language, track.resolution))
        kept.polls += 1
        if track.init_url and kept.init is None:
            answer = self.server.get(track.init_url)
            if answer.status == 200:
                kept.init = answer.body
            else:
                self._complain(f"init segment {track.init_url} answered {answer.status}")
        numbers = [entry.number for entry in track.entries]
        if not numbers:
            return
        if kept.newest_list:
            if track.listed and numbers[0] < kept.newest_list[0]:
                self._complain(f"{track.key}: first number went back from {kept.newest_list[0]} to {numbers[0]}")
            if numbers[-1] < kept.newest_list[-1]:
                self._complain(f"{track.key}: last number went back from {kept.newest_list[-1]} to {numbers[-1]}")
        kept.newest_list = numbers
        for entry in track.entries:
            known = kept.entries.get(entry.number)
            if known is None:
                kept.entries[entry.number] = entry
            else:
                same_start = known.start is None or entry.start is None or known.start == entry.start
                if (known.url, known.duration) != (entry.url, entry.duration) or not same_start:
                    self._complain(f"{track.key}: segment {entry.number} changed from {known} to {entry}")
            if entry.number not in kept.bodies and not entry.gap:
                self._fetch(kept, track.key, entry)
        # A segment that was fetched before is still there, byte for byte, as long as it is listed.
        again = self._random.choice(track.entries)
        if again.number in kept.bodies:
            before = hashlib.md5(kept.bodies[again.number]).digest()
            answer = self.server.get(again.url)
            if answer.status != 200:
                self._complain(f"{again.url} answered 200, then {answer.status} while listed")
            elif hashlib.md5(answer.body).digest() != before:
                self._complain(f"{again.url} changed its bytes")

    def listed_seconds(self) -> dict[tuple, float]:
        """How much was listed of each rendition, over all periods of an MPD."""
        seconds = {}
        for kept in self.tracks.values():
            rendition = (kept.kind, kept.language, kept.resolution)
            seconds[rendition] = seconds.get(rendition, 0) + sum(e.duration for e in kept.entries.values() if not e.gap)
        return seconds

    def _fetch(self, kept: Kept, key: str, entry: Entry):
        answer = self.server.get(entry.url)
        if answer.status == 200 and answer.body:
            kept.bodies[entry.number] = answer.body
        else:
            self._complain(f"{key}: listed segment {entry.url} answered {answer.status} with {len(answer.body)} bytes")


def wait_until_listed(server: Server, urls: dict[str, str], segments: int, timeout: float) -> dict[str, str]:
    """Waits until each endpoint lists so many segments in every track; what is missing at the end, by name."""
    deadline = time.monotonic() + timeout
    missing = dict.fromkeys(urls, "not asked")
    while missing and time.monotonic() < deadline:
        for name in list(missing):
            answer = server.get(urls[name])
            if answer.status != 200:
                missing[name] = f"{answer.status} {answer.body[:200]!r}"
                continue
            counts = _listed_counts(server, urls[name], answer.body)
            if counts and min(counts) >= segments:
                del missing[name]
            else:
                missing[name] = f"lists {counts} segments"
        time.sleep(0.3)
    return missing


def _listed_counts(server: Server, url: str, body: bytes) -> list[int]:
    if url.endswith(".mpd"):
        counts = {}
        for track in dash_tracks(url, body, time.time()):
            rendition = track.key.split("/", 1)[1]
            counts[rendition] = counts.get(rendition, 0) + len(track.entries)
        return list(counts.values())
    counts = []
    for child, *_ in hls_children(url, body.decode()):
        answer = server.get(child)
        counts.append(len(hls_entries(child, answer.text)) if answer.status == 200 else 0)
    return counts
