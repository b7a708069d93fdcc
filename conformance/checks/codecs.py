"""Every codec that v1 takes, pushed as HLS and read back by ffmpeg through every format: the same pictures and sound.

Each source is a few seconds long, pushed whole and ended, so that a reader gets all of it and comes to an end."""

import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from harness import aws, media, paths, push
from harness.playback import dash_tracks, hls_children, wait_until_listed
from harness.report import Report, shorten
from harness.server import Server

SECONDS = 8
HDR10 = ("colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited:hdr10=1:max-cll=1000,400:"
         "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)")
HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-crf", "40", "-x265-params"]
HEVC_PARAMETERS = "log-level=error:pools=1:scenecut=0:bframes=2:open-gop=0:repeat-headers=1"
AVC = ["-c:v", "libx264", "-preset", "superfast", "-crf", "40", "-sc_threshold", "0", "-pix_fmt", "yuv420p"]


@dataclass(frozen=True)
class Source:
    """What is encoded, and what the manifests must say of it."""

    name: str
    rate: str
    keyframe_frames: int
    video: list[str]
    audio: list[str]
    size: str = "320x180"
    # Patterns that the HLS parent playlists and the MPD must have.
    hls: list[str] = field(default_factory=list)
    mpd: list[str] = field(default_factory=list)
    # What ffprobe must say of the fragmented video and of the audio.
    probed_video: list[str] = field(default_factory=list)
    probed_audio: list[str] = field(default_factory=list)


SOURCES = [
    Source("hdr10", "24000/1001", 48, [*HEVC, f"{HEVC_PARAMETERS}:keyint=48:min-keyint=48:{HDR10}", "-pix_fmt", "yuv420p10le"],
           ["-c:a", "eac3", "-b:a", "192k", "-ac", "6"],
           hls=[r"hvc1\.2\.4\.L60\.90,ec-3", "VIDEO-RANGE=PQ", r"FRAME-RATE=23\.976"],
           mpd=[r'codecs="hvc1\.2\.4\.L60\.90"', 'codecs="ec-3"', 'frameRate="24000/1001"', 'value="F801"',
                r"EssentialProperty schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCharacteristics\" value=\"16\""],
           probed_video=["codec_name=hevc", "codec_tag_string=hvc1", "profile=Main 10", "color_transfer=smpte2084"],
           probed_audio=["codec_name=eac3", "channels=6"]),
    Source("hevc", "50", 100, [*HEVC, f"{HEVC_PARAMETERS}:keyint=100:min-keyint=100", "-pix_fmt", "yuv420p"],
           ["-c:a", "ac3", "-b:a", "128k", "-ac", "2", "-ar", "44100"],
           hls=[r"hvc1\.1\.6\.L\d+\.90,ac-3"], mpd=['codecs="ac-3"', 'value="A000"', 'audioSamplingRate="44100"'],
           probed_video=["codec_name=hevc", "profile=Main"], probed_audio=["codec_name=ac3", "sample_rate=44100"]),
    Source("surround", "30000/1001", 60, [*AVC, "-g", "60"], ["-c:a", "aac", "-b:a", "128k", "-ac", "6"],
           hls=[r"mp4a\.40\.2"], mpd=[r'23003:3:audio_channel_configuration:2011" value="6"'],
           probed_audio=["codec_name=aac", "channels=6"]),
    # ffmpeg's encoder tells 7.1 by a program config element in the frames.
    Source("surround-8", "25", 50, [*AVC, "-g", "50"], ["-c:a", "aac", "-b:a", "160k", "-ac", "8"],
           probed_audio=["codec_name=aac", "channels=8"]),
]


def encoded(source: Source, offset: int = 0) -> Path:
    """A folder with the source as HLS, made once; its timestamps begin `offset` seconds later."""
    folder = paths.MEDIA / (f"codec-{source.name}-{offset}" if offset else f"codec-{source.name}")
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y",
                   "-f", "lavfi", "-i", f"testsrc2=size={source.size}:rate={source.rate}:duration={SECONDS}",
                   "-f", "lavfi", "-i", f"sine=frequency=440:beep_factor=4:sample_rate=48000:duration={SECONDS}",
                   *source.video, *source.audio, "-output_ts_offset", str(offset), "-f", "hls", "-hls_time", "2", "-hls_list_size", "0",
                   "-hls_playlist_type", "vod", "-master_pl_name", "channel.m3u8",
                   "-hls_segment_filename", str(partial / "v_%d.ts"), str(partial / "v.m3u8")]
        subprocess.run(command, check=True)
        partial.rename(folder)
    return folder


