"""The parts of make bench that are drawn as curves (pictures.py). Each answers a list of points."""
import json
import subprocess
import time

from links import MIB, Grid, Links, stored_bytes

SERVERS = (1, 3, 10, 30, 100)
ROUND_TRIPS_MS = (2, 10, 30, 100, 300)


def rates(grid, client, size, repeats, *arguments):
    """The best of several puts and gets of files of one size, in MiB/s, with the start of the process."""
    best = {"put": 0.0, "get": 0.0}
    for i in range(repeats):
        path = grid.file(f"{size}-{i}", size)
        seconds, report = grid.put(client, path, *arguments)
        best["put"] = max(best["put"], size / MIB / seconds)
        best["get"] = max(best["get"], size / MIB / grid.get(client, report["cap"], path + ".out"))
    return best


def by_size(binary, place, sizes):
    with Grid(binary, place) as grid:
        return [{"bytes": size, **rates(grid, grid.client, size, 3 if size < 64 * MIB else 1)} for size in sizes]


def by_servers(binary, place, size):
    """3-of-10 on so many servers. Fewer servers than the usual happiness are asked for less of it."""
    points = []
    for servers in SERVERS:
        with Grid(binary, f"{place}-{servers}", servers) as grid:
            points.append({"servers": servers, **rates(grid, grid.client, size, 2, "--happy", str(min(7, servers)))})
    return points


def by_round_trip(binary, proxy, place, size, bytes_per_second):
    """A line of 1 Gbit/s and so much delay; `line` is what it carries of the file at best."""
    points = []
    with Grid(binary, place) as grid, Links(grid, proxy) as links:
        links.tell(f"line rate {bytes_per_second}")
        for milliseconds in ROUND_TRIPS_MS:
            links.tell(f"* delay {milliseconds // 2}")
            path = grid.file(f"f{milliseconds}", size)
            put_seconds, report = grid.put(links.client, path)
            get_seconds = grid.get(links.client, report["cap"], path + ".out")
            points.append({"round_trip_ms": milliseconds, "put": size / MIB / put_seconds, "get": size / MIB / get_seconds,
                           "put_line": size / MIB / (report["share_bytes_total"] / bytes_per_second), "get_line": bytes_per_second / MIB})
    return points


def flapping(binary, proxy, place, size, bytes_per_second, up_seconds, down_seconds):
    """A put over a line that is down now and again. `held`: share bytes that the servers have; `line`: what went over the line;
    `restart`: what the same line would have brought to somebody who begins anew after every cut."""
    with Grid(binary, place) as grid, Links(grid, proxy) as links:
        path = grid.file("f", size)
        links.tell(f"line rate {bytes_per_second}")
        held_before, columns, outages, at_last_cut = stored_bytes(grid), {"seconds": [], "held": [], "line": [], "restart": []}, [], 0
        start = time.monotonic()
        upload = subprocess.Popen([binary, "-d", links.client, "--json", "put", path, "--progress", "none"], stdout=subprocess.PIPE, text=True)
        link_up, change_at = True, up_seconds
        while True:
            ended = upload.poll() is not None
            now = time.monotonic() - start
            line = sum(target["bytes_up"] - target["bytes_lost"] for target in links.tell("stats")["targets"])
            for name, value in (("seconds", round(now, 2)), ("held", stored_bytes(grid) - held_before), ("line", line), ("restart", line - at_last_cut)):
                columns[name].append(value)
            if ended:
                break
            if now >= change_at:
                link_up = not link_up
                links.tell("* link " + ("up" if link_up else "down"))
                if link_up:
                    outages[-1].append(round(now, 2))
                else:
                    outages.append([round(now, 2)])
                    at_last_cut = line
                change_at = now + (up_seconds if link_up else down_seconds)
            time.sleep(0.05)  # between two looks
        report = json.loads(upload.communicate()[0])
        if not link_up:
            outages[-1].append(columns["seconds"][-1])
        return {"file_bytes": size, "bytes_per_second": bytes_per_second, "share_bytes_total": report["share_bytes_total"],
                "bytes_sent": report["bytes_sent"], "bytes_resent": report["bytes_resent"], "cuts": report["cuts"],
                "outages": outages, **columns}
