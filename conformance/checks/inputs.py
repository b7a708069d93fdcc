"""Inputs beside video and audio: subtitles, captions, cues and timed metadata, pushed and played."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urljoin

sys.path.insert(0, __file__.rsplit("/", 2)[0])

import threefive
from lxml import etree
from threefive.encode import mk_splice_insert

from harness import aws, media, messages, paths, push, validate
from harness.playback import MPD, Monitor, dash_tracks, hls_entries, wait_until_listed
from harness.report import Report, shorten
from harness.server import Server

SECONDS = 60
PLAY_SECONDS = 8
LANGUAGES = {"seng": "eng", "sfra": "fra"}
TTML = "{http://www.w3.org/ns/ttml}"
ENDPOINTS = {
    "hls": aws.HLS_MUXED,
    "cmaf": {"CmafPackage": {"SegmentDurationSeconds": 4, "HlsManifests": [{"Id": "main", "ManifestName": "index"}]}},
    "ads": {"HlsPackage": {"SegmentDurationSeconds": 2, "AdMarkers": "SCTE35_ENHANCED", "PlaylistWindowSeconds": 60}},
    "passed": {"HlsPackage": {"SegmentDurationSeconds": 2, "AdMarkers": "PASSTHROUGH", "PlaylistWindowSeconds": 60}},
    "dash": aws.dash("NUMBER_WITH_TIMELINE"),
    "dash-time": aws.dash("TIME_WITH_TIMELINE"),
}
CUES_LEFT_OUT = {7, 8}


def main():
    with Report("inputs") as report, Server("inputs", ["--limits", "relaxed"]) as server:
        source = push.segmented(media.ladder(SECONDS))
        folder = with_subtitles(source)
        mediapackage = aws.client(server)
        channel = aws.create_channel(mediapackage, "texts")
        urls = {
            name: mediapackage.create_origin_endpoint(ChannelId=channel.id, Id=f"texts-{name}", **settings)["Url"]
            for name, settings in ENDPOINTS.items()
        }
        urls["cmaf"] = manifest_of(mediapackage, "texts-cmaf")
        ingest = channel.ingests[0]

        def put(files):
            return push.curl_put(ingest.folder, ingest.username, ingest.password, files)

        with TaggedPush(put, folder, burst=6, count=16, change=change) as pusher:
            missing = wait_until_listed(server, urls, 3, 40)
            report.check("every endpoint lists segments", not missing, missing)
            monitors = [Monitor(server, name, url).start() for name, url in urls.items() if name not in missing]
            time.sleep(6)
            first = messages.first_pts((folder / "channel_v360_0.ts").read_bytes())
            for name in ("hls", "cmaf"):
                hls_subtitles(report, server, name, urls[name], first)
            for name in ("dash", "dash-time"):
                dash_subtitles(report, server, name, urls[name])
            play(report, urls)
            # Past the periods without subtitles, the cue and the tags.
            pusher.wait(60)
            timed_messages(report, server, urls)
            for name in ("hls", "cmaf"):
                hls_subtitles(report, server, name, urls[name], first, "at the end")
            for monitor in monitors:
                monitor.stop()
                report.check(f"{monitor.name}: monotone beside subtitles that stop and come back", not monitor.complaints,
                             shorten(monitor.complaints))
                held_up(report, monitor)
            refused = [status for status in pusher.statuses if not 200 <= status < 300]
            # Per period three videos, two of audio, two of subtitles, as many playlists, and the parent.
            expected = 16 * (7 + 7 + 1) - len(CUES_LEFT_OUT) * len(LANGUAGES)
            report.check("everything was pushed and taken", not refused and len(pusher.statuses) == expected,
                         f"{len(pusher.statuses)} of {expected}, {refused[:5]}")
        ffmpeg_subtitles(report, server, mediapackage)
        report.check("the server is still there at the end", server.alive())


def manifest_of(mediapackage, endpoint: str) -> str:
    return mediapackage.describe_origin_endpoint(Id=endpoint)["CmafPackage"]["HlsManifests"][0]["Url"]


class TaggedPush(push.FolderPush):
    """Its playlists have ad tags around segments 9 and 10."""

    def _playlist(self, name, number, step):
        lines = super()._playlist(name, number, step).splitlines()
        tagged = []
        for line in lines:
            tags = {f"{name}_9.ts": "#EXT-X-CUE-OUT:4.000", f"{name}_11.ts": "#EXT-X-CUE-IN"}.get(line)
            tagged += [tags, line] if tags else [line]
        return "\n".join(tagged) + "\n"


def change(name: str, body: bytes):
    """Messages in the video; of two periods no subtitles are sent."""
    number = int(name.rsplit("_", 1)[1].split(".")[0])
    if name.endswith(".vtt"):
        return None if number in CUES_LEFT_OUT else body
    if "_v" not in name:
        return body
    start = messages.first_pts(body)
    tags = [(start + 4500, messages.id3_text(f"segment {number}"))]
    cues = [splice_insert(number, start + 360_000)] if number == 7 else []
    return messages.with_messages(body, cues, tags)


def splice_insert(event: int, pts: int) -> bytes:
    """A splice_info_section that threefive encodes: out of the network for four seconds."""
    return bytes(mk_splice_insert(event, pts / 90_000, 4.0, out=True).bites)


def with_subtitles(source: Path) -> Path:
    """The ladder's folder with two subtitle streams (a cue a second, a map, each file with its segment's cues) and with
    captions told of in the parent playlist."""
    folder = source.with_suffix(".texts")
    if folder.exists():
        return folder
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source, unfinished)
    entries = push.parse_media_playlist((source / "channel_v360.m3u8").read_text())
    first = messages.first_pts((source / entries[0][0]).read_bytes())
    parent = (source / "channel.m3u8").read_text()
    media_lines = ['#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="English CC",LANGUAGE="eng",INSTREAM-ID="CC1"']
    for name, language in LANGUAGES.items():
        media_lines.append(f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="{language}",LANGUAGE="{language}",'
                           f'URI="channel_{name}.m3u8"')
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:0"]
        begin = 0.0
        for number, (_, seconds) in enumerate(entries):
            text = f"WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{first}\n\n"
            for second in range(int(begin + 0.999), int(begin + seconds + 0.999)):
                text += f"{clock(second)} --> {clock(second + 0.9)} line:90%\n<i>{language}</i> {second}\n\n"
            (unfinished / f"channel_{name}_{number}.vtt").write_text(text)
            lines += [f"#EXTINF:{seconds:.6f},", f"channel_{name}_{number}.vtt"]
            begin += seconds
        (unfinished / f"channel_{name}.m3u8").write_text("\n".join(lines) + "\n")
    parent = parent.replace("#EXT-X-STREAM-INF", "\n".join(media_lines) + "\n#EXT-X-STREAM-INF", 1)
    (unfinished / "channel.m3u8").write_text(parent)
    unfinished.rename(folder)
    return folder


def clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{seconds % 60:06.3f}"


def parse_clock(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def subtitle_playlists(url: str, text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        if line.startswith("#EXT-X-MEDIA:TYPE=SUBTITLES") and 'GROUP-ID="subtitles"' in line:
            found[re.search(r'LANGUAGE="([^"]+)"', line)[1]] = urljoin(url, re.search(r'URI="([^"]+)"', line)[1])
    return found


def hls_subtitles(report, server, name, url, first_pts, when="at first"):
    parent = server.get(url).text
    name = f"{name} {when}"
    playlists = subtitle_playlists(url, parent)
    report.check(f"{name}: subtitles of both languages are offered", set(playlists) == set(LANGUAGES.values()), playlists)
    defaults = re.findall(r'TYPE=SUBTITLES.*NAME="(\w+)",DEFAULT=YES,AUTOSELECT=YES', parent)
    report.check(f"{name}: the first one is the default", defaults == ["eng"], defaults)
    variants = [line for line in parent.splitlines() if line.startswith("#EXT-X-STREAM-INF")]
    report.check(f"{name}: variants name subtitles and captions",
                 variants and all('SUBTITLES="subtitles"' in v and 'CLOSED-CAPTIONS="captions"' in v for v in variants))
    report.check(f"{name}: captions are told of", 'TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",INSTREAM-ID="CC1"' in parent)
    for language, playlist in playlists.items():
        entries = hls_entries(playlist, server.get(playlist).text)
        problems, seconds = [], []
        for entry in entries:
            answer = server.get(entry.url)
            if answer.status != 200 or answer.headers.get("content-type") != "text/vtt" or entry.gap:
                problems.append(f"{entry.url}: {answer.status} {answer.headers.get('content-type')}")
                continue
            wrong, found = judge_webvtt(answer.text, language, first_pts)
            problems += [f"{entry.url}: {problem}" for problem in wrong]
            seconds += found
        report.check(f"{name}: {language} segments have the cues where they belong", entries and not problems, shorten(problems))
        # The first period after a pause may be lost: while subtitles are missing, media does not wait for them.
        lost = set(range(seconds[0], seconds[-1] + 1)) - set(seconds) if seconds else set()
        may_be_lost = {second for period in [*CUES_LEFT_OUT, max(CUES_LEFT_OUT) + 1] for second in (2 * period, 2 * period + 1)}
        report.check(f"{name}: no other {language} cue is lost, none is doubled",
                     seconds and seconds == sorted(set(seconds)) and lost <= may_be_lost, f"{seconds}")


def timed_messages(report, server, urls):
    """The cue and the tags come out as they went in."""
    parent = server.get(urls["ads"]).text
    child = urljoin(urls["ads"], next(line for line in parent.splitlines() if line.endswith(".m3u8") and not line.startswith("#")))
    text = server.get(child).text
    found = re.findall(r"#EXT-OATCLS-SCTE35:(\S+)", text)
    cue = threefive.Cue(found[0]) if found else None
    decoded = cue and cue.decode() and cue.command
    report.check("ads: the cue of the SCTE-35 stream is in the playlist", decoded and decoded.splice_event_id == 7
                 and decoded.break_duration == 4.0, found or text[-300:])
    text = server.get(urljoin(urls["passed"], "index_1.m3u8")).text
    report.check("passed: the encoder's ad tags are in the playlist", "#EXT-X-CUE-OUT:4.000" in text and "#EXT-X-CUE-IN" in text, text[-300:])
    body = server.get(urls["dash"]).body
    schemes = {stream.get("schemeIdUri") for stream in etree.fromstring(body).iter(f"{MPD}InbandEventStream")}
    report.check("dash: the MPD tells of ID3 in the segments", "https://aomedia.org/emsg/ID3" in schemes, schemes)
    video = next(track for track in dash_tracks(urls["dash"], body, time.time()) if "_video_" in track.entries[0].url)
    told = [int(n) for entry in video.entries for n in re.findall(rb"segment (\d+)\0", server.get(entry.url).body)]
    report.check("dash: each tag is carried once", told and told == list(range(told[0], told[0] + len(told))), told)


def judge_webvtt(text: str, language: str, first_pts: int) -> tuple[list[str], list[int]]:
    """What is wrong with a file, and the seconds its cues tell. A cue's time through the map must be that of the picture
    it was written for."""
    header = re.match(r"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:(\d+),LOCAL:([0-9:.]+)\n\n", text)
    if not header:
        return [f"begins with {text[:60]!r}"], []
    mpegts, local = int(header[1]), parse_clock(header[2])
    problems, seconds = [], []
    for begin, end, settings, body in re.findall(r"([0-9:.]+) --> ([0-9:.]+) ?(.*)\n(.+)\n", text):
        match = re.fullmatch(rf"<i>{language}</i> (\d+)", body)
        if not match or settings != "line:90%":
            problems.append(f"cue {body!r} with settings {settings!r}")
            continue
        second = int(match[1])
        seconds.append(second)
        shown = mpegts / 90_000 + parse_clock(begin) - local - first_pts / 90_000
        if abs(shown - second) > 0.002 or abs(parse_clock(end) - parse_clock(begin) - 0.9) > 0.002:
            problems.append(f"cue {second} is shown at {shown:.3f}")
    return problems, seconds


def dash_subtitles(report, server, name, url):
    body = server.get(url).body
    mpd = etree.fromstring(body)
    schema = paths.dash_schema()
    if schema:
        report.check(f"{name}: the MPD with subtitles and captions is valid", not validate.DashSchema(schema).complaints(body))
    captions = [d.get("value") for d in mpd.iter(f"{MPD}Accessibility")]
    report.check(f"{name}: captions are told of", captions and set(captions) == {"CC1=eng"}, captions)
    sets = [s for s in mpd.iter(f"{MPD}AdaptationSet") if s.get("contentType") == "text"]
    languages = sorted({s.get("lang") for s in sets})
    report.check(f"{name}: there is a set for each language", languages == ["eng", "fra"], languages)
    codecs = {r.get("codecs") for s in sets for r in s.iter(f"{MPD}Representation")}
    report.check(f"{name}: it is TTML in fMP4", codecs == {"stpp"} and {s.get("mimeType") for s in sets} == {"application/mp4"}, codecs)
    tracks = dash_tracks(url, body, time.time())
    video = next(track for track in tracks if "video" in track.entries[0].url)
    texts = [track for track in tracks if "_text_" in track.entries[0].url]
    for track in texts:
        problems, told = [], []
        for entry, beside in zip(track.entries, video.entries):
            answer = server.get(entry.url)
            document = re.search(rb"<\?xml.*</tt>", answer.body, re.S)
            if answer.status != 200 or not document:
                problems.append(f"{entry.url}: {answer.status}")
                continue
            start = int(entry.start) / 90_000
            for paragraph in etree.fromstring(document[0]).iter(f"{TTML}p"):
                second = int("".join(paragraph.itertext()).split()[-1])
                told.append(second)
                begin = parse_clock(paragraph.get("begin"))
                if not start - 0.002 <= begin < start + entry.duration:
                    problems.append(f"cue {second} at {begin} in a segment from {start}")
                # Video segments are cut at whole two seconds of the source.
                if abs(begin - start - second % 2) > 0.05 or abs(start - int(beside.start) / 30_000) > 0.05:
                    problems.append(f"cue {second} is {begin - start:.3f} s into its segment, video {int(beside.start) / 30_000}")
        report.check(f"{name}: documents have the cues where they belong", told and not problems, shorten(problems))
    initial = server.get(texts[0].init_url).body
    report.check(f"{name}: the initialization segment is of text", b"stpp" in initial and b"subt" in initial and b"sthd" in initial)


def held_up(report, monitor):
    """Subtitles that are missing for two periods leave no gap in the video."""
    gaps = [entry.number for kept in monitor.tracks.values() for entry in kept.entries.values() if entry.gap]
    report.check(f"{monitor.name}: missing subtitles leave no gap", not gaps, gaps)


def play(report, urls):
    plays = [{"name": "hls", "player": "hls.js", "url": urls["hls"]}, {"name": "dash", "player": "shaka", "url": urls["dash"]},
             {"name": "dash", "player": "dash.js", "url": urls["dash"]}, {"name": "cmaf", "player": "hls.js", "url": urls["cmaf"]}]
    job = json.dumps({"seconds": PLAY_SECONDS, "parallel": 2, "plays": plays})
    result = subprocess.run(["node", str(paths.CONFORMANCE / "browser" / "play.mjs"), job], capture_output=True, text=True,
                            timeout=180)
    if result.returncode:
        return report.fail("the browser runs", result.stderr[-400:])
    (paths.LOGS / "inputs-players.json").write_text(result.stdout)
    for seen in json.loads(result.stdout):
        who = f"{seen['player']} plays {seen['name']}"
        errors = [seen[key] for key in ("problem", "pageError") if seen.get(key)] + seen.get("errors", [])
        # hls.js gives up its own loading of subtitles when it chooses their track anew.
        errors = [error for error in errors if not ("aborted fatal=false" in error and ".vtt" in error)]
        report.check(f"{who} without an error", not errors, shorten(errors))
        languages = {tag[:2] for tag in seen.get("textLanguages", []) if tag}
        report.check(f"{who}: it finds both subtitle languages", languages == {"en", "fr"}, seen.get("textLanguages"))
        shown = [text for _, _, text in seen.get("cues", [])]
        told = [text for text in [*shown, seen.get("subtitlesShown", "")] if "eng" in text]
        report.check(f"{who}: it shows English subtitles", told, told[:2] or shown[:3])


def ffmpeg_subtitles(report, server, mediapackage):
    """ffmpeg's own subtitles: plain cues without a map, and a playlist that comes by POST."""
    source = media.ladder(SECONDS)
    script = paths.TOOLS / "scratch" / "inputs.srt"
    script.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{s + 1}\n{clock(s).replace('.', ',')} --> {clock(s + 0.9).replace('.', ',')}\nline {s}\n" for s in range(SECONDS)]
    script.write_text("\n".join(lines))
    channel = aws.create_channel(mediapackage, "ffmpeg-texts")
    url = mediapackage.create_origin_endpoint(ChannelId=channel.id, Id="ffmpeg-texts-hls", **aws.HLS_MUXED)["Url"]
    base = channel.ingests[0].folder_with_credentials
    command = ["ffmpeg", "-nostdin", "-loglevel", "warning", "-re", "-i", str(source), "-i", str(script), "-map", "0:v:0", "-map", "0:a:0",
               "-map", "1:s:0", "-b:v", "600k", "-c:v", "copy", "-c:a", "copy", "-c:s", "webvtt", "-f", "hls", "-hls_time", "2",
               "-hls_list_size", "5", "-hls_flags", "program_date_time+independent_segments",
               "-master_pl_name", "channel.m3u8", "-master_pl_publish_rate", "1",
               "-var_stream_map", "v:0,a:0,s:0,sgroup:subs,language:eng", "-method", "PUT", "-http_persistent", "1",
               "-hls_segment_filename", f"{base}/v%v_%d.ts", f"{base}/v%v.m3u8"]
    with open(paths.LOGS / "inputs-ffmpeg.log", "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        missing = wait_until_listed(server, {"ffmpeg": url}, 3, 40)
        playlists = subtitle_playlists(url, server.get(url).text) if not missing else {}
        texts = []
        for playlist in playlists.values():
            texts = [server.get(entry.url).text for entry in hls_entries(playlist, server.get(playlist).text)]
        cues = [int(number) for text in texts for number in re.findall(r"^line (\d+)$", text, re.M)]
        report.check("ffmpeg: its subtitles are offered", bool(playlists), missing or server.get(url).text[:200])
        expected = list(range(cues[0], cues[-1] + 1)) if cues else None
        report.check("ffmpeg: its cues come once each and in order", cues and cues == expected, cues)
    finally:
        process.kill()
        process.wait()


main()
