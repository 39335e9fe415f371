"""A server's evil or unlucky twin: stands in front of a storage node with the node's own certificate, reads each request and each
answer, and may lose an answer after the work was done, or tell something else."""
import dataclasses
import socket
import ssl
import struct
import threading

import cbor
from gbs import tls_context


@dataclasses.dataclass
class Message:
    start: str      # the request line, or the status line
    headers: list   # (name, value)
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def bytes(self):
        fields = [(k, v) for k, v in self.headers if k.lower() != "content-length"]
        if self.body or not self.start.startswith(("GET", "HTTP/1.1 204")):
            fields.append(("Content-Length", str(len(self.body))))
        return (self.start + "\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields) + "\r\n").encode("latin-1") + self.body


def answer(status, value=None, body=b"", content_type="application/cbor"):
    body = cbor.encode(value) if value is not None else body
    return Message(f"HTTP/1.1 {status} Meddled", [("Content-Type", content_type)], body)


def read_message(stream):
    start = stream.readline().decode("latin-1").strip()
    if not start:
        return None
    headers = []
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers.append((name.strip(), value.strip()))
    out = Message(start, headers, b"")
    length = int(out.header("Content-Length") or 0)
    out.body = stream.read(length) if length else b""
    if len(out.body) < length:
        raise EOFError("cut in a body")
    return out


LOSE = object()  # the answer never arrives; RST instead


class Meddler:
    """`before(request)` may give an answer instead of the server's; `after(request, answer)` gives the answer to pass on, or LOSE.
    Both are called with the lock held, one request at a time."""

    def __init__(self, node_path, nurl, before=None, after=None):
        head, _, rest = nurl.rpartition("@")
        host_port, _, swissnum = rest.partition("/")
        self.target = int(host_port.rpartition(":")[2])
        self.before = before or (lambda request: None)
        self.after = after or (lambda request, got: got)
        self.lock = threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(node_path + "/private/node.pem")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.nurl = f"{head}@127.0.0.1:{self.listener.getsockname()[1]}/{swissnum}"
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        try:
            with self.context.wrap_socket(near, server_side=True) as client, \
                    socket.create_connection(("127.0.0.1", self.target)) as plain, tls_context().wrap_socket(plain) as server, \
                    client.makefile("rb") as requests, server.makefile("rb") as answers:
                while request := read_message(requests):
                    with self.lock:
                        got = self.before(request)
                    if got is None:
                        server.sendall(request.bytes())
                        got = read_message(answers)
                        if got is None:
                            return
                        with self.lock:
                            got = self.after(request, got)
                    if got is LOSE:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    client.sendall(got.bytes())
        except (OSError, EOFError, ValueError):
            pass
