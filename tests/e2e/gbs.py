"""A storage node of its own, and a client that speaks the storage protocol to it in plain words: what is sent is what the test
says, and every answer is held against the rules that all answers share."""
import base64
import hashlib
import http.client
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile

import cbor
from rig import BINARY, DEADLINE, Process, free_port

CBOR, OCTETS = "application/cbor", "application/octet-stream"
LEASE_SECONDS = 31 * 86_400
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../shared/vectors/tahoe")
NO_VECTORS = "skipped: no shared vectors"


def base32(data):
    return base64.b32encode(data).decode().rstrip("=").lower()


def new_si():
    return base32(os.urandom(16))


def new_secret():
    return os.urandom(32)


def pattern(size, seed=3):
    return bytes((i * 7 + seed) % 251 for i in range(size))


def tls_context():
    """As Tahoe-LAFS does it: no names, no authorities, no dates; the key is what counts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Answer:
    def __init__(self, method, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        assert self["Content-Encoding"] is None, "answers are never compressed"
        assert not (self["Content-Type"] or "").startswith("text/html"), "no HTML in this protocol"
        assert status < 400 or len(body) < 10_000, "Tahoe-LAFS refuses long error bodies"
        assert method == "HEAD" or status == 204 or self["Content-Length"] == str(len(body)), "Content-Length is told"

    def __getitem__(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} twice"
        return values[0] if values else None

    @property
    def value(self):
        assert self["Content-Type"] == CBOR, f"{self.status} with {self['Content-Type']}: {self.body[:200]}"
        return cbor.decode(self.body)

    @property
    def required(self):
        """The ranges of a PATCH answer as (begin, end) pairs."""
        value = self.value
        assert set(value) == {"required"}, value
        return [(r["begin"], r["end"]) for r in value["required"]]


class Client:
    """One keep-alive connection. Knows the swissnum; every method is one request."""

    def __init__(self, node):
        self.node = node
        self.authorization = "Tahoe-LAFS " + base64.b64encode(node.swissnum.encode()).decode()
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def send(self, method, path, headers, body=None):
        """Exactly these headers and this body; nothing is added. Opens a new connection when the last one was closed."""
        if self.connection is None or self.connection.sock is None:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.node.port, context=tls_context(), timeout=DEADLINE)
        self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            self.connection.putheader(name, value)
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        data = response.read()
        answer = Answer(method, response.status, response.getheaders(), data)
        if response.will_close:
            self.close()
        return answer

    def request(self, method, path, secrets=(), headers=(), body=None, accept=CBOR):
        """Secrets are (kind, bytes) pairs. A header of `headers` replaces the one that would be sent without it."""
        named = {name.lower() for name, _ in headers}
        out = [("Host", f"127.0.0.1:{self.node.port}"), ("Authorization", self.authorization)]
        out += [("Accept", accept)] if accept else []
        out += [("Content-Length", str(len(body or b"")))] if body is not None or method in ("PUT", "POST", "PATCH") else []
        out = [(name, value) for name, value in out if name.lower() not in named]
        out += [("X-Tahoe-Authorization", f"{kind} {base64.b64encode(secret).decode()}") for kind, secret in secrets]
        out += [(name, value) for name, value in headers if value is not None]
        return self.send(method, path, out, body)

    def version(self, **more):
        return self.request("GET", "/storage/v1/version", **more)

    def allocate(self, si, numbers, size, secret, lease=(b"r" * 32, b"c" * 32), resume=False, **more):
        secrets = [("lease-renew-secret", lease[0]), ("lease-cancel-secret", lease[1]), ("upload-secret", secret)]
        body = cbor.encode({"share-numbers": set(numbers), "allocated-size": size})
        headers = [("Content-Type", CBOR)] + ([("Tahoe-Resume", "1")] if resume else [])
        return self.request("POST", f"/storage/v1/immutable/{si}", secrets, headers, body, **more)

    def allocated(self, *arguments, **more):
        """(already-have, allocated) of a successful allocation."""
        answer = self.allocate(*arguments, **more)
        assert answer.status == 200, (answer.status, answer.body)
        value = answer.value
        assert set(value) == {"already-have", "allocated"}, value
        return value["already-have"], value["allocated"]

    def write(self, si, number, offset, data, secret, total="*"):
        return self.write_as(si, number, f"bytes {offset}-{offset + len(data) - 1}/{total}", data, secret)

    def write_as(self, si, number, content_range, data, secret):
        return self.request("PATCH", f"/storage/v1/immutable/{si}/{number}", [("upload-secret", secret)],
                            [("Content-Range", content_range)], data)

    def begin_write(self, si, number, begin, end, secret):
        """A socket on which the head of a PATCH has been sent and its body is still to come."""
        head = (f"PATCH /storage/v1/immutable/{si}/{number} HTTP/1.1\r\nHost: x\r\nAuthorization: {self.authorization}\r\n"
                f"Content-Range: bytes {begin}-{end - 1}/*\r\nContent-Length: {end - begin}\r\n"
                f"X-Tahoe-Authorization: upload-secret {base64.b64encode(secret).decode()}\r\n\r\n")
        stream = self.node.connect()
        stream.sendall(head.encode())
        return stream

    def probe(self, si, number, byte, secret):
        """What lacks? One byte that is held already, as unmodified servers have to be asked."""
        return self.write(si, number, 0, byte, secret)

    def upload(self, si, number, data, secret=None, **more):
        """A whole share in one go."""
        secret = secret or new_secret()
        self.allocated(si, {number}, len(data), secret, **more)
        answer = self.write(si, number, 0, data, secret)
        assert (answer.status, answer.required) == (201, []), (answer.status, answer.body)

    def shares(self, si, kind="immutable"):
        answer = self.request("GET", f"/storage/v1/{kind}/{si}/shares")
        assert answer.status == 200 and isinstance(answer.value, set), (answer.status, answer.body)
        return answer.value

    def read(self, si, number, span=None, method="GET", kind="immutable"):
        """`span` is (first, last), both inclusive, or the text of a Range header."""
        text = f"bytes={span[0]}-{span[1]}" if isinstance(span, tuple) else span
        answer = self.request(method, f"/storage/v1/{kind}/{si}/{number}", headers=[("Range", text)] if text else [])
        assert answer["Content-Type"] == OCTETS, "Tahoe-LAFS looks at the type before the status"
        return answer

    def abort(self, si, number, secret):
        return self.request("PUT", f"/storage/v1/immutable/{si}/{number}/abort", [("upload-secret", secret)])

    def lease(self, si, renew, cancel=b"c" * 32):
        return self.request("PUT", f"/storage/v1/lease/{si}", [("lease-renew-secret", renew), ("lease-cancel-secret", cancel)])

    def corrupt(self, si, number, reason, kind="immutable"):
        return self.request("POST", f"/storage/v1/{kind}/{si}/{number}/corrupt", headers=[("Content-Type", CBOR)],
                            body=cbor.encode({"reason": reason}))

    def status(self, si, secret, **more):
        return self.request("GET", f"/storage/resume/v1/{si}", [("upload-secret", secret)], **more)

    def incomplete(self, si, number, secret):
        """The status of one upload, or None."""
        return self.status(si, secret).value["incomplete"].get(number)

    def required(self, si, number, secret):
        return [(r["begin"], r["end"]) for r in self.incomplete(si, number, secret)["required"]]


class Lease:
    def __init__(self, record):
        self.owner, self.renew, self.cancel, self.expires = struct.unpack(">I32s32sI", record)


class Node:
    """A storage node directory and the process that serves it. `swissnum` replaces the one that was made up."""

    def __init__(self, swissnum=None, holdfast="", **storage):
        self.path = tempfile.mkdtemp(prefix="holdfast-e2e-")
        self.directory = self.path + "/node"
        self.process, self.clients = None, []
        made = subprocess.run([BINARY, "create-node", self.directory, "--storage", "--bind", "127.0.0.1", "--reserve", "0"],
                              check=True, stdout=subprocess.PIPE, text=True)
        self.nurl = made.stdout.strip()
        head, _, rest = self.nurl.rpartition("@")
        endpoint, _, self.swissnum = rest.partition("#")[0].partition("/")
        self.spki, self.port = head.partition("://")[2], int(endpoint.rpartition(":")[2])
        if swissnum:
            self.nurl = self.nurl.replace(self.swissnum, swissnum)
            self.swissnum = swissnum
            self.put_file("private/storage.nurl", self.nurl + "\n")
        self.admin_port = free_port()
        self.put_file("holdfast.cfg", f"[storage]\nadmin.port = {self.admin_port}\n{holdfast}")
        self.configure(**storage)
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def put_file(self, name, text):
        with open(f"{self.directory}/{name}", "w") as f:
            f.write(text)

    def get_file(self, name):
        with open(f"{self.directory}/{name}") as f:
            return f.read()

    def configure(self, **storage):
        """Keys of the [storage] section of tahoe.cfg; the last one of a name counts."""
        if storage:
            lines = "".join(f"{key} = {value}\n" for key, value in storage.items())
            self.put_file("tahoe.cfg", self.get_file("tahoe.cfg").rstrip() + "\n" + lines)

    def start(self):
        self.process = Process("run", self.directory)

    def stop(self):
        if self.process:
            self.process.stop()
        self.forget()

    def kill(self):
        self.process.kill()
        self.forget()

    def forget(self):
        if self.process:
            self.process.drain.join()
            self.process.process.stdout.close()
        self.process = None
        for client in self.clients:
            client.close()

    def restart(self, between=lambda: None):
        self.stop()
        between()
        self.start()

    def alive(self):
        return self.process.process.poll() is None

    def client(self):
        self.clients.append(Client(self))
        return self.clients[-1]

    def connect(self):
        """A TLS socket and nothing else."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)
        return tls_context().wrap_socket(plain)

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=DEADLINE)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def metric(self, name):
        return int(re.search(rf"^holdfast_storage_{name} (\d+)$", self.metrics(), re.M)[1])

    def share_path(self, si, number):
        return f"{self.directory}/storage/shares/{si[:2]}/{si}/{number}"

    def incoming(self, si):
        """The names of the files of incomplete uploads."""
        path = f"{self.directory}/storage/shares/incoming/{si[:2]}/{si}"
        return sorted(os.path.join(path, name) for name in os.listdir(path)) if os.path.isdir(path) else []

    def leases(self, si, number):
        """The lease records of a share container (version 2)."""
        with open(self.share_path(si, number), "rb") as f:
            data = f.read()
        version, _, count = struct.unpack(">III", data[:12])
        assert version == 2, version
        records = data[len(data) - 72 * count:]
        return [Lease(records[i:i + 72]) for i in range(0, len(records), 72)]

    def set_expiry(self, si, number, expires):
        """Of the last lease: how time that passed is told here."""
        with open(self.share_path(si, number), "r+b") as f:
            f.seek(-4, os.SEEK_END)
            f.write(struct.pack(">I", expires))

    def age(self, journal, seconds):
        """Makes an incomplete upload of a stopped server so much older, in all places that tell its age."""
        with open(journal, "rb") as f:
            data = bytearray(f.read())
        created, = struct.unpack_from(">Q", data, 24)
        struct.pack_into(">Q", data, 24, created - seconds)
        struct.pack_into(">I", data, 156, crc32c(data[:156]))
        at = 160
        while at + 8 <= len(data):
            kind, length = data[at], int.from_bytes(data[at + 1:at + 4], "big")
            if kind == 4:
                moment, = struct.unpack_from(">Q", data, at + 4)
                struct.pack_into(">Q", data, at + 4, moment - seconds)
                struct.pack_into(">I", data, at + 4 + length, crc32c(data[at:at + 4 + length]))
            at += 8 + length
        modified = os.stat(journal).st_mtime
        with open(journal, "wb") as f:
            f.write(data)
        os.utime(journal, (modified - seconds, modified - seconds))

    def restart_later(self, si, seconds):
        """The server restarted, with all uploads of the storage index so much older."""
        journals = [path for path in self.incoming(si) if path.endswith(".log")]
        assert journals, "no journal to make older"
        self.restart(lambda: [self.age(path, seconds) for path in journals])


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def crc_entry(value):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


CRC_TABLE = [crc_entry(i) for i in range(256)]


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def netstring(data):
    return b"%d:%s," % (len(data), data)


def tagged(tag, value):
    return sha256d(netstring(tag) + value)


def at_rest_id(upload_secret):
    return tagged(b"gbs_resume_upload_secret_at_rest_v1", upload_secret)
