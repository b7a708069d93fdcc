"""Every kind of encoder we know of: what it pushes arrives whole, to the frame."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])

import requests
from requests.auth import HTTPDigestAuth

from harness import aws, media, push, validate
from harness.playback import Monitor, wait_until_listed
from harness.report import Report, shorten
from harness.server import Server

SECONDS = 60
NAMES = ("hls-groups", "dash-number-timeline")


def curl(ingest: aws.Ingest):
    return lambda files: push.curl_put(ingest.folder, ingest.username, ingest.password, files)


def python_requests(ingest: aws.Ingest):
    """One session: the first body is sent twice, later requests reuse the nonce with nc 2, 3, …"""
    session = requests.Session()
    session.auth = HTTPDigestAuth(ingest.username, ingest.password)

    def put(files):
        return [session.put(f"{ingest.folder}/{name}", data=path.read_bytes(), timeout=20).status_code for name, path in files]

    return put


def main():
    with Report("encoders") as report, Server("encoders", ["--limits", "relaxed"]) as server:
        source = media.ladder(SECONDS)
        folder = push.segmented(source)
        mediapackage = aws.client(server)
        channels, urls = {}, {}
        for name in ("curl", "requests", "ffmpeg-one-url", "ffmpeg-persistent"):
            channels[name] = aws.create_channel(mediapackage, name)
            urls[name] = aws.create_endpoints(mediapackage, channels[name], NAMES)
        folder_pushes = {
            "curl": push.FolderPush(curl(channels["curl"].ingests[0]), folder, burst=3, count=12),
            "requests": push.FolderPush(python_requests(channels["requests"].ingests[0]), folder, burst=3, count=12),
        }
        with (folder_pushes["curl"], folder_pushes["requests"],
              push.FfmpegPush(channels["ffmpeg-one-url"].ingests[0], source, persistent=False, log_name="encoders-ffmpeg-0"),
              push.FfmpegPush(channels["ffmpeg-persistent"].ingests[0], source, persistent=True, log_name="encoders-ffmpeg-1")):
            flat = {f"{name}/{endpoint}": url for name in urls for endpoint, url in urls[name].items()}
            missing = wait_until_listed(server, flat, 8, 40)
            monitors = {}
            for name, url in flat.items():
                if name in missing:
                    report.fail(f"{name}: is listed", missing[name])
                    continue
                monitors[name] = Monitor(server, name, url)
                monitors[name].poll()
        for name, pushed in folder_pushes.items():
            refused = [status for status in pushed.statuses if not 200 <= status < 300]
            report.check(f"{name}: every object is taken ({len(pushed.statuses)})", pushed.statuses and not refused, refused[:5])
        for name, monitor in monitors.items():
            complaints = monitor.complaints + validate.frame_complaints(monitor, source, from_first=True)
            report.check(f"{name}: plays the pushed frames from the very first one", not complaints, shorten(complaints))
        report.check("the server is still there at the end", server.alive())


main()
