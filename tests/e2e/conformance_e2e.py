"""The storage server held against recorded exchanges of real Tahoe-LAFS (storage protocol, 12.1), against the list of what
Tahoe's own tests check (10.1, one test a line), and against the tables of status codes (3.2, 4.4, 4.7). Resumption: resumption_e2e.py."""
import base64
import hashlib
import json
import os
import time
import unittest

import cbor
from gbs import CBOR, LEASE_SECONDS, NO_VECTORS, OCTETS, VECTORS, Node, base32, new_secret, new_si, pattern

VERSION_KEY = b"http://allmydata.org/tahoe/protocols/storage/v1"


def recorded(name):
    path = os.path.join(VECTORS, name)
    if not os.path.exists(path):
        raise unittest.SkipTest(NO_VECTORS)
    with open(path) as f:
        return [json.loads(line) for line in f]


def swissnum_of(exchange):
    value = dict(exchange["request_headers"])["Authorization"]
    return base64.b64decode(value.split()[1]).decode()


def shape_of(message):
    return {key: shape_of(value) if isinstance(value, dict) else type(value) for key, value in message.items()}


class Recording:
    """What real Tahoe-LAFS answered."""

    def __init__(self, line):
        self.method, self.path, self.status = line["method"], line["path"], line["status"]
        self.request_headers = line["request_headers"]
        self.request_body = base64.b64decode(line["request_body_base64"] or "") or None
        self.headers = {name.lower(): value for name, value in line["response_headers"]}
        self.body = base64.b64decode(line["response_body_base64"] or "")
        self.name = line.get("label") or f"{line['n']} {line['step'].split()[0]}"

    def replay(self, client):
        return client.send(self.method, self.path, self.request_headers, self.request_body)

    def needs_mutable_files(self):
        return "/mutable/" in self.path or self.name == "mut-lease"


# Section 12.1: where ours departs on purpose. (status, CBOR value or None)
DEPARTURES = {
    "version-accept-any": (200, None),
    "create-again-same-secret": (200, {"already-have": set(), "allocated": {0, 1, 7}}),
    "create-after-one-complete": (200, {"already-have": {0}, "allocated": {1, 7}}),  # the same departure, once more
    "write-beyond-allocated": (416, None),
    "write-body-shorter-than-range": (400, None),
    "write-body-longer-than-range": (400, None),
    "imm-read-of-mutable-si": (404, None),
    "mut-read-of-immutable-si": (404, None),
    "imm-list-of-mutable-si": (200, set()),
    "mut-list-of-immutable-si": (200, set()),
}


