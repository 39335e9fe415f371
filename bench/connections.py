#!/usr/bin/env python3
"""Many kept-alive TLS connections to one server: memory of each, and questions answered per second of one core. Prints one line of
JSON. usage: connections.py HOLDFAST [CONNECTIONS]"""
import base64
import concurrent.futures
import json
import os
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from links import until_ready

REQUESTS, AT_ONCE = 100_000, 50


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Asker:
    """Connections to the server of a NURL, and the question for its version."""

    def __init__(self, nurl):
        host_port, _, swissnum = nurl.rpartition("@")[2].partition("#")[0].partition("/")
        self.port = int(host_port.rpartition(":")[2])
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        token = base64.b64encode(swissnum.encode()).decode()
        self.question = f"GET /storage/v1/version HTTP/1.1\r\nHost: x\r\nAuthorization: Tahoe-LAFS {token}\r\n\r\n".encode()

    def connect(self, _=None):
        stream = self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=120))
        self.answer_bytes = self.ask(stream)
        return stream

    def ask(self, stream):
        """One question; how long its answer is."""
        stream.sendall(self.question)
        answer = stream.recv(65_536)
        if b" 200 " not in answer:
            sys.exit(f"an answer that is none: {answer[:200]}")
        return len(answer)

    def ask_many(self, stream, count):
        for _ in range(count // AT_ONCE):
            stream.sendall(self.question * AT_ONCE)
            left = self.answer_bytes * AT_ONCE
            while left > 0:
                left -= len(stream.recv(65_536))


def measure(binary, count):
    """Of a server of its own: figures with their units in their names."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(count, hard - 100)
    place = tempfile.mkdtemp(prefix="holdfast-bench-")
    made = subprocess.run([binary, "create-node", place + "/node", "--storage", "--bind", "127.0.0.1"], check=True, capture_output=True, text=True)
    server = subprocess.Popen([binary, "run", place + "/node"], stdout=subprocess.PIPE, text=True)
    try:
        until_ready(server)
        asker = Asker(made.stdout.strip())
        busy = asker.connect()
        before, began = resident_kib(server.pid), cpu_seconds(server.pid)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            streams = list(pool.map(asker.connect, range(count)))
        connecting = cpu_seconds(server.pid) - began
        kib = (resident_kib(server.pid) - before) / count
        start, began = time.monotonic(), cpu_seconds(server.pid)
        asker.ask_many(busy, REQUESTS)
        wall, cpu = time.monotonic() - start, cpu_seconds(server.pid) - began
        for stream in streams:
            stream.close()
        return {"connections": count, "kib_per_connection": kib, "connections_per_core_second": count / connecting,
                "requests_per_core_second": REQUESTS / cpu, "requests_per_second_of_one_connection": REQUESTS / wall}
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)))
