"""kill -9 while an encoder pushes; what was promised before holds afterwards."""

import sys
import time

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from harness import aws, media, push, validate
from harness.playback import Monitor, wait_until_listed
from harness.report import Report, shorten
from harness.server import Server

SECONDS = 60
NAMES = ("hls-muxed", "hls-groups", "dash-number-timeline", "dash-time-timeline")


def main():
    with Report("restart") as report, Server("restart") as server:
        source = media.ladder(SECONDS)
        mediapackage = aws.client(server)
        channel = aws.create_channel(mediapackage, "restart")
        urls = aws.create_endpoints(mediapackage, channel, NAMES)
        # Not persistent: ffmpeg opens a connection for every object, so it goes on by itself after the restart.
        with push.FfmpegPush(channel.ingests[0], source, persistent=False, log_name="restart-push"):
            missing = wait_until_listed(server, urls, 4, 40)
            if missing:
                report.fail("plays before the restart", missing)
                return
            monitors = {name: Monitor(server, name, url) for name, url in urls.items()}
            for monitor in monitors.values():
                monitor.tolerate_outage = True
                monitor.poll()
                monitor.start()
            time.sleep(4)
            server.kill()
            for monitor in monitors.values():
                monitor.stop()
            server.start()
            report.check("is ready again after kill -9", True, f"{server.seconds_to_ready * 1000:.0f} ms")
            before = {name: {key: list(kept.newest_list) for key, kept in m.tracks.items()} for name, m in monitors.items()}
            after_urls = {e["Id"].removeprefix("restart-"): e["Url"] for e in mediapackage.list_origin_endpoints()["OriginEndpoints"]}
            report.check("endpoints have the same URLs", after_urls == urls)
            for name, monitor in monitors.items():
                check_window(report, server, name, monitor, before[name])
            still = {name: max(k.newest_list[-1] for k in m.tracks.values()) for name, m in monitors.items()}
            time.sleep(10)
            for name, monitor in monitors.items():
                monitor.poll()
                newest = max(k.newest_list[-1] for k in monitor.tracks.values())
                report.check(f"{name}: new segments follow after the restart", newest > still[name], f"{still[name]} to {newest}")
        for name, monitor in monitors.items():
            report.check(f"{name}: monotone across the restart", not monitor.complaints, shorten(monitor.complaints))
            # What was pushed while nobody listened is missing, so only the window of before is one run of the source.
            for key, kept in monitor.tracks.items():
                kept.bodies = {n: body for n, body in kept.bodies.items() if n <= before[name][key][-1]}
            complaints = validate.frame_complaints(monitor, source)
            report.check(f"{name}: frames of before are the pushed ones", not complaints, shorten(complaints))


def check_window(report: Report, server: Server, name: str, monitor: Monitor, before: dict[str, list[int]]):
    """Every segment listed before the kill is still there, byte for byte; the manifest's numbers have not gone back."""
    lost = []
    for kept in monitor.tracks.values():
        for number in kept.newest_list:
            if number in kept.bodies:
                answer = server.get(kept.entries[number].url)
                if answer.status != 200 or answer.body != kept.bodies[number]:
                    lost.append(f"{kept.entries[number].url}: {answer.status}")
    report.check(f"{name}: the window of before is still there, byte for byte", not lost, shorten(lost))
    monitor.poll()
    back = [f"{key}: {numbers[-1]} to {monitor.tracks[key].newest_list[-1]}" for key, numbers in before.items()
            if monitor.tracks[key].newest_list[-1] < numbers[-1]]
    report.check(f"{name}: sequence numbers go on", not back, shorten(back))


main()