def main():
    with Report("codecs") as report, Server("codecs", ["--limits", "relaxed"]) as server:
        mediapackage = aws.client(server)
        for source in SOURCES:
            try_source(report, server, mediapackage, source)
        changed(report, server, mediapackage)
        report.check("the server is still there at the end", server.alive())


CMAF = {"CmafPackage": {"SegmentDurationSeconds": 2, "HlsManifests": [{"Id": "main", "PlaylistWindowSeconds": 60}]}}


def endpoints(mediapackage, channel: aws.Channel) -> dict[str, str]:
    """One endpoint of each format, with a window for all of a source."""
    urls = {}
    for name in ("hls-muxed", "hls-groups", "dash-number-timeline"):
        settings = {kind: {**package, **({"PlaylistWindowSeconds": 60} if kind == "HlsPackage" else {"ManifestWindowSeconds": 60})}
                    for kind, package in aws.ENDPOINTS[name].items()}
        urls[name] = mediapackage.create_origin_endpoint(ChannelId=channel.id, Id=f"{channel.id}-{name}", **settings)["Url"]
    cmaf = mediapackage.create_origin_endpoint(ChannelId=channel.id, Id=f"{channel.id}-cmaf", **CMAF)
    return {**urls, "cmaf": cmaf["CmafPackage"]["HlsManifests"][0]["Url"]}


def push_whole(ingest: aws.Ingest, folder: Path) -> list[int]:
    """All segments, the media playlist with its end, the parent."""
    names = [*(path.name for path in sorted(folder.glob("*.ts"), key=lambda path: int(path.stem.rsplit("_", 1)[1]))),
             "v.m3u8", "channel.m3u8"]
    return push.curl_put(ingest.folder, ingest.username, ingest.password, [(name, folder / name) for name in names])


def decoded_audio(url: str) -> list[str]:
    """MD5 of every decoded audio frame."""
    return media._hashes(url, ["-map", "0:a:0", "-f", "framemd5"])


def try_source(report: Report, server: Server, mediapackage, source: Source):
    folder = encoded(source)
    channel = aws.create_channel(mediapackage, source.name)
    urls = endpoints(mediapackage, channel)
    statuses = push_whole(channel.ingests[0], folder)
    report.check(f"{source.name}: every file is taken", statuses and all(200 <= status < 300 for status in statuses), statuses)
    missing = wait_until_listed(server, urls, 2, 20)
    for name in urls:
        report.check(f"{source.name}: {name} lists it", name not in missing, missing.get(name, ""))
    expected_video = media.video_hashes(str(folder / "v.m3u8"))
    expected_audio = decoded_audio(str(folder / "v.m3u8"))
    for name in [name for name in urls if name not in missing]:
        url = urls[name]
        manifest = server.get(url).text
        patterns = source.mpd if url.endswith(".mpd") else source.hls
        absent = [pattern for pattern in patterns if not re.search(pattern, manifest)]
        report.check(f"{source.name}: {name} tells codec, colour and channels", not absent, f"{absent} not in {manifest}" if absent else "")
        try:
            found_video, found_audio = media.video_hashes(url), decoded_audio(url)
            report.check(f"{source.name}: {name} gives the pushed pictures", found_video == expected_video,
                         compared(found_video, expected_video))
            report.check(f"{source.name}: {name} gives the pushed sound", found_audio == expected_audio,
                         compared(found_audio, expected_audio))
        except RuntimeError as error:
            report.fail(f"{source.name}: {name} is read by ffmpeg", str(error))
        if name in ("cmaf", "dash-number-timeline"):
            probe(report, source, name, url)


def compared(found: list[str], expected: list[str]) -> str:
    if found == expected:
        return f"{len(found)}"
    first = next((at for at, pair in enumerate(zip(found, expected)) if pair[0] != pair[1]), min(len(found), len(expected)))
    return f"{len(found)} instead of {len(expected)}, the first other one is number {first}"


def probe(report: Report, source: Source, name: str, url: str):
    """What ffprobe says of the streams."""
    lines = set(probed(url).split())
    wanted = [word for line in source.probed_video + source.probed_audio for word in line.split(" ")]
    absent = [word for word in wanted if word not in lines]
    report.check(f"{source.name}: {name}, ffprobe finds codec, profile, colour, channels", not absent, f"{absent} not in {sorted(lines)}" if absent else "")


