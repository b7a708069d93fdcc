"""Things that go wrong at the encoder: credentials change, an input stops, segments arrive broken.

Without AWS's quota of 50 ingest requests a second, because most segments are pushed in a burst to save time."""

import sys
import time

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from harness import aws, media, push, validate
from harness.playback import Monitor, wait_until_listed
from harness.report import Report, shorten
from harness.server import Server

SECONDS = 60
NAMES = ("hls-groups", "dash-number-timeline")


def put_to(ingest: aws.Ingest):
    return lambda files: push.curl_put(ingest.folder, ingest.username, ingest.password, files)


def main():
    with Report("faults") as report, Server("faults", ["--limits", "relaxed"]) as server:
        folder = push.segmented(media.ladder(SECONDS))
        mediapackage = aws.client(server)
        broken(report, server, mediapackage, folder)
        rotation(report, server, mediapackage, folder)
        failover(report, server, mediapackage, folder)
        report.check("the server is still there at the end", server.alive())


def broken(report, server, mediapackage, folder):
    """Truncated, garbage, empty and missing segments leave a gap; the channel beside it does not notice."""
    hurt, healthy = aws.create_channel(mediapackage, "hurt"), aws.create_channel(mediapackage, "healthy")
    hurt_urls = aws.create_endpoints(mediapackage, hurt, NAMES)
    healthy_urls = aws.create_endpoints(mediapackage, healthy, NAMES)

    def change(name: str, body: bytes):
        number = int(name.rsplit("_", 1)[1].removesuffix(".ts"))
        return {3: bytes(i * 7 % 256 for i in range(len(body))), 5: b"", 6: None, 8: body[: len(body) // 2 + 77]}.get(number, body)

    with (push.FolderPush(put_to(hurt.ingests[0]), folder, burst=12, count=12, change=change) as hurt_push,
          push.FolderPush(put_to(healthy.ingests[0]), folder, burst=12, count=12) as healthy_push):
        hurt_push.wait(60)
        healthy_push.wait(60)
    refused = sorted(set(s for s in hurt_push.statuses if s >= 500))
    report.check("broken segments are never answered with 5xx", hurt_push.statuses and not refused, refused)
    for name in NAMES:
        monitor = Monitor(server, name, healthy_urls[name])
        monitor.poll()
        complaints = monitor.complaints + validate.frame_complaints(monitor, media.ladder(SECONDS), from_first=True)
        report.check(f"{name}: a healthy channel beside a broken one plays every frame", not complaints, shorten(complaints))
        monitor = Monitor(server, name, hurt_urls[name])
        # A listed segment that never comes is waited for 3 s before it is given up (docs/behaviour.md).
        deadline, seconds = time.monotonic() + 10, 0
        while seconds < 10 and time.monotonic() < deadline:
            monitor.poll()
            seconds = min(monitor.listed_seconds().values(), default=0)
            time.sleep(0.3)
        report.check(f"{name}: the channel with broken segments plays the others", not monitor.complaints and 10 <= seconds < 24,
                     shorten(monitor.complaints) or f"{seconds:.1f} s listed of 24 s pushed")


def rotation(report, server, mediapackage, folder):
    """Old credentials stop at once, the other URL does not notice, the stream goes on with the new ones."""
    channel = aws.create_channel(mediapackage, "rotated")
    urls = aws.create_endpoints(mediapackage, channel, NAMES)
    with push.FolderPush(put_to(channel.ingests[0]), folder, burst=4, count=4) as first:
        first.wait(60)
    after = aws.rotate(mediapackage, "rotated", channel.ingests[0].id)
    old, new = channel.ingests[0], after.ingests[0]
    report.check("rotation changes name and password and keeps the URL",
                 old.url == new.url and old.username != new.username and old.password != new.password)
    report.check("rotation leaves the other ingest URL alone", channel.ingests[1] == after.ingests[1])
    segment = [("channel_v360_4.ts", folder / "channel_v360_4.ts")]
    report.check("the old credentials are refused", put_to(old)(segment) == [401], put_to(old)(segment))
    with push.FolderPush(put_to(new), folder, first=4, burst=4, count=4) as second:
        second.wait(60)
    report.check("the new credentials are taken", second.statuses and all(200 <= s < 300 for s in second.statuses))
    for name in NAMES:
        monitor = Monitor(server, name, urls[name])
        monitor.poll()
        complaints = monitor.complaints + validate.frame_complaints(monitor, media.ladder(SECONDS), from_first=True)
        report.check(f"{name}: no frame is lost over a rotation", not complaints, shorten(complaints))


def failover(report, server, mediapackage, folder):
    """Two inputs in step; the first dies; the endpoint goes on with the second without a gap or a repeat."""
    channel = aws.create_channel(mediapackage, "failover")
    urls = aws.create_endpoints(mediapackage, channel, NAMES)
    began = time.time()  # Both tell the same wall clock, as redundant encoders do.
    with (push.FolderPush(put_to(channel.ingests[0]), folder, burst=3, count=7, began=began),
          push.FolderPush(put_to(channel.ingests[1]), folder, burst=3, count=16, began=began) as second):
        missing = wait_until_listed(server, urls, 3, 30)
        if missing:
            report.fail("lists segments with two inputs", missing)
            return
        monitors = [Monitor(server, name, url).start() for name, url in urls.items()]
        second.wait(60)
        time.sleep(2)
    for monitor in monitors:
        monitor.stop()
        newest = {str(rendition): seconds for rendition, seconds in monitor.listed_seconds().items()}
        complaints = monitor.complaints + validate.frame_complaints(monitor, media.ladder(SECONDS), from_first=True)
        report.check(f"{monitor.name}: goes on with the second input, no frame lost or repeated", not complaints, shorten(complaints))
        report.check(f"{monitor.name}: has played past the end of the first input", newest and min(newest.values()) > 20,
                     newest)


main()
