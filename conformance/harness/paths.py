"""Where things are."""

import os
from pathlib import Path

CONFORMANCE = Path(__file__).resolve().parent.parent
REPOSITORY = CONFORMANCE.parent
TOOLS = CONFORMANCE / ".tools"
LOGS = TOOLS / "logs"
MEDIA = TOOLS / "media"


def binary() -> Path:
    """The server under test: OPENMEDIAPACKAGE_BINARY, or the release build of this tree."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    return Path(os.environ.get("OPENMEDIAPACKAGE_BINARY", target / "release" / "openmediapackage"))


def dash_schema() -> Path | None:
    """The MPEG schema of MPDs, which is not ours to ship: OPENMEDIAPACKAGE_DASH_SCHEMA, or beside this repository."""
    named = os.environ.get("OPENMEDIAPACKAGE_DASH_SCHEMA")
    path = Path(named) if named else REPOSITORY.parent / "shared" / "schemas" / "DASH-MPD.xsd"
    return path if path.is_file() else None
