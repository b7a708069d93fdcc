"""Hostile requests through the front door: groups D (paths, headers, framing), E (digest) and F (SigV4).

usage: hostile.py [--write docs/trust.md]   prints a line per row, and writes the table."""

import os
import re
import sys
import urllib.parse
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from botocore.exceptions import ClientError

from harness import aws
from harness.raw import Signed, challenge, digest, exchange, request, statuses
from harness.report import Report
from harness.server import Server

ROWS = {}


def row(identity: str, title: str):
    """A row of the table; its function yields (what was tried, whether it held, what was seen)."""
    return lambda function: ROWS.setdefault(identity, (title, function))


def elsewhere(identity: str, title: str, where: str):
    """A row that a test of another kind tries."""
    ROWS[identity] = (title, where)


class Door:
    """The server under attack, a channel on it, and one beside it."""

    def __init__(self, server: Server):
        self.server, self.port = server, server.port
        self.mediapackage = aws.client(server)
        self.channel = aws.create_channel(self.mediapackage, "hostile")
        self.other = aws.create_channel(self.mediapackage, "beside")
        self.urls = aws.create_endpoints(self.mediapackage, self.channel, ("hls-groups", "dash-number-timeline"))
        self.ingest = self.channel.ingests[0]
        self.folder = urllib.parse.urlsplit(self.ingest.folder).path

    def raw(self, data: bytes, **options) -> bytes:
        return exchange(self.port, data, **options)

    def offered(self, path: str | None = None, algorithm: str = "MD5") -> dict[str, str]:
        return challenge(self.raw(request("PUT", path or f"{self.folder}/probe.ts", [("Content-Length", "0"), ("Connection", "close")])), algorithm)

    def put(self, path: str, body: bytes = b"x", uri: str | None = None, offered=None, headers=(), ingest=None, method="PUT", **change) -> int:
        """One PUT with a digest of our making; 0 for no answer."""
        ingest = ingest or self.ingest
        offered = offered or self.offered()
        change.setdefault("username", ingest.username)
        password = change.pop("password", ingest.password)
        username = change.pop("username")
        value = digest(method, uri or path, username, password, offered, **change)
        data = request(method, path, [("Authorization", value), ("Content-Length", str(len(body))), ("Connection", "close"), *headers], body)
        return (statuses(self.raw(data)) or [0])[0]

    def aws(self, signed: Signed) -> tuple[int, str, bytes]:
        """Status, error type and whole answer of a signed request."""
        answer = self.raw(signed.bytes(), wait=3)
        kind = re.search(rb"(?i)x-amzn-errortype: ([^\r\n]+)", answer)
        return (statuses(answer) or [0])[0], kind[1].decode() if kind else "", answer


def refused(status: int) -> bool:
    return 400 <= status < 500


SMUGGLED = b"GET /_openmediapackage/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

# ---- D: paths, headers, framing


@row("D1", "traversal on PUT")
def traversal(door: Door):
    before = set(os.listdir(door.server.data_dir.parent)) | set(os.listdir("/"))
    climbing = ["../climb.ts", "../../climb.ts", "%2e%2e/climb.ts", "..%2fclimb.ts", "%2e%2e%2fclimb.ts", "..%5cclimb.ts",
                "/climb.ts", "%2fclimb.ts", "a%00b.ts", "%c0%ae%c0%ae%2fclimb.ts", "n" * 4096 + ".ts", ".", "..", "%2e%2e", ""]
    for name in climbing:
        status = door.put(f"{door.folder}/{name}")
        yield f"PUT {name[:24]!r}", refused(status), status
    for name in ["C:%5cclimb.ts", "a;b.ts", "climb.ts...", "CON", "%252e%252e%252fclimb.ts", "%20", "~", "-rf"]:
        status = door.put(f"{door.folder}/{name}")
        yield f"PUT {name!r} is plain or refused", 200 <= status < 300 or refused(status), status
    after = set(os.listdir(door.server.data_dir.parent)) | set(os.listdir("/"))
    yield "nothing appears beside the data folder", not {n for n in after - before if "climb" in n}, after - before
    inside = door.server.data_dir.resolve()
    strays = [p for p in inside.rglob("*") if not p.resolve().is_relative_to(inside)]
    yield "everything in the data folder is in the data folder", not strays, strays[:3]
    for path in ["/out/v1/../../etc/passwd", "/out/v1/%2e%2e/%2e%2e/etc/passwd", "/_openmediapackage/../../etc/passwd", "/_openmediapackage/%2e%2e%2fetc/passwd"]:
        answer = door.raw(request("GET", path, [("Connection", "close")]))
        yield f"GET {path}", refused((statuses(answer) or [0])[0]) and b"root:" not in answer, statuses(answer)


