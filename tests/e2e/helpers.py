"""An upload helper in a process of its own, and a client that speaks its protocol in plain words."""
import base64
import hashlib
import json
import os
import socket
import urllib.parse

import cbor
from gbs import CBOR, Client, base32, new_secret, tls_context
from rig import DEADLINE, Helper, rounds

PIECE = 1 << 20
PARTIAL = "application/partial-upload"


class HelperNode(Helper):
    """What its protocol needs to know of it, and its operator's token."""

    def __init__(self, path, servers, cfg="", within=()):
        super().__init__(path, servers, cfg, within)
        parts = urllib.parse.urlsplit(self.nurl)
        self.port, self.swissnum = parts.port, parts.path.lstrip("/")
        with open(path + "/private/operator-token") as f:
            self.token = f.read().strip()


def piece_digests(data):
    return [hashlib.sha256(data[at:at + PIECE]).digest() for at in range(0, len(data), PIECE)]


class HelperClient(Client):
    """One connection, one upload secret, one id of a transfer."""

    def __init__(self, node, secret=None, name=None):
        super().__init__(node)
        self.secret, self.name = secret or new_secret(), name or base32(os.urandom(16))

    def ask(self, method, path, headers=(), body=None, **more):
        return self.request(method, path, [("upload-secret", self.secret)], [("Holdfast-Client", self.name), *headers], body, **more)

    def begin(self, si, size, k=3, n=10, happy=7, segment=None, reject=()):
        segment = segment or -(-min(size, PIECE) // k) * k
        body = cbor.encode({"size": size, "needed": k, "total": n, "happy": happy, "segment-size": segment, "reject": list(reject)})
        return self.ask("POST", f"/helper/v1/chk/{si}", [("Content-Type", CBOR)], body)

    def state(self, si, wait=None):
        return self.ask("GET", f"/helper/v1/chk/{si}" + (f"?wait={wait}" if wait is not None else ""))

    def append(self, upload, offset, data, complete=False, pieces=None):
        headers = [("Content-Type", PARTIAL), ("Upload-Offset", str(offset)), ("Upload-Complete", f"?{int(complete)}")]
        if pieces is not None:
            headers.append(("Holdfast-Pieces", f"sha-256=:{base64.b64encode(pieces).decode()}:"))
        return self.ask("PATCH", upload, headers, data)

    def complete(self, upload, data):
        return self.append(upload, len(data), b"", True, hashlib.sha256(b"".join(piece_digests(data))).digest())

    def offset(self, upload):
        answer = self.ask("HEAD", upload)
        assert answer.status == 204, (answer.status, answer.body)
        return int(answer["Upload-Offset"])

    def begin_append(self, upload, offset, length, *more, complete=False):
        """A socket on which the head of a PATCH has been sent and its body is still to come."""
        head = (f"PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: {self.authorization}\r\nContent-Type: {PARTIAL}\r\n"
                f"Upload-Offset: {offset}\r\nUpload-Complete: ?{int(complete)}\r\nContent-Length: {length}\r\nHoldfast-Client: {self.name}\r\n"
                f"X-Tahoe-Authorization: upload-secret {base64.b64encode(self.secret).decode()}\r\n"
                + "".join(f"{line}\r\n" for line in more) + "\r\n")
        stream = connect(self.node.port)
        stream.sendall(head.encode())
        return stream

    def wait_until(self, si, *states):
        """The state map once it is one of these; asks by long poll."""
        for _ in rounds(f"it is {states}"):
            value = self.state(si, wait=30).value
            if value["state"] in states:
                return value
            assert value["state"] not in ("failed", "receiving"), value

    def upload(self, si, data, **more):
        """Everything at once; the state map at the end."""
        answer = self.begin(si, len(data), **more)
        assert answer.status == 201, (answer.status, answer.body)
        upload = answer.value["upload"]
        assert self.append(upload, 0, data).status == 204
        assert self.complete(upload, data).status == 202
        return self.wait_until(si, "done")

    def operate(self, method, path, token=None):
        return self.request(method, path, headers=[("Holdfast-Operator", token or self.node.token)])

    def status(self):
        return json.loads(self.operate("GET", "/helper/v1/status").body)


def connect(port):
    return tls_context().wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE))
