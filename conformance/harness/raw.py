"""HTTP by hand: bytes on a socket, digest and SigV4 with every part open to change."""

import hashlib
import hmac
import itertools
import re
import socket
import urllib.parse
from datetime import datetime, timezone


def exchange(port: int, data: bytes, wait: float = 1.5, then: bytes = b"") -> bytes:
    """Sends bytes and reads until the peer closes or is silent for `wait` seconds; `then` is sent after the first answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        answer = b""
        try:
            connection.sendall(data)
            connection.settimeout(wait)
            while piece := connection.recv(65536):
                answer += piece
                if then:
                    connection.sendall(then)
                    then = b""
        except (TimeoutError, ConnectionError):
            pass
        return answer


def statuses(answer: bytes) -> list[int]:
    """The status of every answer in the bytes."""
    return [int(m) for m in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]


def request(method: str, path: str, headers: list[tuple[str, str]] = (), body: bytes = b"", host: str = "127.0.0.1") -> bytes:
    lines = [f"{method} {path} HTTP/1.1"]
    if host:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


_cnonces = itertools.count(1)


def challenge(answer: bytes, algorithm: str = "MD5") -> dict[str, str]:
    """The parameters of the digest challenge of this algorithm."""
    for line in answer.decode("latin-1").split("\r\n"):
        if line.lower().startswith("www-authenticate: digest"):
            found = {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', line.split(":", 1)[1])}
            if found.get("algorithm", "MD5").upper() == algorithm.upper():
                return found
    return {}


def digest(method: str, uri: str, username: str, password: str, offered: dict[str, str], nc: int = 1, **change) -> str:
    """The value of an Authorization header; `change` replaces parameters after the response is computed, except
    `algorithm`, `qop` and `body`, which it is computed with."""
    algorithm, qop, body = change.pop("algorithm", "MD5"), change.pop("qop", "auth"), change.pop("body", b"")
    hashed = lambda text: (hashlib.sha256 if "256" in algorithm else hashlib.md5)(text.encode()).hexdigest()  # noqa: E731
    cnonce = f"{next(_cnonces):08x}"
    ha1 = hashed(f"{username}:{offered['realm']}:{password}")
    if algorithm.lower().endswith("-sess"):
        ha1 = hashed(f"{ha1}:{offered['nonce']}:{cnonce}")
    ha2 = hashed(f"{method}:{uri}" + (":" + hashlib.md5(body).hexdigest() if qop == "auth-int" else ""))
    response = hashed(f"{ha1}:{offered['nonce']}:{nc:08x}:{cnonce}:{qop}:{ha2}")
    parts = {"username": username, "realm": offered["realm"], "nonce": offered["nonce"], "uri": uri, "response": response,
             "algorithm": algorithm, "qop": qop, "nc": f"{nc:08x}", "cnonce": cnonce}
    if "opaque" in offered:
        parts["opaque"] = offered["opaque"]
    parts.update(change)
    bare = {"algorithm", "qop", "nc", "userhash"}
    return "Digest " + ", ".join(f"{k}={v}" if k in bare else f'{k}="{v}"' for k, v in parts.items() if v is not None)


class Signed:
    """A SigV4 request whose parts may be changed before (constructor) or after (attributes) it is signed."""

    def __init__(self, method="GET", path="/channels", query="", body=b"", headers=None, access_key="test", secret="test",
                 region="us-east-1", service="mediapackage", at: datetime | None = None, signed=None, payload=None,
                 scope_date=None, token=None):
        at = at or datetime.now(timezone.utc)
        self.method, self.path, self.query, self.body = method, path, query, body
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        date = scope_date or stamp[:8]
        self.headers = {"host": "127.0.0.1", "x-amz-date": stamp, **(headers or {})}
        if body:
            self.headers.setdefault("content-type", "application/json")
        if token:
            self.headers["x-amz-security-token"] = token
        if payload:
            self.headers["x-amz-content-sha256"] = payload
        names = sorted(signed or self.headers)
        canonical_path = urllib.parse.quote(path, safe="/-_.~")
        canonical_query = "&".join(sorted(query.split("&"))) if query else ""
        canonical = "\n".join([method, canonical_path, canonical_query,
                               *[f"{n}:{' '.join(self.headers[n].split())}" for n in names], "", ";".join(names),
                               payload or hashlib.sha256(body).hexdigest()])
        scope = f"{date}/{region}/{service}/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{secret}".encode()
        for part in (date, region, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        self.headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={';'.join(names)}, "
                                         f"Signature={signature}")

    def bytes(self) -> bytes:
        headers = [(k, v) for k, v in self.headers.items() if k != "host"]
        if self.body:
            headers.append(("content-length", str(len(self.body))))
        target = self.path + (f"?{self.query}" if self.query else "")
        return request(self.method, target, [*headers, ("connection", "close")], self.body, host=self.headers["host"])
