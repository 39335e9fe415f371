#!/usr/bin/env python3
"""Random reads of 4 KiB over loopback: from a file that stays open (read_bench), and by whole runs of `get --range`. Prints one
line of JSON. usage: reads.py BUILD_DIRECTORY"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import links

READ = 4096


def stay_open(program, client, cap, readers, seconds=10):
    done = subprocess.run([program, client, cap, str(seconds), str(readers)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def whole_runs(binary, client, cap, size, count=100):
    """Process start, ten connections and the finding of shares included."""
    source = random.Random(1)
    start = time.monotonic()
    for _ in range(count):
        begin = source.randrange(size // READ) * READ
        done = subprocess.run([binary, "-d", client, "get", cap, "--range", f"{begin}-{begin + READ - 1}", "--progress", "none"],
                              capture_output=True, check=True)
        if len(done.stdout) != READ:
            sys.exit(f"{len(done.stdout)} bytes came instead of {READ}")
    return {"reads_per_second": count / (time.monotonic() - start)}


def measure(build, place, size=256 * links.MIB):
    binary, program = os.path.join(build, "holdfast"), os.path.join(build, "read_bench")
    out = {}
    for segment in (1 << 20, 1 << 17):
        with links.Grid(binary, f"{place}-{segment}") as grid:
            _, report = grid.put(grid.client, grid.file("f", size), "--segment-size", str(segment))
            out[str(segment)] = {
                "one": stay_open(program, grid.client, report["cap"], 1),
                "sixteen": stay_open(program, grid.client, report["cap"], 16),
                "whole_runs": whole_runs(binary, grid.client, report["cap"], size)}
    return out


if __name__ == "__main__":
    directory = tempfile.mkdtemp(prefix="holdfast-reads-", dir=sys.argv[1])
    try:
        print(json.dumps(measure(sys.argv[1], directory + "/grid")))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
