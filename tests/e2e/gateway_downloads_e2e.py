"""Downloads through the web gateway by the clients that people have: curl, wget, aria2c, rclone, plain sockets. Links break on both sides of it
and servers go; whatever a client got is a right prefix, and what it has when it is done is the file (resumable-upload.md 3)."""
import base64
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
import unittest

from rig import BINARY, DEADLINE, Gateway, Links, Place, make_file, put, sha256, wait_until

MIB = 1 << 20
SEGMENT = MIB + 2  # the next multiple of k


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Reply:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def __getitem__(self, name):
        return self.headers[name]


def ask(port, method, target, headers=(), body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request(method, target, headers=dict(headers), body=body)
        response = connection.getresponse()
        return Reply(response, response.read())
    finally:
        connection.close()


def parts_of(reply):
    """The parts of a multipart/byteranges answer: (Content-Range, bytes)."""
    boundary = reply["Content-Type"].partition("boundary=")[2].encode()
    pieces = reply.body.split(b"\r\n--" + boundary)
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n", (pieces[0], pieces[-1])
    out = []
    for piece in pieces[1:-1]:
        head, _, body = piece.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().strip().split("\r\n"))
        out.append((fields["Content-Range"], body))
    return out


class Scene(unittest.TestCase):
    """One grid and one file for all tests of a class; each test has a gateway of its own, behind links of its own."""
    size = 24 * MIB + 12_345

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.__exit__)
        cls.path = cls.place.file("f", cls.size, 21)
        cls.content = read(cls.path)
        cls.cap = put(cls.place.client, cls.path)["cap"]
        cls.target = "/uri/" + cls.cap
        cls.numbers = iter(range(100))

    def gateway(self, cfg="", links=True):
        if links:
            self.links = Links(self.place.nurls())
            self.addCleanup(self.links.close)
        gateway = Gateway(f"{self.place.path}/gateway-{next(self.numbers)}", self.links.nurls if links else self.place.nurls(), cfg)
        self.addCleanup(gateway.stop)
        self.port = gateway.port
        return gateway

    def through_a_link(self, gateway):
        """A URL of the file through one more link, which the test may break, and the number of the link."""
        number, port = self.links.to_port(gateway.port)
        return number, f"http://127.0.0.1:{port}{self.target}"

    def ask(self, method="GET", target=None, headers=(), body=None):
        return ask(self.port, method, target or self.target, headers, body)

    def output(self):
        return f"{self.place.path}/out-{next(self.numbers)}"

    def from_servers(self):
        """Bytes that the servers sent to the gateway."""
        return sum(each["bytes_down"] for each in self.links.stats()[:10])

    def assert_whole(self, path):
        self.assertEqual(sha256(path), sha256(self.path))

    def assert_prefix(self, path):
        got = read(path)
        self.assertEqual(hashlib.sha256(got).hexdigest(), hashlib.sha256(self.content[:len(got)]).hexdigest(), "a wrong byte")
        return len(got)