class Replayed(unittest.TestCase):
    """Requests as they were recorded, byte for byte, on one connection to an empty server with that swissnum."""

    def hold(self, wanted, answer):
        """Status, content type, range, value and bytes are those of the recording, but for the departures."""
        status, value = DEPARTURES.get(wanted.name, (wanted.status, None))
        self.assertEqual(answer.status, status, answer.body[:200])
        if status >= 400:  # error bodies are free; the type of a read's answer is not
            if wanted.headers.get("content-type") == OCTETS:
                self.assertEqual(answer["Content-Type"], OCTETS)
            return
        if value is not None:
            self.assertEqual(answer.value, value)
        elif wanted.path.endswith("/version"):
            self.hold_version(wanted, answer)
        elif wanted.headers.get("content-type") == CBOR:
            self.assertEqual(answer.value, cbor.decode(wanted.body))
        else:
            self.assertEqual(answer["Content-Type"], wanted.headers.get("content-type"))
            self.assertEqual(answer.body, wanted.body)
            self.hold_range(wanted.headers.get("content-range"), answer["Content-Range"])

    def hold_version(self, wanted, answer):
        if wanted.status == 406:
            return self.assertEqual(set(answer.value), {VERSION_KEY, b"application-version"})
        theirs, ours = cbor.decode(wanted.body), answer.value
        self.assertEqual(shape_of(ours), shape_of(theirs))
        self.assertEqual(ours[VERSION_KEY][b"maximum-mutable-share-size"], theirs[VERSION_KEY][b"maximum-mutable-share-size"])

    def hold_range(self, theirs, ours):
        if theirs is None:
            return self.assertIsNone(ours)
        span, _, total = ours.partition("/")
        self.assertEqual(span, theirs.partition("/")[0])
        self.assertTrue(total.isdigit(), "our Content-Range tells the share's length")

    def hold_without_mutable_files(self, wanted, answer):
        """What a server that keeps no mutable files says: never more than "there is none" or "not implemented"."""
        if wanted.path.endswith("/read-test-write"):
            self.assertIn(answer.status, (400, 501))
        elif wanted.path.endswith("/shares"):
            self.assertEqual((answer.status, answer.value), (200, set()))
        else:
            self.assertEqual(answer.status, 404)
            if wanted.method == "GET":
                self.assertEqual(answer["Content-Type"], OCTETS)

    def replay(self, lines):
        """The number of exchanges that could be held against the recording."""
        held, mutable_files = 0, None
        with Node(swissnum_of(lines[0])) as node:
            client = node.client()
            for line in lines:
                wanted = Recording(line)
                with self.subTest(wanted.name):
                    answer = wanted.replay(client)
                    if wanted.path.endswith("/read-test-write") and mutable_files is None:
                        mutable_files = answer.status != 501
                    if wanted.needs_mutable_files() and not mutable_files:
                        self.hold_without_mutable_files(wanted, answer)
                    else:
                        self.hold(wanted, answer)
                        held += 1
            self.assertTrue(node.alive())
        return held

    def test_the_transcript_of_a_real_server_with_the_departures_of_section_12_1_only(self):
        lines = recorded("gbs-transcript.jsonl")
        labels = [line["label"] for line in lines]
        self.assertEqual(len(labels), 118)
        self.assertLessEqual(set(DEPARTURES), set(labels))
        self.assertGreaterEqual(self.replay(lines), 89)

    def test_the_requests_of_a_real_client_are_answered_as_a_real_server_answered_them(self):
        lines = recorded("gbs-real-client.jsonl")
        self.assertEqual(len(lines), 37)
        self.assertGreaterEqual(self.replay(lines), 23)


class WithServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node()
        cls.addClassCleanup(cls.node.close)

    def setUp(self):
        self.client, self.si, self.secret = self.node.client(), new_si(), new_secret()
        self.addCleanup(self.client.close)
        self.addCleanup(lambda: self.assertTrue(self.node.alive(), "the server lives on"))

    def path(self, *parts):
        return "/".join(["/storage/v1/immutable", self.si, *map(str, parts)])

    def begin(self, size=100, number=1):
        _, allocated = self.client.allocated(self.si, {number}, size, self.secret)
        self.assertEqual(allocated, {number})

    def assert_status(self, status, answer):
        self.assertEqual(answer.status, status, answer.body[:200])
        return answer


