"""kill -9 at random instants while two inputs push and the API writes, and after each restart: everything that was
acknowledged is there, nothing else than what was pushed is played, and no number went back.

What is checked after every restart:
* every acknowledged change of a resource; of the one that was on its way, all or nothing;
* every segment that both its PUT and a PUT of a playlist that lists it were acknowledged for is listed, in its place;
* every listed segment has the coded pictures and the sound that were pushed for its time; one that was fetched before
  has the bytes of then; what was listed before has the number, URL and duration of then;
* the playlist's first and last number did not go back;
* the store has no unfinished object."""

import argparse
import concurrent.futures
import hashlib
import json
import random
import re
import sys
import threading
import time
from datetime import datetime, timezone

import requests
from requests.auth import HTTPDigestAuth

from crash.segments import CLOCK, WIRE, contents, loop, stamped
from harness import aws
from harness.report import Report, shorten
from harness.server import Server

PLAYLIST_LENGTH = 6
# Segments that may be acknowledged and not yet listed: a slot closes when the next stream or time says so.
OPEN_SEGMENTS = 2
HOUR = 3600


class Encoder:
    """Pushes to one ingest URL and remembers what was acknowledged."""

    def __init__(self, ingest: aws.Ingest, segments: list[bytes], began: float):
        self.ingest, self.segments, self.began = ingest, segments, began
        self.session = requests.Session()
        self.session.auth = HTTPDigestAuth(ingest.username, ingest.password)
        self.stored: set[int] = set()
        self.listed: set[int] = set()
        self.acknowledged = 0

    def push(self, number: int):
        """One segment and its playlists; raises when the server is gone."""
        self._put(f"v_{number}.ts", stamped(self.segments, number))
        self.stored.add(number)
        first = max(0, number - PLAYLIST_LENGTH + 1)
        if number % 10 == 0:
            self._put("channel.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nv.m3u8\n")
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        for n in range(first, number + 1):
            moment = datetime.fromtimestamp(self.began + n, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            lines += ["#EXTINF:1.000000,", f"#EXT-X-PROGRAM-DATE-TIME:{moment}", f"v_{n}.ts"]
        self._put("v.m3u8", "\n".join(lines + [""]).encode())
        self.listed.update(n for n in range(first, number + 1) if n in self.stored)

    def _put(self, name: str, body: bytes):
        answer = self.session.put(f"{self.ingest.folder}/{name}", data=body, timeout=10)
        if answer.status_code not in (200, 201, 204):
            raise RuntimeError(f"PUT {name} answered {answer.status_code}: {answer.text[:200]}")
        self.acknowledged += 1


class Operator:
    """Changes resources and remembers what must and what may be there."""

    def __init__(self, mediapackage, channel_id: str):
        self.mediapackage, self.channel_id = mediapackage, channel_id
        self.endpoints: set[str] = set()
        self.description = ""
        self.on_its_way = None
        self.acknowledged = 0
        self.counter = 0

    def change(self):
        """One change; raises when the server is gone."""
        self.counter += 1
        kind = self.counter % 3
        if kind == 0:
            self.on_its_way = ("description", f"change {self.counter}")
            self.mediapackage.update_channel(Id=self.channel_id, Description=self.on_its_way[1])
            self.description = self.on_its_way[1]
        elif kind == 1 or not self.endpoints:
            name = f"extra-{self.counter}"
            self.on_its_way = ("create", name)
            self.mediapackage.create_origin_endpoint(ChannelId=self.channel_id, Id=name, HlsPackage={})
            self.endpoints.add(name)
        else:
            name = min(self.endpoints)
            self.on_its_way = ("delete", name)
            self.mediapackage.delete_origin_endpoint(Id=name)
            self.endpoints.discard(name)
        self.on_its_way = None
        self.acknowledged += 1

    def complaints(self) -> list[str]:
        """What is not as it was acknowledged; afterwards what is there is what is known."""
        found = []
        description = self.mediapackage.describe_channel(Id=self.channel_id).get("Description", "")
        there = {e["Id"] for page in self.mediapackage.get_paginator("list_origin_endpoints").paginate()
                 for e in page["OriginEndpoints"] if e["Id"].startswith("extra-")}
        kind, value = self.on_its_way or (None, None)
        if description != self.description and not (kind == "description" and description == value):
            found.append(f"description {description!r} instead of {self.description!r}")
        found += [f"endpoint {name} is lost" for name in self.endpoints - there if (kind, value) != ("delete", name)]
        found += [f"endpoint {name} is back" for name in there - self.endpoints if (kind, value) != ("create", name)]
        self.description, self.endpoints, self.on_its_way = description, there, None
        return found


class Viewer:
    """Looks at everything that is played and compares it with what was and with what was pushed."""

    def __init__(self, server: Server, url: str, segments: list[bytes], began: float, chance: random.Random):
        self.server, self.url, self.began, self.chance = server, url, began, chance
        self.expected = [contents(segment) for segment in segments]
        self.entries: dict[int, tuple] = {}
        self.bodies: dict[int, str] = {}
        self.first = self.last = 0
        self.shift = None
        self.fetched = 0

    def complaints(self) -> list[str]:
        """What is wrong now."""
        found = []
        parent = self.server.get(self.url)
        if parent.status != 200:
            return [] if not self.entries and parent.status == 404 else [f"the playlist answers {parent.status}"]
        child = next(line for line in parent.text.splitlines() if line and not line.startswith("#"))
        url = self.url.rsplit("/", 1)[0] + "/" + child
        answer = self.server.get(url)
        if answer.status != 200:
            return [] if not self.entries and answer.status == 404 else [f"{child} answers {answer.status}"]
        listed = {n: (round(moment - self.began), uri, duration)
                  for n, (moment, uri, duration) in parse(answer.text).items()}
        numbers = sorted(listed)
        if not numbers:
            return ["nothing is listed any more"] if self.entries else []
        if numbers[0] < self.first or numbers[-1] < self.last:
            found.append(f"numbers went back from {self.first}..{self.last} to {numbers[0]}..{numbers[-1]}")
        self.first, self.last = numbers[0], max(self.last, numbers[-1])
        found += [f"segment {n} changed from {self.entries[n]} to {entry}" for n, entry in listed.items()
                  if self.entries.get(n, entry) != entry]
        new = [n for n in numbers if n not in self.bodies]
        old = [n for n in numbers if n in self.bodies]
        self.entries |= listed
        for n in new + self.chance.sample(old, min(5, len(old))):
            found += self._fetch(n, url.rsplit("/", 1)[0])
        return found

    def _fetch(self, n: int, folder: str) -> list[str]:
        source, uri, _ = self.entries[n]
        answer = self.server.get(f"{folder}/{uri}")
        if answer.status != 200:
            return [f"listed segment {uri} answers {answer.status}"]
        digest = hashlib.md5(answer.body).hexdigest()
        if self.bodies.setdefault(n, digest) != digest:
            return [f"segment {uri} changed its bytes"]
        self.fetched += 1
        pictures, sound, pts = contents(answer.body)
        expected = self.expected[source % len(self.expected)]
        if (pictures, sound) != expected[:2]:
            return [f"segment {uri} is not what was pushed as {source}"]
        shift = (pts - expected[2] - source // len(self.expected) * len(self.expected) * CLOCK) % WIRE
        self.shift = shift if self.shift is None else self.shift
        return [] if shift == self.shift else [f"segment {uri} is off by {shift - self.shift} ticks"]

    def lost(self, encoders: list[Encoder]) -> list[str]:
        """Acknowledged and listed by an encoder, but not played."""
        played = {source for source, _, _ in self.entries.values()}
        due = set.union(*(encoder.listed for encoder in encoders))
        newest = max(due, default=0) - OPEN_SEGMENTS
        return [f"segment {n} was acknowledged and is not played" for n in sorted(due - played) if n <= newest]

    def doubled(self) -> list[str]:
        """The same time twice."""
        played = [source for source, _, _ in self.entries.values()]
        return [f"segment {n} is played twice" for n in sorted({n for n in played if played.count(n) > 1})] \
            if len(set(played)) != len(played) else []


def parse(playlist: str) -> dict[int, tuple]:
    """By number: wall clock, URI, duration."""
    number = int(re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", playlist)[1])
    entries, duration, moment = {}, None, None
    for line in playlist.splitlines():
        if line.startswith("#EXTINF:"):
            duration = line
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            moment = datetime.fromisoformat(line.split(":", 1)[1]).timestamp()
        elif line and not line.startswith("#"):
            entries[number] = (moment, line, duration)
            number += 1
    return entries


class Cycles:
    """A server that is killed again and again."""

    def __init__(self, server: Server, seed: int):
        self.server = server
        self.chance = random.Random(seed)
        segments = loop()
        # In the past, so that pushing faster than real time does not run ahead of the clock.
        self.began = float(int(time.time()) - 20 * HOUR)
        mediapackage = aws.client(server)
        channel = aws.create_channel(mediapackage, "crash")
        endpoint = mediapackage.create_origin_endpoint(
            ChannelId="crash", Id="watched", StartoverWindowSeconds=14 * 24 * HOUR,
            HlsPackage={"SegmentDurationSeconds": 1, "PlaylistWindowSeconds": 20 * HOUR,
                        "ProgramDateTimeIntervalSeconds": 1})
        self.encoders = [Encoder(ingest, segments, self.began) for ingest in channel.ingests]
        self.operator = Operator(mediapackage, "crash")
        self.viewer = Viewer(server, endpoint["Url"], segments, self.began, self.chance)
        self.number = 0
        self.startups: list[float] = []

    def work(self, seconds: float):
        """Pushes and changes until the time is over, then kills the server wherever it is."""
        killed = threading.Event()

        def until_killed(work):
            while not killed.is_set():
                try:
                    work()
                except Exception as error:  # noqa: BLE001 - the server dies under whatever is going on
                    if not killed.wait(1):
                        return error
            return None

        def push():
            # Both inputs are encoders in step, as behind one clock.
            list(self.pool.map(lambda encoder: encoder.push(self.number), self.encoders))
            self.number += 1

        with concurrent.futures.ThreadPoolExecutor(4) as self.pool:
            working = [self.pool.submit(until_killed, push), self.pool.submit(until_killed, self.operator.change)]
            time.sleep(seconds)
            self.server.kill()
            killed.set()
            return [str(error) for error in (work.result() for work in working) if error]

    def check(self) -> list[str]:
        """Everything that must hold after a restart."""
        found = self.operator.complaints() + self.viewer.complaints() + self.viewer.doubled()
        if self.viewer.entries:
            found += self.viewer.lost(self.encoders)
        # The channel is open by now, and with that swept.
        unfinished = (self.server.data_dir / "media").rglob("*#*")
        return found + [f"an unfinished object is left: {path}" for path in unfinished]

    def run(self, cycles: int) -> list[str]:
        """What was found wrong."""
        complaints = []
        for cycle in range(cycles):
            errors = self.work(self.chance.uniform(0.02, 0.8))
            complaints += [f"cycle {cycle}: before the kill: {error}" for error in errors]
            self.server.start(timeout=30)
            self.startups.append(self.server.seconds_to_ready)
            complaints += [f"cycle {cycle}: {complaint}" for complaint in self.check()]
            if len(complaints) > 20:
                break
        return complaints


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="where the tally goes")
    arguments = parser.parse_args()
    with Report("crash") as report, Server("crash", ["--limits", "relaxed"]) as server:
        started = time.monotonic()
        cycles = Cycles(server, arguments.seed)
        complaints = cycles.run(arguments.cycles)
        starts = sorted(cycles.startups)
        tally = {
            "cycles": len(starts),
            "acknowledged_puts": sum(encoder.acknowledged for encoder in cycles.encoders),
            "acknowledged_segments": sum(len(encoder.stored) for encoder in cycles.encoders),
            "acknowledged_changes": cycles.operator.acknowledged,
            "segments_played": len(cycles.viewer.entries),
            "segments_compared": cycles.viewer.fetched,
            "losses": len(complaints),
            "start_p50_ms": round(starts[len(starts) // 2] * 1000),
            "start_max_ms": round(starts[-1] * 1000),
            "seconds": round(time.monotonic() - started),
        }
        if arguments.json:
            with open(arguments.json, "w") as file:
                json.dump({**tally, "seed": arguments.seed, "complaints": complaints}, file, indent=2)
        report.check(f"{len(starts)} times kill -9: nothing acknowledged is lost, no number goes back",
                     not complaints and len(starts) == arguments.cycles and cycles.viewer.fetched > 0,
                     shorten(complaints) or ", ".join(f"{key} {value}" for key, value in tally.items()))


if __name__ == "__main__":
    sys.exit(main())
