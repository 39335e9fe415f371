"""make bench: uploads through a helper. The helper runs in a process of its own, so that its CPU time is its own."""
import os
import random
import shutil
import subprocess
import time
import urllib.parse

import links
from links import MIB, Grid, Served

CLOCK = os.sysconf("SC_CLK_TCK")


class HelperNode(Served):
    """A helper for the servers of a grid."""

    def __init__(self, grid, config=""):
        self.grid, self.path = grid, grid.place + "/helper-node"
        made = subprocess.run([grid.binary, "create-node", self.path, "--helper", *server_arguments(grid)], check=True, capture_output=True, text=True)
        self.nurl = made.stdout.strip()
        with open(self.path + "/holdfast.cfg", "w") as f:
            f.write("[helper]\nmin_free_bytes = 0\nmax_uploads = 20000\n" + config)
        self.start()

    def start(self):
        return self.serve(self.grid.binary, "run", self.path)


def server_arguments(grid):
    with open(grid.client + "/private/servers.nurl") as f:
        return [part for line in f if line.strip() and not line.startswith("#") for part in ("--server", line.strip())]


def client_of(grid, name, nurl):
    path = f"{grid.place}/{name}"
    subprocess.run([grid.binary, "create-client", path, *server_arguments(grid), "--helper", nurl], check=True)
    shutil.copy(grid.client + "/private/convergence", path + "/private/convergence")
    return path


def cpu_of(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


class Link:
    """The fault proxy before the helper."""

    def __init__(self, proxy, nurl, seed=1):
        self.process = subprocess.Popen([proxy, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        parts = urllib.parse.urlsplit(nurl)
        self.nurl = nurl.replace(f":{parts.port}/", f":{self.tell(f'add {parts.port}')['port']}/")

    tell = links.Links.tell
    __exit__ = links.Links.__exit__

    def __enter__(self):
        return self


def put_with_cpu(grid, client, path, *arguments):
    """Wall and CPU seconds of the client."""
    begun = time.monotonic()
    process = subprocess.Popen([grid.binary, "-d", client, "put", path, "--progress", "none", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime


def loopback(binary, place, size):
    mib = size / MIB
    with Grid(binary, place) as grid, HelperNode(grid) as helper:
        client = client_of(grid, "client", helper.nurl)
        path = grid.file("through", size)
        servers, helpers = cpu_of(grid.process), cpu_of(helper.process)
        wall, cpu = put_with_cpu(grid, client, path)
        helper_cpu = cpu_of(helper.process) - helpers
        sample_wall, sample_cpu = put_with_cpu(grid, client, grid.file("sample", size), "--prove", "sample")
        direct_wall, direct_cpu = put_with_cpu(grid, client, grid.file("direct", size), "--helper", "none")
        return {"mib_s": mib / wall, "client_ms": cpu * 1000 / mib, "helper_ms": helper_cpu * 1000 / mib,
                "sample_mib_s": mib / sample_wall, "sample_client_ms": sample_cpu * 1000 / mib,
                "direct_mib_s": mib / direct_wall, "direct_client_ms": direct_cpu * 1000 / mib}


def slow_line(binary, proxy, place, bytes_per_second, round_trip_ms, size):
    with Grid(binary, place) as grid, HelperNode(grid) as helper, Link(proxy, helper.nurl) as link:
        client = client_of(grid, "client", link.nurl)
        link.tell(f"* delay {round_trip_ms // 2}")
        link.tell(f"line rate {bytes_per_second}")
        seconds, report = grid.put(client, grid.file("f", size))
        return {"of_link": report["via"]["bytes_sent"] / seconds / bytes_per_second, "seconds": seconds}


def cuts(binary, proxy, place, size, count):
    """Request-body bytes over the slow leg for one byte of file, with about so many cuts."""
    with Grid(binary, place) as grid, HelperNode(grid) as helper, Link(proxy, helper.nurl) as link:
        client = client_of(grid, "client", link.nurl)
        link.tell("line rate 100000000")
        link.tell(f"* cut rst up {size // count // 2} {size // count * 3 // 2}")
        _, report = grid.put(client, grid.file("f", size))
        stats = link.tell("stats")["targets"][0]
        return {"sent_of_size": report["via"]["bytes_sent"] / size, "on_the_wire": stats["bytes_up"] / size, "cuts": stats["cuts"]}


def active(binary, proxy, place, count, size):
    """Memory of the helper while so many different files come in at once, at the most."""
    with Grid(binary, place) as grid, HelperNode(grid) as helper, Link(proxy, helper.nurl) as link:
        client = client_of(grid, "client", link.nurl)
        link.tell("line rate 60000000")
        empty = most = helper.memory_mib()
        paths = [grid.file(f"f{i}", size) for i in range(count)]
        running = [subprocess.Popen([grid.binary, "-d", client, "put", path, "--progress", "none"], stdout=subprocess.DEVNULL) for path in paths]
        while any(each.poll() is None for each in running):
            most = max(most, helper.memory_mib())
            time.sleep(0.05)  # a sample, nothing is waited for
        assert all(each.returncode == 0 for each in running)
        return {"mib": most, "mib_before": empty}


def spooled(binary, place, count):
    """Start with so many spooled uploads, and what each takes in memory."""
    with Grid(binary, place, servers=1) as grid, HelperNode(grid) as helper:
        empty = helper.memory_mib()
        helper.stop()
        spool = helper.path + "/helper/CHK_incoming"
        for i in range(count):
            write_upload(spool, i)
        seconds = helper.start()
        return {"start_s": seconds, "kib_per_upload": (helper.memory_mib() - empty) * 1024 / count}


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = crc32c_table()


def record(kind, payload):
    """docs/formats/upload-journal.md"""
    data = bytes([kind]) + len(payload).to_bytes(3, "big") + payload
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return data + (crc ^ 0xFFFFFFFF).to_bytes(4, "big")


def write_upload(spool, number):
    """An upload of 1 MB of which 1,000 bytes are held."""
    import base64
    si, owner, now = number.to_bytes(16, "big"), random.Random(number).randbytes(32), int(time.time())

    def base32(data):
        return base64.b32encode(data).decode().rstrip("=").lower()

    def text(value):
        return bytes([0x60 | len(value)]) + value.encode()
    request = (b"\xa6" + text("size") + b"\x1a" + (1_000_000).to_bytes(4, "big") + text("needed") + b"\x03" + text("total") + b"\x0a" +
               text("happy") + b"\x07" + text("segment-size") + b"\x1a" + (999_999).to_bytes(4, "big") + text("reject") + b"\x80")
    creation = random.Random(-number - 1).randbytes(16) + owner + (1_000_000).to_bytes(8, "big") + now.to_bytes(8, "big") + si + request
    path = f"{spool}/{base32(si)}.{base32(owner[:16])}"
    with open(path + ".jnl", "wb") as f:
        f.write(b"HFUPLOD1" + record(1, creation) + record(3, (1000).to_bytes(8, "big") + now.to_bytes(8, "big")))
    with open(path + ".dat", "wb") as f:
        f.write(bytes(1000))
