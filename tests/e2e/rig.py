"""What the end-to-end tests share: grids, client nodes, a proxy that breaks links. Ends what it starts."""
import hashlib
import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

BINARY = os.environ.get("HOLDFAST_BIN", "build/dev/holdfast")
DEADLINE = 240  # seconds for any single step; a step that takes longer has failed


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def make_file(path, size, seed):
    with open(path, "wb") as f:
        source = random.Random(seed)
        left = size
        while left > 0:
            block = source.randbytes(min(left, 1 << 20))
            f.write(block)
            left -= len(block)
    return path


class Process:
    """A server process of its own: waits for its line `ready`."""

    def __init__(self, *arguments):
        self.arguments = [BINARY, *arguments]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.strip() == "ready":
                break
        else:
            raise AssertionError("did not get ready: " + "".join(lines))
        self.drain = threading.Thread(target=lambda: [None for _ in self.process.stdout], daemon=True)
        self.drain.start()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Place:
    """A temporary directory with a grid and client nodes in it."""

    def __init__(self, servers=10):
        self.path = tempfile.mkdtemp(prefix="holdfast-e2e-")
        self.grid = Process("grid", self.path + "/grid", "--servers", str(servers))
        self.client = self.path + "/grid/client"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.grid.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def nurls(self):
        with open(self.client + "/private/servers.nurl") as f:
            return [line.strip() for line in f if line.strip() and not line.startswith("#")]

    def new_client(self, name, nurls, convergence_of=None):
        path = self.path + "/" + name
        arguments = [BINARY, "create-client", path]
        for nurl in nurls:
            arguments += ["--server", nurl]
        subprocess.run(arguments, check=True)
        if convergence_of:
            shutil.copy(convergence_of + "/private/convergence", path + "/private/convergence")
        return path

    def file(self, name, size, seed):
        return make_file(self.path + "/" + name, size, seed)


def start(client, *arguments):
    return subprocess.Popen([BINARY, "-d", client, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, expect=0):
    out, err = process.communicate(timeout=DEADLINE)
    if expect is not None and process.returncode != expect:
        raise AssertionError(f"exit {process.returncode}, not {expect}: {out}{err}")
    return out, err


def put(client, path, *arguments):
    out, _ = finish(start(client, "put", path, "--json", "--progress", "none", *arguments))
    return json.loads(out)


def get(client, cap, output, *arguments):
    out, _ = finish(start(client, "get", cap, "-o", output, "--json", "--progress", "none", *arguments))
    return json.loads(out)


class Proxy:
    """One loopback port in front of another. Cuts by RST when `cut_after` bytes (a callable giving the next count) have passed
    towards the server, or towards the client; `silent` forwards nothing and keeps connections open."""

    def __init__(self, target, cut_after=None, towards="server"):
        self.target, self.cut_after, self.towards = target, cut_after, towards
        self.silent, self.up, self.cuts, self.bytes_up = False, True, 0, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.pairs = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.up:
                self.reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                self.reset(near)
                continue
            with self.lock:
                self.pairs.add((near, far))
            threading.Thread(target=self.forward, args=(near, far), daemon=True).start()

    @staticmethod
    def reset(*sockets):
        for each in sockets:
            try:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.close()
            except OSError:
                pass

    def forward(self, near, far):
        left = self.cut_after() if self.cut_after else None
        try:
            while True:
                readable, _, _ = select.select([near, far], [], [], 1)
                if self.silent:
                    time.sleep(0.05)
                    continue
                for each in readable:
                    data = each.recv(1 << 18)
                    if not data:
                        return
                    counts = (each is near) == (self.towards == "server")
                    if each is near:
                        self.bytes_up += len(data)
                    if left is not None and counts:
                        if len(data) >= left:
                            (far if each is near else near).sendall(data[:left])
                            self.cuts += 1
                            return
                        left -= len(data)
                    (far if each is near else near).sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            self.reset(near, far)
            with self.lock:
                self.pairs.discard((near, far))

    def link_down(self):
        self.up = False
        with self.lock:
            pairs = list(self.pairs)
        for near, far in pairs:
            try:
                near.shutdown(socket.SHUT_RDWR)
                far.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def link_up(self):
        self.up = True

    def close(self):
        self.listener.close()
        self.link_down()


def through(nurl, make_proxy):
    """The NURL that leads through a proxy, and the proxy."""
    head, _, rest = nurl.rpartition("@")
    host_port, _, swissnum = rest.partition("/")
    proxy = make_proxy(int(host_port.rpartition(":")[2]))
    return f"{head}@127.0.0.1:{proxy.port}/{swissnum}", proxy


def kill_when(process, seconds):
    """kill -9 after so long, unless it ended by itself. True when it was killed."""
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
