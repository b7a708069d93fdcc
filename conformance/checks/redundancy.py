"""Two ffmpeg encoders in step push to both inputs of a channel; one is killed, paused or throttled. Viewers notice nothing:
hls.js and dash.js play on without a stall or an error, and every frame is there once, in order.

The channels and the players share the machine, so each encoder sends the smallest rendition alone."""

import re
import signal
import sys
import threading
import time
from dataclasses import replace

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from harness import aws, media, players, push, validate
from harness.playback import Monitor, wait_until_listed
from harness.report import Report, shorten
from harness.server import Server
from harness.throttle import Throttle

SECONDS = 330
PLAY_SECONDS = 32
# After the players have started and settled.
FAULT_AFTER = 8
PAUSE_SECONDS = 10
# The smallest rendition and both languages take about 50 kB/s in TS.
THROTTLED_BYTES_PER_SECOND = 20_000
RENDITIONS = media.RENDITIONS[-1:]
PLAYERS = {"hls-groups": "hls.js", "dash-number-timeline": "dash.js"}


class Encoders:
    """Two ffmpeg in step, each on a network of its own that can be throttled. Faults hurt the one that `active` names by
    its ingest endpoint's id."""

    def __init__(self, server: Server, channel: aws.Channel):
        source = media.ladder(SECONDS)
        self.throttles, self.pushes = {}, {}
        for i, ingest in enumerate(channel.ingests):
            throttle = self.throttles[ingest.id] = Throttle(server.port)
            through = replace(ingest, url=throttle.url(ingest.url))
            self.pushes[ingest.id] = push.FfmpegPush(through, source, persistent=True, renditions=RENDITIONS,
                                                     log_name=f"redundancy-{channel.id}-{i}")

    def stop(self):
        for one in self.pushes.values():
            one.process.send_signal(signal.SIGCONT)
            one.stop()
        for throttle in self.throttles.values():
            throttle.close()

    def kill(self, active: str):
        self.pushes[active].stop()

    def pause(self, active: str):
        self.pushes[active].process.send_signal(signal.SIGSTOP)
        time.sleep(PAUSE_SECONDS)
        self.pushes[active].process.send_signal(signal.SIGCONT)

    def slow_down(self, active: str):
        self.throttles[active].limit(THROTTLED_BYTES_PER_SECOND)


FAULTS = {"killed": Encoders.kill, "paused": Encoders.pause, "throttled": Encoders.slow_down}


def main():
    with Report("redundancy") as report, Server("redundancy", ["--limits", "relaxed"]) as server:
        mediapackage = aws.client(server)
        channels = {fault: aws.create_channel(mediapackage, fault) for fault in FAULTS}
        urls = {fault: aws.create_endpoints(mediapackage, channel, tuple(PLAYERS)) for fault, channel in channels.items()}
        encoders = {fault: Encoders(server, channel) for fault, channel in channels.items()}
        try:
            run(report, server, encoders, urls)
        finally:
            for one in encoders.values():
                one.stop()
        report.check("the server is still there at the end", server.alive())
        events = [line for line in server.log_path.read_text().splitlines() if '"InputSwitchEvent"' in line]
        report.check("an event tells of the first switch of every endpoint", len(events) == len(FAULTS) * len(PLAYERS),
                     f"{len(events)} events")


def run(report: Report, server: Server, encoders: dict[str, Encoders], urls: dict[str, dict[str, str]]):
    named = {f"{fault} {name}": url for fault, of_channel in urls.items() for name, url in of_channel.items()}
    missing = wait_until_listed(server, named, 4, 40)
    if missing:
        report.fail("every endpoint lists segments", missing)
        return
    monitors = [Monitor(server, name, url).start() for name, url in named.items()]
    plays = [{"name": name, "player": PLAYERS[name.split(" ")[1]], "url": url} for name, url in named.items()]
    results = []
    browser = threading.Thread(target=lambda: results.extend(players.play(report, plays, len(plays), PLAY_SECONDS)))
    browser.start()
    time.sleep(FAULT_AFTER + 5)
    before = active_inputs(server)
    faults = [threading.Thread(target=FAULTS[fault], args=(one, before[f"{fault}-hls-groups"])) for fault, one in encoders.items()]
    for thread in faults:
        thread.start()
    for thread in [*faults, browser]:
        thread.join()
    for monitor in monitors:
        monitor.stop()
    after = active_inputs(server)
    for monitor in monitors:
        fault, name = monitor.name.split(" ")
        endpoint = f"{fault}-{name}"
        report.check(f"{fault}: {name} plays the other input", before.get(endpoint) and after.get(endpoint) not in (None, before[endpoint]),
                     f"{before.get(endpoint)} → {after.get(endpoint)}")
        complaints = monitor.complaints + validate.frame_complaints(monitor, media.ladder(SECONDS))
        kept = sum(len(kept.bodies) for kept in monitor.tracks.values())
        report.check(f"{fault}: {name} lists and serves every frame once ({kept} segments)", kept and not complaints, shorten(complaints))
        broken = [text for versions in monitor.manifests.values() for text in versions if b"DISCONTINUITY\n" in text or text.count(b"<Period ") > 1]
        report.check(f"{fault}: {name} shows no discontinuity", not broken, broken[-1:])
    for seen in results:
        problems = players.problems_of(seen, PLAY_SECONDS)
        report.check(f"{seen['name']}: {seen['player']} plays on for {PLAY_SECONDS} s", not problems,
                     shorten(problems) or f"{seen.get('playedSeconds', 0):.1f} s, {seen.get('framesInPlay')} pictures")
    report.check("every player was judged", len(results) == len(plays), len(results))


def active_inputs(server: Server) -> dict[str, str]:
    """The ingest endpoint that each origin endpoint plays, by its id, as the metrics tell."""
    text = server.get("/_openmediapackage/metrics").text
    active = {}
    for line in text.splitlines():
        if line.startswith("mediapackage_active_input{") and line.endswith(" 1"):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
            active[labels["origin_endpoint_id"]] = labels["ingest_endpoint"]
    return active


main()
