#!/usr/bin/env python3
"""Draws docs/pictures/*.svg from what make bench measured.

usage: pictures.py BENCH.json DIRECTORY
The figures that are drawn are kept beside the pictures as figures.json, which is a BENCH.json too:
`pictures.py docs/pictures/figures.json docs/pictures` draws the same pictures again."""
import json
import math
import os
import sys
from xml.sax.saxutils import escape

# Blue and vermilion, and the rest of Okabe and Ito's palette: told apart by the colour-blind too.
STYLE = """
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 } .panel { font-weight: 600 } .muted { fill: #59636e } .small { font-size: 12px }
.surface { fill: #ffffff; stroke: #d1d9e0 } .grid { stroke: #e3e8ed } .axis { stroke: #818b98 } .goal { stroke: #59636e; stroke-dasharray: 5 4 }
.outage { fill: #818b98; fill-opacity: .16 }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round }
.s-blue { stroke: #0072b2 } .f-blue { fill: #0072b2 } .s-red { stroke: #c44601 } .f-red { fill: #c44601 } .thin { stroke-width: 1.5; stroke-dasharray: 2 4 }
.bold { font-weight: 600 } .halo { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
.on-dark { fill: #ffffff } .on-light { fill: #16191d }"""
DARK = """
text { fill: #e6edf3 } .muted { fill: #a3acb6 } .surface { fill: #0d1117; stroke: #3d444d } .grid { stroke: #262c34 } .axis { stroke: #7d8590 } .goal { stroke: #a3acb6 }
.outage { fill: #a3acb6; fill-opacity: .2 }
.s-blue { stroke: #58a6ff } .f-blue { fill: #58a6ff } .s-red { stroke: #ff9e64 } .f-red { fill: #ff9e64 } .halo { stroke: #0d1117 }
.on-dark { fill: #ffffff } .on-light { fill: #16191d }"""
GROUPS = {"SHA-256": ("#0072b2", "on-dark"), "AES": ("#e8a6cb", "on-light"), "erasure coding": ("#00805d", "on-dark"), "TLS": ("#e69f00", "on-light"),
          "network in the kernel": ("#56b4e9", "on-light"), "files in the kernel": ("#e3d32f", "on-light"), "rest": ("#a6adb5", "on-light")}
MIB = 1 << 20


class Picture:
    def __init__(self, width, height, title, subtitle):
        self.width, self.height, self.title, self.parts = width, height, title, []
        self.text(24, 34, title, "title")
        self.text(24, 56, subtitle, "muted")

    def text(self, x, y, words, css="", anchor="start"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, css):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>')

    def box(self, x, y, width, height, css="", extra=""):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{css}" {extra}/>')

    def path(self, points, css):
        self.parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" class="line {css}"/>')

    def dot(self, x, y, css):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{css}"/>')

    def save(self, path):
        with open(path, "w") as f:
            f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" role="img">\n'
                    f"<title>{escape(self.title)}</title>\n<style>{STYLE}\n@media (prefers-color-scheme: dark) {{{DARK}\n}}\n</style>\n"
                    f'<rect x="0.5" y="0.5" width="{self.width - 1}" height="{self.height - 1}" rx="8" class="surface"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


class Axes:
    """A frame in a picture: from values to places. Grid lines at the ticks of y, labels below at those of x."""

    def __init__(self, picture, left, top, right, bottom, x_range, y_max, x_log=False):
        self.picture, self.left, self.top, self.right, self.bottom = picture, left, top, right, bottom
        self.scale = math.log if x_log else float
        self.x_range, self.y_max = x_range, y_max

    def x(self, value):
        least, most = map(self.scale, self.x_range)
        return self.left + (self.scale(value) - least) / (most - least) * (self.right - self.left)

    def y(self, value):
        return self.bottom - value / self.y_max * (self.bottom - self.top)

    def draw(self, x_ticks, x_title, y_title):
        step = nice_step(self.y_max)
        for i in range(int(self.y_max / step + 1e-9) + 1):
            self.picture.line(self.left, self.y(i * step), self.right, self.y(i * step), "axis" if i == 0 else "grid")
            self.picture.text(self.left - 8, self.y(i * step) + 4.5, f"{i * step:g}", "muted small", "end")
        for value, words in x_ticks:
            self.picture.line(self.x(value), self.bottom, self.x(value), self.bottom + 5, "axis")
            self.picture.text(self.x(value), self.bottom + 20, words, "muted small", "middle")
        self.picture.text((self.left + self.right) / 2, self.bottom + 40, x_title, "muted small", "middle")
        self.picture.text(self.left - 8, self.top - 10, y_title, "muted small")

    def places(self, points):
        return [(self.x(x), self.y(y)) for x, y in points]


