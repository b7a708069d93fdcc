"""`openmediapackage demo`: a channel plays within seconds, with no other tool, and its page shows moving pictures."""

import json
import re
import subprocess
import sys
import time

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from harness import paths, validate
from harness.playback import wait_until_listed
from harness.report import Report, shorten
from harness.server import Server


def main():
    with Report("demo") as report:
        server = Server("demo", command="demo")
        started = time.monotonic()
        with server:
            urls = {}
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and not ({u.rsplit(".", 1)[-1] for u in urls.values()} >= {"m3u8", "mpd"}):
                found = re.findall(r"http://127\.0\.0\.1:\d+/out/v1/\S+?\.(?:m3u8|mpd)", "\n".join(server.output))
                urls = {f"{i} {url.rsplit('/', 1)[-1]}": url for i, url in enumerate(dict.fromkeys(found))}
                time.sleep(0.1)
            report.check("prints HLS and DASH URLs", {u.rsplit(".", 1)[-1] for u in urls.values()} >= {"m3u8", "mpd"}, list(urls.values()))
            missing = wait_until_listed(server, urls, 1, 30)
            report.check("every printed URL plays within seconds", urls and not missing, missing or f"{time.monotonic() - started:.1f} s after start")
            for name, url in urls.items():
                if name not in missing:
                    streams, problem = validate.ffprobe_streams(url)
                    kinds = [s["codec_name"] for s in streams]
                    report.check(f"{name}: ffprobe sees two H.264 renditions and AAC", kinds.count("h264") >= 2 and "aac" in kinds and not problem, f"{kinds} {problem[:100]}")
            pages = [u for u in re.findall(r"http://127\.0\.0\.1:\d+/\S*", "\n".join(server.output)) if "/out/" not in u and "/in/" not in u]
            page = next((u for u in pages if u.rstrip("/") != server.url), pages[0] if pages else None)
            report.check("prints the address of its page", page, pages)
            if page:
                show(report, page)
            status = server.stop()
            report.check("stops by itself on SIGTERM", status == 0, status)


def show(report: Report, page: str):
    script = paths.CONFORMANCE / "browser" / "page.mjs"
    result = subprocess.run(["node", str(script), page, str(paths.LOGS / "demo-page.png")], capture_output=True, text=True, timeout=120)
    if result.returncode:
        report.fail("the page opens", result.stderr[-300:])
        return
    seen = json.loads(result.stdout)
    report.check("the page asks nobody else for anything", not seen["foreign"], seen["foreign"])
    report.check("the page runs without errors", not seen["errors"], shorten(seen["errors"]))
    report.check("the page has a player for HLS and one for DASH", len(seen["videos"]) >= 1, seen["videos"])
    for i, video in enumerate(seen["videos"]):
        report.check(f"video {i} of the page shows moving pictures", video["moves"] and video["colours"] > 20,
                     f"{video['changedPixels']} of {video['pixels']} pixels changed, {video['colours']} colours")


main()
