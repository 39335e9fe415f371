"""The parts of make bench that need a link, many servers or many files. Each answers a dictionary of figures."""
import json
import os
import random
import shutil
import subprocess
import sys
import time

MIB = 1 << 20


def until_ready(process):
    for line in process.stdout:
        if line.strip() == "ready":
            return
    sys.exit(f"{process.args} ended before it was ready: exit {process.wait()}")


class Served:
    """A program that says `ready` when it serves."""

    def serve(self, *arguments):
        """Seconds until then."""
        begun = time.monotonic()
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        until_ready(self.process)
        return time.monotonic() - begun

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def memory_mib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Grid(Served):
    """A grid of its own in a directory that is removed afterwards."""

    def __init__(self, binary, place, servers=10):
        self.binary, self.place = binary, place
        os.makedirs(place)
        self.serve(binary, "grid", place + "/grid", "--servers", str(servers))
        self.client = place + "/grid/client"
        os.unlink(self.client + "/private/helpers.nurl")  # direct, unless a measurement is of a helper

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def file(self, name, size):
        path = f"{self.place}/{name}"
        with open(path, "wb") as f:
            block = random.Random(name).randbytes(min(size, MIB))
            for i in range(0, size, MIB):
                f.write((i.to_bytes(8, "big") + block[8:])[:size - i])
        return path

    def put(self, client, *arguments):
        start = time.monotonic()
        done = subprocess.run([self.binary, "-d", client, "--json", "put", "--progress", "none", *arguments], capture_output=True, text=True, check=True)
        return time.monotonic() - start, json.loads(done.stdout.splitlines()[0])

    def get(self, client, cap, output):
        start = time.monotonic()
        subprocess.run([self.binary, "-d", client, "get", cap, "-o", output, "--progress", "none"], check=True)
        return time.monotonic() - start