def nice_step(most):
    """At most six steps of 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(most / 6))
    return next(power * m for m in (1, 2, 5, 10) if power * m * 6 >= most)


def nice_top(most):
    step = nice_step(most * 1.05)
    return math.ceil(most * 1.05 / step) * step


def machine(bench):
    return f"{bench['cpus']} CPUs, load {bench['load_before']:.1f} before, SHA-256 at {bench['sha256_mb_per_second']:.0f} MB/s per core"


def draw_flapping(bench, directory):
    run = bench["series"]["flapping"]
    seconds, total = run["seconds"], run["share_bytes_total"]
    picture = Picture(860, 440, "A line that breaks every two seconds",
                      f"put of {run['file_bytes'] // MIB} MiB ({total / 1e6:.0f} MB of shares) over {run['bytes_per_second'] / 1e6:.0f} MB/s; grey: all connections cut, line down")
    axes = Axes(picture, 64, 104, 836, 380, (0, seconds[-1] * 1.02), nice_top(total / 1e6))
    for begin, end in run["outages"]:
        picture.box(axes.x(begin), axes.top, axes.x(end) - axes.x(begin), axes.bottom - axes.top, "outage")
    axes.draw([(s, str(s)) for s in range(0, int(axes.x_range[1]) + 1, 2)], "seconds", "MB of shares that the servers hold")
    picture.line(axes.left, axes.y(total / 1e6), axes.right, axes.y(total / 1e6), "goal")
    picture.text(axes.left + 6, axes.y(total / 1e6) - 6, "all of it", "muted small")
    picture.path(axes.places(zip(seconds, (b / 1e6 for b in run["held"]))), "s-blue")
    picture.path(axes.places(zip(seconds, (b / 1e6 for b in run["restart"]))), "s-red")
    middle = min(range(len(seconds)), key=lambda i: abs(seconds[i] - seconds[-1] * 0.55))
    picture.text(axes.x(seconds[middle]) - 14, axes.y(run["held"][middle] / 1e6) - 22, f"holdfast: done after {seconds[-1]:.0f} s,", "f-blue bold", "end")
    beyond = max(0.0, run["line"][-1] / total - 1) * 100
    picture.text(axes.x(seconds[middle]) - 14, axes.y(run["held"][middle] / 1e6) - 5, f"{beyond:.1f} % more than the shares went over the line", "f-blue", "end")
    best = max(run["restart"]) / 1e6
    picture.text(axes.right - 8, axes.y(best) - 24, f"beginning anew after each cut: never beyond {best:.0f} MB,", "f-red bold", "end")
    picture.text(axes.right - 8, axes.y(best) - 8, f"{(sum_of_peaks(run) / 1e6):.0f} MB sent in vain so far", "f-red", "end")
    picture.save(os.path.join(directory, "flapping.svg"))


def sum_of_peaks(run):
    """What went over the line before the last cut: all of it is thrown away by who begins anew."""
    return run["line"][-1] - run["restart"][-1]


def bytes_words(size):
    unit, name = next((u, n) for u, n in ((1 << 30, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")) if size >= u)
    return f"{size // unit} {name}"


def draw_throughput(bench, directory):
    series = bench["series"]
    picture = Picture(860, 424, "How fast a put and a get are", "MiB of file per second, ten servers on the same machine unless said otherwise, process start included")
    sizes = series["by_size"]
    panels = [("by file size", sizes, "bytes", [(p["bytes"], bytes_words(p["bytes"])) for p in sizes[::3]], "bytes of file", ()),
              ("by number of servers", series["by_servers"], "servers", [(p["servers"], str(p["servers"])) for p in series["by_servers"]], "servers (64 MiB file)", ()),
              ("by round trip, line of 1 Gbit/s", series["by_round_trip"], "round_trip_ms", [(p["round_trip_ms"], str(p["round_trip_ms"])) for p in series["by_round_trip"]],
               "ms of round trip (64 MiB file)", ("put_line", "get_line"))]
    for i, (name, points, key, ticks, x_title, limits) in enumerate(panels):
        left = 56 + i * 275
        most = max(p[what] for p in points for what in ("put", "get", *limits))
        axes = Axes(picture, left, 122, left + 224, 330, (points[0][key], points[-1][key]), nice_top(most), x_log=True)
        axes.draw(ticks, x_title, "MiB/s")
        picture.text(left - 8, 92, name, "panel")
        for limit in limits:
            verb, colour = ("put", "blue") if limit == "put_line" else ("get", "red")
            picture.path(axes.places((p[key], p[limit]) for p in points), "thin s-" + colour)
        for verb, colour in (("put", "blue"), ("get", "red")):
            places = axes.places((p[key], p[verb]) for p in points)
            picture.path(places, "s-" + colour)
            for x, y in places:
                picture.dot(x, y, "f-" + colour)
            # Beside the middle of its curve, on the side away from the other.
            at = len(points) // 2
            above = points[at][verb] > points[at]["get" if verb == "put" else "put"]
            left_of_it = above == (points[at + 1][verb] >= points[at - 1][verb])
            picture.text(places[at][0] + (-6 if left_of_it else 6), places[at][1] + (-11 if above else 21), verb, f"f-{colour} bold halo", "end" if left_of_it else "start")
        for limit in limits:
            verb, colour = ("put", "blue") if limit == "put_line" else ("get", "red")
            picture.text(axes.right, axes.y(points[0][limit]) - 6, f"the line, for a {verb}", f"small f-{colour} halo", "end")
    picture.text(24, 408, machine(bench), "muted small")
    picture.save(os.path.join(directory, "throughput.svg"))


def draw_cpu(bench, directory):
    cpu = bench["series"]["cpu"]
    picture = Picture(860, 390, "Where the CPU time goes", "milliseconds of CPU per MiB of file, 3-of-10, ten servers together, by samples of perf")
    x, y = 24, 84
    for group, (colour, _) in GROUPS.items():
        width = 40 + 6.3 * len(group)
        picture.box(x, y - 11, 12, 12, extra=f'rx="2" fill="{colour}"')
        picture.text(x + 18, y, group, "small")
        x += width
    longest = max(sum(groups.values()) for groups in cpu.values())
    axes = Axes(picture, 112, 108, 780, 318, (0, longest), 1)
    step = nice_step(longest)
    for i in range(int(longest / step) + 1):
        picture.line(axes.x(i * step), axes.top, axes.x(i * step), axes.bottom, "axis" if i == 0 else "grid")
        picture.text(axes.x(i * step), axes.bottom + 18, f"{i * step:g}", "muted small", "middle")
    picture.text((axes.left + axes.right) / 2, axes.bottom + 36, "ms of CPU per MiB of file", "muted small", "middle")
    for row, (name, groups) in enumerate(cpu.items()):
        top, at = axes.top + 10 + row * 51, 0.0
        picture.text(axes.left - 10, top + 23, name, "bold", "end")
        for group, (colour, ink) in GROUPS.items():
            value = groups[group]
            width = axes.x(at + value) - axes.x(at)
            if width >= 1:
                picture.box(axes.x(at), top, max(width - 1, 1), 36, extra=f'fill="{colour}"')
            if width > 26:
                picture.text(axes.x(at) + width / 2, top + 23, f"{value:.1f}", "small " + ink, "middle")
            at += value
        picture.text(axes.x(at) + 8, top + 23, f"{at:.1f}", "bold")
    picture.text(24, 376, machine(bench), "muted small")
    picture.save(os.path.join(directory, "cpu.svg"))


def main():
    with open(sys.argv[1]) as f:
        bench = json.load(f)
    directory = sys.argv[2]
    os.makedirs(directory, exist_ok=True)
    draw_flapping(bench, directory)
    draw_throughput(bench, directory)
    if bench["series"]["cpu"]:  # None where perf did not work: then the last picture stays
        draw_cpu(bench, directory)
    head = ",\n".join(f' "{key}": {json.dumps(bench[key])}' for key in ("cpus", "load_before", "sha256_mb_per_second"))
    series = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in bench["series"].items())
    with open(os.path.join(directory, "figures.json"), "w") as f:
        f.write(f'{{\n{head},\n "series": {{\n{series}\n }}\n}}\n')


main()
