"""Start-over over HTTP and in real players: every kind of answer, and a window that becomes fixed while it plays."""

import re
import sys
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from harness import aws, media, players, push
from harness.playback import wait_until_listed
from harness.report import Report, shorten
from harness.server import Server

NAMES = ("hls-groups", "dash-number-timeline", "dash-time-timeline")
WINDOW = 3600
PLAY_SECONDS = 12


def create(mediapackage, channel) -> dict[str, str]:
    urls = {}
    for name in NAMES:
        answer = mediapackage.create_origin_endpoint(ChannelId=channel.id, Id=f"{channel.id}-{name}",
                                                     StartoverWindowSeconds=WINDOW, **aws.ENDPOINTS[name])
        urls[name] = answer["Url"]
    return urls


def iso(seconds: int, hours: int = 0) -> str:
    return datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours))).isoformat()


def answers(report: Report, server: Server, url: str, began: int):
    """One line per kind of request; `url` is an HLS parent playlist."""
    folder, file = url.rsplit("/", 1)
    start, end, now = began + 2, began + 10, int(time.time())
    for what, status, wanted in [
        ("epoch seconds in the query", 200, f"{url}?start={start}&end={end}"),
        ("ISO 8601, encoded", 200, f"{url}?start={quote(iso(start), safe='')}&end={quote(iso(end, 2), safe='')}"),
        ("ISO 8601, as it is", 200, f"{url}?start={iso(start)}&end={iso(end, -5)}"),
        ("times in the path", 200, f"{folder}/start/{start}/end/{end}/{file}"),
        ("only a start", 200, f"{folder}/start/{start}/{file}"),
        ("only an end is live", 200, f"{url}?end={end}"),
        ("an end in the future", 200, f"{url}?start={start}&end={now + 600}"),
        ("more than 24 hours", 404, f"{url}?start={start}&end={start + 86_401}"),
        ("a start in the future", 404, f"{url}?start={now + 60}"),
        ("a start before the window", 404, f"{url}?start={now - WINDOW - 60}"),
        ("a range without content", 404, f"{url}?start={began - 600}&end={began - 500}"),
        ("end before start", 400, f"{url}?start={end}&end={start}"),
        ("no time at all", 400, f"{url}?start=yesterday"),
        ("a time without offset", 400, f"{url}?start={iso(start)[:19]}"),
        ("a start twice", 400, f"{folder}/start/{start}/{file}?start={start}"),
    ]:
        answer = server.get(wanted)
        report.check(f"{what}: {status}", answer.status == status, f"{answer.status}")


def shared_urls(report: Report, server: Server, url: str, began: int):
    """All windows lead to the same segments."""
    folder = url.rsplit("/", 1)[0]
    found = []
    for start in (began + 2, began + 4):
        parent = server.get(f"{url}?start={start}&end={began + 12}").text
        child = next(line for line in parent.splitlines() if line and not line.startswith("#"))
        playlist = server.get(f"{folder}/{child}").text
        uris = [line for line in playlist.splitlines() if line and not line.startswith("#")]
        found.append({uri.removeprefix("../../../../") for uri in uris})
        report.check(f"window from {start - began} s: climbs and ends", "#EXT-X-ENDLIST" in playlist
                     and all(uri.startswith("../../../../") for uri in uris), shorten(uris, 1))
    report.check("windows share their segments' URLs", found[1] < found[0], f"{len(found[1])} of {len(found[0])}")


def attributes(mpd: str) -> dict[str, str]:
    """What must not move when an MPD becomes static."""
    period = re.search(r'<Period[^>]* start="([^"]*)"', mpd)
    offsets = re.findall(r'presentationTimeOffset="([^"]*)"', mpd)
    times = re.findall(r'<S t="([^"]*)"', mpd)
    return {"period": period and period[1], "offsets": offsets, "times": times,
            "names": re.findall(r'media="([^"]*)"', mpd), "start": re.findall(r'startNumber="([^"]*)"', mpd)}


def main():
    with Report("timeshift") as report, Server("timeshift", ["--limits", "relaxed"]) as server:
        mediapackage = aws.client(server)
        channel = aws.create_channel(mediapackage, "shift")
        urls = create(mediapackage, channel)
        began = int(time.time()) + 1
        with push.FfmpegPush(channel.ingests[0], media.ladder(60), persistent=True, log_name="timeshift-push"):
            missing = wait_until_listed(server, urls, 9, 60)
            if missing:
                return report.fail("plays before it is shifted", missing)
            began += 2
            answers(report, server, urls["hls-groups"], began)
            shared_urls(report, server, urls["hls-groups"], began)
            flip = int(time.time()) + 5
            windows = {name: f"{url}?start={began}&end={flip}" for name, url in urls.items()}
            before = {name: server.get(url).text for name, url in windows.items() if "dash" in name}
            # Players begin while the window grows and play on after it has become fixed.
            seen = players.play(report, [{"name": name, "player": player, "url": windows[name]} for name, player in
                                         [("hls-groups", "hls.js"), ("dash-number-timeline", "dash.js"),
                                          ("dash-time-timeline", "shaka")]], 3, PLAY_SECONDS)
            for one in seen:
                problems = [one[key] for key in ("problem", "pageError") if one.get(key)] + one.get("errors", [])
                report.check(f"{one['name']} in {one['player']}: plays over the flip", not problems
                             and one.get("playedSeconds", 0) > 3, shorten(problems) or f"{one.get('playedSeconds', 0):.1f} s")
            while time.time() < flip + 6:
                time.sleep(0.5)
            for name, text in before.items():
                after = server.get(windows[name]).text
                report.check(f"{name}: dynamic, then static", 'type="dynamic"' in text and 'type="static"' in after)
                report.check(f"{name}: nothing moves", attributes(text) == attributes(after),
                             f"{attributes(text)} {attributes(after)}" if attributes(text) != attributes(after) else "")
        fixed = [{"name": f"{name} fixed", "player": player, "url": windows[name]} for name, player in
                 [("hls-groups", "hls.js"), ("dash-number-timeline", "dash.js"), ("dash-number-timeline", "shaka")]]
        for one in players.play(report, fixed, 3, 6):
            problems = [one[key] for key in ("problem", "pageError") if one.get(key)] + one.get("errors", [])
            report.check(f"{one['name']} in {one['player']}: plays", not problems and one.get("playedSeconds", 0) > 3,
                         shorten(problems) or f"{one.get('playedSeconds', 0):.1f} s")


if __name__ == "__main__":
    main()
