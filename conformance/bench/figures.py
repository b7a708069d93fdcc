"""Measures every figure that the README names and prints one Markdown table. Names of figures as arguments: only those."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import paths
from harness.server import Server, free_port
from on_demand import on_demand
from tools import ONE_CORE, bench, bench_binary, body, create_channel, nginx_static, publish_arguments, segments, wait_for, wrk


def start_and_memory() -> list[tuple]:
    times = []
    for _ in range(10):
        with Server("bench-start") as server:
            times.append(server.seconds_to_ready)
    with Server("bench-memory") as server:
        time.sleep(2)
        resident = server.resident_bytes()
    start = statistics.median(times) * 1000
    return [("start to `Ready.`, empty state, median of 10", f"{start:.1f} ms", "at most 30 ms", start <= 30),
            ("idle memory (resident)", f"{resident / 1e6:.1f} MB", "at most 15 MB", resident <= 15e6)]


def control_plane() -> list[tuple]:
    port = free_port()
    moto = subprocess.Popen([paths.TOOLS / "venv/bin/moto_server", "-p", str(port)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    rows = []
    try:
        moto_url = f"http://127.0.0.1:{port}"
        wait_for(lambda: body(moto_url + "/moto-api/data.json"))
        with Server("bench-control-plane", ["--limits", "relaxed"]) as server:
            for verb, target in (("describe", 30), ("create", 10)):
                theirs = bench("control_plane_load", moto_url, verb, "--seconds", 4)["requests_per_second"]
                ours = bench("control_plane_load", server.url, verb, "--seconds", 4)["requests_per_second"]
                operation = "DescribeChannel" if verb == "describe" else "CreateChannel, durable"
                rows.append((f"{operation}, SigV4 verified, against moto's server",
                             f"{ours / theirs:.1f} times ({ours:.0f} to {theirs:.0f} requests/s)",
                             f"at least {target} times", ours >= target * theirs))
    finally:
        moto.kill()
        moto.wait()
    return rows


def packaging() -> list[tuple]:
    source = segments(60, "4M", "1280x720", 6, rounds=5)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        work = Path(folder)
        (work / "in").mkdir()
        for path in sorted(source.glob("*.ts")):
            shutil.copy(path, work / "in" / path.name)
        with open(work / "all.ts", "wb") as joined:
            for path in sorted((work / "in").glob("*.ts")):
                joined.write(path.read_bytes())
        size = (work / "all.ts").stat().st_size / 1e6
        binary = bench_binary("ts_to_fmp4")
        # Writing pages of a RAM disk costs both the same, and us more than the work itself: so the work is measured
        # with the output thrown away, and once more with files, for whoever wants to know.
        rows = []
        for kind, ours_to, theirs_to, target in (("", "-", "/dev/null", 3), (", both writing files to a RAM disk", work / "out", work / "out.mp4", None)):
            (work / "out").mkdir(exist_ok=True)
            ours, theirs = [], []
            for _ in range(5):
                begun = time.monotonic()
                subprocess.run([*ONE_CORE, binary, work / "in", ours_to], check=True, stdout=subprocess.DEVNULL)
                ours.append(time.monotonic() - begun)
                begun = time.monotonic()
                subprocess.run([*ONE_CORE, "ffmpeg", "-nostdin", "-loglevel", "fatal", "-y", "-i", work / "all.ts", "-c", "copy",
                                "-bsf:a", "aac_adtstoasc", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", theirs_to],
                               check=True)
                theirs.append(time.monotonic() - begun)
            ours, theirs = size / statistics.median(ours), size / statistics.median(theirs)
            rows.append((f"TS → sample table → fMP4, one core, against `ffmpeg -c copy`{kind}",
                         f"{ours / theirs:.1f} times ({ours:.0f} to {theirs:.0f} MB/s)", f"at least {target} times" if target else "",
                         target is None or ours >= target * theirs))
    return rows


def delivery() -> list[tuple]:
    source = segments(60, "4M", "1280x720", 6)
    rows = []
    with Server("bench-delivery", prefix=ONE_CORE) as server, tempfile.TemporaryDirectory() as folder:
        channel, urls = create_channel(
            server, "delivery", hls={"HlsPackage": {"SegmentDurationSeconds": 6, "PlaylistWindowSeconds": 60}},
            dash={"DashPackage": {"SegmentDurationSeconds": 6, "ManifestWindowSeconds": 60}})
        playlist = urls["hls"].replace(".m3u8", "_1.m3u8")
        bench("publish_latency", source, json.dumps([publish_arguments(channel, playlist)]), "--period-ms", 300)
        manifest = wait_for(lambda: body(urls["dash"]).decode())
        media = re.search(r'media="([^"]*video[^"]*)"', manifest).group(1).replace("&amp;", "&")
        number = re.search(r'startNumber="(\d+)"', manifest).group(1)
        segment_url = urls["dash"].rsplit("/", 1)[0] + "/" + media.replace("$Number$", number)
        segment = body(segment_url)

        (Path(folder) / "segment.mp4").write_bytes(segment)
        ratios = []
        with nginx_static(Path(folder)) as nginx:
            for _ in range(5):
                theirs = wrk(f"{nginx}/segment.mp4")
                ours = wrk(segment_url)
                ratios.append((ours / theirs, ours, theirs))
        ratio, ours, theirs = sorted(ratios)[len(ratios) // 2]
        rows.append((f"DASH segment of {len(segment) / 1e6:.1f} MB already packaged, against nginx with the same bytes as a file, one core each",
                     f"{ratio:.2f} ({ours:.0f} to {theirs:.0f} requests/s)", "at least 0.7", ratio >= 0.7))
        hot = wrk(playlist, seconds=5, connections=64)
        rows.append(("live media playlist, hot, one core", f"{hot:.0f} requests/s", "at least 50,000", hot >= 50_000))
        hot = wrk(urls["dash"], seconds=5, connections=64)
        rows.append(("live MPD, hot, one core", f"{hot:.0f} requests/s", "at least 50,000", hot >= 50_000))
    return rows


def publishing() -> list[tuple]:
    source = segments(60, "1M", "640x360", 2)
    with Server("bench-publishing") as server:
        channels = []
        for index in range(10):
            channel, urls = create_channel(
                server, f"live{index}", hls={"HlsPackage": {"SegmentDurationSeconds": 2, "PlaylistWindowSeconds": 60}})
            channels.append(publish_arguments(channel, urls["hls"].replace(".m3u8", "_1.m3u8")))
        result = bench("publish_latency", source, json.dumps(channels), "--period-ms", 1000)
    return [("segment PUT → listed in the playlist, 10 channels live, p99",
             f"{result['p99_ms']:.1f} ms (p50 {result['p50_ms']:.1f} ms, {result['segments']} segments)",
             "at most 30 ms", result["p99_ms"] <= 30)]


FIGURES = {"start": start_and_memory, "control-plane": control_plane, "packaging": packaging, "delivery": delivery,
           "on-demand": on_demand, "publishing": publishing}


def main() -> int:
    wanted = sys.argv[1:] or list(FIGURES)
    rows = [row for name in wanted for row in FIGURES[name]()]
    print("| figure | measured | asked for | |\n| --- | --- | --- | --- |")
    for figure, measured, target, reached in rows:
        print(f"| {figure} | {measured} | {target} | {'reached' if reached else 'missed'} |")
    return 0 if all(row[3] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
