#!/usr/bin/env python3
"""The upload helper's own behaviour, asked of the real binary in plain words (U10, F9, F13, F18, F30, F35, F38; leg H)."""
import base64
import contextlib
import glob
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import tempfile
import time
import unittest

import cbor
from gbs import CBOR, new_secret, new_si
from helpers import PIECE, HelperClient, HelperNode, connect, piece_digests
from rig import DEADLINE, Links, Place, Server, finish, names_only_alerts_know, rounds, start, wait_until


def noise(size, seed):
    return random.Random(seed).randbytes(size)


class HelperCase(unittest.TestCase):
    """Ten storage servers in one process, and a helper of its own that knows them."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place(10)
        cls.helper = HelperNode(cls.place.path + "/the-helper", cls.place.nurls())

    @classmethod
    def tearDownClass(cls):
        cls.helper.stop()
        cls.place.__exit__()

    def client(self, **more):
        client = HelperClient(self.helper, **more)
        self.addCleanup(client.close)
        return client

    def begun(self, client, si, size, **more):
        answer = client.begin(si, size, **more)
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual((answer.value["state"], answer.value["offset"]), ("receiving", 0))
        return answer.value["upload"]


class Uploads(HelperCase):
    def test_whole_upload_goes_to_the_grid_and_is_there_for_the_next_one(self):
        client, si, data = self.client(), new_si(), noise(2 * PIECE + 777, 1)
        done = client.upload(si, data)
        self.assertEqual(sorted(done["shares"]), list(range(10)))
        self.assertEqual(len({server for servers in done["shares"].values() for server in servers}), 10)
        left = self.helper.spool("CHK_incoming") + self.helper.spool("CHK_encoding")
        self.assertEqual([name for name in left if name.startswith(si)], [])
        for who in (client, self.client()):
            answer = who.begin(si, len(data))
            self.assertEqual((answer.status, answer.value["state"]), (200, "present"))
            self.assertEqual(answer.value["ueb"], done["ueb"])
            self.assertEqual(sorted(answer.value["shares"]), list(range(10)))
        # Shares that the client does not want count for nothing.
        tag = b"allmydata_uri_extension_v1"
        message = b"%d:%s," % (len(tag), tag) + done["ueb"]
        reject = hashlib.sha256(hashlib.sha256(message).digest()).digest()
        answer = self.client().begin(si, len(data), reject=[reject])
        self.assertEqual((answer.status, answer.value["state"]), (201, "receiving"))

    def test_broken_requests_keep_what_came_and_the_rest_is_enough(self):
        client, si, data = self.client(), new_si(), noise(3 * PIECE + 5, 2)
        upload, at, source = self.begun(client, si, len(data)), 0, random.Random(3)
        while at < len(data):
            step = min(len(data) - at, source.randrange(1, 700_000))
            stream = client.begin_append(upload, at, len(data) - at)
            stream.sendall(data[at:at + step])
            stream.close()
            held = client.offset(upload)  # ends the request that hangs, and syncs what it brought
            self.assertTrue(at <= held <= at + step, (at, held, step))
            at = held
        self.assertEqual(client.complete(upload, data).status, 202)
        self.assertEqual(sorted(client.wait_until(si, "done")["shares"]), list(range(10)))

    def received(self, stream):
        some = stream.recv(1000)
        self.assertTrue(some, "it hung up")
        return some

    def test_durable_offsets_are_told_while_bytes_come_in_to_those_who_understand(self):
        client, data = self.client(), noise(3 * PIECE, 8)
        for version, interims in (("10", 2), ("9", 0), (None, 0)):
            with self.subTest(version=version):
                upload = self.begun(client, new_si(), len(data))
                stream = client.begin_append(upload, 0, len(data), *([f"Upload-Draft-Interop-Version: {version}"] if version else []))
                answer, at = b"", 0
                if interims:
                    while answer.count(b"\r\n\r\n") < interims:  # it tells after a second, when the next bytes come
                        stream.settimeout(0.3)
                        stream.sendall(data[at:at + 1000])
                        at += 1000
                        self.assertLess(at, len(data))
                        try:
                            answer += self.received(stream)
                        except TimeoutError:
                            pass
                    stream.settimeout(60)
                told = answer.count(b"\r\n\r\n")  # before the rest is sent
                stream.sendall(data[at:])
                while b" 204 " not in answer:
                    answer += self.received(stream)
                stream.close()
                heads = [each for each in answer.decode().split("\r\n\r\n") if each]
                self.assertTrue(heads[-1].startswith("HTTP/1.1 204 "), answer)
                self.assertGreaterEqual(len(heads) - 1, interims)
                if not interims:
                    self.assertEqual(len(heads), 1, answer)
                offsets = [int(re.search("Upload-Offset: ([0-9]+)", head).group(1)) for head in heads]
                self.assertEqual(offsets, sorted(set(offsets)))
                self.assertTrue(all(head.startswith("HTTP/1.1 104 ") and "Location" not in head for head in heads[:-1]))
                self.assertTrue(all(offset <= at for offset in offsets[:told]), (offsets, at))

    def test_wrong_piece_is_found_and_costs_itself(self):
        client, si, data = self.client(), new_si(), noise(2 * PIECE + 99, 4)
        poisoned = bytearray(data)
        poisoned[PIECE + 3] ^= 1
        upload = self.begun(client, si, len(data))
        self.assertEqual(client.append(upload, 0, bytes(poisoned)).status, 204)
        self.assertEqual(client.complete(upload, data).status, 422)
        answer = client.ask("GET", upload + "?digests").value
        self.assertEqual(answer["offset"], len(data))
        held = [answer["digests"][at:at + 32] for at in range(0, len(answer["digests"]), 32)]
        wrong = [i for i, digest in enumerate(piece_digests(data)) if held[i] != digest]
        self.assertEqual(wrong, [1])
        self.assertEqual(client.ask("PUT", upload + "?piece=1", body=data[PIECE:2 * PIECE]).status, 204)
        self.assertEqual(client.ask("PUT", upload + "?piece=3", body=data[PIECE:2 * PIECE]).status, 409)
        self.assertEqual(client.ask("PUT", upload + "?piece=0", body=data[:PIECE - 1]).status, 409)
        self.assertEqual(client.complete(upload, data).status, 202)
        self.assertEqual(client.complete(upload, data).status, 202, "the answer may have been lost (F9)")
        client.wait_until(si, "done")

    def test_stranger_with_the_storage_index_learns_nothing(self):
        client, si, data = self.client(), new_si(), noise(500_000, 5)
        upload = self.begun(client, si, len(data))
        client.append(upload, 0, data[:300_000])
        stranger = self.client()
        self.assertEqual(stranger.state(si).status, 404)
        for method, path in (("HEAD", upload), ("GET", upload + "?digests"), ("DELETE", upload), ("PUT", upload + "?piece=0")):
            self.assertEqual(stranger.ask(method, path, body=b"" if method == "PUT" else None).status, 404, method)
        self.assertEqual(stranger.append(upload, 300_000, data[300_000:]).status, 404)
        theirs = self.begun(stranger, si, len(data))
        self.assertNotEqual(theirs, upload)
        self.assertEqual(stranger.append(theirs, 0, bytes(len(data))).status, 204)
        # Somebody with the same secret goes on (F35).
        second = self.client(secret=client.secret)
        state = second.begin(si, len(data)).value
        self.assertEqual((state["offset"], state["upload"]), (300_000, upload))
        self.assertEqual(second.append(upload, 300_000, data[300_000:]).status, 204)
        self.assertEqual(second.complete(upload, data).status, 202)
        client.wait_until(si, "done")

    def test_newer_request_takes_over_and_another_client_waits(self):
        client, data, took = self.client(), noise(400_000, 6), 2
        other = self.client(secret=client.secret)
        going_on = rounds("a round that takes less than two seconds")
        while took >= 2:  # seconds: then it would be right to let the other one in
            next(going_on)
            si = new_si()
            upload = self.begun(client, si, len(data))
            begun = time.monotonic()
            stream = client.begin_append(upload, 0, len(data))
            stream.sendall(data[:100_000])
            wait_until(lambda: other.begin(si, len(data)).value["busy"] or time.monotonic() > begun + 2, "the first bytes have come")
            answer = other.append(upload, 0, data)
            took = time.monotonic() - begun
        self.assertEqual(answer.status, 423, answer.body)
        self.assertEqual(answer["Retry-After"], "2")
        held = client.offset(upload)  # the same client: at once, though the first request still hangs
        self.assertTrue(0 < held <= 100_000, held)  # what is still in sockets when it takes over is not there yet
        reply = stream.recv(1000)
        self.assertIn(b" 503 ", reply.split(b"\r\n")[0])
        stream = client.begin_append(upload, held, len(data) - held)
        at = held + 50_000
        stream.sendall(data[held:at])
        while not other.state(si).value["busy"]:  # its bytes come in
            stream.sendall(data[at:at + 1])
            at += 1
            self.assertLess(at, len(data))
        self.assertFalse(other.state(si, wait=30).value["busy"], "two seconds without a byte")
        self.assertEqual(other.offset(upload), at)
        self.assertEqual(other.append(upload, at, data[at:]).status, 204)
        self.assertEqual(other.complete(upload, data).status, 202)
        client.wait_until(si, "done")
        stream.close()

    def test_f13_what_a_body_that_stalls_has_brought_outlives_the_helper(self):
        client, si, data = self.client(), new_si(), noise(400_000, 9)
        upload = self.begun(client, si, len(data))
        with client.begin_append(upload, 0, len(data)) as stream:
            stream.sendall(data[:5_000])
            wait_until(lambda: client.state(si).value["offset"] == 5_000, "it is durable, though nothing more comes")
            self.helper.kill()
        self.helper.start()
        self.assertEqual(self.client(secret=client.secret).state(si).value["offset"], 5_000)

    def test_operator_sees_what_clients_do_not(self):
        client, si = self.client(), new_si()
        upload = self.begun(client, si, 1_000_000)
        client.append(upload, 0, bytes(10_000))
        self.assertEqual(os.stat(self.helper.path + "/helper").st_mode & 0o777, 0o700, "names are storage indexes")
        listed = [each for each in client.status()["uploads"] if each["storage_index"] == si]
        self.assertEqual([(e["state"], e["held"], e["size"]) for e in listed], [("receiving", 10_000, 1_000_000)])
        metrics = client.operate("GET", "/metrics").body.decode()
        self.assertIn("holdfast_helper_uploads_receiving ", metrics)
        self.assertEqual(names_only_alerts_know("helper", metrics), set())
        for token in ("", "x" * 32):
            answer = client.request("GET", "/helper/v1/status", headers=[("Holdfast-Operator", token)])
            self.assertEqual(answer.status, 401)
        self.assertEqual(client.request("GET", "/metrics").status, 401)
        path = "/helper/v1/status/" + listed[0]["id"]
        self.assertEqual(client.operate("POST", path + "?do=burn").status, 400)
        self.assertEqual(client.operate("POST", path + "?do=drop").status, 204)
        self.assertEqual(client.operate("POST", path + "?do=drop").status, 404)
        self.assertEqual(client.ask("HEAD", upload).status, 404)


class Kills(unittest.TestCase):
    """The helper is killed; what it acknowledged stays, and what is whole goes to the grid with nobody connected."""

    def setUp(self):
        self.place = Place(10)
        self.helper = HelperNode(self.place.path + "/the-helper", self.place.nurls())

    def tearDown(self):
        self.helper.stop()
        self.place.__exit__()

    def restart(self):
        self.helper.kill()
        self.helper.start()

    def test_acknowledged_bytes_survive_kills_at_random_moments(self):
        si, data, source = new_si(), noise(4 * PIECE + 1, 7), random.Random(8)
        secret, acknowledged, at = new_secret(), 0, 0
        client = HelperClient(self.helper, secret)
        upload = client.begin(si, len(data)).value["upload"]
        while at < len(data):
            step = source.randrange(1, PIECE)
            if source.random() < 0.5:
                answer = client.append(upload, at, data[at:at + step])
                self.assertEqual(answer.status, 204)
                acknowledged = int(answer["Upload-Offset"])
            else:
                client.begin_append(upload, at, len(data) - at).sendall(data[at:at + step])
            self.restart()
            client = HelperClient(self.helper, secret)
            at = client.offset(upload)
            self.assertGreaterEqual(at, acknowledged)
            held = client.ask("GET", upload + "?digests").value["digests"]
            self.assertEqual(held, b"".join(piece_digests(data[:at])))
        self.assertEqual(client.complete(upload, data).status, 202)
        self.assertEqual(sorted(client.wait_until(si, "done")["shares"]), list(range(10)))

    def test_client_gone_for_good_after_the_last_byte(self):
        files = {new_si(): noise(random.Random(i).randrange(1, 3 * PIECE), i) for i in range(12)}
        secret = new_secret()
        for si, data in files.items():
            client = HelperClient(self.helper, secret)
            upload = client.begin(si, len(data)).value["upload"]
            self.assertEqual(client.append(upload, 0, data).status, 204)
            self.assertEqual(client.complete(upload, data).status, 202)
            client.close()
            self.helper.kill()  # somewhere in sealing, encoding, pushing, removing
            self.helper.start()
        for si, data in files.items():
            client = HelperClient(self.helper, secret)
            state = client.begin(si, len(data)).value
            if state["state"] != "present":
                client.wait_until(si, "done", "present")
            self.assertEqual(client.begin(si, len(data)).value["state"], "present")
            client.close()
        self.assertEqual((self.helper.spool("CHK_incoming"), self.helper.spool("CHK_encoding")), ([], []))

    def test_what_is_sealed_while_the_helper_stops_is_pushed_after_the_next_start(self):
        client, si, data = HelperClient(self.helper), new_si(), noise(200_000, 77)
        upload = client.begin(si, len(data)).value["upload"]
        self.assertEqual(client.append(upload, 0, data[:-10]).status, 204)
        pieces = base64.b64encode(hashlib.sha256(b"".join(piece_digests(data))).digest()).decode()
        stream = client.begin_append(upload, len(data) - 10, 10, f"Holdfast-Pieces: sha-256=:{pieces}:", complete=True)
        stream.sendall(data[-10:-1])
        other = HelperClient(self.helper, client.secret)
        wait_until(lambda: other.state(si).value["busy"], "its bytes come in")
        other.close()
        self.helper.process.send_signal(signal.SIGTERM)
        wait_until(self.helper_listens_no_more, "it stops")
        sealed = False
        with contextlib.suppress(OSError):  # it waits some seconds, and a busy machine may take longer
            stream.sendall(data[-1:])
            sealed = stream.recv(4096).startswith(b"HTTP/1.1 202")
        self.assertEqual(self.helper.process.wait(DEADLINE), 0)
        stream.close()
        client.close()
        self.helper.start()
        client = HelperClient(self.helper, client.secret)
        if sealed:
            client.wait_until(si, "done")
        else:
            self.assertEqual(client.begin(si, len(data)).value["state"], "receiving")
        client.close()

    def helper_listens_no_more(self):
        try:
            socket.create_connection(("127.0.0.1", self.helper.port), timeout=DEADLINE).close()
        except ConnectionRefusedError:
            return True
        return False

    def test_forty_open_uploads_are_there_after_a_kill(self):
        secret, files = new_secret(), {}
        client = HelperClient(self.helper, secret)
        for i in range(40):  # U10
            si, data = new_si(), noise(100_000 + i, i)
            upload = client.begin(si, len(data)).value["upload"]
            client.append(upload, 0, data[:50_000])
            files[si] = (upload, data)
        self.restart()
        client = HelperClient(self.helper, secret)
        self.assertEqual(len(client.status()["uploads"]), 40)
        for si, (upload, data) in files.items():
            self.assertEqual(client.offset(upload), 50_000)
            self.assertEqual(client.append(upload, 50_000, data[50_000:]).status, 204)
            self.assertEqual(client.complete(upload, data).status, 202)
        for si in files:
            client.wait_until(si, "done")


class BadInput(HelperCase):
    def test_requests_that_make_no_sense_are_refused_and_nothing_is_lost(self):
        client, si, data = self.client(), new_si(), noise(300_000, 9)
        upload = self.begun(client, si, len(data))
        self.assertEqual(client.append(upload, 0, data[:100_000]).status, 204)
        post, patch = f"/helper/v1/chk/{si}", [("Content-Type", "application/partial-upload")]
        good = {"size": 300_000, "needed": 3, "total": 10, "happy": 7, "segment-size": 300_000, "reject": []}

        def message(**changes):
            return cbor.encode({**good, **changes})
        cbor_type = [("Content-Type", CBOR)]
        refused = [
            ("GET", "/helper/v1/chk/aaaa", [], None, {404}), ("GET", "/helper/v1/nothing", [], None, {404}),
            ("PUT", post, [], b"", {405}), ("POST", upload, [], b"", {405}), ("GET", upload, [], None, {405}),
            ("POST", post, [("Content-Type", "text/plain")], message(), {415}), ("POST", post, cbor_type, b"", {400}), ("POST", post, cbor_type, b"\xff", {400}),
            ("POST", post, cbor_type, b"\x9f" * 10_000, {400}), ("POST", post, cbor_type, bytes(20_000), {413}),
            ("POST", post, cbor_type, message() + b"\0", {400}),
            ("POST", post, cbor_type, b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", {400}),
            ("POST", post, cbor_type, message(size=300_001), {400, 409}), ("POST", post, cbor_type, message(total=11), {409}),
            ("POST", post, cbor_type, message(**{"segment-size": 0}), {400}), ("POST", post, cbor_type, message(size=0), {400}),
            ("POST", post, cbor_type, message(needed=0), {400}), ("POST", post, cbor_type, message(needed=11), {400}),
            ("POST", post, cbor_type, message(total=257), {400}), ("POST", post, cbor_type, message(happy=0), {400}),
            ("POST", post, cbor_type, message(happy=11), {400}), ("POST", post, cbor_type, message(size=2**63), {400, 413}),
            ("POST", post, cbor_type, message(reject=[b"x"]), {400}), ("POST", post, cbor_type, message(reject="x"), {400}),
            ("PATCH", upload, patch, b"x", {400}), ("PATCH", upload, patch + [("Upload-Offset", "100000")], b"x", {400}),
            ("PATCH", upload, patch + [("Upload-Offset", "-1"), ("Upload-Complete", "?0")], b"x", {400}),
            ("PATCH", upload, patch + [("Upload-Offset", "100000"), ("Upload-Complete", "0")], b"x", {400}),
            ("PATCH", upload, patch + [("Upload-Offset", "99999"), ("Upload-Complete", "?0")], b"x", {409}),
            ("PATCH", upload, patch + [("Upload-Offset", "100001"), ("Upload-Complete", "?0")], b"x", {409}),
            ("PATCH", upload, [("Upload-Offset", "100000"), ("Upload-Complete", "?0")], b"x", {415}),
            ("PATCH", upload, patch + [("Upload-Offset", "100000"), ("Upload-Complete", "?0")], bytes(200_001), {413}),
            ("PATCH", upload, patch + [("Upload-Offset", "100000"), ("Upload-Complete", "?1")], b"", {400}),
            ("PATCH", upload, patch + [("Upload-Offset", "100000"), ("Upload-Complete", "?1"),
                                       ("Holdfast-Pieces", "sha-256=:AAAA:")], b"", {400}),
            ("PATCH", upload, patch + [("Upload-Offset", "100000"), ("Upload-Complete", "?1"),
                                       ("Holdfast-Pieces", f"sha-256=:{'A' * 43}=:")], b"", {409}),
            ("PUT", upload + "?piece=x", [], b"", {404}), ("PUT", upload + "?piece=0", [], bytes(PIECE + 1), {413}),
            ("PUT", upload + "?piece=0", [], b"x", {409}), ("HEAD", upload + "a", [], None, {404}),
        ]
        for method, path, headers, body, expected in refused:
            answer = client.ask(method, path, headers, body)
            self.assertIn(answer.status, expected, (method, path, headers, answer.body))
        self.assertEqual(client.request("GET", post).status, 400, "no secret")
        self.assertEqual(client.request("GET", post, [("lease-renew-secret", b"r" * 32)]).status, 400)
        self.assertEqual(client.request("GET", "/helper/v1/version", headers=[("Authorization", "Tahoe-LAFS AAAA")]).status, 401)
        self.assertEqual(client.offset(upload), 100_000)
        self.assertEqual(client.append(upload, 100_000, data[100_000:]).status, 204)
        self.assertEqual(client.complete(upload, data).status, 202)
        client.wait_until(si, "done")

    def test_http_that_is_none_never_gets_a_5xx(self):
        for raw in (b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                    b"POST /helper/v1/chk/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                    b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\nHost: x\n\n" * 3):
            with connect(self.helper.port) as stream:
                stream.sendall(raw)
                reply = stream.recv(100)
                self.assertTrue(reply == b"" or reply.split()[1][:1] == b"4", reply)


class Limits(unittest.TestCase):
    def small_grid(self, count):
        """Its directory, servers that may be killed one by one, and a helper for them: until the test ends."""
        path = tempfile.mkdtemp(prefix="holdfast-e2e-")
        self.addCleanup(shutil.rmtree, path)
        servers = [Server(f"{path}/s{i}") for i in range(count)]
        for server in servers:
            self.addCleanup(server.stop)
        helper = HelperNode(path + "/helper", [server.nurl for server in servers])
        self.addCleanup(helper.stop)
        return path, servers, helper

    def test_quota_is_a_clear_refusal_and_what_is_held_stays(self):
        with Place(10) as place:
            helper = HelperNode(place.path + "/the-helper", place.nurls(), "max_bytes = 3000000\nmax_uploads = 3\n")
            try:
                client, si = HelperClient(helper), new_si()
                self.assertEqual(client.begin(si, 3_000_001).status, 413)
                data = noise(2_000_000, 1)
                upload = client.begin(si, len(data)).value["upload"]
                self.assertEqual(client.append(upload, 0, data[:1_500_000]).status, 204)
                other = HelperClient(helper)
                self.assertEqual(other.begin(new_si(), 2_000_000).status, 507)
                ghosts = [HelperClient(helper).begin(new_si(), 900_000).status for _ in range(5)]
                self.assertIn(507, ghosts, "too many uploads")
                self.assertEqual(client.append(upload, 1_500_000, data[1_500_000:]).status, 204)
                self.assertEqual(client.complete(upload, data).status, 202)
                client.wait_until(si, "done")
            finally:
                helper.stop()

    def whole_at_a_helper_without_servers(self):
        path, servers, helper = self.small_grid(3)
        client, si, data = HelperClient(helper), new_si(), noise(500_000, 1)
        upload = client.begin(si, len(data), k=1, n=3, happy=3).value["upload"]
        client.append(upload, 0, data)
        for server in servers:
            server.kill()
        self.assertEqual(client.complete(upload, data).status, 202)
        return path, servers, helper, client, si, data

    def test_grid_that_is_down_is_waited_for(self):
        _, servers, helper, client, si, _ = self.whole_at_a_helper_without_servers()
        self.assertIn(client.state(si, wait=1).value["state"], ("encoding", "pushing"))
        helper.kill()
        helper.start()
        client = HelperClient(helper, client.secret)
        self.assertIn(client.state(si).value["state"], ("encoding", "pushing"))
        for server in servers:
            server.start()
        client.operate("POST", "/helper/v1/status/" + client.status()["uploads"][0]["id"] + "?do=retry")
        self.assertEqual(sorted(client.wait_until(si, "done")["shares"]), [0, 1, 2])

    def test_what_was_given_up_is_told_to_the_operator_until_it_is_dropped_or_done(self):
        path, servers, helper, client, si, data = self.whole_at_a_helper_without_servers()
        helper.kill()
        (spool,) = [each for each in glob.glob(path + "/helper/helper/CHK_encoding/*") if os.path.getsize(each) == len(data)]
        with open(spool, "r+b") as f:
            f.write(bytes([data[0] ^ 1]))
        for server in servers:
            server.start()
        helper.start()
        client = HelperClient(helper, client.secret)
        (known,) = wait_until(lambda: client.status()["given_up"], "it is found to be damaged")
        self.assertEqual((known["storage_index"], known["size"]), (si, len(data)))
        self.assertTrue(known["reason"])
        self.assertLess(abs(known["at"] - time.time()), 300)
        written = lambda: any(known["id"] in open(each).read() for each in glob.glob(path + "/helper/**/given-up.json", recursive=True))
        wait_until(written, "it is told a moment before it is written down")
        helper.kill()
        helper.start()
        client = HelperClient(helper, client.secret)
        self.assertEqual(client.status()["given_up"], [known])
        listed = finish(start(helper.path, "helper", "uploads"))[0]
        self.assertRegex(listed, re.escape(known["id"]) + "  given up .*" + re.escape(known["reason"]))
        self.assertEqual(client.operate("POST", f"/helper/v1/status/{known['id']}?do=retry").status, 409)
        _, told = finish(start(helper.path, "helper", "uploads", "retry", known["id"]), expect=1)
        self.assertIn("send it again", told)
        client.upload(si, data, k=1, n=3, happy=3)
        self.assertEqual(client.status()["given_up"], [], "it is done after all")

    def test_dropped_upload_is_pushed_no_further(self):
        with Place(10) as place, Links(place.nurls()) as links:
            links.line_rate(3_000_000)
            helper = HelperNode(place.path + "/the-helper", links.nurls)
            try:
                client, si, data = HelperClient(helper), new_si(), noise(6_000_000, 4)
                upload = client.begin(si, len(data)).value["upload"]
                client.append(upload, 0, data)
                self.assertEqual(client.complete(upload, data).status, 202)
                wait_until(lambda: links.sum("bytes_up") > 2_000_000, "it is being pushed")
                self.assertEqual(client.ask("DELETE", upload).status, 204)
                self.assertEqual(client.state(si).status, 404)
                self.assertEqual(helper.spool("CHK_encoding"), [])
                pushed = links.sum("bytes_up")
                links.line_rate(0)
                client.upload(new_si(), noise(100_000, 5))  # time passes, with a link that would take it all
                self.assertLess(links.sum("bytes_up"), pushed + 6_000_000)
            finally:
                helper.stop()

    def test_fewer_shares_than_wanted_are_repaired_from_the_grid(self):
        path, servers, helper = self.small_grid(4)
        client, si, data = HelperClient(helper), new_si(), noise(1_200_000, 2)
        done = client.upload(si, data, k=2, n=4, happy=4)
        for i in (0, 1):
            servers[i].kill()
            shutil.rmtree(f"{path}/s{i}/storage/shares")
            servers[i].start()
        answer = client.begin(si, len(data), k=2, n=4, happy=4)
        self.assertEqual(answer.value["state"], "repairing")
        repaired = client.wait_until(si, "done")
        self.assertEqual((repaired["ueb"], sorted(repaired["shares"])), (done["ueb"], [0, 1, 2, 3]))
        self.assertEqual(client.begin(si, len(data), k=2, n=4, happy=4).value["state"], "present")


if __name__ == "__main__":
    unittest.main()
