"""What the figures share: benches, load, test material, channels, and nginx as the peer."""

import contextlib
import json
import re
import shutil
import subprocess
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


def create_channel(server: Server, name: str, **packages) -> tuple:
    mediapackage = aws.client(server)
    channel = aws.create_channel(mediapackage, name)
    urls = {kind: mediapackage.create_origin_endpoint(ChannelId=name, Id=f"{name}-{kind}", **package)["Url"]
            for kind, package in packages.items()}
    return channel, urls


def publish_arguments(channel, playlist: str) -> dict:
    ingest = channel.ingests[0]
    return {"ingest": ingest.url, "username": ingest.username, "password": ingest.password, "playlist": playlist}


@contextlib.contextmanager
def nginx_static(root: Path):
    """nginx with one worker on the first core, serving the folder's files by sendfile; gives its URL."""
    root.chmod(0o755)
    port = free_port()
    (root / "nginx.conf").write_text(
        f"daemon off; master_process off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;\n"
        f" server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n")
    nginx = subprocess.Popen([*ONE_CORE, shutil.which("nginx") or "/usr/sbin/nginx", "-c", root / "nginx.conf", "-p", root],
                             stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: body(f"http://127.0.0.1:{port}/nginx.conf"))
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.kill()
        nginx.wait()
