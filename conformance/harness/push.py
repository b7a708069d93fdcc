"""Encoders: what pushes the ladder to an ingest URL, in real time."""

import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from . import media, paths
from .aws import Ingest


class FfmpegPush:
    """ffmpeg's HLS muxer with `-method PUT`, copying the ladder as it stands."""

    def __init__(self, ingest: Ingest, source: Path, persistent: bool, segment_seconds: int = 2, renditions=None,
                 log_name: str = "ffmpeg-push", real_time: bool = True, skip_seconds: int = 0):
        paths.LOGS.mkdir(parents=True, exist_ok=True)
        self.log = open(paths.LOGS / f"{log_name}.log", "w")
        self.command = ffmpeg_hls(source, segment_seconds, renditions, real_time, skip_seconds) + [
            "-method", "PUT", "-http_persistent", "1" if persistent else "0",
            "-hls_segment_filename", f"{ingest.folder_with_credentials}/%v_%d.ts",
            f"{ingest.folder_with_credentials}/%v.m3u8",
        ]
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it as a crash would: no last playlist."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.log.close()


def ffmpeg_hls(source: Path, segment_seconds: int, renditions=None, real_time: bool = True, skip_seconds: int = 0) -> list[str]:
    """The ffmpeg command up to the output: HLS of the ladder with its audio languages as a group."""
    renditions = renditions or media.RENDITIONS
    command = ["ffmpeg", "-nostdin", "-loglevel", "warning", "-y"]
    if real_time:
        command += ["-re"]
    if skip_seconds:
        command += ["-ss", str(skip_seconds)]
    command += ["-i", str(source)]
    streams = []
    for i, rendition in enumerate(renditions):
        # With -c copy ffmpeg lists a variant in the parent playlist only when told its bit rate.
        command += ["-map", f"0:v:{media.RENDITIONS.index(rendition)}", f"-b:v:{i}", f"{rendition.kilobits_per_second}k"]
        streams.append(f"v:{i},agroup:audio,name:channel_{rendition.name}")
    for i, (name, language, _) in enumerate(media.LANGUAGES):
        command += ["-map", f"0:a:{i}"]
        default = ",default:yes" if i == 0 else ""
        streams.append(f"a:{i},agroup:audio,language:{language}{default},name:channel_{name}")
    command += ["-b:a", f"{media.AUDIO_KILOBITS_PER_SECOND}k", "-c", "copy", "-f", "hls",
                "-hls_time", str(segment_seconds), "-hls_list_size", "5",
                "-hls_flags", "program_date_time+independent_segments+delete_segments",
                "-master_pl_name", "channel.m3u8", "-master_pl_publish_rate", "1",
                "-var_stream_map", " ".join(streams)]
    return command


def segmented(source: Path, segment_seconds: int = 2) -> Path:
    """The ladder as HLS files in a folder, whole, made once: what the other pushers send piece by piece."""
    folder = source.with_suffix(f".hls{segment_seconds}")
    if not folder.exists():
        unfinished = folder.with_suffix(".partial")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        command = ffmpeg_hls(source, segment_seconds, real_time=False)
        command[command.index("-hls_list_size") + 1] = "0"
        subprocess.run(command + ["-hls_segment_filename", f"{unfinished}/%v_%d.ts", f"{unfinished}/%v.m3u8"], check=True)
        unfinished.rename(folder)
    return folder


def curl_put(folder: str, username: str, password: str, files: list[tuple[str, Path]]) -> list[int]:
    """PUTs files by name below a folder URL with one curl and digest; the last status of each, in order."""
    command = ["curl", "-s", "--digest", "-u", f"{username}:{password}"]
    for name, path in files:
        command += ["-T", str(path), f"{folder}/{name}", "-o", "/dev/null", "-w", "%{http_code}\\n"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return [int(line) for line in result.stdout.split()]


class FolderPush:
    """Pushes a folder of HLS files in real time with any function that PUTs: per segment number all segments, then all
    child playlists as an encoder would have written them by then, then the parent."""

    def __init__(self, put, folder: Path, window: int = 5, first: int = 0, count: int | None = None, change=None,
                 burst: int = 0, began: float | None = None):
        """`put(files)` with (name, path) pairs returns statuses; `change(name, bytes)` may return other bytes or None
        to leave the segment out; `burst` segments are sent at once before real time begins;
        `began` is the wall clock of the first segment, epoch seconds."""
        self.put, self.folder, self.window, self.first, self.change, self.burst = put, folder, window, first, change, burst
        self.names = [p.stem for p in sorted(folder.glob("*.m3u8")) if p.stem != "channel"]
        self.playlists = {name: parse_media_playlist((folder / f"{name}.m3u8").read_text()) for name in self.names}
        available = min(len(entries) for entries in self.playlists.values()) - first
        self.count = min(count or available, available)
        self.statuses: list[int] = []
        self.began = began
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join(60)

    def wait(self, timeout: float):
        self._thread.join(timeout)

    def _run(self):
        scratch = Path(paths.TOOLS / "scratch" / f"{id(self)}")
        scratch.mkdir(parents=True, exist_ok=True)
        try:
            self.began = self.began or time.time()
            due = time.monotonic()
            for step in range(self.count):
                number = self.first + step
                if step >= self.burst:
                    due = max(due, time.monotonic() - 10)
                    if self._stop.wait(max(0.0, due - time.monotonic())):
                        return
                self.statuses += self.put(self._files(number, step, scratch))
                if step >= self.burst:
                    due += max(entries[number][1] for entries in self.playlists.values())
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _files(self, number: int, step: int, scratch: Path) -> list[tuple[str, Path]]:
        files = []
        for name in self.names:
            segment = self.playlists[name][number][0]
            path = self.folder / segment
            if self.change:
                changed = self.change(segment, path.read_bytes())
                if changed is None:
                    continue
                path = scratch / segment
                path.write_bytes(changed)
            files.append((segment, path))
        for name in self.names:
            path = scratch / f"{name}.m3u8"
            path.write_text(self._playlist(name, number, step))
            files.append((path.name, path))
        files.append(("channel.m3u8", self.folder / "channel.m3u8"))
        return files

    def _playlist(self, name: str, number: int, step: int) -> str:
        oldest = max(self.first, number - self.window + 1)
        entries = self.playlists[name]
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:2", f"#EXT-X-MEDIA-SEQUENCE:{oldest}",
                 "#EXT-X-INDEPENDENT-SEGMENTS"]
        elapsed = sum(duration for _, duration in entries[self.first : oldest])
        for segment, duration in entries[oldest : number + 1]:
            moment = self.began + elapsed
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}Z"
            lines += [f"#EXTINF:{duration:.6f},", f"#EXT-X-PROGRAM-DATE-TIME:{stamp}", segment]
            elapsed += duration
        return "\n".join(lines) + "\n"


def parse_media_playlist(text: str) -> list[tuple[str, float]]:
    """(URI, seconds) of every segment."""
    entries, seconds = [], 0.0
    for line in text.splitlines():
        if match := re.match(r"#EXTINF:([0-9.]+)", line):
            seconds = float(match[1])
        elif line and not line.startswith("#"):
            entries.append((line, seconds))
    return entries
