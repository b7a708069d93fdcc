"""The server that the AWS clients talk to: the one at OPENMEDIAPACKAGE_URL, or one that is started for the script."""

import contextlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.report import Report  # noqa: E402
from harness.server import Server  # noqa: E402

REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "test", "test"

# A second account, known to a server that is started here.
OTHER_ACCESS_KEY, OTHER_SECRET_KEY, OTHER_ACCOUNT = "other", "other-secret", "222222222222"


@contextlib.contextmanager
def running(name: str, arguments=()):
    """The URL of a server, and whether it was started here (so that it is empty and knows the second account)."""
    given = os.environ.get("OPENMEDIAPACKAGE_URL")
    if given:
        yield given.rstrip("/"), False
        return
    credentials = ["--credentials", f"{ACCESS_KEY}:{SECRET_KEY}",
                   "--credentials", f"{OTHER_ACCESS_KEY}:{OTHER_SECRET_KEY}:{OTHER_ACCOUNT}"]
    with Server(name, [*credentials, *arguments]) as server:
        yield server.url, True


def environment(url: str) -> dict:
    """The environment of a client process: this endpoint and dummy keys, nothing of the machine's own AWS set-up."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return {
        **kept,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_PAGER": "",
    }


def same(report: Report, name: str, expected, actual) -> bool:
    """One check that two values are equal; a difference is named by its place."""
    found = list(_differences("", expected, actual))
    return report.check(name, not found, "; ".join(found[:3]))


def _differences(where, expected, actual):
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(set(expected) | set(actual), key=str):
            if key not in actual:
                yield f"{where}.{key} is missing"
            elif key not in expected:
                yield f"{where}.{key} is not expected: {actual[key]!r}"
            else:
                yield from _differences(f"{where}.{key}", expected[key], actual[key])
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (one, other) in enumerate(zip(expected, actual)):
            yield from _differences(f"{where}[{index}]", one, other)
    elif callable(expected):
        if not expected(actual):
            yield f"{where} does not fit: {actual!r}"
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield f"{where}: expected {expected!r}, got {actual!r}"
