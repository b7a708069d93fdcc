"""What caches and browsers need of playback: HEAD, ranges, CORS, compression, freshness, and honest refusals."""

import gzip
import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from harness import aws, media, push
from harness.playback import Monitor, wait_until_listed
from harness.report import Report
from harness.server import Server

SECONDS = 60
NAMES = ("hls-muxed", "hls-groups", "dash-number-timeline", "dash-time-timeline")


def main():
    with Report("delivery") as report, Server("delivery", ["--limits", "relaxed"]) as server:
        folder = push.segmented(media.ladder(SECONDS))
        mediapackage = aws.client(server)
        channel = aws.create_channel(mediapackage, "delivery")
        urls = aws.create_endpoints(mediapackage, channel, NAMES)
        for name, url in urls.items():
            report.check(f"{name}: 404 before anything was ingested", server.get(url).status == 404, server.get(url).status)
        ingest = channel.ingests[0]
        put = lambda files: push.curl_put(ingest.folder, ingest.username, ingest.password, files)  # noqa: E731
        with push.FolderPush(put, folder, burst=6, count=6) as pushed:
            pushed.wait(60)
        missing = wait_until_listed(server, urls, 3, 20)
        for name, url in urls.items():
            if name in missing:
                report.fail(f"{name}: is listed", missing[name])
                continue
            monitor = Monitor(server, name, url)
            monitor.poll()
            track = next(iter(monitor.tracks.values()))
            segment = next(iter(track.entries.values())).url
            manifest_checks(report, server, name, url)
            segment_checks(report, server, name, segment)


def manifest_checks(report: Report, server: Server, name: str, url: str):
    plain = server.get(url)
    kind = "application/dash+xml" if url.endswith(".mpd") else "application/x-mpegURL"
    report.check(f"{name}: manifest content type", plain.headers.get("content-type", "").lower().startswith(kind.lower()), plain.headers.get("content-type"))
    age = re.search(r"max-age=(\d+)", plain.headers.get("cache-control", ""))
    report.check(f"{name}: manifests are fresh for a few seconds only", age and int(age[1]) <= 4, plain.headers.get("cache-control"))
    head = server.get(url, method="HEAD")
    report.check(f"{name}: HEAD of a manifest answers without a body", head.status == 200 and not head.body)
    packed = server.get(url, {"Accept-Encoding": "gzip"})
    is_packed = packed.headers.get("content-encoding") == "gzip"
    report.check(f"{name}: manifests are compressed where asked", is_packed and gzip.decompress(packed.body) == plain.body, packed.headers.get("content-encoding"))
    report.check(f"{name}: says that it varies by Accept-Encoding", "accept-encoding" in packed.headers.get("vary", "").lower(), packed.headers.get("vary"))
    refused = server.get(url, {"Accept-Encoding": "gzip;q=0"})
    report.check(f"{name}: gzip;q=0 gets the plain manifest", "content-encoding" not in refused.headers)
    cors(report, server, f"{name} manifest", url)
    report.check(f"{name}: POST is refused with 405", server.get(url, method="POST").status == 405, server.get(url, method="POST").status)


def segment_checks(report: Report, server: Server, name: str, url: str):
    whole = server.get(url)
    size = len(whole.body)
    age = re.search(r"max-age=(\d+)", whole.headers.get("cache-control", ""))
    report.check(f"{name}: segments may be kept for long", age and int(age[1]) >= 86400, whole.headers.get("cache-control"))
    head = server.get(url, method="HEAD")
    report.check(f"{name}: HEAD of a segment tells its size", head.status == 200 and head.headers.get("content-length") == str(size), head.headers.get("content-length"))
    for value, expected in {"bytes=0-99": whole.body[:100], "bytes=100-": whole.body[100:], "bytes=-50": whole.body[-50:]}.items():
        part = server.get(url, {"Range": value})
        report.check(f"{name}: Range {value}", part.status == 206 and part.body == expected, f"{part.status} {part.headers.get('content-range')}")
    beyond = server.get(url, {"Range": f"bytes={size}-"})
    report.check(f"{name}: a range beyond the end gets 416", beyond.status == 416, beyond.status)
    many = server.get(url, {"Range": "bytes=" + ",".join(f"{i}-{i}" for i in range(1000))})
    report.check(f"{name}: a thousand ranges are no amplification", many.status in (200, 416) and len(many.body) <= size, f"{many.status} {len(many.body)}")
    cors(report, server, f"{name} segment", url)
    future = re.sub(r"\d+(\.\w+)(\?.*)?$", r"99999999\1", url)
    report.check(f"{name}: a segment that is not there yet gets 404", server.get(future).status == 404, server.get(future).status)


def cors(report: Report, server: Server, what: str, url: str):
    answer = server.get(url, {"Origin": "http://player.example"})
    allowed = answer.headers.get("access-control-allow-origin")
    report.check(f"{what}: a page of another origin may read it", allowed in ("*", "http://player.example"), allowed)
    asked = server.get(url, {"Origin": "http://player.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}, "OPTIONS")
    report.check(f"{what}: preflight", asked.status in (200, 204) and "access-control-allow-origin" in asked.headers, asked.status)


main()