class WhatTahoeTests(WithServer):
    """Section 10.1, line by line."""

    def test_10_1_1_who_may_ask_and_what_is_a_request(self):
        wrong = "Tahoe-LAFS " + base64.b64encode(b"wrong").decode()
        right = self.client.authorization
        for value in (None, wrong, "", right + " ", right.replace(" ", "  "), right.lower(), "Bearer x", right.split()[1],
                      "Tahoe-LAFS " + self.node.swissnum):
            expected = 200 if value == right + " " else 401  # blanks around a field's value are no part of it
            with self.subTest(authorization=value):
                self.assert_status(expected, self.client.version(headers=[("Authorization", value)]))
        self.assert_status(400, self.client.version(headers=[("Authorization", b"Tahoe-LAFS \xff\xfe")]))
        self.assert_status(401, self.client.request("GET", "/storage/v1/version", headers=[
            ("Authorization", wrong), ("authorization", right)]))
        self.assert_status(406, self.client.version(accept="image/gif"))
        for accept in (None, "*/*", "application/*", "image/gif, application/cbor;q=0.1", "APPLICATION/CBOR"):
            self.assert_status(200, self.client.version(accept=accept))
        body = cbor.encode({"share-numbers": {1}, "allocated-size": 10})
        secrets = [("lease-renew-secret", b"r" * 32), ("lease-cancel-secret", b"c" * 32), ("upload-secret", self.secret)]
        self.assert_status(400, self.client.request("POST", self.path(), secrets[:2], body=body))
        self.assert_status(400, self.client.request("POST", self.path(), secrets[:2], [
            ("X-Tahoe-Authorization", "upload-secret %%%")], body))
        for kind in ("application/json", "text/plain", "application/cborx"):
            self.assert_status(415, self.client.request("POST", self.path(), secrets, [("Content-Type", kind)], body))
        for kind in (None, "application/cbor; v=1", "Application/CBOR"):
            headers = [("Content-Type", kind)] if kind else []
            self.assertEqual(self.assert_status(200, self.client.request("POST", self.path(), secrets, headers, body)).value,
                             {"already-have": set(), "allocated": {1}})

    def test_10_1_1_a_body_against_the_schema_is_400(self):
        good = {"share-numbers": {1}, "allocated-size": 10}
        twice = b"\xa3" + cbor.encode(good)[1:] + cbor.encode("allocated-size") + b"\x0a"
        bad = [b"", b"\xff", b"\x80", cbor.encode({}), cbor.encode({**good, "more": 1}), cbor.encode({"share-numbers": {1}}),
               cbor.encode({**good, "share-numbers": [1]}), cbor.encode({**good, "allocated-size": -1}),
               cbor.encode({**good, "allocated-size": "10"}), cbor.encode({**good, "share-numbers": {-1}}),
               cbor.encode({**good, "share-numbers": set(range(257))}), cbor.encode({b"share-numbers": {1}, b"allocated-size": 10}),
               cbor.encode(good) + b"\x00", cbor.encode(good)[:-1], twice]
        secrets = [("lease-renew-secret", b"r" * 32), ("lease-cancel-secret", b"c" * 32), ("upload-secret", self.secret)]
        for body in bad:
            with self.subTest(body=body[:60].hex()):
                self.assert_status(400, self.client.request("POST", self.path(), secrets, [("Content-Type", CBOR)], body))
        indefinite = b"\xbf" + cbor.encode("share-numbers") + b"\xd9\x01\x02\x9f\x01\xff" + cbor.encode("allocated-size") + b"\x0a\xff"
        answer = self.client.request("POST", self.path(), secrets, [("Content-Type", CBOR)], indefinite)
        self.assertEqual(self.assert_status(200, answer).value["allocated"], {1})

    def test_10_1_2_a_second_uploader_gets_the_other_numbers_and_the_first_goes_on(self):
        self.assertEqual(self.client.allocated(self.si, {1}, 100, self.secret), (set(), {1}))
        self.assert_status(200, self.client.write(self.si, 1, 0, pattern(50), self.secret))
        self.assertEqual(self.client.allocated(self.si, {1, 4, 6}, 100, new_secret()), (set(), {4, 6}))
        self.assert_status(201, self.client.write(self.si, 1, 50, pattern(100)[50:], self.secret))
        self.assertEqual(self.client.read(self.si, 1).body, pattern(100))

    def test_10_1_3_writes_in_any_order_say_what_lacks_and_reads_are_cut_at_the_end(self):
        data = pattern(100)
        self.begin(100)
        steps = [((10, 20), [(0, 10), (20, 100)]), ((30, 40), [(0, 10), (20, 30), (40, 100)]),
                 ((50, 60), [(0, 10), (20, 30), (40, 50), (60, 100)]), ((15, 35), [(0, 10), (40, 50), (60, 100)]),
                 ((0, 10), [(40, 50), (60, 100)]), ((40, 50), [(60, 100)]), ((60, 100), [])]
        for (begin, end), required in steps:
            answer = self.client.write(self.si, 1, begin, data[begin:end], self.secret)
            self.assertEqual((answer.status, answer.required), (200 if required else 201, required))
        for offset, length in ((0, 100), (10, 19), (99, 1), (49, 200)):
            answer = self.assert_status(206, self.client.read(self.si, 1, (offset, offset + length - 1)))
            self.assertEqual(answer.body, data[offset:offset + length])
            self.assertEqual(answer["Content-Range"], f"bytes {offset}-{min(99, offset + length - 1)}/100")

    def test_10_1_4_writes_that_are_refused(self):
        self.begin(100)
        self.assert_status(200, self.client.write(self.si, 1, 0, b"x" * 10, self.secret))
        self.assert_status(401, self.client.write(self.si, 1, 10, b"x", new_secret()))
        self.assert_status(404, self.client.write(self.si, 2, 0, b"x", self.secret))
        self.assert_status(404, self.client.write(new_si(), 1, 0, b"x", self.secret))
        for value in ("garbage", "bytes -1-9/10", "bytes 0--9/10", "teapots 0-9/10"):
            self.assert_status(416, self.client.write_as(self.si, 1, value, b"x" * 10, self.secret))
        self.assert_status(409, self.client.write(self.si, 1, 0, b"y", self.secret))
        answer = self.assert_status(200, self.client.probe(self.si, 1, b"x", self.secret))
        self.assertEqual(answer.required, [(10, 100)])

    def test_10_1_5_the_list_has_exactly_the_complete_shares(self):
        self.assertEqual(self.client.shares(self.si), set())
        self.client.allocated(self.si, {0, 2, 5}, 10, self.secret)
        self.assertEqual(self.client.shares(self.si), set())
        for number in (5, 0):
            self.assert_status(201, self.client.write(self.si, number, 0, pattern(10), self.secret))
        self.assertEqual(self.client.shares(self.si), {0, 5})
        self.assertEqual(self.client.shares(new_si()), set())

    def test_10_1_6_an_aborted_number_can_be_allocated_anew_with_other_data(self):
        self.begin(100)
        self.client.write(self.si, 1, 0, b"x" * 50, self.secret)
        self.assert_status(200, self.client.abort(self.si, 1, self.secret))
        self.client.upload(self.si, 1, b"y" * 80)
        self.assertEqual(self.client.read(self.si, 1).body, b"y" * 80)

    def test_10_1_7_aborts(self):
        self.assert_status(404, self.client.abort(self.si, 1, self.secret))
        self.begin(100)
        self.client.write(self.si, 1, 0, pattern(50), self.secret)
        self.assert_status(401, self.client.abort(self.si, 1, new_secret()))
        self.assert_status(201, self.client.write(self.si, 1, 50, pattern(100)[50:], self.secret))
        for secret in (self.secret, new_secret()):
            self.assert_status(405, self.client.abort(self.si, 1, secret))
        self.assertEqual(self.client.read(self.si, 1).body, pattern(100))

    def test_10_1_8_ranges_that_make_no_sense_and_those_that_do(self):
        self.client.upload(self.si, 1, pattern(100))
        for value in ("molluscs=0-9", "bytes=-2-9", "bytes=0--10", "bytes=-300-", "bytes=", "bytes=0-5, 6-7", "bytes=0-",
                      "bytes=-5", "bytes=9-3", "bytes 0-9", "bytes=0-9,", "bytes=0x0-9", "bytes=+0-9",
                      "bytes=0-99999999999999999999999999"):
            with self.subTest(value):
                self.assert_status(416, self.client.read(self.si, 1, value))
        twice = self.client.request("GET", self.path(1), headers=[("Range", "bytes=0-9"), ("Range", "bytes=0-9")])
        self.assert_status(416, twice)
        for first, last in ((0, 10), (3, 17)):
            answer = self.assert_status(206, self.client.read(self.si, 1, (first, last)))
            self.assertTrue(answer["Content-Range"].startswith(f"bytes {first}-{last}/"))
            self.assertEqual(answer.body, pattern(100)[first:last + 1])
        for first in (100, 101, 2**63):
            answer = self.assert_status(204, self.client.read(self.si, 1, (first, first + 5)))
            self.assertEqual((answer.body, answer["Content-Range"]), (b"", None))

    def test_10_1_9_reads_of_nothing_and_of_all(self):
        self.assert_status(404, self.client.read(self.si, 1, (0, 9)))
        self.assert_status(404, self.client.read(self.si, 1))
        self.assert_status(404, self.client.read(self.si, 999999, (0, 9)))
        for number, size in enumerate((1, 2, 3, 100, 4096, 65_535, 65_536, 65_537, 300_000)):
            data = pattern(size, number)
            self.client.upload(self.si, number, data)
            self.assertEqual(self.assert_status(200, self.client.read(self.si, number)).body, data)
            head = self.assert_status(200, self.client.read(self.si, number, method="HEAD"))
            self.assertEqual((head.body, head["Content-Length"]), (b"", str(size)))
        self.assert_status(404, self.client.read(self.si, 99, (0, 9)))

    def test_10_1_10_corruption_reports_are_kept_as_they_were_told(self):
        self.client.upload(self.si, 1, pattern(100))
        folder = f"{self.node.directory}/storage/corruption-advisories"
        known = lambda: set(os.listdir(folder)) if os.path.isdir(folder) else set()
        for reason in ("bad", "ünïcödé \N{SNOWMAN} \N{PILE OF POO}", "x" * 32_000):
            before = known()
            self.assertEqual(self.assert_status(200, self.client.corrupt(self.si, 1, reason)).body, b"")
            name, = known() - before
            self.assertTrue(name.endswith(f"--{self.si}-1"), name)
            with open(f"{folder}/{name}", encoding="utf-8") as f:
                self.assertEqual(f.read(), "report: Share Corruption\ntype: immutable\n"
                                 f"storage_index: {self.si}\nshare_number: 1\n\n{reason}\n\n")
        self.assert_status(404, self.client.corrupt(self.si, 2, "bad"))
        self.assert_status(404, self.client.corrupt(new_si(), 1, "bad"))
        for value in ({"reason": ""}, {"reason": b"bytes"}, {}, {"reason": "x", "more": 1}, {"reason": "y" * 32_766}):
            answer = self.client.request("POST", self.path(1, "corrupt"), headers=[("Content-Type", CBOR)], body=cbor.encode(value))
            self.assertIn(answer.status, (400, 413), value)

    def test_10_1_11_a_lease_lasts_31_days_is_renewed_by_its_secret_and_never_shortened(self):
        self.client.upload(self.si, 1, pattern(100), lease=(b"R" * 32, b"C" * 32))
        first, = self.node.leases(self.si, 1)
        self.assertAlmostEqual(first.expires, time.time() + LEASE_SECONDS, delta=60)
        self.assertEqual((first.owner, first.renew, first.cancel), (0, *(
            hashlib.blake2b(s * 32, digest_size=32).digest() for s in (b"R", b"C"))))
        self.node.set_expiry(self.si, 1, first.expires - 86_400)  # a day passes
        self.assert_status(204, self.client.lease(self.si, b"R" * 32))
        renewed, = self.node.leases(self.si, 1)
        self.assertAlmostEqual(renewed.expires, time.time() + LEASE_SECONDS, delta=60)
        self.node.set_expiry(self.si, 1, first.expires + 86_400)
        self.assert_status(204, self.client.lease(self.si, b"R" * 32))
        self.assertEqual(self.node.leases(self.si, 1)[0].expires, first.expires + 86_400)
        self.assert_status(204, self.client.lease(self.si, b"2" * 32))
        _, second = self.node.leases(self.si, 1)
        self.assertEqual((second.owner, second.renew), (1, hashlib.blake2b(b"2" * 32, digest_size=32).digest()))
        self.assert_status(404, self.client.lease(new_si(), b"R" * 32))
        self.assertEqual(self.client.read(self.si, 1).body, pattern(100))

    def test_10_1_11_shares_still_uploading_have_no_lease_to_renew(self):
        self.begin(100)
        self.assert_status(404, self.client.lease(self.si, b"r" * 32))

    def test_10_1_12_read_test_write_is_refused_cleanly_while_there_are_no_mutable_files(self):
        body = cbor.encode({"test-write-vectors": {}, "read-vector": []})
        secrets = [("lease-renew-secret", b"r" * 32), ("lease-cancel-secret", b"c" * 32), ("write-enabler", b"w" * 32)]
        answer = self.client.request("POST", f"/storage/v1/mutable/{self.si}/read-test-write", secrets, [("Content-Type", CBOR)], body)
        self.assert_status(501, answer)
        self.assertEqual(self.client.shares(self.si, "mutable"), set())
        self.assert_status(404, self.client.read(self.si, 0, (0, 9), kind="mutable"))
        self.assert_status(404, self.client.corrupt(self.si, 0, "bad", kind="mutable"))

    def test_10_1_13_already_have_names_all_complete_shares_and_no_other(self):
        self.client.upload(self.si, 7, pattern(10))
        self.client.allocated(self.si, {2}, 10, self.secret)
        self.client.write(self.si, 2, 0, b"x", self.secret)
        self.assertEqual(self.client.allocated(self.si, {2, 3}, 10, new_secret()), ({7}, {3}))
        self.assertEqual(self.client.allocated(self.si, set(), 10, new_secret(), lease=(b"n" * 32, b"m" * 32)), ({7}, set()))
        self.assertEqual(len(self.node.leases(self.si, 7)), 2, "asking with the empty set refreshes leases")
        self.assertEqual(self.client.shares(self.si), {7})

    def test_10_1_14_11_10_9_the_version_has_exactly_the_four_fields(self):
        answer = self.assert_status(200, self.client.version())
        fields = answer.value[VERSION_KEY]
        room = fields[b"available-space"]
        expected = {VERSION_KEY: {b"maximum-immutable-share-size": room, b"maximum-mutable-share-size": 69_105_000_000_000_000,
                                  b"available-space": room}, b"application-version": answer.value[b"application-version"]}
        self.assertEqual(answer.body, cbor.encode(expected))
        self.assertGreater(room, 0)