@row("D3", "framing: one request never becomes two")
def framing(door: Door):
    path = f"{door.folder}/frame.ts"
    post = lambda headers, body: request("POST", "/channels", headers, body)  # noqa: E731
    cases = {
        "CL.TE": post([("Content-Length", "6"), ("Transfer-Encoding", "chunked")], b"0\r\n\r\n" + SMUGGLED),
        "TE.CL": post([("Transfer-Encoding", "chunked"), ("Content-Length", "4")], b"5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
        "TE.TE": post([("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")], b"0\r\n\r\n" + SMUGGLED),
        "two lengths": post([("Content-Length", "0"), ("Content-Length", str(len(SMUGGLED)))], SMUGGLED),
        "list of lengths": post([("Content-Length", f"0, {len(SMUGGLED)}")], SMUGGLED),
        "blank before the colon": post([("Transfer-Encoding ", "chunked")], b"0\r\n\r\n" + SMUGGLED),
        "unknown coding": post([("Transfer-Encoding", "xchunked")], b"0\r\n\r\n" + SMUGGLED),
        "signed length": post([("Content-Length", "+5")], b"hello" + SMUGGLED),
        "huge length": post([("Content-Length", "99999999999999999999999")], b"hello" + SMUGGLED),
        "huge chunk": post([("Transfer-Encoding", "chunked")], b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
        "bad chunk": post([("Transfer-Encoding", "chunked")], b"zz\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
        "folded header": post([("X-Folded", "a\r\n b"), ("Content-Length", "0")], b"") ,
        "body on GET": request("GET", "/_openmediapackage/health", [("Content-Length", str(len(SMUGGLED)))], SMUGGLED),
        "NUL in a header": post([("X-Nul", "a\0b"), ("Content-Length", "0")], b""),
        "PUT without digest and a body": request("PUT", path, [("Content-Length", str(len(SMUGGLED)))], SMUGGLED),
    }
    for name, data in cases.items():
        seen = statuses(door.raw(data))
        second = len(seen) > 1 and seen[1] == 200
        yield name, len(seen) <= 1 and not second and (name == "body on GET" or not seen or refused(seen[0]) or seen[0] == 501), seen
    upgrade = request("GET", "/_openmediapackage/health", [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")])
    yield "h2c upgrade is not taken", 101 not in statuses(door.raw(upgrade)), statuses(door.raw(upgrade))
    bare = b"GET /_openmediapackage/health HTTP/1.1\nHost: 127.0.0.1\n\n"
    yield "bare LF gives one answer at most", len(statuses(door.raw(bare))) <= 1, statuses(door.raw(bare))


@row("D4", "header and log injection")
def injection(door: Door):
    text = "one\r\nX-Injected: yes\r\n\r\n2026 INFO injected line"
    answer = door.mediapackage.update_channel(Id="hostile", Description=text)
    yield "CR LF in a description comes back as it was", answer["Description"] == text, ""
    for path in ["/out/v1/a%0d%0aX-Injected:%20yes/index.m3u8", f"{door.folder}/a%0d%0aX-Injected:%20yes.ts", "/channels/%0d%0aX-Injected:%20yes"]:
        seen = door.raw(request("GET", path, [("Connection", "close")]))
        head = seen.split(b"\r\n\r\n")[0]
        yield f"GET {path[:40]}", b"\r\nx-injected" not in head.lower() and refused((statuses(seen) or [0])[0]), statuses(seen)
    door.put(f"{door.folder}/a%0d%0ainjected%20line.ts")
    log = door.server.log_path.read_text(errors="replace")
    yield "log lines stay one line", not re.search(r"^(injected line|2026 INFO injected)", log, re.M), ""


@row("D5", "stored script in names and descriptions")
def stored_script(door: Door):
    mark = "<script>alert(/omp/)</script>"
    door.mediapackage.create_channel(Id="script", Description=mark)
    page = door.server.get("/_openmediapackage/")
    yield "the page does not carry it", page.status == 200 and mark.encode() not in page.body, page.status
    yield "the page has a Content-Security-Policy", "default-src" in page.headers.get("content-security-policy", ""), page.headers.get("content-security-policy")
    door.mediapackage.delete_channel(Id="script")


@row("D6", "Host header games")
def hosts(door: Door):
    two = b"GET /_openmediapackage/health HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n"
    yield "two Hosts", (statuses(door.raw(two)) or [0])[0] in (400, 421), statuses(door.raw(two))
    none = b"GET /_openmediapackage/health HTTP/1.1\r\nConnection: close\r\n\r\n"
    yield "no Host", (statuses(door.raw(none)) or [0])[0] == 400, statuses(door.raw(none))
    signed = Signed("POST", "/channels", body=b'{"id":"host-game"}', headers={"host": "evil.example"})
    status, _, answer = door.aws(signed)
    yield "URLs in answers come from the configuration", status == 200 and b"evil.example" not in answer, status
    door.mediapackage.delete_channel(Id="host-game")


@row("D7", "CORS")
def cross_origin(door: Door):
    preflight = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST"), ("Connection", "close")]
    answer = door.raw(request("OPTIONS", "/channels", preflight)).lower()
    yield "the API offers none", b"access-control-allow-origin" not in answer, statuses(answer)
    answer = door.raw(request("OPTIONS", f"{door.folder}/a.ts", preflight)).lower()
    yield "ingest offers none", b"access-control-allow-origin" not in answer, statuses(answer)
    playback = urllib.parse.urlsplit(door.urls["hls-groups"]).path
    answer = door.raw(request("GET", playback, [("Origin", "null"), ("Connection", "close")])).lower()
    yield "playback never with credentials for the origin null", b"access-control-allow-credentials: true" not in answer, statuses(answer)


@row("D8", "control routes from a page of another site")
def other_site(door: Door):
    for headers in ([("Sec-Fetch-Site", "cross-site")], [("Origin", "http://evil.example")]):
        answer = door.raw(request("POST", "/_openmediapackage/reset", [*headers, ("Content-Length", "0"), ("Connection", "close")]))
        yield f"reset with {headers[0][0]}", refused((statuses(answer) or [0])[0]), statuses(answer)
    # A page whose own name was rebound to this address: the browser calls it the same origin.
    browser = [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://evil.example"), ("Content-Length", "0"), ("Connection", "close")]
    answer = door.raw(request("POST", "/_openmediapackage/reset", browser, host="evil.example"))
    yield "reset by a rebound name", refused((statuses(answer) or [0])[0]), statuses(answer)
    ids = [c["Id"] for c in door.mediapackage.list_channels()["Channels"]]
    yield "nothing was reset", {"hostile", "beside"} <= set(ids), ids


# ---- E: digest


@row("E1", "no credentials: 401 before the body is read")
def no_credentials(door: Door):
    path = f"{door.folder}/e1.ts"
    answer = door.raw(request("PUT", path, [("Transfer-Encoding", "chunked"), ("Expect", "100-continue")]))
    yield "with Expect: 401 and never 100", statuses(answer)[:1] == [401], statuses(answer)
    answer = door.raw(request("PUT", path, [("Content-Length", "1000000")]))
    yield "without Expect: 401 while the body is still to come", statuses(answer)[:1] == [401], statuses(answer)
    yield "offers MD5 with qop auth", "auth" in door.offered().get("qop", ""), door.offered()
    yield "a fresh nonce with every 401", door.offered()["nonce"] != door.offered()["nonce"], ""
    answer = door.raw(request("PUT", path, [("Authorization", "Basic dGVzdDp0ZXN0"), ("Content-Length", "0"), ("Connection", "close")]))
    yield "Basic is refused", statuses(answer) == [401], statuses(answer)


@row("E2", "replay of a captured request")
def replay(door: Door):
    path, offered = f"{door.folder}/e2.ts", door.offered()
    value = digest("PUT", path, door.ingest.username, door.ingest.password, offered)
    data = request("PUT", path, [("Authorization", value), ("Content-Length", "1"), ("Connection", "close")], b"x")
    first, second = statuses(door.raw(data)), statuses(door.raw(data))
    yield "the first is taken, the second is not", first and first[0] < 300 and second == [401], f"{first} then {second}"


elsewhere("E3", "a nonce too old for a new connection gets stale=true", "`ingest::digest` unit tests (a clock is passed in)")


@row("E4", "uri= other than the request line")
def other_uri(door: Door):
    status = door.put(f"{door.folder}/e4.ts", uri=f"{door.folder}/other.ts")
    yield "another name", status in (400, 401), status
    status = door.put(f"{door.folder}/e4.ts", method="PUT", uri="*")
    yield "a star", status in (400, 401), status


@row("E5", "other forms of digest: right or refused, never unverified")
def forms(door: Door):
    path = f"{door.folder}/e5.ts"
    for name, change in {
        "a wrong response": {"response": "0" * 32}, "an empty response": {"response": ""}, "no response": {"response": None},
        "a wrong password": {"password": "wrong"}, "another user": {"username": "nobody"}, "no nc": {"nc": 1, "cnonce": None},
        "an unknown algorithm": {"algorithm": "MD5-unknown"}, "no username": {"username": ""},
        "qop auth-int of another body": {"qop": "auth-int", "body": b"other"}, "userhash": {"userhash": "true", "username": "0" * 32},
    }.items():
        status = door.put(path, **change)
        yield name, status in (400, 401), status
    status = door.put(path, algorithm="MD5-sess")
    yield "MD5-sess is right or refused", status in (200, 201, 204, 400, 401), status
    # Whether SHA-256 is offered or not, it is verified or refused.
    offered = lambda: door.offered(algorithm="SHA-256") or door.offered()  # noqa: E731
    status = door.put(path, offered=offered(), algorithm="SHA-256")
    yield "SHA-256 is right or refused", status in (200, 201, 204, 400, 401), status
    status = door.put(path, offered=offered(), algorithm="SHA-256", response="0" * 64)
    yield "SHA-256 with a wrong response", status in (400, 401), status
    for value in ["Digest", "Digest ,,,", 'Digest username="a', "Digest " + "a=b," * 2000, 'Digest username="\\"', "digest nonce=1", "Bearer x"]:
        answer = door.raw(request("PUT", path, [("Authorization", value), ("Content-Length", "0"), ("Connection", "close")]))
        yield f"{value[:24]!r}", (statuses(answer) or [0])[0] in (400, 401, 431), statuses(answer)


@row("E6", "forged nonces")
def forged(door: Door):
    path, offered = f"{door.folder}/e6.ts", door.offered()
    nonce = offered["nonce"]
    for name, value in {"made up": "0" * len(nonce), "one letter changed": nonce[:-2] + ("A" if nonce[-2] != "A" else "B") + nonce[-1], "empty": "", "longer": nonce + "00"}.items():
        status = door.put(path, offered={**offered, "nonce": value})
        yield name, status in (400, 401), status
    beside = urllib.parse.urlsplit(door.other.ingests[0].folder).path
    status = door.put(path, offered=door.offered(f"{beside}/x.ts"))
    yield "from another channel", status == 401, status
    status = door.put(f"{beside}/x.ts", offered=door.offered(f"{beside}/x.ts"))
    yield "this channel's credentials on another channel", status == 401, status
    door.server.stop()
    door.server.start()
    status = door.put(path, offered=offered)
    yield "from before a restart", status == 401, status


@row("E7", "guessing passwords")
def guessing(door: Door):
    seen = {door.put(f"{door.folder}/e7.ts", password=f"guess{i}") for i in range(40)}
    yield "forty guesses are forty times 401", seen == {401}, seen
    status = door.put(f"{door.folder}/e7.ts")
    yield "the encoder itself is not locked out", 200 <= status < 300, status


@row("E8", "a flood of 401s costs no memory")
def flood(door: Door):
    piece = request("PUT", f"{door.folder}/e8.ts", [("Content-Length", "0")])
    for _ in range(20):
        door.raw(piece * 50, wait=0.3)
    before = door.server.resident_bytes()
    count = 0
    for _ in range(150):
        count += len(statuses(door.raw(piece * 100, wait=0.2)))
    grown = door.server.resident_bytes() - before
    yield f"{count} answers", count >= 150 and grown < 8 << 20, f"resident memory grew by {grown >> 10} KiB"


elsewhere("E9", "rotation of credentials mid-stream", "`conformance/checks/faults.py`")
elsewhere("E10", "ffmpeg (both modes), curl, Python requests lose nothing", "`conformance/checks/encoders.py`, for a minute; half an hour, GStreamer and Wowza: not yet")

# ---- F: SigV4

elsewhere("F1", "all vectors of the request-signing suite", "unit tests of `api::aws::sigv4`")


@row("F2", "every change of a signed request is refused")
def changed(door: Door):
    def signed():
        return Signed("GET", "/channels", "maxResults=5", headers={"x-amz-meta": "abc"})

    yield "unchanged it is taken", door.aws(signed())[0] == 200, door.aws(signed())
    def change(name, edit):
        altered = signed()
        edit(altered)
        status, kind, _ = door.aws(altered)
        return name, status == 403, f"{status} {kind}"

    def edit_header(header, function):
        return lambda s: s.headers.update({header: function(s.headers[header])})

    yield change("path", lambda s: setattr(s, "path", "/origin_endpoints"))
    yield change("query value", lambda s: setattr(s, "query", "maxResults=6"))
    yield change("query added", lambda s: setattr(s, "query", "maxResults=5&nextToken=a"))
    yield change("query taken away", lambda s: setattr(s, "query", ""))
    yield change("signed header", edit_header("x-amz-meta", lambda v: "abd"))
    yield change("date", edit_header("x-amz-date", lambda v: v[:-2] + ("1Z" if v[-2] != "1" else "2Z")))
    yield change("method", lambda s: setattr(s, "method", "HEAD"))
    whole = signed().headers["authorization"]
    signature_at = whole.index("Signature=") + 10
    for position in range(signature_at, len(whole), 7):
        flip = "0" if whole[position] != "0" else "1"
        yield change(f"signature digit {position - signature_at}", edit_header("authorization", lambda v, p=position, f=flip: v[:p] + (f if v[p] != f else "2") + v[p + 1 :]))
    yield change("signature cut", edit_header("authorization", lambda v: v[:-1]))
    body = Signed("POST", "/channels", body=b'{"id":"sig-a"}')
    body.body = b'{"id":"sig-b"}'
    status, kind, _ = door.aws(body)
    yield "body", status == 403, f"{status} {kind}"


@row("F3", "clock skew")
def skew(door: Door):
    now = datetime.now(timezone.utc)
    for minutes, taken in [(-4, True), (4, True), (-6, False), (6, False), (-16, False), (16, False)]:
        status, kind, answer = door.aws(Signed(at=now + timedelta(minutes=minutes)))
        held = status == 200 if taken else status == 403 and b"ignature" in answer and re.search(rb"(?i)\r\ndate: ", answer)
        yield f"{minutes:+} minutes", held, f"{status} {kind}"


elsewhere("F4", "replay within five minutes", "allowed, as SigV4 does; a strict mode: not yet")


@row("F5", "payload hashes")
def payload(door: Door):
    status, kind, _ = door.aws(Signed("POST", "/channels", body=b'{"id":"f5"}', payload="0" * 64))
    yield "a wrong x-amz-content-sha256", status in (400, 403), f"{status} {kind}"
    status, kind, _ = door.aws(Signed("POST", "/channels", body=b'{"id":"f5"}', payload="UNSIGNED-PAYLOAD"))
    yield "UNSIGNED-PAYLOAD", status in (400, 403), f"{status} {kind}"
    status, kind, _ = door.aws(Signed("POST", "/channels", body=b'{"id":"f5"}', payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD"))
    yield "streaming signatures", status in (400, 403), f"{status} {kind}"
    ids = [c["Id"] for c in door.mediapackage.list_channels()["Channels"]]
    yield "nothing was made", "f5" not in ids, ids


@row("F6", "what is signed")
def coverage(door: Door):
    cases = {
        "host not signed": Signed(signed=["x-amz-date"]),
        "date not signed": Signed(signed=["host"]),
        "scope of another day": Signed(scope_date="20200101"),
    }
    for name, signed in cases.items():
        status, kind, _ = door.aws(signed)
        yield name, status in (400, 403), f"{status} {kind}"
    data = Signed().bytes().replace(b"x-amz-date: ", b"x-amz-date: 20200101T000000Z\r\nx-amz-date: ", 1)
    status = (statuses(door.raw(data)) or [0])[0]
    yield "a signed header twice", status in (400, 403), status


@row("F7", "scope and keys")
def scopes(door: Door):
    for name, signed, code in [
        ("unknown key", Signed(access_key="AKIDUNKNOWN"), "UnrecognizedClientException"),
        ("wrong secret", Signed(secret="wrong"), ""),
        ("scope of another service", Signed(service="s3"), ""),
        ("malformed header", None, ""),
        ("no signature", None, ""),
    ]:
        if signed is None:
            headers = [("Authorization", "AWS4-HMAC-SHA256 nonsense")] if name.startswith("malformed") else []
            answer = door.raw(request("GET", "/channels", [*headers, ("Connection", "close")]))
            status = (statuses(answer) or [0])[0]
            yield name, status in (400, 403, 404), status
            continue
        status, kind, answer = door.aws(signed)
        yield name, refused(status) or status == 501, f"{status} {kind}"
        if code:
            yield f"{name}: {code} that names the flag", code in kind and b"--credentials" in answer, kind
    elsewhere_client = aws.client(door.server, region="eu-west-1")
    yield "another region is another world", elsewhere_client.list_channels()["Channels"] == [], ""


@row("F8", "presigned requests")
def presigned(door: Door):
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    def presign(expires: int, query: str = ""):
        made = AWSRequest("GET", f"http://127.0.0.1:{door.port}/channels{query}")
        SigV4QueryAuth(Credentials("test", "test"), "mediapackage", "us-east-1", expires=expires).add_auth(made)
        return made.prepare().url

    good = presign(60)
    yield "a good one is taken", door.server.get(good).status == 200, door.server.get(good).status
    yield "with an extra parameter", door.server.get(good + "&maxResults=1").status == 403, door.server.get(good + "&maxResults=1").status
    yield "with a changed expiry", door.server.get(good.replace("X-Amz-Expires=60", "X-Amz-Expires=90")).status == 403, ""
    longest = door.server.get(presign(604801))
    yield "for more than seven days", longest.status in (400, 403), longest.status
    import time
    brief = presign(1)
    time.sleep(2.5)
    yield "expired", door.server.get(brief).status == 403, door.server.get(brief).status


@row("F9", "a percent-encoded ARN in the path")
def encoded_arn(door: Door):
    arn = door.mediapackage.describe_channel(Id="hostile")["Arn"]
    door.mediapackage.tag_resource(ResourceArn=arn, Tags={"k": "v"})
    yield "tags by ARN", door.mediapackage.list_tags_for_resource(ResourceArn=arn)["Tags"].get("k") == "v", ""
    try:
        door.mediapackage.list_tags_for_resource(ResourceArn=arn.replace("channels/", "channels/../"))
        yield "an ARN with dots", False, "taken"
    except ClientError as error:
        yield "an ARN with dots", 400 <= error.response["ResponseMetadata"]["HTTPStatusCode"] < 500, error.response["Error"]["Code"]


NOT_YET = {
    "D2": "a symbolic link planted in the data folder",
    "F7b": "session tokens: expired, missing, not signed (a token is passed over: no key of ours needs one)",
    "F10": "keys deleted or rotated while an ingest signed by them runs (v2)",
    "F11": "resource policies",
}


def main():
    with Report("hostile") as report, Server("hostile") as server:
        door = Door(server)
        table = []
        for identity, (title, trial) in ROWS.items():
            if isinstance(trial, str):
                table.append((identity, title, trial))
                continue
            tried = wrong = 0
            try:
                for what, held, seen in trial(door):
                    tried += 1
                    if not held:
                        wrong += 1
                        report.fail(f"{identity} {title}: {what}", seen)
            except Exception as error:  # noqa: BLE001 - a row that cannot be tried is a finding, the others go on
                wrong += 1
                report.fail(f"{identity} {title}: could be tried", repr(error))
            alive = server.alive() and server.get("/_openmediapackage/health").status == 200
            beside = alive and "beside" in [c["Id"] for c in door.mediapackage.list_channels()["Channels"]]
            if alive and not beside:
                door = Door(server)
            report.check(f"{identity} {title}: {tried} cases hold, the server and the channel beside live", not wrong and beside)
            table.append((identity, title, f"{tried} cases, all hold" if not wrong else f"{tried} cases, **{wrong} do not hold**"))
        table += [(identity, title, "not yet") for identity, title in NOT_YET.items()]
        for name in NOT_YET:
            report.skip(f"{name} {NOT_YET[name]}", "not yet")
        if "--write" in sys.argv:
            write(Path(sys.argv[sys.argv.index("--write") + 1]), sorted(table, key=lambda r: (r[0][0], int(r[0][1:].rstrip('b')), r[0])))


def write(path: Path, table):
    lines = ["# Hostile input", "",
             "What is tried through the front door against the release binary, and what is not tried yet. Written by",
             "`conformance/.tools/venv/bin/python conformance/checks/hostile.py --write docs/trust.md`.", "",
             "| | case | state |", "| --- | --- | --- |"]
    lines += [f"| {identity} | {title} | {state} |" for identity, title, state in table]
    lines += ["", "After every row the process must be alive and a channel beside the attacked one unchanged.", ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))


main()