def probed(url: str) -> str:
    entries = "stream=codec_name,codec_tag_string,profile,color_transfer,channels,sample_rate,width"
    result = subprocess.run(["ffprobe", "-v", "error", "-show_entries", entries, "-of", "default=nw=1", url],
                            capture_output=True, text=True, timeout=60)
    return result.stdout + result.stderr


def joined(first: Path, second: Path, name: str, says_so: bool) -> Path:
    """Two sources one after the other in one playlist, with a discontinuity tag between them or without."""
    folder = paths.MEDIA / f"codec-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(first / "channel.m3u8", folder / "channel.m3u8")
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:3", "#EXT-X-MEDIA-SEQUENCE:0"]
    number = 0
    for part, source in enumerate((first, second)):
        if part and says_so:
            lines.append("#EXT-X-DISCONTINUITY")
        for segment, duration in push.parse_media_playlist((source / "v.m3u8").read_text()):
            shutil.copy(source / segment, folder / f"v_{number}.ts")
            lines += [f"#EXTINF:{duration:.6f},", f"v_{number}.ts"]
            number += 1
    (folder / "v.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n")
    return folder


def changed(report: Report, server: Server, mediapackage):
    """The encoder goes on with another resolution and another audio layout: after a discontinuity tag with a new clock,
    or without a word on the same clock."""
    first = Source("small-stereo", "25", 50, [*AVC, "-g", "50"], ["-c:a", "aac", "-b:a", "64k", "-ac", "2"])
    second = Source("large-surround", "25", 50, [*AVC, "-g", "50"], ["-c:a", "aac", "-b:a", "128k", "-ac", "6"], size="640x360")
    expected = [media.video_hashes(str(encoded(source) / "v.m3u8")) for source in (first, second)]
    watch_change(report, server, mediapackage, "changed", joined(encoded(first), encoded(second), "changed", True), expected)
    silent = joined(encoded(first), encoded(second, SECONDS), "changed-silently", False)
    watch_change(report, server, mediapackage, "changed-silently", silent, expected)


def watch_change(report: Report, server: Server, mediapackage, case: str, folder: Path, expected: list[list[str]]):
    channel = aws.create_channel(mediapackage, case)
    urls = endpoints(mediapackage, channel)
    push_whole(channel.ingests[0], folder)
    missing = wait_until_listed(server, urls, 2, 20)
    for name, url in urls.items():
        if name in missing:
            report.fail(f"{case}: {name} lists it", missing[name])
            continue
        if url.endswith(".mpd"):
            periods = server.get(url).text.count("<Period ")
            report.check(f"{case}: {name} has a new period with its own initialization", periods == 2, f"{periods} periods")
        else:
            child = child_of(server, url)
            breaks, maps = child.count("#EXT-X-DISCONTINUITY\n"), child.count("#EXT-X-MAP:")
            holds = breaks == 1 and maps in (0, 2)
            report.check(f"{case}: {name} has a discontinuity", holds, "" if holds else child)
        halves = [segments_of(server, url, half) for half in (0, 1)]
        for half, part, width, wanted in zip(("before", "after"), halves, (320, 640), expected):
            file = paths.LOGS / f"{case}-{name}-{half}.bin"
            file.write_bytes(part)
            found = media.video_hashes(str(file))
            report.check(f"{case}: {name} {half} the change gives the pushed pictures", found == wanted, compared(found, wanted))
            report.check(f"{case}: {name} {half} the change is {width} wide", f"width={width}" in probed(str(file)))


def child_of(server: Server, url: str) -> str:
    children = [child for child in hls_children(url, server.get(url).text) if child[1] == "video"]
    return server.get(children[0][0]).text


def segments_of(server: Server, url: str, half: int) -> bytes:
    """The video of one side of the break: initialization segment, if there is one, and media segments."""
    import time
    if url.endswith(".mpd"):
        tracks = [track for track in dash_tracks(url, server.get(url).body, time.time()) if track.kind == "video"]
        track = tracks[half]
        return b"".join(server.get(part).body for part in [track.init_url, *(entry.url for entry in track.entries)])
    child = next(child[0] for child in hls_children(url, server.get(url).text) if child[1] == "video")
    part = server.get(child).text.split("#EXT-X-DISCONTINUITY\n")[half]
    init = re.search(r'#EXT-X-MAP:URI="([^"]+)"', part)
    names = ([init[1]] if init else []) + [line for line in part.splitlines() if line and not line.startswith("#")]
    return b"".join(server.get(urljoin(child, name)).body for name in names)


main()