class Tables(WithServer):
    """What sections 3 and 4 say beyond the list."""

    def test_1_2_one_self_signed_certificate_with_the_key_of_the_nurl_and_the_tub_id(self):
        der = certificate_of(self.node)
        self.assertEqual(base64.urlsafe_b64encode(hashlib.sha256(spki_of(der)).digest()).decode().rstrip("="), self.node.spki)
        self.assertEqual(base32(hashlib.sha1(der).digest()), self.node.get_file("my_nodeid").strip())
        self.node.restart()
        self.assertEqual(certificate_of(self.node), der)

    def test_2_storage_indexes_and_share_numbers(self):
        good = self.si[:-1] + "a"
        for last in "aeimquy4":
            self.assertEqual(self.client.shares(good[:-1] + last), set())
        for bad in (good[:-1] + "b", good.upper(), good[:-1], good + "a", "1" * 26, good[:-1] + "%61"):
            self.assert_status(404, self.client.request("GET", f"/storage/v1/immutable/{bad}/shares"))
        self.client.upload(self.si, 7, pattern(10))
        self.assertEqual(self.client.read(self.si, "0007").body, pattern(10))
        self.assert_status(404, self.client.write(self.si, 256, 0, b"x", self.secret))
        self.assert_status(404, self.client.abort(self.si, 2**70, self.secret))
        self.assertEqual(self.client.allocated(self.si, {255, 256, 2**40}, 10, self.secret), ({7}, {255}))
        for bad in ("-1", "0x7", "7.0", ""):
            self.assertIn(self.client.request("GET", self.path(bad)).status, (404, 405))

    def test_3_2_exactly_the_secrets_that_are_asked_for(self):
        renew, cancel, upload, enabler = (("lease-renew-secret", b"r" * 32), ("lease-cancel-secret", b"c" * 32),
                                          ("upload-secret", self.secret), ("write-enabler", b"w" * 32))
        body = cbor.encode({"share-numbers": {1}, "allocated-size": 10})
        status_path = f"/storage/resume/v1/{self.si}"
        wanted = [("POST", self.path(), [renew, cancel, upload], body), ("PATCH", self.path(1), [upload], b"x"),
                  ("PUT", self.path(1, "abort"), [upload], None), ("PUT", f"/storage/v1/lease/{self.si}", [renew, cancel], None),
                  ("GET", "/storage/v1/version", [], None), ("GET", self.path("shares"), [], None), ("GET", self.path(1), [], None),
                  ("POST", self.path(1, "corrupt"), [], body), ("GET", f"/storage/v1/mutable/{self.si}/shares", [], None),
                  ("GET", f"/storage/v1/mutable/{self.si}/1", [], None), ("GET", status_path, [upload], None)]
        for method, path, secrets, data in wanted:
            headers = [("Content-Range", "bytes 0-0/*")] if method == "PATCH" else []
            ask = lambda given, more=(): self.client.request(method, path, given, headers + list(more), data)
            self.assertNotEqual(ask(secrets).status, 400, (method, path))
            for i in range(len(secrets)):
                self.assert_status(400, ask(secrets[:i] + secrets[i + 1:]))
            for extra in (renew, cancel, upload, enabler, ("nonsense", b"x" * 32)):
                if extra not in secrets:
                    with self.subTest(method=method, path=path, extra=extra[0]):
                        self.assert_status(400, ask(secrets + [extra]))
            for text in ("upload-secret", "upload-secret ", "upload-secret !!!", " eHg=", "upload-secret eHg",
                         "upload-secret eHh4,upload-secret eHh4"):
                self.assert_status(400, ask([s for s in secrets if s is not upload], [("X-Tahoe-Authorization", text)]))
        for short in (b"r" * 31, b"r" * 33, b""):
            self.assert_status(400, self.client.lease(self.si, short))
        self.assert_status(400, self.client.request("POST", self.path(), [renew, ("lease-cancel-secret", b"c"), upload], body=body))

    def test_3_2_of_a_kind_that_comes_twice_the_last_one_counts(self):
        self.begin(10)
        answer = self.client.request("PATCH", self.path(1), [("upload-secret", new_secret()), ("upload-secret", self.secret)],
                                     [("Content-Range", "bytes 0-0/*")], b"x")
        self.assert_status(200, answer)

    def test_3_3_the_order_of_checks(self):
        nobody = ("Authorization", "nobody")
        self.assert_status(404, self.client.request("GET", "/storage/v1/nonexistent", headers=[nobody]))
        self.assert_status(405, self.client.request("POST", "/storage/v1/version", headers=[nobody]))
        self.assert_status(401, self.client.request("GET", "/storage/v1/version", [("upload-secret", b"x")], [nobody]))
        self.assert_status(400, self.client.request("PATCH", self.path(1), [], [("Content-Range", "garbage")], b"x"))
        self.assert_status(416, self.client.write_as(self.si, 1, "garbage", b"x", self.secret))
        self.assert_status(404, self.client.request("POST", self.path(1, "corrupt"), headers=[("Content-Type", "text/plain")], body=b"x"))
        self.client.upload(self.si, 1, pattern(10))
        self.assert_status(415, self.client.request("POST", self.path(1, "corrupt"), headers=[("Content-Type", "text/plain")], body=b"x"))
        for method, path in (("DELETE", self.path(1)), ("PUT", self.path(1)), ("GET", self.path()), ("POST", self.path("shares")),
                             ("GET", f"/storage/v1/lease/{self.si}"), ("POST", f"/storage/resume/v1/{self.si}")):
            answer = self.assert_status(405, self.client.request(method, path, headers=[nobody]))
            self.assertEqual(answer.body, b"")

    def test_4_3_allocation_side_conditions(self):
        self.assertEqual(self.client.allocated(self.si, {1}, 0, self.secret), (set(), set()), "an empty share can never complete")
        self.assertEqual(self.client.allocated(self.si, {1, 2}, 2**62, self.secret), (set(), set()), "no room is no error")
        room = self.client.version().value[VERSION_KEY][b"available-space"]
        _, allocated = self.client.allocated(self.si, {1, 2, 3}, room * 2 // 5, self.secret)
        self.assertEqual(len(allocated), 2, "each grant lowers the room")
        for number in allocated:
            self.assert_status(200, self.client.abort(self.si, number, self.secret))
        self.assertEqual(self.client.allocated(self.si, {9}, room * 2 // 5, self.secret), (set(), {9}))
        self.client.abort(self.si, 9, self.secret)
        answer = self.client.request("POST", self.path(), [("lease-renew-secret", b"r" * 32), ("lease-cancel-secret", b"c" * 32),
                                     ("upload-secret", self.secret)], body=b"x" * 8193)
        self.assert_status(413, answer)

    def test_4_4_the_table_of_writes_that_cannot_be(self):
        self.begin(1000)
        cases = [("bytes 0-9/999", 10, 416), ("bytes 0-9/1001", 10, 416), ("bytes */1000", 10, 416), ("bytes 9-0/*", 10, 416),
                 ("bytes 0-9", 10, 416), ("bytes=0-9/*", 10, 416), ("Bytes 0-9/*", 10, None), ("bytes 0-9/", 10, 416),
                 ("bytes 0-9/*x", 10, 416), ("bytes 0-1000/*", 1001, 416), ("bytes 1000-1000/*", 1, 416),
                 ("bytes 990-1009/*", 20, 416), ("bytes 0-18446744073709551615/*", 10, 416),
                 ("bytes 18446744073709551615-18446744073709551616/*", 2, 416), ("bytes 0-9/1000", 11, 400)]
        for value, size, status in cases:
            with self.subTest(value):
                answer = self.client.write_as(self.si, 1, value, pattern(size), self.secret)
                self.assertIn(answer.status, (status,) if status else (200, 416))
        answer = self.client.request("PATCH", self.path(1), [("upload-secret", self.secret)], body=pattern(10))
        self.assert_status(416, answer)
        self.assert_status(400, self.client.write_as(self.si, 1, "bytes 0-199/*", pattern(100), self.secret))
        answer = self.assert_status(200, self.client.probe(self.si, 1, pattern(1), self.secret))
        self.assertEqual(answer.required, [(100, 1000)], "bytes that came in a body too short are stored; a clash stores nothing")

    def test_4_4_the_answer_to_a_completed_share_is_gone_for_good(self):
        self.client.upload(self.si, 1, pattern(10), self.secret)
        self.assert_status(404, self.client.write(self.si, 1, 0, pattern(10), self.secret))
        self.assertEqual(self.client.allocated(self.si, {1}, 10, self.secret), ({1}, set()))

    def test_4_4_a_chunked_body_writes_like_any_other(self):
        self.begin(100)
        chunked = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (pattern(100)[:30], pattern(100)[30:])) + b"0\r\n\r\n"
        answer = self.client.request("PATCH", self.path(1), [("upload-secret", self.secret)], [
            ("Content-Range", "bytes 0-99/*"), ("Transfer-Encoding", "chunked"), ("Content-Length", None)], chunked)
        self.assert_status(201, answer)
        self.assertEqual(self.client.read(self.si, 1).body, pattern(100))

    def test_8_the_same_secret_is_granted_again_another_is_not(self):
        self.begin(100)
        self.assertEqual(self.client.allocated(self.si, {1}, 100, self.secret), (set(), {1}))
        self.assertEqual(self.client.allocated(self.si, {1}, 99, self.secret), (set(), set()))
        self.assertEqual(self.client.allocated(self.si, {1}, 100, new_secret()), (set(), set()))

    def test_a_read_only_server_renews_and_admits_nothing(self):
        with Node() as node:
            client, si = node.client(), new_si()
            client.upload(si, 1, pattern(10))
            node.restart(lambda: node.configure(readonly="true"))
            fields = client.version().value[VERSION_KEY]
            self.assertEqual((fields[b"available-space"], fields[b"maximum-immutable-share-size"]), (0, 0))
            self.assertEqual(client.allocated(si, {1, 2}, 10, self.secret, lease=(b"n" * 32, b"m" * 32)), ({1}, set()))
            self.assertEqual(len(node.leases(si, 1)), 1)
            self.assert_status(507, client.lease(si, b"n" * 32))
            self.assert_status(204, client.lease(si, b"r" * 32))
            self.assertEqual(client.read(si, 1).body, pattern(10))

    def test_a_full_server_admits_nothing_and_says_so_by_leaving_out(self):
        with Node(reserved_space="1E") as node:
            client, si = node.client(), new_si()
            self.assertEqual(client.allocated(si, {1}, 10, self.secret), (set(), set()))
            self.assertEqual(client.version().value[VERSION_KEY][b"available-space"], 0)


def certificate_of(node):
    client = node.client()
    client.version()
    der = client.connection.sock.getpeercert(binary_form=True)
    client.close()
    return der


def spki_of(certificate):
    """The SubjectPublicKeyInfo: the sixth field of the certificate's first part (behind an explicit version)."""
    def element(data, at):
        length, begin = data[at + 1], at + 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(data[at + 2:begin], "big")
        return begin, begin + length
    at = element(certificate, element(certificate, 0)[0])[0]
    for _ in range(6):  # version, serial, signature, issuer, validity, subject
        at = element(certificate, at)[1]
    return certificate[at:element(certificate, at)[1]]


if __name__ == "__main__":
    unittest.main()
