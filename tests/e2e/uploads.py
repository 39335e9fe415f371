"""What the tests of the gateway's uploads share: HTTP byte by byte with interim answers and trailers, and the verbs of each dialect.
An upload is followed to its end: the file that comes back from the grid is compared."""
import base64
import hashlib
import json
import random
import socket
import unittest
import urllib.parse

from rig import DEADLINE, Gateway, Place, rounds

OFFSET_MEDIA, PARTIAL_MEDIA = "application/offset+octet-stream", "application/partial-upload"
INTEROPS = range(3, 11)
PROBLEMS = "https://iana.org/assignments/http-problem-types#"


def content_of(size, seed):
    return random.Random(seed).randbytes(size)


def digest_field(data, algorithm="sha-256"):
    return f"{algorithm}=:{base64.b64encode(hashlib.new(algorithm.replace('-', ''), data).digest()).decode()}:"


def base64_of(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Answer:
    def __init__(self, status, fields, body, interim):
        self.status, self.fields, self.body, self.interim = status, fields, body, interim

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __getitem__(self, name):
        values = self.all(name)
        assert len(values) <= 1, (name, values)
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        return self.json["type"].removeprefix(PROBLEMS)

    @property
    def path(self):
        """Of the Location."""
        return urllib.parse.urlsplit(self["Location"]).path

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:300]!r}"


class Wire:
    """One connection, and what comes on it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def head(self, method, target, headers=(), version="HTTP/1.1"):
        lines = [f"{method} {target} {version}"] + [f"{name}: {value}" for name, value in headers]
        if not any(name.lower() == "host" for name, _ in headers):
            lines.insert(1, "Host: localhost")
        self.send("\r\n".join(lines) + "\r\n\r\n")

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError(f"closed behind {self.buffer[:200]!r}")
        self.buffer += data

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        return int(first.split()[1]), [tuple(line.split(": ", 1)) for line in lines]

    def answer(self, method="GET"):
        interim = []
        status, fields = self.read_head()
        while status < 200:
            interim.append(Answer(status, fields, b"", ()))
            status, fields = self.read_head()
        length = 0 if method == "HEAD" or status in (204, 304) else int(dict((k.lower(), v) for k, v in fields)["content-length"])
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(status, fields, body, interim)

    def ask(self, method, target, headers=(), body=None, chunks=None, trailers=(), version="HTTP/1.1"):
        fields = list(dict(headers).items()) if isinstance(headers, dict) else list(headers)
        if chunks is not None:
            fields.append(("Transfer-Encoding", "chunked"))
        elif body is not None:
            fields.append(("Content-Length", len(body)))
        self.head(method, target, fields, version)
        try:
            for each in chunks or ():
                self.chunk(each)
            if chunks is not None:
                self.send("0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in trailers) + "\r\n")
            elif body:
                self.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer came before all of the body: it is there to be read
        return self.answer(method)


class Desk(unittest.TestCase):
    """A grid and a gateway for all tests of a class. `cfg`: lines for [gateway] in its holdfast.cfg."""
    cfg = ""
    commits = True  # False: there is no grid behind the gateway, and no server answers

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.__exit__)
        cls.gateway = Gateway(cls.place.path + "/gateway", cls.place.nurls(), cls.cfg)
        cls.addClassCleanup(cls.gateway.stop)
        cls.port = cls.gateway.port

    def ask(self, method, target, headers=(), body=None, **more):
        with Wire(self.port) as wire:
            answer = wire.ask(method, target, headers, body, **more)
        self.assertNotEqual(answer.status, 500, answer)
        return answer

    def expect(self, status, method, target, headers=(), body=None, **more):
        answer = self.ask(method, target, headers, body, **more)
        self.assertEqual(answer.status, status, (method, target[:30], headers, answer))
        return answer

    # --- what is the same in all dialects

    def state(self, path, wait=0):
        return self.ask("GET", f"{path}?t=status&wait={wait}").json

    def cap_of(self, path):
        """Waits until it is in the grid."""
        for _ in rounds("it is committed"):
            state = self.state(path, wait=30)
            if state["state"] == "committed":
                return state["cap"]
            self.assertIn(state["state"], ("committing", "waiting"), state)

    def assert_is_stored(self, path, content):
        cap = self.cap_of(path)
        self.assert_file(cap, content)
        return cap

    def assert_file(self, cap, content):
        answer = self.expect(200, "GET", "/uri/" + cap)
        self.assertEqual((len(answer.body), hashlib.sha256(answer.body).hexdigest()), (len(content), hashlib.sha256(content).hexdigest()))

    # --- tus

    def tus(self, method, path, headers=(), body=None, **more):
        answer = self.ask(method, path, {"Tus-Resumable": "1.0.0", **dict(headers)}, body, **more)
        self.assertEqual(answer["Tus-Resumable"], "1.0.0", answer)
        return answer

    def tus_create(self, length, headers=(), body=None):
        about = {} if length is None else {"Upload-Length": length}
        answer = self.tus("POST", "/uploads", {**about, **dict(headers)}, body)
        self.assertEqual(answer.status, 201, answer)
        return answer.path

    def tus_patch(self, path, offset, body, headers=(), **more):
        return self.tus("PATCH", path, {"Content-Type": OFFSET_MEDIA, "Upload-Offset": offset, **dict(headers)}, body, **more)

    def tus_offset(self, path):
        answer = self.tus("HEAD", path)
        self.assertEqual(answer.status, 200, answer)
        return int(answer["Upload-Offset"])

    # --- the IETF draft

    def draft(self, version, method, path, headers=(), body=None, **more):
        marker = {} if version is None else {"Upload-Draft-Interop-Version": version}
        return self.ask(method, path, {**marker, **dict(headers)}, body, **more)

    @staticmethod
    def completeness(version, complete):
        return {"Upload-Incomplete": f"?{int(not complete)}"} if version == 3 else {"Upload-Complete": f"?{int(complete)}"}

    def assert_complete(self, version, answer, complete):
        self.assertEqual(answer["Upload-Incomplete" if version == 3 else "Upload-Complete"],
                         f"?{int(complete != (version == 3))}", (version, answer))

    def draft_create(self, version, complete, headers=(), body=b"", path="/uploads", **more):
        return self.draft(version, "POST", path, {**self.completeness(version, complete), **dict(headers)}, body, **more)

    def draft_patch(self, version, path, offset, complete, body=b"", headers=(), **more):
        says = {} if complete is None else self.completeness(version, complete)
        return self.draft(version, "PATCH", path, {"Content-Type": PARTIAL_MEDIA, "Upload-Offset": offset, **says, **dict(headers)}, body, **more)

    def draft_offset(self, path, version=10):
        answer = self.draft(version, "HEAD", path)
        self.assertEqual(answer.status, 204, answer)
        return int(answer["Upload-Offset"])