class Links:
    """The project's fault proxy before every server of a grid, and a client that knows the servers by it."""

    def __init__(self, grid, proxy):
        self.process = subprocess.Popen([proxy, "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.client = grid.place + "/client-behind-links"
        arguments = []
        with open(grid.client + "/private/servers.nurl") as f:
            for line in f:
                if line.startswith("#") or not line.strip():
                    continue
                head, _, rest = line.strip().rpartition("@")
                address, _, swissnum = rest.partition("/")
                port = self.tell("add " + address.rpartition(":")[2])["port"]
                arguments += ["--server", f"{head}@127.0.0.1:{port}/{swissnum}"]
        subprocess.run([grid.binary, "create-client", self.client, *arguments], check=True)
        shutil.copy(grid.client + "/private/convergence", self.client + "/private/convergence")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def small_files(binary, place, count=1000, size=10_240):
    with Grid(binary, place) as grid:
        paths = [grid.file(f"f{i}", size) for i in range(count)]
        seconds, _ = grid.put(grid.client, *paths)
        return {"files_per_second": count / seconds}


def over_a_link(binary, proxy, place, bytes_per_second, round_trip_ms, put_bytes, get_bytes):
    """How much of the link a put and a get fill."""
    with Grid(binary, place) as grid, Links(grid, proxy) as links:
        sent, fetched = grid.file("sent", put_bytes), grid.file("fetched", get_bytes)
        _, report = grid.put(grid.client, fetched)
        links.tell(f"* delay {round_trip_ms // 2}")
        links.tell(f"line rate {bytes_per_second}")
        put_seconds, put_report = grid.put(links.client, sent)
        get_seconds = grid.get(links.client, report["cap"], fetched + ".out")
        return {"put_of_link": put_report["bytes_sent"] / put_seconds / bytes_per_second,
                "get_of_link": get_bytes / get_seconds / bytes_per_second, "put_s": put_seconds, "get_s": get_seconds}


def repair_over_a_link(binary, proxy, place, bytes_per_second, round_trip_ms, size):
    """Seconds in which one lost share is made again."""
    with Grid(binary, place) as grid, Links(grid, proxy) as links:
        _, report = grid.put(grid.client, grid.file("f", size))
        shares = [os.path.join(root, name) for root, _, names in os.walk(grid.place + "/grid")
                  for name in names if "/storage/shares/" in root and "/incoming" not in root]
        os.unlink(min(shares))
        links.tell(f"* delay {round_trip_ms // 2}")
        links.tell(f"line rate {bytes_per_second}")
        start = time.monotonic()
        subprocess.run([binary, "-d", links.client, "repair", report["cap"], "--progress", "none"], stdout=subprocess.DEVNULL, check=True)
        return {"seconds": time.monotonic() - start}


def many_servers(binary, place, size):
    out = {}
    for servers in (10, 100):
        with Grid(binary, f"{place}-{servers}", servers) as grid:
            path = grid.file("f", size)
            put_seconds, report = grid.put(grid.client, path)
            out[str(servers)] = {"put_s": put_seconds, "get_s": grid.get(grid.client, report["cap"], path + ".out")}
    return {"put_ratio": out["100"]["put_s"] / out["10"]["put_s"], "get_ratio": out["100"]["get_s"] / out["10"]["get_s"]}


def one_slow_server(binary, proxy, place, size, rate):
    """Each server behind a link of `rate`; then one of them at a fiftieth of it."""
    with Grid(binary, place) as grid, Links(grid, proxy) as links:
        path = grid.file("f", size)
        links.tell(f"* rate {rate}")
        put_seconds, report = grid.put(links.client, path)
        get_seconds = grid.get(links.client, report["cap"], path + ".out")
        # The server of share 0: every get would like it.
        slow = next(i for i, server in enumerate(report["servers"]) if 0 in server["shares"])
        links.tell(f"{slow} rate {rate // 50}")
        slow_get_seconds = grid.get(links.client, report["cap"], path + ".out")
        other = grid.file("g", size)
        slow_put_seconds, slow_report = grid.put(links.client, other)
        return {"get_ratio": slow_get_seconds / get_seconds, "put_ratio": slow_put_seconds / put_seconds, "happiness": slow_report["happiness"]}


def resuming(binary, place, size):
    """kill -9 when nine tenths are sent; then how long until the next run sends its first new byte."""
    out = {}
    for kind in ("with_journal", "without_journal"):
        with Grid(binary, f"{place}-{kind}") as grid:
            path = grid.file("f", size)
            upload = subprocess.Popen([binary, "-d", grid.client, "put", path, "--progress", "none", "--limit-rate", f"{size // 2}"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while stored_bytes(grid) < 0.9 * size * 10 / 3 and upload.poll() is None:
                time.sleep(0.01)
            if upload.poll() is not None:
                sys.exit(f"the upload ended with {upload.returncode} before it was killed")
            upload.kill()
            upload.wait()
            if kind == "without_journal":
                shutil.rmtree(grid.client + "/transfers")
            before = settled_bytes(grid)
            start = time.monotonic()
            again = subprocess.Popen([binary, "-d", grid.client, "put", path, "--progress", "none"], stdout=subprocess.DEVNULL)
            while stored_bytes(grid) <= before and again.poll() is None:
                time.sleep(0.002)
            out[kind + "_s"] = time.monotonic() - start
            again.wait()
    return out


def settled_bytes(grid):
    """What they have once nothing of a killed upload is on its way any more."""
    stored, since = stored_bytes(grid), time.monotonic()
    while time.monotonic() - since < 2:
        time.sleep(0.1)
        now = stored_bytes(grid)
        if now != stored:
            stored, since = now, time.monotonic()
    return stored


def stored_bytes(grid):
    """What the servers have on disk of shares and partials; files grow sparse, so by blocks."""
    total = 0
    for root, _, names in os.walk(grid.place + "/grid"):
        if "/storage/shares" in root:
            for name in names:
                try:
                    total += os.stat(os.path.join(root, name)).st_blocks * 512
                except FileNotFoundError:
                    pass  # became a share meanwhile
    return total
