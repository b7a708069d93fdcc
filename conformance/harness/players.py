"""Real players in headless Chromium."""

import json
import subprocess

from . import media, paths
from .report import Report


def play(report: Report, plays: list[dict], parallel: int, seconds: int) -> list[dict]:
    """Plays each `{"name", "player", "url"}` for so many seconds, `parallel` at a time, and returns what was seen."""
    job = json.dumps({"seconds": seconds, "parallel": parallel, "plays": plays})
    result = subprocess.run(["node", str(paths.CONFORMANCE / "browser" / "play.mjs"), job], capture_output=True, text=True,
                            timeout=60 + len(plays) * (seconds + 30))
    (paths.LOGS / "players.json").write_text(result.stdout)
    if result.returncode:
        report.fail("the browser runs", result.stderr[-400:])
        return []
    return json.loads(result.stdout)


def problems_of(seen: dict, seconds: int) -> list[str]:
    """No error, no stall, the clock moves as fast as the wall's, pictures and sound are decoded, languages listed."""
    problems = [seen[key] for key in ("problem", "pageError") if seen.get(key)] + seen.get("errors", [])
    played, wall = seen.get("playedSeconds", 0), seen.get("wallSeconds", seconds)
    # In the first seconds a player may still fill its buffer and find its place behind the live edge.
    late_stalls = [at for at in seen.get("stalls", []) if at > 5000]
    if late_stalls:
        problems.append(f"stalled {len(late_stalls)} times at {late_stalls[:5]} ms")
    if abs(played - wall) > 2.0:
        problems.append(f"played {played:.1f} s in {wall:.1f} s")
    frames = seen.get("framesInPlay", 0)
    if frames < 0.9 * media.FRAMES_PER_SECOND * wall:
        problems.append(f"decoded {frames} pictures in {wall:.1f} s")
    if not seen.get("decodedAudioBytes"):
        problems.append("decoded no sound")
    if "muxed" not in seen["name"]:
        languages = {tag[:2] for tag in seen.get("audioLanguages", []) if tag}
        if languages != {"en", "fr"}:
            problems.append(f"audio languages {seen.get('audioLanguages')}")
    return problems