class Answers(Scene):
    def test_3_1_every_answer_has_what_a_client_needs_to_go_on(self):
        self.gateway(links=False)
        whole, head = self.ask(), self.ask("HEAD")
        self.assertEqual((whole.status, whole.body == self.content), (200, True))
        self.assertEqual((head.status, head.body), (200, b""))
        for name in ("ETag", "Accept-Ranges", "Cache-Control", "Content-Type", "Content-Length", "X-Content-Type-Options", "Referrer-Policy",
                     "X-Frame-Options", "Content-Security-Policy"):
            self.assertEqual(whole[name], head[name], name)
        self.assertEqual(whole["Accept-Ranges"], "bytes")
        self.assertEqual(whole["Content-Length"], str(self.size))
        self.assertEqual(whole["Cache-Control"], "private, max-age=31536000, immutable, no-transform")
        self.assertEqual((whole["X-Content-Type-Options"], whole["Referrer-Policy"], whole["X-Frame-Options"]), ("nosniff", "no-referrer", "DENY"))
        self.assertRegex(whole["ETag"], r'^"c-[a-z2-7]{52}"$')
        for part in self.cap.split(":")[2:4]:
            self.assertNotIn(part, whole["ETag"])
        named = self.ask(target=f"/file/{self.cap}/@@named=/film.mp4.html", headers={"Range": "bytes=0-9"})
        self.assertEqual(named["ETag"], whole["ETag"], "whatever it is called")
        self.assertEqual((named["Content-Type"], named["Content-Security-Policy"]), ("text/html; charset=utf-8", "sandbox"))
        for target in (self.target.replace(":", "%3A"), "/cap/" + self.cap, "/named/" + self.cap + "/a/b/c"):
            self.assertEqual(self.ask("HEAD", target)["ETag"], whole["ETag"])

    def test_3_2_conditions(self):
        self.gateway(links=False)
        etag = self.ask("HEAD")["ETag"]
        for method in ("GET", "HEAD"):
            for headers, status in (({"If-None-Match": etag}, 304), ({"If-None-Match": "W/" + etag}, 304), ({"If-None-Match": "*"}, 304),
                                    ({"If-None-Match": f'"x", {etag}'}, 304), ({"If-Match": '"x"'}, 412), ({"If-Match": "W/" + etag}, 412),
                                    ({"If-Match": '"x"', "If-None-Match": etag}, 412)):
                reply = self.ask(method, headers=headers)
                self.assertEqual(reply.status, status, headers)
                self.assertEqual(reply["ETag"], etag)
        part = {"Range": "bytes=100-199"}
        for headers, status in (({"If-Match": etag}, 206), ({"If-Range": etag}, 206), ({"If-None-Match": '"x"'}, 206), ({"If-Range": '"x"'}, 200),
                                ({"If-Range": "W/" + etag}, 200), ({"If-Range": "Sun, 06 Nov 1994 08:49:37 GMT"}, 200), ({"If-None-Match": etag}, 304)):
            reply = self.ask(headers={**part, **headers})
            self.assertEqual(reply.status, status, headers)
            self.assertEqual(reply.body, {206: self.content[100:200], 200: self.content, 304: b""}[status])

    def test_3_3_ranges(self):
        self.gateway(links=False)
        n = self.size
        for asked, begin, end in (("0-0", 0, 1), ("0-", 0, n), (f"{n - 1}-", n - 1, n), ("-10", n - 10, n), (f"-{n + 5}", 0, n), (f"5-{n + 5}", 5, n),
                                  (f"{MIB - 1}-{MIB}", MIB - 1, MIB + 1), (f"{3 * MIB}-{4 * MIB - 1}", 3 * MIB, 4 * MIB), ("0-9,20-29", 0, 30)):
            reply = self.ask(headers={"Range": "bytes=" + asked})
            self.assertEqual((reply.status, reply["Content-Range"]), (206, f"bytes {begin}-{end - 1}/{n}"), asked)
            self.assertEqual(reply.body == self.content[begin:end], True, asked)
        for asked in (f"{n}-", f"{n}-{n + 9}", "-0", "99999999999999999999-"):
            reply = self.ask(headers={"Range": "bytes=" + asked})
            self.assertEqual((reply.status, reply["Content-Range"], reply.body), (416, f"bytes */{n}", b""), asked)
            self.assertIsNotNone(reply["ETag"])
        for asked in ("bytes=9-5", "bytes=x", "chunks=0-9"):
            self.assertEqual(self.ask(headers={"Range": asked}).status, 200, asked)
        reply = self.ask("HEAD", headers={"Range": "bytes=0-9"})
        self.assertEqual((reply.status, reply["Content-Length"]), (200, str(n)))

    def test_3_3_several_ranges(self):
        self.gateway(links=False)
        reply = self.ask(headers={"Range": f"bytes=5000000-5999999,0-9,-{MIB}"})
        self.assertEqual(reply.status, 206)
        begin = self.size - MIB
        wanted = [(0, 10), (5_000_000, 6_000_000), (begin, self.size)]
        got = parts_of(reply)
        self.assertEqual([each[0] for each in got], [f"bytes {b}-{e - 1}/{self.size}" for b, e in wanted])
        for (b, e), (_, body) in zip(wanted, got):
            self.assertTrue(body == self.content[b:e])
        self.assertEqual(self.ask(headers={"Range": "bytes=" + ",".join(f"{i * 1000}-{i * 1000 + 1}" for i in range(17))}).status, 416)

    def test_literals_and_empty_files_are_files_too(self):
        self.gateway(links=False)
        for content in (b"", b"x", b"fifty-five bytes are as much as a literal can have, so."):
            path = self.output()
            with open(path, "wb") as f:
                f.write(content)
            target = "/uri/" + put(self.place.client, path)["cap"]
            reply = self.ask(target=target)
            self.assertEqual((reply.status, reply.body), (200, content))
            self.assertRegex(reply["ETag"], r'^"l-[a-z2-7]{26}"$')
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            self.assertEqual(reply["Repr-Digest"], f"sha-256=:{digest}:")
            self.assertEqual(self.ask(target=target, headers={"Want-Digest": "SHA-256"})["Digest"], "SHA-256=" + digest)
            self.assertEqual(self.ask(target=target, headers={"If-None-Match": reply["ETag"]}).status, 304)
            ranged = self.ask(target=target, headers={"Range": "bytes=0-0"})
            self.assertEqual((ranged.status, ranged.body), (206, content[:1]) if content else (416, b""))

    def test_names_forms_and_redirects(self):
        self.gateway(links=False)
        reply = self.ask("HEAD", self.target + "?filename=%C3%A4%22%0d%0a.txt&save=true")
        self.assertEqual(reply["Content-Disposition"], "attachment; filename=\"____.txt\"; filename*=UTF-8''%C3%A4%22__.txt")
        self.assertEqual(reply["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(self.ask("HEAD", f"/file/{self.cap}/a%2Fb.pdf?save=1")["Content-Disposition"], 'attachment; filename="a_b.pdf"')
        self.assertEqual(self.ask("HEAD", self.target)["Content-Type"], "application/octet-stream")
        self.assertEqual(self.ask(target=self.target + "?t=uri").body.decode().strip(), self.cap)
        self.assertIn(b'"format": "CHK"', self.ask(target=self.target + "?t=json").body)
        reply = self.ask(target=f"/uri?uri={self.cap}&filename=x")
        self.assertEqual((reply.status, reply["Location"]), (302, "/uri/" + self.cap.replace(":", "%3A") + "?filename=x"))

    def test_10_errors_are_told_before_a_byte_is_promised(self):
        self.gateway(links=False)
        verify = subprocess.run([BINARY, "--json", "debug", "cap", self.cap], check=True, stdout=subprocess.PIPE, text=True).stdout.split('"verify_cap":"')[1].split('"')[0]
        for target in ("/uri/x", "/uri/URI:CHK:x", self.target + "x", self.target + "/", self.target + "/x", self.target + "/@@named=/x", "/uri//x",
                       "/uri/" + verify, self.target + "?t=what", self.target + "?save=maybe", "/uri/%ff", "/uri/%c0%af", "/uri/%", "/uri",
                       "/uri?uri=x", "/uri/URI:DIR2:x:y", f"/file/{self.cap}/x/", "/uri/" + "x" * 5000):
            reply = self.ask(target=target)
            self.assertEqual((reply.status, reply["Content-Type"]), (400, "text/plain;charset=utf-8"), target)
            self.assertNotIn(self.cap.encode(), reply.body)
        self.assertIn(b"GET file: bad t=what", self.ask(target=self.target + "?t=what").body)
        self.assertIn(b"invalid boolean argument: maybe", self.ask(target=self.target + "?save=maybe").body)
        for target in ("/nowhere", "/static/nothing.js", "/URI/" + self.cap, "/uri%2f" + self.cap):
            self.assertEqual(self.ask(target=target).status, 404, target)
        for method, allowed in (("PUT", "GET, HEAD, OPTIONS"), ("POST", "GET, HEAD, OPTIONS"), ("DELETE", "GET, HEAD, OPTIONS"),
                                *[(other, "DELETE, GET, HEAD, POST, PUT, OPTIONS") for other in ("PATCH", "get", "X")]):
            reply = self.ask(method, body=b"x")
            self.assertEqual((reply.status, reply["Allow"]), (405, allowed), method)
        self.assertEqual(self.ask("OPTIONS").status, 204)

    def test_7_only_our_own_names_and_pages(self):
        self.gateway(cfg="hosts = files.example.org\n", links=False)
        for host, status in (("evil.example", 421), ("127.0.0.1.evil.example", 421), ("localhost.evil.example:80", 421), ("files.example.org.evil", 421),
                             ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:5", 200), ("10.1.2.3", 200), ("Files.Example.org:443", 200)):
            self.assertEqual(self.ask("HEAD", headers={"Host": host}).status, status, host)
        own = f"http://127.0.0.1:{self.port}"
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            for origin in ("http://evil.example", "null", "http://127.0.0.1", own + ".evil.example", "file://"):
                self.assertEqual(self.ask(method, headers={"Origin": origin}).status, 403, origin)
            self.assertEqual(self.ask(method, headers={"Origin": own}).status, 405)
        reply = self.ask("HEAD", headers={"Origin": "http://evil.example"})
        self.assertEqual((reply.status, reply["Access-Control-Allow-Origin"]), (200, None), "a browser shows it to no other page")

    def test_f42_no_cap_is_ever_logged(self):
        gateway = self.gateway(links=False)
        gateway.stop()
        log = self.output()
        with open(log, "w") as f:
            process = subprocess.Popen([BINARY, "-v", "run", gateway.arguments[-1]], stdout=f, stderr=f)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        wait_until(lambda: b"ready" in read(log), "the gateway is up")
        self.assertEqual(self.ask().status, 200)
        self.ask(headers={"Range": "bytes=0-9"})
        self.ask(target=self.target + "/x?filename=" + self.cap)
        self.ask(target=f"/uri?uri={self.cap}")
        self.ask(target=self.target[:-3])
        self.ask(target="/nowhere/" + self.cap)
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as plain:
            plain.sendall(f"GET {self.target} HTTP/1.1\r\nHost: a b\r\n\r\n".encode())
            plain.recv(1 << 16)
        process.terminate()
        self.assertEqual(process.wait(DEADLINE), 0)
        text = read(log).decode()
        self.assertIn("GET /uri", text, "there is a log")
        for part in self.cap.split(":")[2:4]:
            self.assertNotIn(part, text)


class Breaking(Scene):
    def try_until_done(self, command, expected, output):
        """A client that ends at each cut, started again and again. How often it was cut."""
        cuts, before = 0, 0
        while True:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE)
            length = self.assert_prefix(output)
            self.assertGreaterEqual(length, before, "nothing that was there is lost")
            before = length
            if done.returncode == 0:
                self.assert_whole(output)
                return cuts
            self.assertIn(done.returncode, expected, done.stdout)
            cuts += 1

    def test_f5_curl_goes_on_where_it_was_cut(self):
        number, url = self.through_a_link(self.gateway())
        self.links.tell("cut rst down 700000 5000000 12", targets=[number])
        output = self.output()
        cuts = self.try_until_done(["curl", "-sS", "-C", "-", "-o", output, url], {18, 56}, output)
        self.assertGreaterEqual(cuts, 4)
        self.assertEqual(subprocess.run(["curl", "-sS", "-C", "-", "-o", output, url]).returncode, 0, "416 at the end: it is done")
        self.assert_whole(output)

    def test_f5_f6_wget_and_aria2_with_cuts_on_both_sides(self):
        number, url = self.through_a_link(self.gateway())
        self.links.tell("cut rst down 300000 2000000", targets=range(10))
        for by in ("rst", "fin"):
            self.links.tell(f"cut {by} down 700000 5000000 20", targets=[number])
            for command in (["wget", "-q", "-c", "--tries=0", "--waitretry=0.1", "--retry-connrefused", "-O"],
                            ["aria2c", "-q", "-c", "-x", "8", "-s", "8", "-k", "1M", "--max-tries=0", "--retry-wait=0", "--file-allocation=none", "-d", "/", "-o"]):
                output = self.output()
                subprocess.run([*command, output, url], check=True, timeout=DEADLINE, stdout=subprocess.DEVNULL)
                self.assert_whole(output)
        self.assertGreater(self.links.stats()[number]["cuts"], 8)
        self.assertGreater(sum(each["cuts"] for each in self.links.stats()[:10]), 10)

    def rclone(self, verb, *arguments):
        patient = ["--retries", "100", "--retries-sleep", "10ms", "--low-level-retries", "100", "--config", ""]
        return subprocess.Popen(["rclone", verb, *arguments, *patient], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @unittest.skipUnless(shutil.which("rclone"), "needs rclone")
    def test_f5_f6_f12_rclone_with_cuts_on_both_sides_and_servers_that_go(self):
        number, url = self.through_a_link(self.gateway("cache = 2MiB\n"))
        folder = url.replace("/uri/", "/file/") + "/"
        self.links.tell("cut rst down 300000 2000000", targets=range(10))
        for streams, gone in (("0", range(7)), ("4", range(3, 10))):
            self.links.tell("cut rst down 700000 5000000 6", targets=[number])
            output, before = self.output(), self.links.stats()[number]
            arrived = lambda: self.links.stats()[number]["bytes_down"] - before["bytes_down"]
            client = self.rclone("copyto", ":http:film.bin", output, "--http-url", folder, "--bwlimit", "12M", "--multi-thread-streams", streams, "--multi-thread-cutoff", "1M")
            try:
                wait_until(lambda: arrived() > 4 * MIB, "the download runs")
                self.links.tell("link down", targets=gone)
                self.assertEqual(client.wait(DEADLINE), 0)
            finally:
                client.kill()
                client.wait()
            self.links.tell("link up", targets=gone)
            self.assert_whole(output)
            self.assertGreaterEqual(self.links.stats()[number]["cuts"] - before["cuts"], 4)
            self.assertLess(arrived(), 1.1 * self.size, "it goes on where it was cut")

    @unittest.skipUnless(shutil.which("rclone"), "needs rclone")
    def test_f5_rclone_copyurl_begins_again_until_it_is_whole(self):
        number, url = self.through_a_link(self.gateway())
        self.links.tell("cut rst down 700000 5000000 6", targets=[number])
        output = self.output()
        self.assertEqual(self.rclone("copyurl", url, output).wait(DEADLINE), 0)
        self.assert_whole(output)
        self.assertEqual(self.links.stats()[number]["cuts"], 6)

    def test_f12_all_but_k_servers_go_in_the_middle_and_come_back(self):
        self.gateway()
        output = self.output()
        url = f"http://127.0.0.1:{self.port}{self.target}"
        client = subprocess.Popen(["curl", "-sS", "--limit-rate", "6M", "-o", output, url])
        try:
            wait_until(lambda: os.path.exists(output) and os.path.getsize(output) > 2 * MIB, "the download runs")
            self.links.tell("link down", targets=range(7))
            wait_until(lambda: os.path.getsize(output) > 14 * MIB, "it goes on without them")
            self.links.tell("link up", targets=range(7))
            self.links.tell("silent on", targets=range(3, 10))
            self.assertEqual(client.wait(DEADLINE), 0)
        finally:
            client.kill()
            client.wait()
        self.assert_whole(output)

    def test_f19_a_gateway_killed_and_started_again(self):
        gateway = self.gateway()
        self.links.tell("rate 400000")  # else all of it is in the kernel's buffers before the gateway is killed
        output = self.output()
        url = f"http://127.0.0.1:{self.port}{self.target}"
        arrived = 0
        for _ in range(2):
            client = subprocess.Popen(["curl", "-sS", "-C", "-", "--limit-rate", "3M", "-o", output, url], stderr=subprocess.DEVNULL)
            wait_until(lambda: os.path.exists(output) and os.path.getsize(output) > arrived + MIB, "the download runs")
            gateway.kill()
            self.assertIn(client.wait(DEADLINE), (18, 56))
            self.assert_prefix(output)
            arrived = os.path.getsize(output)
            gateway.start()
        subprocess.run(["curl", "-sS", "-C", "-", "-o", output, url], check=True, timeout=DEADLINE)
        self.assert_whole(output)

    def test_10_no_server_is_503_and_passes(self):
        self.gateway()
        self.links.tell("link down")
        reply = self.ask()
        self.assertEqual((reply.status, reply["Retry-After"]), (503, "10"), reply.body)
        self.assertEqual(self.ask("HEAD").status, 200, "which needs no server")
        self.links.tell("link up")
        self.assertTrue(self.ask().body == self.content)


class Damage(Scene):
    size = 6 * MIB

    def shares(self):
        return sorted(os.path.join(root, name) for root, _, names in os.walk(self.place.path + "/grid") for name in names
                      if "/storage/shares/" in root and "/incoming" not in root)

    def test_3_4_a_failure_in_the_middle_breaks_the_connection_and_never_pads(self):
        self.gateway(links=False)
        for share in self.shares()[:8]:
            with open(share, "r+b") as f:
                f.seek(12 + 4 * SEGMENT // 3 + 50_000)  # of the fifth segment's block
                f.write(b"damage")
        output = self.output()
        url = f"http://127.0.0.1:{self.port}{self.target}"
        lengths = [0]
        while True:
            done = subprocess.run(["curl", "-sS", "-f", "-C", "-", "-o", output, url], stderr=subprocess.PIPE, timeout=DEADLINE)
            lengths.append(self.assert_prefix(output))
            if done.returncode == 22:
                break  # 410: the next byte cannot be had
            self.assertIn(done.returncode, (18, 56), done.stderr)
            self.assertGreater(lengths[-1], lengths[-2])
        self.assertEqual(lengths[-1], 4 * SEGMENT, "all that can be proven, and not a byte more")
        reply = self.ask(headers={"Range": f"bytes={4 * SEGMENT + 5}-"})
        self.assertEqual(reply.status, 410)
        self.assertTrue(reply.body.startswith(b"NotEnoughSharesError: "), reply.body)
        self.assertEqual(self.ask(headers={"Range": "bytes=0-99"}).body, self.content[:100])

    def test_u7_flipped_bits_in_as_many_shares_as_can_be_spared_are_gone_around(self):
        path = self.place.file("g", self.size, 22)
        before = set(self.shares())
        cap = put(self.place.client, path)["cap"]
        for share in sorted(set(self.shares()) - before)[:7]:
            with open(share, "r+b") as f:
                f.seek(12 + 700_000)
                byte = f.read(1)[0]
                f.seek(12 + 700_000)
                f.write(bytes([byte ^ 4]))
        self.gateway(links=False)
        self.assertTrue(self.ask(target="/uri/" + cap).body == read(path))


class Economy(Scene):
    def whole_file_from_servers(self):
        """What the blocks of the file weigh, with hashes and heads of answers."""
        return self.size * 1.06 + MIB

    def test_u8_what_was_seen_is_not_fetched_again(self):
        self.gateway()
        at = self.size * 8 // 10
        for begin, end in ((at, at + 1), (at, at + 300_000), (at, self.size)):
            reply = self.ask(headers={"Range": f"bytes={begin}-{end - 1}"})
            self.assertTrue(reply.body == self.content[begin:end])
        seen = self.from_servers()
        self.assertLess(seen, self.size * 0.2 * 1.06 + 5 * MIB)
        self.assertTrue(self.ask().body == self.content)
        self.assertLess(self.from_servers(), self.whole_file_from_servers())
        all_of_it = self.from_servers()
        self.assertTrue(self.ask().body == self.content)
        self.assertEqual(self.from_servers(), all_of_it, "the second time all of it was at hand")

    def test_several_connections_share_one_fetch(self):
        self.gateway()
        output = self.output()
        subprocess.run(["aria2c", "-q", "-x", "8", "-s", "8", "-k", "1M", "--file-allocation=none", "-d", "/", "-o", output,
                        f"http://127.0.0.1:{self.port}{self.target}"], check=True, timeout=DEADLINE)
        self.assert_whole(output)
        self.assertLess(self.from_servers(), self.whole_file_from_servers())
        bodies = []
        readers = [threading.Thread(target=lambda: bodies.append(self.ask().body == self.content)) for _ in range(5)]
        for each in readers:
            each.start()
        for each in readers:
            each.join()
        self.assertEqual(bodies, [True] * 5)
        self.assertLess(self.from_servers(), self.whole_file_from_servers())

    def connect_and_ask(self, begin):
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.sendall(f"GET {self.target} HTTP/1.1\r\nHost: localhost\r\nRange: bytes={begin}-\r\n\r\n".encode())
        return stream

    def test_a_client_that_leaves_ends_the_fetch(self):
        self.gateway()
        self.links.line_rate(2_000_000)
        stream = self.connect_and_ask(0)
        self.assertTrue(stream.recv(100).startswith(b"HTTP/1.1 206"))
        stream.close()
        self.assert_nothing_more_is_fetched()

    def test_a_client_that_leaves_while_it_waits_ends_the_fetch(self):
        self.gateway()
        self.links.line_rate(100_000)
        stream = self.connect_and_ask(0)
        wait_until(lambda: self.from_servers() > 100_000, "the fetch runs")
        stream.close()
        self.assert_nothing_more_is_fetched(at_most=MIB)

    def ask_to_verify(self):
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)
        stream.sendall(f"POST {self.target}?t=check&verify=true HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        return stream

    def test_a_client_that_leaves_ends_its_check_and_only_so_many_run(self):
        self.gateway()
        self.links.line_rate(500_000)
        streams = [self.ask_to_verify() for _ in range(2)]
        wait_until(lambda: self.from_servers() > 500_000, "they run")
        refused = self.ask("POST", self.target + "?t=check&verify=true")
        self.assertEqual((refused.status, refused["Retry-After"]), (503, "10"))
        for each in streams:
            each.close()
        self.assert_nothing_more_is_fetched()
        self.links.line_rate(100_000_000)
        self.assertEqual(self.ask("POST", self.target + "?t=check&verify=true").status, 200, "their places are free again")

    def test_a_client_that_leaves_is_not_counted_as_the_grid_s_failure(self):
        self.gateway(links=False)
        stream = self.connect_and_ask(0)
        self.assertTrue(stream.recv(100).startswith(b"HTTP/1.1 206"))
        stream.close()

        def counted(name):
            return f"holdfast_gateway_downloads_{name}_total 1\n".encode() in self.ask(target="/metrics").body

        wait_until(lambda: counted("left") or counted("broken"), "it is counted")
        self.assertFalse(counted("broken"))

    def assert_nothing_more_is_fetched(self, at_most=None):
        def still():
            before = self.from_servers()
            time.sleep(1.5)  # in which a running fetch would move bytes
            return self.from_servers() == before

        wait_until(still, "the fetch ends")
        self.assertLess(self.from_servers(), at_most or self.size // 2)

    def test_f37_readers_that_stand_still_hold_nobody_up(self):
        gateway = self.gateway()
        slow = [self.connect_and_ask(i * (self.size // 150)) for i in range(150)]
        try:
            for each in slow:
                self.assertTrue(each.recv(12).startswith(b"HTTP/1.1 206"))
            self.assertTrue(self.ask().body == self.content)
        finally:
            for each in slow:
                each.close()
        self.assertIsNone(gateway.process.poll())

    def test_a_small_cache_is_right_too(self):
        self.gateway(cfg="cache = 2MiB\n")
        for begin in (self.size // 2, 0):
            self.assertTrue(self.ask(headers={"Range": f"bytes={begin}-"}).body == self.content[begin:])


class Roles(unittest.TestCase):
    def test_a_grid_has_a_gateway_that_stays_where_it_is(self):
        with Place() as place:
            path = make_file(place.path + "/f", 1_000_000, 5)
            cap = put(place.client, path)["cap"]
            place.grid.stop()
            place.grid.arguments += ["--gateway-port", "0"]
            place.grid.start()
            with open(place.path + "/grid/gateway/node.url") as f:
                url = f.read().strip()
            port = int(url.rstrip("/").rpartition(":")[2])
            self.assertEqual(hashlib.sha256(ask(port, "GET", "/uri/" + cap).body).hexdigest(), sha256(path))
            place.grid.stop()
            place.grid.arguments = place.grid.arguments[:-2]
            place.grid.start()
            self.assertEqual(ask(port, "HEAD", "/uri/" + cap).status, 200, "started again it serves what is there")

    def test_one_directory_may_have_a_server_and_a_gateway(self):
        with Place() as place:
            cap = put(place.client, make_file(place.path + "/f", 1_000_000, 6))["cap"]
            path = place.path + "/both"
            made = subprocess.run([BINARY, "create-node", path, "--storage", "--gateway", "--server", place.nurls()[0], "--server", place.nurls()[1],
                                   "--server", place.nurls()[2]], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
            self.assertTrue(made[0].startswith("pb://") and made[1].startswith("http://127.0.0.1:"), made)
            gateway = Gateway(path, [])
            self.addCleanup(gateway.stop)
            self.assertEqual(gateway.url, made[1])
            self.assertEqual(ask(gateway.port, "HEAD", "/uri/" + cap).status, 200)

    def test_web_port_of_tahoe_cfg_is_kept_and_other_addresses_want_consent(self):
        with Place(servers=1) as place:
            path = place.new_client("web", place.nurls())
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            with open(path + "/tahoe.cfg", "a") as f:
                f.write(f"\n[node]\nweb.port = tcp:{port}:interface=127.0.0.1\n")
            made = subprocess.run([BINARY, "create-node", path, "--gateway"], check=True, stdout=subprocess.PIPE, text=True).stdout
            self.assertEqual(made.strip(), f"http://127.0.0.1:{port}/")
            with open(path + "/holdfast.cfg", "a") as f:
                f.write("bind = 0.0.0.0\n")
            refused = subprocess.run([BINARY, "run", path], stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("plain_http_beyond_loopback", refused.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
