#!/usr/bin/env python3
"""make bench: figures as a table, and as JSON in build/bench.json. Ratios are of one run on one machine.

usage: bench.py BUILD_DIRECTORY [--quick]"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import connections
import cpu_groups
import gateway
import helper
import links
import reads
import series
import startup

MIB = 1 << 20
# Real Tahoe-LAFS, ten servers over GBS on an idle 2-core machine with SHA-256 at 1800 MB/s per core (ms of CPU per MiB, MiB/s).
TAHOE = {"sha256": 1800, "put": {"client_ms": 26, "servers_ms": 24, "mib_s": 21.9}, "get": {"client_ms": 17, "servers_ms": 10.5, "mib_s": 46.5}}


def make_file(path, size):
    source = random.Random(size)
    block = source.randbytes(MIB)
    with open(path, "wb") as f:
        for i in range(size // MIB):
            f.write(i.to_bytes(8, "big") + block[8:])
    return path


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(binary, *arguments):
    """Wall seconds, CPU seconds, peak memory in MiB, standard output."""
    start = time.monotonic()
    process = subprocess.Popen([binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode != 0:
        sys.exit(f"{arguments}: exit {process.returncode}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out


def transfers(binary, place, size):
    """put and get of one file on a fresh grid of ten servers."""
    grid = subprocess.Popen([binary, "grid", place + "/grid"], stdout=subprocess.PIPE, text=True)
    try:
        links.until_ready(grid)
        client = place + "/grid/client"
        os.unlink(client + "/private/helpers.nurl")
        path = make_file(place + "/file", size)
        rows = {}
        before = cpu_of(grid.pid)
        wall, cpu, memory, out = run(binary, "-d", client, "--json", "put", path, "--progress", "none")
        after = cpu_of(grid.pid)
        cap = json.loads(out)["cap"]
        mib = size / MIB
        rows["put"] = {"wall_s": wall, "mib_s": mib / wall, "client_ms": cpu * 1000 / mib, "servers_ms": (after - before) * 1000 / mib, "client_mib": memory}
        wall, cpu, memory, _ = run(binary, "-d", client, "get", cap, "-o", path + ".out", "--progress", "none")
        rows["get"] = {"wall_s": wall, "mib_s": mib / wall, "client_ms": cpu * 1000 / mib, "servers_ms": (cpu_of(grid.pid) - after) * 1000 / mib, "client_mib": memory}
        if subprocess.run(["cmp", "-s", path, path + ".out"]).returncode != 0:
            sys.exit("the file came back different")
        os.unlink(path + ".out")
        first_wall, _, _, _ = run(binary, "-d", client, "get", cap, "--range", "0-0", "--progress", "none")
        rows["first_byte_ms"] = first_wall * 1000
        if size <= 64 * MIB:
            # A small file is through before the line holds it up: on a slower line its peak is that of a large one.
            other = make_file(place + "/other", size + MIB)
            _, _, rows["put"]["full_window_mib"], _ = run(binary, "-d", client, "put", other, "--limit-rate", "150M", "--progress", "none")
        return rows
    finally:
        grid.terminate()
        grid.wait()
        grid.stdout.close()


def beyond_loopback(build, binary):
    proxy = os.path.join(build, "fault_proxy")
    place = tempfile.mkdtemp(prefix="holdfast-bench-", dir=build)
    print()

    def show(name, figures):
        print(f"{name:<52}" + "  ".join(f"{key} {value:.2f}" for key, value in figures.items()), flush=True)
        return figures

    def show_reads(by_segment):
        for segment, ways in by_segment.items():
            show(f"random reads of 4 KiB a second, segments {int(segment) >> 10} KiB",
                 {way: figures["reads_per_second"] for way, figures in ways.items()})
        return by_segment

    try:
        return {
            "connections": show("10,000 kept-alive TLS connections", connections.measure(binary, 10_000)),
            "small_files": show("1,000 files of 10 KiB in one command", links.small_files(binary, place + "/small")),
            "satellite": show("10 Mbit/s, 600 ms round trip", links.over_a_link(binary, proxy, place + "/sat", 1_250_000, 600, 16 * MIB, 48 * MIB)),
            "fibre": show("1 Gbit/s, 50 ms round trip", links.over_a_link(binary, proxy, place + "/fib", 125_000_000, 50, 256 * MIB, 512 * MIB)),
            "fibre_gateway": show("the same, a gateway's download", gateway.download_over_a_link(binary, proxy, place + "/fibg", 125_000_000, 50, 512 * MIB)),
            "fibre_repair": show("the same, repair of one share of 256 MiB", links.repair_over_a_link(binary, proxy, place + "/fibr", 125_000_000, 50, 256 * MIB)),
            "many_servers": show("100 servers beside 10, 64 MiB", links.many_servers(binary, place + "/many", 64 * MIB)),
            "slow_server": show("one server of ten 50 times slower", links.one_slow_server(binary, proxy, place + "/slow", 64 * MIB, 20 * MIB)),
            "resume": show("first new byte after kill at 90 % of 1 GiB", links.resuming(binary, place + "/resume", 1024 * MIB)),
            "helper": show("through a helper, 256 MiB", helper.loopback(binary, place + "/helper", 256 * MIB)),
            "helper_satellite": show("to a helper, 10 Mbit/s, 600 ms round trip", helper.slow_line(binary, proxy, place + "/hsat", 1_250_000, 600, 24 * MIB)),
            "helper_cuts": show("to a helper, 1 GiB, 50 cuts", helper.cuts(binary, proxy, place + "/hcut", 1024 * MIB, 50)),
            "helper_active": show("a helper's memory, 20 uploads of 32 MiB", helper.active(binary, proxy, place + "/hact", 20, 32 * MIB)),
            "helper_spooled": show("a helper's start with 10,000 uploads", helper.spooled(binary, place + "/hspool", 10_000)),
            "gateway_uploads": show("1 GiB to a gateway, beside @tus/server and nginx", gateway.uploads(binary, place + "/gup", 1024 * MIB)),
            "gateway_small": show("files of 10 KiB to a gateway, eight clients", gateway.small(binary, place + "/gsmall")),
            "gateway_takeover": show("HEAD over a request that stands still", gateway.takeover(binary, place + "/gtake")),
            "gateway_memory": show("a gateway's memory, 1,000 idle and 200 active uploads", gateway.memory(binary, place + "/gmem")),
            "gateway_downloads": show("1 GiB from a gateway, beside nginx", gateway.downloads(binary, place + "/gdown", 1024 * MIB)),
            "random_reads": show_reads(reads.measure(build, place + "/reads")),
            # Last: after its files are deleted, some file systems make new ones more slowly for minutes.
            "startup": show("start with 10,000 shares and 3,000 partials", startup.measure(binary, 10_000, 3_000)),
        }
    finally:
        shutil.rmtree(place, ignore_errors=True)


def curves(build, binary):
    """What pictures.py draws."""
    proxy = os.path.join(build, "fault_proxy")
    place = tempfile.mkdtemp(prefix="holdfast-bench-", dir=build)
    sizes = [64 << 10, 256 << 10, MIB, 4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB]
    try:
        return {
            "flapping": series.flapping(binary, proxy, place + "/flap", 64 * MIB, 16_000_000, 2, 0.5),
            "by_size": series.by_size(binary, place + "/size", sizes),
            "by_servers": series.by_servers(binary, place + "/servers", 64 * MIB),
            "by_round_trip": series.by_round_trip(binary, proxy, place + "/rtt", 64 * MIB, 125_000_000),
            "cpu": cpu_groups.measure(binary, place + "/cpu", 256 * MIB),
        }
    finally:
        shutil.rmtree(place, ignore_errors=True)


def main():
    build, quick = os.path.abspath(sys.argv[1]), "--quick" in sys.argv  # peers resolve other paths in their own ways
    binary = os.path.join(build, "holdfast")
    result = json.loads(subprocess.run([os.path.join(build, "core_bench")], capture_output=True, text=True, check=True).stdout)
    result["load_before"] = os.getloadavg()[0]
    result["cpus"] = os.cpu_count()
    print(f"machine: {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.2f}, SHA-256 {result['sha256_mb_per_second']:.0f} MB/s per core\n")
    print(f"{'one thread, CPU time':<28}{'MiB/s':>9}{'limit':>9}{'of limit':>10}")
    for row in result["core"]:
        print(f"{row['name']:<28}{row['mib_per_cpu_second']:>9.0f}{row['limit_mib_per_cpu_second']:>9.0f}{row['of_limit']:>10.2f}")
    scale = TAHOE["sha256"] / result["sha256_mb_per_second"]
    print(f"\n{'ten servers, loopback TLS':<28}{'wall s':>9}{'MiB/s':>9}{'client':>9}{'servers':>9}{'memory':>9}{'start':>9}")
    print(f"{'':<28}{'':>9}{'':>9}{'ms/MiB':>9}{'ms/MiB':>9}{'MiB':>9}{'ms':>9}")
    result["transfers"] = {}
    sizes = [64 * MIB, 256 * MIB] if quick else [64 * MIB, 1024 * MIB, 4096 * MIB]
    for size in sizes:
        place = tempfile.mkdtemp(prefix="holdfast-bench-", dir=build)
        try:
            rows = transfers(binary, place, size)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        result["transfers"][str(size // MIB)] = rows
        for verb in ("put", "get"):
            row = rows[verb]
            start = f"{rows['first_byte_ms']:>9.0f}" if verb == "get" else f"{'':>9}"
            print(f"{f'{verb} {size // MIB} MiB':<28}{row['wall_s']:>9.2f}{row['mib_s']:>9.1f}{row['client_ms']:>9.2f}{row['servers_ms']:>9.2f}{row['client_mib']:>9.0f}{start}", flush=True)
    for verb in ("put", "get"):
        row = TAHOE[verb]
        print(f"{f'(real Tahoe, {verb}, scaled)':<28}{'':>9}{row['mib_s'] / scale:>9.1f}{row['client_ms'] * scale:>9.2f}{row['servers_ms'] * scale:>9.2f}")
    small, large = str(sizes[0] // MIB), str(sizes[-1] // MIB)
    for verb in ("put", "get"):
        row = result["transfers"][small][verb]
        a, b = row.get("full_window_mib", row["client_mib"]), result["transfers"][large][verb]["client_mib"]
        print(f"{verb}: peak memory at {large} MiB is {b / a:.2f} times that at {small} MiB")
    if not quick:
        result["beyond"] = beyond_loopback(build, binary)
        result["series"] = curves(build, binary)
    path = os.path.join(os.path.dirname(os.path.abspath(build)), "bench.json")
    with open(path, "w") as f:
        json.dump(result, f, indent=1)
    print(f"\nwritten to {os.path.relpath(path)}; 'start' is a whole run of `get --range 0-0`, process start included")


main()
