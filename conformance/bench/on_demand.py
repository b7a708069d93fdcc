"""Segments that are packaged when they are asked for, against nginx sending the same bytes as files: one core each."""

import http.client
import json
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from harness.server import Server
from tools import ONE_CORE, OTHER_CORE, bench, body, create_channel, nginx_static, publish_arguments, segments, wait_for

# So many segments of 3 MB that no cache of ours holds them: each request packages anew.
SEGMENTS = 100
ROUNDS = 3

# wrk asks for the paths of a file, one after the other, for ever.
IN_TURN = """
local paths, at = {}, 0
for line in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = line end
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
"""


def wrk_in_turn(base: str, paths: list[str], folder: Path, seconds: int = 4) -> float:
    """Requests per second over all the paths, the load on the other core. Any answer but 200 is an error."""
    (folder / "in_turn.lua").write_text(IN_TURN)
    (folder / "paths").write_text("\n".join(paths) + "\n")
    command = ["env", f"PATHS={folder / 'paths'}", *OTHER_CORE, "wrk", "-t1", "-c16", f"-d{seconds}s", "-s", folder / "in_turn.lua", base]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise RuntimeError(output)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def first_bytes(base: str, paths: list[str]) -> list[float]:
    """Milliseconds to the first byte of each, one after the other on one connection."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc)
    times = []
    for path in paths:
        began = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read(1)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, (path, answer.status)
        answer.read()
    return times


def hls_paths(url: str) -> list[str]:
    playlist = wait_for(lambda: body(url)).decode()
    return [urlsplit(urljoin(url, line)).path for line in playlist.splitlines() if line and not line.startswith("#")]


def dash_paths(url: str) -> list[str]:
    mpd = wait_for(lambda: body(url)).decode()
    media = re.search(r'media="([^"]*video[^"]*)"', mpd).group(1).replace("&amp;", "&")
    first = int(re.search(r'startNumber="(\d+)"', mpd).group(1))
    return [urlsplit(urljoin(url, media.replace("$Number$", str(first + index)))).path for index in range(SEGMENTS - 2)]


def on_demand() -> list[tuple]:
    source = segments(60, "4M", "1280x720", 6, rounds=SEGMENTS * 6 // 60)
    rows = []
    with Server("bench-on-demand", ["--limits", "relaxed"], prefix=ONE_CORE) as server, tempfile.TemporaryDirectory() as folder:
        window = SEGMENTS * 6
        channel, urls = create_channel(
            server, "demand", hls={"HlsPackage": {"SegmentDurationSeconds": 6, "PlaylistWindowSeconds": window}},
            dash={"DashPackage": {"SegmentDurationSeconds": 6, "ManifestWindowSeconds": window}})
        playlist = urls["hls"].replace(".m3u8", "_1.m3u8")
        bench("publish_latency", source, json.dumps([publish_arguments(channel, playlist)]), "--period-ms", 50)
        every = {"fMP4": dash_paths(urls["dash"]), "TS": hls_paths(playlist)}
        server.kill()
        server.start()
        for form, paths in every.items():
            times = sorted(first_bytes(server.url, paths))
            p50, p95 = statistics.median(times), times[len(times) * 95 // 100]
            most = (0.3, 2) if form == "fMP4" else (1.5, 4)
            rows.append((f"first byte of a cold {form} segment of 3 MB, p50 / p95", f"{p50:.2f} / {p95:.2f} ms",
                         f"at most {most[0]} / {most[1]} ms", p50 <= most[0] and p95 <= most[1]))
        root = Path(folder)
        for form, paths in every.items():
            for index, path in enumerate(paths):
                (root / f"{form}-{index}").write_bytes(body(server.url + path))
        with nginx_static(root) as nginx:
            for form, paths in every.items():
                files = [f"/{form}-{index}" for index in range(len(paths))]
                for what, ours_of, theirs_of, least in (
                        ("packaged anew", paths, files, 0.8 if form == "fMP4" else 0.6),
                        ("second viewer", paths[:4], files[:4], 0.9)):
                    ratios = []
                    for _ in range(ROUNDS):
                        theirs = wrk_in_turn(nginx, theirs_of, root)
                        ours = wrk_in_turn(server.url, ours_of, root)
                        ratios.append((ours / theirs, ours, theirs))
                    ratio, ours, theirs = sorted(ratios)[len(ratios) // 2]
                    rows.append((f"{form} segment of 3 MB, {what}, against nginx sending the same bytes from files, one core each",
                                 f"{ratio:.2f} ({ours:.0f} to {theirs:.0f} requests/s)", f"at least {least}", ratio >= least))
    return rows
