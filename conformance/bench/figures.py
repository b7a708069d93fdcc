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
import urllib.request
from pathlib import Path

from harness import aws, paths
from harness.server import Server, free_port

REPOSITORY = paths.REPOSITORY
ONE_CORE, OTHER_CORE = ["taskset", "-c", "0"], ["taskset", "-c", "1"]


def bench(name: str, *arguments, prefix=()) -> dict:
    """Runs one of `benches/` and reads the JSON line that it prints."""
    command = [*prefix, str(bench_binary(name)), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    if result.returncode != 0:
        raise RuntimeError(f"{name}: {result.stderr.strip() or result.stdout.strip()}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def bench_binary(name: str) -> Path:
    return paths.binary().with_name(name)


def wrk(url: str, seconds: int = 3, connections: int = 16, headers=()) -> float:
    """Requests per second, the load on the other core. Any answer but 200 is an error."""
    command = [*OTHER_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for header in headers:
        command += ["-H", header]
    output = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise RuntimeError(f"{url}: {output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def body(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


def wait_for(what, timeout: float = 30):
    deadline = time.monotonic() + timeout
    while True:
        try:
            found = what()
            if found:
                return found
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError("waited in vain")
        time.sleep(0.1)


def segments(seconds: int, bits_per_second: str, size: str, segment_seconds: int, rounds: int = 1) -> Path:
    """A folder of consecutive `NNN.ts`, H.264 and AAC, made once: so many seconds, so many times over."""
    folder = paths.MEDIA / f"bench-{size}-{bits_per_second}-{seconds}-{segment_seconds}-{rounds}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-f", "lavfi", "-i",
             "sine=440:sample_rate=48000", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2",
             "-b:v", bits_per_second, "-minrate", bits_per_second, "-maxrate", bits_per_second, "-bufsize", bits_per_second,
             "-nal-hrd", "cbr", "-g", str(25 * segment_seconds), "-keyint_min", str(25 * segment_seconds), "-sc_threshold", "0",
             "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", str(folder / "once.mp4")], check=True)
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-stream_loop", str(rounds - 1), "-i", str(folder / "once.mp4"), "-c",
             "copy", "-f", "segment", "-segment_time", str(segment_seconds), "-segment_format", "mpegts",
             str(folder / "%03d.ts")], check=True)
        (folder / "once.mp4").unlink()
        (folder / "done").touch()
    return folder


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


def create_channel(server: Server, name: str, **packages) -> tuple:
    mediapackage = aws.client(server)
    channel = aws.create_channel(mediapackage, name)
    urls = {kind: mediapackage.create_origin_endpoint(ChannelId=name, Id=f"{name}-{kind}", **package)["Url"]
            for kind, package in packages.items()}
    return channel, urls


def publish_arguments(channel, playlist: str) -> dict:
    ingest = channel.ingests[0]
    return {"ingest": ingest.url, "username": ingest.username, "password": ingest.password, "playlist": playlist}


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

        root = Path(folder)
        root.chmod(0o755)
        (root / "segment.mp4").write_bytes(segment)
        port = free_port()
        (root / "nginx.conf").write_text(
            f"daemon off; master_process off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/error.log;\n"
            f"events {{}}\nhttp {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;\n"
            f" server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n")
        nginx = subprocess.Popen([*ONE_CORE, shutil.which("nginx") or "/usr/sbin/nginx", "-c", root / "nginx.conf", "-p", root],
                                 stderr=subprocess.DEVNULL)
        try:
            static_url = f"http://127.0.0.1:{port}/segment.mp4"
            wait_for(lambda: body(static_url))
            ratios = []
            for _ in range(5):
                theirs = wrk(static_url)
                ours = wrk(segment_url)
                ratios.append((ours / theirs, ours, theirs))
        finally:
            nginx.kill()
            nginx.wait()
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
           "publishing": publishing}


def main() -> int:
    wanted = sys.argv[1:] or list(FIGURES)
    rows = [row for name in wanted for row in FIGURES[name]()]
    print("| figure | measured | asked for | |\n| --- | --- | --- | --- |")
    for figure, measured, target, reached in rows:
        print(f"| {figure} | {measured} | {target} | {'reached' if reached else 'missed'} |")
    return 0 if all(row[3] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
