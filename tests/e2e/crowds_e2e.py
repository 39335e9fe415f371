"""Many at once, and too much of everything: ghost allocations, idle uploads, slow and idle connections, messages that are bombs,
and requests that race each other. Honest work goes on, and memory stays bounded. SOAK=1 brings larger crowds."""
import base64
import concurrent.futures
import http.client
import os
import random
import resource
import socket
import subprocess
import threading
import time
import unittest

import cbor
from disk_e2e import SmallDisk
from gbs import CBOR, Client, Node, new_secret, new_si, pattern, tls_context
from rig import BINARY, DEADLINE, Place, Server, get, put, sha256, wait_until

KIB, MIB = 1 << 10, 1 << 20
SOAK = bool(os.environ.get("SOAK"))
# Sanitizers keep what was freed for a while: little of it here, where memory is measured.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4:thread_local_quarantine_size_kb=64"


def take_all_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * KIB for line in f if line.startswith("VmRSS"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Address:
    """A server by its NURL, as gbs.Client needs it."""

    def __init__(self, nurl):
        host_port, _, self.swissnum = nurl.rpartition("@")[2].partition("#")[0].partition("/")
        self.port = int(host_port.rpartition(":")[2])

    def connect(self):
        return tls_context().wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=60))


class Crowd(unittest.TestCase):
    def setUp(self):
        self.hard = take_all_descriptors()
        self.place = Place(servers=3)
        self.addCleanup(self.place.__exit__)

    def serve(self, within=()):
        """One server beside the grid: the one that the crowd comes to."""
        self.server = Server(self.place.path + "/crowded", within=within)
        self.addCleanup(self.server.stop)
        self.address = Address(self.server.nurl)
        self.client = Client(self.address)
        self.addCleanup(self.client.close)
        self.assertEqual(self.client.version().status, 200)
        self.before = resident(self.server.process.pid)

    def grown(self):
        return resident(self.server.process.pid) - self.before

    def assert_honest_work_goes_on(self, size=4 * MIB):
        """put and get of a file with this one server; the seconds it took."""
        client = self.place.new_client("honest", [self.server.nurl])
        path = self.place.file("honest-file", size, 36)
        began = time.monotonic()
        report = put(client, path, "--k", "1", "--n", "1", "--happy", "1")
        get(client, report["cap"], path + ".out")
        self.assertEqual(sha256(path), sha256(path + ".out"))
        self.assertIsNone(self.server.process.poll(), "the server lives on")
        return time.monotonic() - began

    def many(self, count, make):
        """make(i) for each, some at once; closed at the end of the test."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            made = list(pool.map(make, range(count)))
        self.addCleanup(lambda: [each.close() for each in made])
        return made


class GhostAllocations(Crowd):
    """F36."""

    def on_a_small_disk(self, size):
        path = self.place.path + "/crowded"
        subprocess.run([BINARY, "create-node", path, "--storage", "--bind", "127.0.0.1", "--reserve", "1M"], check=True, stdout=subprocess.DEVNULL)
        disk = SmallDisk(path + "/storage", size)
        self.addCleanup(disk.close)
        self.serve(within=disk.within)

    def test_f36_huge_empty_allocations_leave_room_for_an_honest_upload(self):
        size = (100 if SOAK else 8) * MIB
        self.on_a_small_disk(3 * size)
        for _ in range(20):
            allocated = self.client.allocated(new_si(), set(range(256)), 80_000_000_000, new_secret(), resume=True)
            self.assertEqual(allocated, (set(), set()), "what cannot fit is promised nothing")
        self.assert_honest_work_goes_on(size)

    def test_f36_a_server_that_is_promised_away_is_gone_around(self):
        self.on_a_small_disk(16 * MIB)
        _, ghosts = self.client.allocated(new_si(), set(range(256)), MIB, new_secret(), resume=True)
        self.assertIn(len(ghosts), range(13, 17))
        client = self.place.new_client("c", [*self.place.nurls(), self.server.nurl], convergence_of=self.place.client)
        path = self.place.file("f", 8 * MIB, 1)
        report = put(client, path, "--k", "2", "--n", "4", "--happy", "3")
        self.assertEqual((report["shares_placed"], report["happiness"]), (4, 3))
        get(client, report["cap"], path + ".out")
        self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f36_idle_uploads_keep_neither_memory_nor_descriptors(self):
        begun, empty = (2_000, 8_000) if SOAK else (300, 1_700)
        self.serve(within=["prlimit", f"--nofile=256:{self.hard}"])

        def begin(i):
            client, si, secret = Client(self.address), new_si(), new_secret()
            client.allocated(si, {0}, 100_000, secret, resume=True)
            self.assertEqual(client.write(si, 0, 0, b"x", secret).status, 200)
            return client

        self.many(begun, begin)
        for first in range(0, empty, 250):
            numbers = set(range(min(250, empty - first)))
            self.assertEqual(self.client.allocated(new_si(), numbers, 1000, new_secret(), resume=True), (set(), numbers))
        grown = self.grown()
        print(f"\n{begun + empty} idle uploads: {grown / (begun + empty) / KIB:.0f} KiB each")
        self.assertLess(grown, 64 * MIB)
        # Its connections, and the files of those that were used lately.
        wait_until(lambda: descriptors(self.server.process.pid) < begun + 250, "the files of idle uploads are closed", 45)  # after a minute all of them would be
        print(f"honest work took {self.assert_honest_work_goes_on():.1f} s")


class Connections(Crowd):
    """F37 and memory."""

    def test_f37_honest_work_goes_on_beside_1000_slow_connections(self):
        self.serve(within=["prlimit", f"--nofile=256:{self.hard}"])
        count, si, secret, stored = 1000, new_si(), new_secret(), new_si()
        self.client.upload(stored, 0, pattern(MIB) * 8)
        self.client.allocated(si, {0}, count * MIB, secret, resume=True)
        authorization = f"Host: x\r\nAuthorization: {self.client.authorization}\r\n"

        def slow(i):
            if i % 3 == 0:
                stream = self.address.connect()
                stream.sendall(b"GET /storage/v1/version HTTP/1.1\r\nX-Slow: ")
            elif i % 3 == 1:
                stream = self.client.begin_write(si, 0, i * MIB, (i + 1) * MIB, secret)
            else:
                stream = self.address.connect()
                stream.sendall(f"GET /storage/v1/immutable/{stored}/0 HTTP/1.1\r\n{authorization}\r\n".encode())
                return stream  # and reads nothing
            stream.sendall(b"y")
            return stream

        streams = self.many(count, slow)
        ended = threading.Event()

        def trickle():
            while not ended.wait(2):
                for i, stream in enumerate(streams):
                    if i % 3 != 2:
                        try:
                            stream.send(b"y")
                        except OSError:
                            pass  # the server has had enough of it

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            seconds = [self.assert_honest_work_goes_on() for _ in range(20 if SOAK else 1)]
        finally:
            ended.set()
            thread.join()
        print(f"\nhonest work took {max(seconds):.1f} s, the server grew by {self.grown() / MIB:.0f} MiB")
        self.assertLess(self.grown(), 256 * MIB)

    def test_f37_connections_that_say_nothing_take_no_descriptor_from_those_who_work(self):
        self.serve(within=["prlimit", "--nofile=300:300"])
        silent = self.many(600, lambda _: socket.create_connection(("127.0.0.1", self.address.port)))
        kept = self.client.connection.sock
        self.assertEqual(self.client.version().status, 200)
        self.assertIs(self.client.connection.sock, kept, "it was served before, and is not sent away for those who were not")
        self.assert_honest_work_goes_on()
        silent[0].settimeout(DEADLINE)
        self.assertEqual(silent[0].recv(1), b"", "the first that said nothing went first")

    def test_idle_connections_cost_little(self):
        count = min(10_000, self.hard * 3 // 4 - 100) if SOAK else 1000
        self.serve(within=["prlimit", f"--nofile=256:{self.hard}"])
        request = f"GET /storage/v1/version HTTP/1.1\r\nHost: x\r\nAuthorization: {self.client.authorization}\r\n\r\n".encode()

        def idle(_):
            stream = self.address.connect()
            stream.sendall(request)
            self.assertIn(b" 200 ", stream.recv(4096))
            return stream

        streams = self.many(count, idle)
        each = self.grown() / count / KIB
        print(f"\n{count} idle connections: {each:.0f} KiB each; honest work took {self.assert_honest_work_goes_on():.1f} s")
        self.assertLess(each, 150)
        for stream in streams[::50]:
            stream.sendall(request)
            self.assertIn(b" 200 ", stream.recv(4096))


class Bombs(unittest.TestCase):
    """Messages that claim, nest or bring more than any honest one. A refusal or the end of the connection, and memory as before."""

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.client, self.si, self.secret = self.node.client(), new_si(), new_secret()
        self.client.upload(self.si, 0, b"x" * 100)
        self.client.allocated(self.si, {1}, 100, self.secret, resume=True)
        self.before = resident(self.node.process.process.pid)

    def tearDown(self):
        self.assertTrue(self.node.alive(), "the server lives on")
        self.assertEqual(self.client.version().status, 200)
        self.assertLess(resident(self.node.process.process.pid) - self.before, 64 * MIB)
        self.assertEqual(self.client.shares(self.si), {0}, "nothing was done")
        self.assertIn(self.client.required(self.si, 1, self.secret), ([(0, 100)], [(10, 100)]), "what came before the end counts")

    def verbs(self):
        """Each verb, with the secrets it wants: (method, path, secrets)."""
        lease = [("lease-renew-secret", b"r" * 32), ("lease-cancel-secret", b"c" * 32)]
        upload, base = [("upload-secret", self.secret)], "/storage/v1/immutable/" + self.si
        return {"allocate": ("POST", base, lease + upload), "corrupt": ("POST", base + "/0/corrupt", []), "abort": ("PUT", base + "/7/abort", upload),
                "read-test-write": ("POST", f"/storage/v1/mutable/{self.si}/read-test-write", []), "write": ("PATCH", base + "/1", upload),
                "lease": ("PUT", f"/storage/v1/lease/{new_si()}", lease), "list": ("GET", base + "/shares", []), "status": ("GET", f"/storage/resume/v1/{new_si()}", upload)}

    def send(self, verb, body, *headers):
        """The status, or None for a connection that was closed."""
        method, path, secrets = self.verbs()[verb]
        try:
            return self.client.request(method, path, secrets, [("Content-Type", CBOR), *headers], body).status
        except (OSError, http.client.HTTPException):
            self.client.close()
            return None

    def test_f38_cbor_that_nests_claims_or_repeats_without_measure(self):
        huge, text = b"\xff" * 8, cbor.encode
        message = lambda numbers: b"\xa2" + text("share-numbers") + numbers + text("allocated-size") + b"\x0a"
        tag = b"\xd9\x01\x02"
        bombs = [b"\x81" * 8000, b"\x9f" * 8000, b"\xa1" * 8000, b"\xbf\x61a" * 2600, tag * 2600, b"\xa1\x81" * 4000, b"\x5f" * 8000, b"\x7f\x61a" * 2600]
        bombs += [bytes([major << 5 | 27]) + huge for major in range(8)] + [bytes([major << 5 | 26]) + huge[:4] for major in range(8)]
        bombs += [message(tag + b"\x9b" + huge), message(tag + b"\x9a\x7f\xff\xff\xff" + b"\x01" * 8000), message(tag + b"\x9f" + b"\x01" * 8000 + b"\xff"),
                  message(tag + b"\x99\x1f\x40" + b"\x00" * 8000), message(b"\x9b" + huge), message(tag + b"\x81" * 8000), message(tag * 2000 + b"\x80"),
                  b"\xbb" + huge + text("share-numbers"), b"\xbf" + (text("share-numbers") + tag + b"\x80") * 400 + b"\xff", b"\xb9\x10\x00" + b"\x61a\x00" * 2700,
                  b"\xa3" + text("x") + b"\x81" * 5000 + b"\x00" + message(tag + b"\x81\x01")[1:], b"\xa1" + text("reason") + b"\x7b" + huge,
                  b"\xa1" + text("reason") + b"\x79\x7f\xff" + b"a" * 4000, b"\xa1" + text("reason") + b"\x7f" + b"\x61a" * 4000 + b"\xff",
                  message(b"\xc2\x58\xff" + b"\xff" * 255), b"\xa2" + text("share-numbers") + tag + b"\x81\x01" + text("allocated-size") + b"\xc2\x48" + huge]
        for verb in ("allocate", "corrupt", "read-test-write"):
            for bomb in bombs:
                with self.subTest(verb=verb, bomb=bomb[:40].hex(), length=len(bomb)):
                    self.assertIn(self.send(verb, bomb), (400, 413, 501) if verb == "read-test-write" else (400, 413))

    def test_f38_megabytes_where_kilobytes_are_due(self):
        large = bytes(16 * MIB)
        reason = cbor.encode({"reason": "r" * (1 << 20)})
        for verb in self.verbs():
            for body in (large, reason):
                with self.subTest(verb=verb, length=len(body)):
                    # Who wants no body passes over it, or ends the connection.
                    free = {200, 204, 404} if verb in ("abort", "lease", "list", "status") else set()
                    self.assertIn(self.send(verb, body, *([("Content-Range", "bytes 0-9/*")] if verb == "write" else [])), {400, 413, 501, None} | free)

    def test_f38_a_chunked_body_without_end(self):
        chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        for verb, (method, path, secrets) in self.verbs().items():
            with self.subTest(verb=verb):
                fields = "".join(f"X-Tahoe-Authorization: {kind} {base64.b64encode(secret).decode()}\r\n" for kind, secret in secrets)
                head = (f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {self.client.authorization}\r\n{fields}Content-Type: {CBOR}\r\n"
                        f"Content-Range: bytes 0-9/*\r\nTransfer-Encoding: chunked\r\n\r\n").encode()
                with self.node.connect() as stream:
                    sent = 0
                    try:
                        stream.sendall(head)
                        while sent < 4096:  # 256 MiB: it must have ended long before
                            stream.sendall(chunk)
                            sent += 1
                    except OSError:
                        pass
                self.assertLess(sent, 2048)


class Races(unittest.TestCase):
    """F10, F41: one or the other, nothing in between."""

    def together(self, *calls):
        """The answers of calls that begin at once, each on a connection of its own that is open already."""
        barrier = threading.Barrier(len(calls))

        def run(call):
            client = self.node.client()
            client.version()
            barrier.wait()
            return call(client)

        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(run, calls))

    def test_f41_an_abort_that_races_the_finish(self):
        with Node() as self.node:
            client, data, won = self.node.client(), pattern(100_000), [0, 0]
            for i in range(300 if SOAK else 40):
                si, secret = new_si(), new_secret()
                client.allocated(si, {0}, len(data), secret, resume=i % 4 != 0)
                self.assertEqual(client.write(si, 0, 0, data[:-1000], secret).status, 200)
                finished, aborted = self.together(lambda c: c.write(si, 0, len(data) - 1000, data[-1000:], secret), lambda c: c.abort(si, 0, secret))
                self.assertIn((finished.status, aborted.status), ((201, 405), (404, 200)))
                done = finished.status == 201
                won[done] += 1
                self.assertEqual(client.shares(si), {0} if done else set())
                self.assertEqual(self.node.incoming(si), [])
                self.assertEqual(client.read(si, 0).body if done else b"", data if done else b"")
                if not done:
                    client.upload(si, 0, data, new_secret())
            print(f"\n(aborted, finished): {won}")

    def test_f41_an_expiry_that_races_a_resume(self):
        with Node(holdfast="partial.retention = 6 s\n") as self.node:
            data, rng = pattern(50_000), random.Random(41)

            def race(pause):
                client, si, secret = self.node.client(), new_si(), new_secret()
                client.allocated(si, {0}, len(data), secret, resume=True)
                self.assertEqual(client.write(si, 0, 0, data[:30_000], secret).status, 200)
                time.sleep(pause)  # the moment of the resume is what is tested
                partial = client.incomplete(si, 0, secret)
                if partial:
                    self.assertEqual(partial["required"], [{"begin": 30_000, "end": len(data)}])
                answer = client.write(si, 0, 30_000, data[30_000:], secret)
                self.assertIn(answer.status, (201, 404))
                if answer.status == 404:
                    self.assertIsNone(client.incomplete(si, 0, secret))
                    self.assertEqual((client.shares(si), self.node.incoming(si)), (set(), []))
                    client.upload(si, 0, data, secret)
                self.assertEqual(client.read(si, 0).body, data)
                return answer.status == 201

            # At the end some that come in time also when the machine is busy with something else.
            pauses = [rng.uniform(5.5, 7.5) for _ in range(200 if SOAK else 40)] + [0] * 5
            with concurrent.futures.ThreadPoolExecutor(len(pauses)) as pool:
                resumed = list(pool.map(race, pauses))
            print(f"\n{sum(resumed)} of {len(resumed)} came in time")
            self.assertTrue(any(resumed) and not all(resumed))

    def test_f10_two_connections_that_write_the_same_range_at_once(self):
        with Node() as self.node:
            client, size = self.node.client(), 1_500_000
            ours, theirs = pattern(size, 3), pattern(size, 4)
            for i in range(100 if SOAK else 12):
                si, secret, other = new_si(), new_secret(), theirs if i % 2 else ours
                client.allocated(si, {0}, size, secret, resume=True)
                begin, end = (0, size) if i % 4 < 2 else (200_000, 1_400_000)
                answers = self.together(*[lambda c, data=data: c.write(si, 0, begin, data[begin:end], secret) for data in (ours, other)])
                statuses = [answer.status for answer in answers]
                whole = 201 if end - begin == size else 200
                self.assertIn(whole, statuses)
                # Late is who comes when it is a share already, or brings other bytes.
                self.assertLessEqual(set(statuses), {whole, 409} if other is theirs and whole == 200 else {whole, 404, 409} if other is theirs else {whole, 404})
                winner = (ours, other)[statuses.index(whole)]
                if other is theirs:
                    self.assertEqual(statuses.count(whole), 1)
                for first, last in ((0, begin), (end, size)):
                    if first < last:
                        answer = client.write(si, 0, first, winner[first:last], secret)
                self.assertEqual(answer.status if whole == 200 else 201, 201)
                self.assertEqual(client.read(si, 0).body, winner)


if __name__ == "__main__":
    unittest.main(verbosity=2)
