"""What the end-to-end tests share: grids, client nodes, a proxy that breaks links. Ends what it starts."""
import atexit
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

BINARY = os.path.abspath(os.environ.get("HOLDFAST_BIN", "build/dev/holdfast"))
PROXY = os.path.join(os.path.dirname(BINARY), "fault_proxy")
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


def rounds(what):
    """Of a loop that is left when `what` has happened: none takes longer than a step may."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        yield
    raise AssertionError(f"not within {DEADLINE} s: {what}")


def free_port():
    """None that outgoing connections, or those who ask for any port, are given before it is used, or while its server is down."""
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass  # taken


def listening_ports(pid):
    """Those of this machine at which the process listens."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
        sockets = {os.readlink(f"/proc/{pid}/fd/{name}") for name in names}
    except FileNotFoundError:  # it ends, or opens and closes files
        return set()
    with open("/proc/net/tcp") as table:
        rows = [row.split() for row in table.readlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


reserved = {}  # by port: a socket that is bound and does not listen
atexit.register(lambda: [each.close() for each in reserved.values()])


def reserve(ports):
    """For servers that are down: nobody else chooses these ports meanwhile, and connecting to them is refused. The server itself,
    with SO_REUSEADDR, listens beside."""
    for port in ports - reserved.keys():
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
            reserved[port] = holder
        except OSError:
            holder.close()  # somebody was quicker


class Process:
    """A server process of its own: waits for its line `ready`."""

    def __init__(self, *arguments, within=()):
        self.arguments = [*within, BINARY, *arguments]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines, too_long = [], threading.Timer(DEADLINE, self.process.kill)
        too_long.start()
        for line in self.process.stdout:
            lines.append(line)
            if line.strip() == "ready":
                break
        else:
            raise AssertionError("did not get ready: " + "".join(lines))
        too_long.cancel()
        self.drain = threading.Thread(target=lambda: [None for _ in self.process.stdout], daemon=True)
        self.drain.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def kill(self):
        ports = listening_ports(self.process.pid)
        self.process.kill()
        self.process.wait()
        reserve(ports)

    def stop(self):
        """It ends by itself, and well: what a sanitizer finds on the way out counts too."""
        if self.process.poll() is not None:
            return
        ports = listening_ports(self.process.pid)
        self.process.terminate()
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end: {self.arguments}") from None
        reserve(ports)
        if code not in (0, -signal.SIGTERM):
            raise AssertionError(f"ended with {code}: {self.arguments}")


class Server(Process):
    """One storage node in a process of its own, which may be killed and started again. `measured`: `metric` can be asked for."""

    def __init__(self, path, within=(), measured=False):
        made = subprocess.run([BINARY, "create-node", path, "--storage", "--bind", "127.0.0.1"], check=True, stdout=subprocess.PIPE, text=True)
        self.path, self.nurl = path, made.stdout.strip()
        if measured:
            self.admin_port = free_port()
            with open(path + "/holdfast.cfg", "w") as f:
                f.write(f"[storage]\nadmin.port = {self.admin_port}\n")
        super().__init__("run", path, within=within)

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=DEADLINE) as answer:
            return int(re.search(rf"^holdfast_storage_{name} (\d+)$", answer.read().decode(), re.M)[1])


class Gateway(Process):
    """A web gateway in a process of its own. `cfg`: more lines for [gateway] in holdfast.cfg. `helpers`: upload helpers that it knows."""

    def __init__(self, path, nurls, cfg="", within=(), helpers=()):
        self.path = path
        arguments = [BINARY, "create-node", path, "--gateway"]
        for nurl in nurls:
            arguments += ["--server", nurl]
        self.url = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])
        with open(path + "/holdfast.cfg", "a") as f:
            f.write(cfg)
        with open(path + "/private/helpers.nurl", "w") as f:
            f.write("".join(nurl + "\n" for nurl in helpers))
        super().__init__("run", path, within=within)


class Helper(Process):
    """An upload helper in a process of its own, for the servers of these NURLs. `cfg`: lines for [helper] in holdfast.cfg."""

    def __init__(self, path, nurls, cfg="", within=()):
        arguments = [BINARY, "create-node", path, "--helper", "--bind", "127.0.0.1"]
        for nurl in nurls:
            arguments += ["--server", nurl]
        self.path, self.nurl = path, subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        with open(path + "/holdfast.cfg", "w") as f:
            f.write("[helper]\n" + cfg)
        super().__init__("run", path, within=within)

    def spool(self, which):
        try:
            return sorted(os.listdir(f"{self.path}/helper/{which}"))
        except FileNotFoundError:
            return []


