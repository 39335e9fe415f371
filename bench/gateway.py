"""make bench: uploads to and downloads from a gateway, beside the reference server of tus (which syncs nothing) and nginx (which is
synced here), in the same run."""
import http.client
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

from helper import cpu_of, server_arguments
from links import MIB, Grid, Links, Served

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"


class GatewayNode(Served):
    def __init__(self, grid, config=""):
        self.path = grid.place + "/gateway-node"
        made = subprocess.run([grid.binary, "create-node", self.path, "--gateway", *server_arguments(grid)], check=True, capture_output=True, text=True)
        self.port = int(made.stdout.strip().rstrip("/").rpartition(":")[2])
        with open(self.path + "/holdfast.cfg", "a") as f:
            f.write("min_free_bytes = 0\nmax_uploads = 20000\n" + config)
        self.serve(grid.binary, "run", self.path)

    def ask(self, method, target, headers=(), body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(method, target, body, dict(headers))
        response = connection.getresponse()
        out = response.status, response.headers, response.read()
        connection.close()
        return out

    def create(self, size):
        return self.ask("POST", "/uploads", {**TUS, "Upload-Length": str(size)})[1]["Location"]

    def drop(self, url):
        self.ask("DELETE", "/uploads/" + url.rpartition("/")[2], TUS)


class TusServer(Served):
    """@tus/server with its file store."""

    def __init__(self, directory):
        os.makedirs(directory)
        self.process = subprocess.Popen(["node", PEERS + "/tus_server.mjs", directory], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())


class NullServer(Served):
    """Throws away what it is sent."""

    def __init__(self):
        self.process = subprocess.Popen(["node", PEERS + "/null_server.mjs"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())


class Nginx:
    """nginx that takes files by PUT."""

    def __init__(self, directory):
        os.makedirs(directory + "/tmp")
        os.makedirs(directory + "/files")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.directory = directory
        kinds = "".join(f"{kind}_temp_path {directory}/tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(directory + "/nginx.conf", "w") as f:
            f.write(f"daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log; user root;\nevents {{}}\nhttp {{ access_log off; "
                    f"sendfile on; {kinds} server {{ listen 127.0.0.1:{self.port}; client_max_body_size 0; location / {{ root {directory}/files; dav_methods PUT; }} }} }}\n")
        self.process = subprocess.Popen([NGINX, "-p", directory, "-c", directory + "/nginx.conf"])
        while self.process.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
        sys.exit(f"nginx ended with {self.process.returncode}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def synced(self, name):
        with open(f"{self.directory}/files/{name}", "rb") as f:
            os.fsync(f.fileno())
        os.unlink(f"{self.directory}/files/{name}")


def curl(*arguments):
    begun = time.monotonic()
    subprocess.run(["curl", "-sSf", "-o", "/dev/null", *arguments], check=True)
    return time.monotonic() - begun


def patch(url, path):
    return curl("-X", "PATCH", "-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Offset: 0", "-H", "Content-Type: " + OCTETS, "-H", "Expect:", "-T", path, url)


def created(port, size):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/uploads", headers={**TUS, "Upload-Length": str(size)})
    location = connection.getresponse().headers["Location"]
    connection.close()
    return location if location.startswith("http") else f"http://127.0.0.1:{port}{location}"


def tus_js(port, path, chunk=8 * MIB):
    done = subprocess.run(["node", PEERS + "/tus_client.mjs", f"http://127.0.0.1:{port}/uploads", path, str(chunk)], check=True, capture_output=True, text=True)
    seconds, url = done.stdout.split()
    return float(seconds), url


def uploads(binary, place, size, rounds=3):
    """MiB/s until the last answer: ours are durable then, nginx's file is synced, the reference's is in memory."""
    version = int(subprocess.run(["node", "-p", "parseInt(process.versions.node)"], check=True, capture_output=True, text=True).stdout)
    if version < 20:
        return {"not_measured_node_is": version}  # @tus/server wants 20
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=PEERS, check=True)
    ours, tus, dav, ours_js, tus_js_times, null_js, cpu = [], [], [], [], [], [], []
    with Grid(binary, place) as grid, GatewayNode(grid) as gateway, TusServer(place + "/tus") as peer, Nginx(place + "/nginx") as nginx, NullServer() as null:
        path = grid.file("big", size)
        for round_number in range(rounds + 1):  # the first one warms up
            url, before = gateway.create(size), cpu_of(gateway.process)
            seconds = patch(url, path)
            used = cpu_of(gateway.process) - before
            gateway.drop(url)
            js_seconds, url = tus_js(gateway.port, path)
            gateway.drop(url)
            peer_seconds = patch(created(peer.port, size), path)
            peer_js, _ = tus_js(peer.port, path)
            limit_js, _ = tus_js(null.port, path)
            begun = time.monotonic()
            curl("-H", "Expect:", "-T", path, f"http://127.0.0.1:{nginx.port}/f")
            nginx.synced("f")
            dav_seconds = time.monotonic() - begun
            shutil.rmtree(place + "/tus")
            os.makedirs(place + "/tus")
            if round_number == 0:
                continue
            for times, value in ((ours, seconds), (tus, peer_seconds), (dav, dav_seconds), (ours_js, js_seconds), (tus_js_times, peer_js), (null_js, limit_js), (cpu, used)):
                times.append(value)
    mib = size / MIB
    curl_rate, tus_rate, dav_rate = (mib / statistics.median(times) for times in (ours, tus, dav))
    js_rate, js_peer, js_limit = (mib / statistics.median(times) for times in (ours_js, tus_js_times, null_js))
    return {"mib_s": curl_rate, "of_tus_server": curl_rate / tus_rate, "of_nginx": curl_rate / dav_rate, "tus_server_mib_s": tus_rate, "nginx_mib_s": dav_rate,
            "tus_js_mib_s": js_rate, "tus_js_of_tus_server": js_rate / js_peer, "tus_js_alone_mib_s": js_limit, "cpu_ms_per_mib": statistics.median(cpu) * 1000 / mib}


def small(binary, place, count=400, clients=8):
    """Files of 10 KiB, created and sent in one request: per second until each is durable."""
    with Grid(binary, place) as grid, GatewayNode(grid) as gateway:
        body = os.urandom(10 * 1024)

        def send(numbers):
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=600)
            for _ in numbers:
                connection.request("POST", "/uploads", body, {**TUS, "Upload-Length": str(len(body)), "Content-Type": OCTETS})
                response = connection.getresponse()
                response.read()
                assert response.status == 201, response.status
            connection.close()

        begun = time.monotonic()
        threads = [threading.Thread(target=send, args=(range(count // clients),)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"per_s": count / (time.monotonic() - begun)}


def stalled_patch(gateway, url, size, body):
    s = socket.create_connection(("127.0.0.1", gateway.port))
    s.sendall(f"PATCH /uploads/{url.rpartition('/')[2]} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
              f"Content-Type: {OCTETS}\r\nContent-Length: {size}\r\n\r\n".encode() + body)
    return s


def takeover(binary, place, count=20):
    """HEAD over a request that stands still, until its answer."""
    times = []
    with Grid(binary, place, servers=1) as grid, GatewayNode(grid) as gateway:
        for _ in range(count):
            url = gateway.create(10 * MIB)
            s = stalled_patch(gateway, url, 10 * MIB, bytes(300_000))
            while int(gateway.ask("GET", "/uploads/" + url.rpartition("/")[2] + "?t=status")[2].split(b'"offset":')[1].split(b",")[0]) < 300_000:
                pass
            begun = time.monotonic()
            gateway.ask("HEAD", "/uploads/" + url.rpartition("/")[2], TUS)
            times.append(time.monotonic() - begun)
            s.close()
    return {"ms": statistics.median(times) * 1000, "worst_ms": max(times) * 1000}


def memory(binary, place, idle=1_000, active=200):
    with Grid(binary, place, servers=1) as grid, GatewayNode(grid) as gateway:
        empty = gateway.memory_mib()
        for _ in range(idle):
            gateway.create(10 * MIB)
        after_idle = gateway.memory_mib()
        senders = [stalled_patch(gateway, gateway.create(10 * MIB), 10 * MIB, bytes(1 << 20)) for _ in range(active)]
        while int(gateway.ask("GET", "/metrics")[2].split(b"\nholdfast_gateway_received_bytes_total ")[1].split(b"\n")[0]) < active << 20:
            pass
        after_active = gateway.memory_mib()
        for s in senders:
            s.close()
        return {"idle_kib_each": (after_idle - empty) * 1024 / idle, "active_mib": after_active - after_idle, "mib": after_active}


def download_over_a_link(binary, proxy, place, bytes_per_second, round_trip_ms, size):
    """How much of the link between a gateway and its servers a download fills."""
    with Grid(binary, place) as grid, Links(grid, proxy) as links:
        _, report = grid.put(grid.client, grid.file("big", size))
        links.tell(f"* delay {round_trip_ms // 2}")
        links.tell(f"line rate {bytes_per_second}")
        grid.client = links.client  # whose servers the gateway gets
        with GatewayNode(grid) as gateway:
            return {"of_link": size / curl(f"http://127.0.0.1:{gateway.port}/uri/{report['cap']}") / bytes_per_second}


def downloads(binary, place, size):
    with Grid(binary, place) as grid, GatewayNode(grid) as gateway, Nginx(place + "/nginx") as nginx:
        path = grid.file("big", size)
        _, report = grid.put(grid.client, path)
        shutil.copy(path, nginx.directory + "/files/f")
        target = f"http://127.0.0.1:{gateway.port}/uri/{report['cap']}"
        cpu = cpu_of(gateway.process)
        seconds = curl(target)
        used = cpu_of(gateway.process) - cpu
        plain = curl(f"http://127.0.0.1:{nginx.port}/f")
        first = []
        for place_in_file in range(10):
            begun = time.monotonic()
            at = size // 11 * place_in_file
            curl("-r", f"{at}-{at}", target)
            first.append(time.monotonic() - begun)
        begun = time.monotonic()
        curl("-r", "0-0", f"http://127.0.0.1:{nginx.port}/f")
        return {"mib_s": size / MIB / seconds, "nginx_mib_s": size / MIB / plain, "first_byte_ms": statistics.median(first) * 1000,
                "nginx_first_byte_ms": (time.monotonic() - begun) * 1000, "cpu_ms_per_mib": used * 1000 / (size / MIB)}
