"""A ladder pushed by ffmpeg to both ingest URLs is played for minutes by every reader we have."""

import sys
import threading

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from harness import aws, media, paths, players, push, validate
from harness.playback import Monitor, wait_until_listed
from harness.report import Report, shorten
from harness.server import Server

PLAY_SECONDS = 30
PLAYS = [
    ("hls.js", "hls-muxed"), ("dash.js", "dash-number-timeline"), ("shaka", "dash-time-timeline"),
    ("hls.js", "hls-groups"), ("dash.js", "dash-time-timeline"), ("shaka", "dash-number-duration"),
    ("shaka", "hls-groups"), ("dash.js", "dash-number-duration"), ("shaka", "dash-number-timeline"),
    ("shaka", "hls-muxed"),
]


def main():
    with Report("live") as report:
        source = media.ladder()
        for i in range(len(media.RENDITIONS)):
            media.cached_hashes("video", source, f"0:v:{i}")
        for i in range(len(media.LANGUAGES)):
            media.cached_hashes("audio", source, f"0:a:{i}")
        with Server("live") as server:
            mediapackage = aws.client(server)
            channel = aws.create_channel(mediapackage, "ladder")
            urls = aws.create_endpoints(mediapackage, channel)
            with (push.FfmpegPush(channel.ingests[0], source, persistent=True, log_name="live-push-0"),
                  push.FfmpegPush(channel.ingests[1], source, persistent=False, log_name="live-push-1")):
                run(report, server, urls)
            report.check("the server is still there at the end", server.alive())
            answers = {name: server.get(url).status for name, url in urls.items()}
            report.check("manifests still answer 200 when the encoders have stopped", set(answers.values()) == {200}, answers)
            status = server.stop()
            report.check("it stops by itself on SIGTERM", status == 0, f"status {status}")


def run(report: Report, server: Server, urls: dict[str, str]):
    missing = wait_until_listed(server, urls, 4, 60)
    for name in urls:
        report.check(f"{name}: lists segments while ffmpeg pushes to both URLs", name not in missing, missing.get(name, ""))
    live = {name: url for name, url in urls.items() if name not in missing}
    monitors = [Monitor(server, name, url).start() for name, url in live.items()]
    probes = threading.Thread(target=lambda: probe(report, live))
    probes.start()
    play(report, live)
    probes.join()
    schema_path = paths.dash_schema()
    schema = validate.DashSchema(schema_path) if schema_path else None
    for monitor in monitors:
        monitor.stop()
    for monitor in monitors:
        polls = max((kept.polls for kept in monitor.tracks.values()), default=0)
        kept = sum(len(k.bodies) for k in monitor.tracks.values())
        report.check(f"{monitor.name}: monotone over {polls} polls, all {kept} listed segments fetched", kept and not monitor.complaints,
                     shorten(monitor.complaints))
        validate.validate_monitor(report, monitor, schema)
        complaints = validate.frame_complaints(monitor, media.ladder())
        report.check(f"{monitor.name}: pictures and audio frames equal the pushed ones", not complaints, shorten(complaints))


def probe(report: Report, urls: dict[str, str]):
    for name, url in urls.items():
        streams, problem = validate.ffprobe_streams(url)
        sizes = sorted({(s["width"], s["height"]) for s in streams if s["codec_type"] == "video"})
        audio = sum(s["codec_type"] == "audio" for s in streams)
        expected = sorted({(r.width, r.height) for r in media.RENDITIONS})
        report.check(f"{name}: ffprobe sees three renditions and audio", sizes == expected and audio and not problem,
                     f"{sizes} {audio} audio {problem[:200]}")


def play(report: Report, urls: dict[str, str]):
    plays = [{"name": name, "player": player, "url": urls[name]} for player, name in PLAYS if name in urls]
    results = players.play(report, plays, 2, PLAY_SECONDS)
    # Two browsers and the encoders share the machine: what fell short is tried once more alone, and that counts.
    short = {(seen["name"], seen["player"]) for seen in results if players.problems_of(seen, PLAY_SECONDS)}
    again = [one for one in plays if (one["name"], one["player"]) in short]
    alone = players.play(report, again, 1, PLAY_SECONDS) if again else []
    for seen in [*(seen for seen in results if not players.problems_of(seen, PLAY_SECONDS)), *alone]:
        judge(report, seen)


def judge(report: Report, seen: dict):
    problems, played, frames = players.problems_of(seen, PLAY_SECONDS), seen.get("playedSeconds", 0), seen.get("framesInPlay", 0)
    report.check(f"{seen['player']} plays {seen['name']} for {PLAY_SECONDS} s", not problems,
                 shorten(problems) or f"{played:.1f} s, {frames} pictures, {seen.get('droppedInPlay')} dropped, {seen.get('height')}p")


main()