class Place:
    """A temporary directory with a grid and client nodes in it. `within`: a command that runs others in a place of their own.
    The client goes direct unless `helper` says that it shall know the grid's upload helper."""

    def __init__(self, servers=10, within=(), bind="127.0.0.1", helper=False):
        self.path = tempfile.mkdtemp(prefix="holdfast-e2e-")
        self.grid = Process("grid", self.path + "/grid", "--servers", str(servers), "--bind", bind, within=within)
        self.client = self.path + "/grid/client"
        if not helper:
            os.unlink(self.client + "/private/helpers.nurl")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.grid.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def nurls(self):
        with open(self.client + "/private/servers.nurl") as f:
            return [line.strip() for line in f if line.strip() and not line.startswith("#")]

    def helper_nurl(self):
        with open(self.path + "/grid/helper/private/helper.nurl") as f:
            return f.read().strip()

    def new_client(self, name, nurls, convergence_of=None, helpers=()):
        path = self.path + "/" + name
        arguments = [BINARY, "create-client", path]
        for nurl in helpers:
            arguments += ["--helper", nurl]
        for nurl in nurls:
            arguments += ["--server", nurl]
        subprocess.run(arguments, check=True)
        if convergence_of:
            shutil.copy(convergence_of + "/private/convergence", path + "/private/convergence")
        return path

    def file(self, name, size, seed):
        return make_file(self.path + "/" + name, size, seed)


def start(client, *arguments, within=()):
    return subprocess.Popen([*within, BINARY, "-d", client, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, expect=0):
    try:
        out, err = process.communicate(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"not done in {DEADLINE} s: {process.args[3:]}: {out}{err}") from None
    if expect is not None and process.returncode != expect:
        raise AssertionError(f"exit {process.returncode}, not {expect}: {out}{err}")
    return out, err


def put(client, path, *arguments):
    out, _ = finish(start(client, "put", path, "--json", "--progress", "none", *arguments))
    return json.loads(out)


def get(client, cap, output, *arguments):
    out, _ = finish(start(client, "get", cap, "-o", output, "--json", "--progress", "none", *arguments))
    return json.loads(out)


class Links:
    """A link to each of these servers through the fault proxy (tests/proxy), which breaks them as it is told: `nurls` lead through
    it, in the given order. The same seed draws the same byte counts. `targets` are indexes of links; without them all are meant."""

    def __init__(self, nurls, seed=1):
        self.process = subprocess.Popen([PROXY, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.nurls = []
        for nurl in nurls:
            head, _, rest = nurl.rpartition("@")
            host_port, _, swissnum = rest.partition("/")
            port = self.ask(f"add {host_port.rpartition(':')[2]}")["port"]
            self.nurls.append(f"{head}@127.0.0.1:{port}/{swissnum}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, (line, answer)
        return answer

    def to_port(self, port):
        """One more link, to anything on this machine: its number among the targets, and the port that leads through it."""
        answer = self.ask(f"add {port}")
        return answer["target"], answer["port"]

    def tell(self, command, targets=None):
        """One of the commands in fault_proxy.cc: "cut rst up 100000 500000", "silent on", "delay 300"."""
        for which in ["*"] if targets is None else targets:
            self.ask(f"{which} {command}")

    def line_rate(self, bytes_per_second):
        self.ask(f"line rate {bytes_per_second}")

    def stats(self):
        return self.ask("stats")["targets"]

    def sum(self, counter):
        return sum(each[counter] for each in self.stats())


def wait_until(condition, what, seconds=DEADLINE):
    """Asks again and again; what the condition gave when it became true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)  # between two looks
    raise AssertionError(f"not within {seconds} s: {what}")


def kill_at_work(process):
    """kill -9 of one that is still at work, as what follows takes for granted."""
    process.send_signal(signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, f"it had ended before it was killed: {process.returncode}: {err}"


def names_only_alerts_know(role, metrics):
    """Of the metrics of a role that docs/alerts.yml looks at, those that are not among what /metrics answered."""
    with open(os.path.join(os.path.dirname(__file__), "../../docs/alerts.yml")) as f:
        wanted = set(re.findall(r"\bholdfast_\w+", f.read()))
    assert all(name.startswith(("holdfast_storage_", "holdfast_helper_", "holdfast_gateway_")) for name in wanted), wanted
    wanted = {name for name in wanted if name.startswith(f"holdfast_{role}_")}
    return wanted - set(re.findall(r"^holdfast_\w+", metrics, re.M))


def on_disk(path):
    """Bytes that a file has. An incomplete one is as long as it will be, and holes do not count."""
    try:
        return os.stat(path).st_blocks * 512
    except FileNotFoundError:
        return 0


def incomplete_bytes(place):
    """Of all shares that are not whole, on the disks of a grid."""
    return sum(on_disk(f"{root}/{name}") for root, _, names in os.walk(place.path + "/grid") for name in names if name.endswith(".part"))


def killed_put(place, client, path, part=0.3):
    """A put that is killed -9 when the grid holds this part of all its shares. It goes so slowly that seconds are left to its end."""
    total = os.path.getsize(path) * 10 // 3
    running = start(client, "put", path, "--progress", "none", "--limit-rate", str(total // 12))
    wait_until(lambda: incomplete_bytes(place) > part * total or running.poll() is not None, "some of it is held")
    kill_at_work(running)
