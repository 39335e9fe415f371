"""The resumption extension of the storage server (storage protocol, section 11): advertisement, opt-in, status, the life of partial
shares, verification before acceptance, and the list of tests in 11.10. Time passes by making files of a stopped server older."""
import base64
import json
import os
import random
import select
import struct
import subprocess
import time
import unittest

import cbor
from gbs import LEASE_SECONDS, VECTORS, Node, at_rest_id, base32, new_secret, new_si, pattern
from rig import BINARY, DEADLINE, Place, finish, incomplete_bytes, kill_at_work, make_file, names_only_alerts_know, put, sha256, start, wait_until

MIB = 1 << 20
IDLE, RETENTION = 1800, 604_800


class WithServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node()
        cls.addClassCleanup(cls.node.close)

    def setUp(self):
        self.client, self.si, self.secret = self.node.client(), new_si(), new_secret()
        self.addCleanup(self.client.close)
        self.addCleanup(lambda: self.assertTrue(self.node.alive(), "the server lives on"))

    def begin(self, data, number=1, secret=None, size=1000, **more):
        """A resumable upload that holds `data` at its begin."""
        secret = secret or self.secret
        self.assertEqual(self.client.allocated(self.si, {number}, size, secret, resume=True, **more)[1], {number})
        self.assert_status(200, self.client.write(self.si, number, 0, data, secret))

    def assert_status(self, status, answer):
        self.assertEqual(answer.status, status, answer.body[:200])
        return answer


class Wire(WithServer):
    """11.5: the three small things."""

    def test_a_the_version_answer_advertises_in_a_header(self):
        self.assertEqual(self.client.version()["Tahoe-Resume"], f"1; retention={RETENTION}; idle={IDLE}")
        with Node(holdfast="partial.retention = 2 days\npartial.idle = 1h\n") as node:
            self.assertEqual(node.client().version()["Tahoe-Resume"], "1; retention=172800; idle=3600")

    def test_a_retention_0_is_a_server_without_the_extension(self):
        with Node(holdfast="partial.retention = 0\n") as node:
            client = node.client()
            self.assertIsNone(client.version()["Tahoe-Resume"])
            self.assert_status(404, client.status(self.si, self.secret))
            answer = self.assert_status(200, client.allocate(self.si, {1}, 10, self.secret, resume=True))
            self.assertIsNone(answer["Tahoe-Resume"])
            self.assert_status(200, client.write(self.si, 1, 0, b"x", self.secret))
            node.restart()
            self.assert_status(404, client.write(self.si, 1, 0, b"x", self.secret))

    def test_b_only_who_asks_for_it_gets_a_resumable_upload(self):
        asked = self.client.allocate(self.si, {1}, 1000, self.secret, resume=True)
        self.assertEqual(asked["Tahoe-Resume"], self.client.version()["Tahoe-Resume"])
        other, legacy = new_si(), new_secret()
        self.assertIsNone(self.client.allocate(other, {1}, 1000, legacy)["Tahoe-Resume"])
        self.assert_status(200, self.client.write(self.si, 1, 0, b"x" * 10, self.secret))
        self.assert_status(200, self.client.write(other, 1, 0, b"x" * 10, legacy))
        self.assertEqual(self.client.required(other, 1, legacy), [(10, 1000)], "the status knows legacy uploads while they live")
        self.node.restart()
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(10, 1000)])
        self.assertIsNone(self.client.incomplete(other, 1, legacy))
        self.assertEqual(self.node.incoming(other), [])

    def test_b_a_matching_allocate_makes_a_legacy_upload_resumable(self):
        self.client.allocated(self.si, {1}, 1000, self.secret)
        self.assert_status(200, self.client.write(self.si, 1, 0, pattern(10), self.secret))
        self.client.allocated(self.si, {1}, 1000, self.secret, resume=True)
        self.assert_status(200, self.client.write(self.si, 1, 10, pattern(20)[10:], self.secret))
        self.node.restart()
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(20, 1000)])

    def test_c_the_status_of_nothing_and_of_the_golden_case(self):
        empty = self.assert_status(200, self.client.status(self.si, self.secret))
        self.assertEqual(empty.value, {"complete": set(), "incomplete": {}, "busy": set()})
        self.client.upload(self.si, 1, pattern(48))
        self.begin(pattern(16), 7, size=48)
        self.begin(pattern(16), 3, new_secret(), size=48)
        self.node.restart_later(self.si, 5)
        answer = self.assert_status(200, self.client.status(self.si, self.secret))
        idle = answer.value["incomplete"][7]["idle"]
        self.assertIn(idle, range(5, 60))
        golden = {"complete": {1}, "incomplete": {7: {"allocated-size": 48, "required": [{"begin": 16, "end": 48}], "idle": idle,
                                                      "expires-in": RETENTION - idle}}, "busy": {3}}
        self.assertEqual(answer.value, golden)

    def test_c_the_status_refuses_as_its_neighbours_do(self):
        self.assert_status(406, self.client.status(self.si, self.secret, accept="image/gif"))
        self.assert_status(401, self.client.status(self.si, self.secret, headers=[("Authorization", "Tahoe-LAFS x")]))
        self.assert_status(400, self.client.request("GET", f"/storage/resume/v1/{self.si}"))
        self.assert_status(404, self.client.request("GET", "/storage/resume/v1/short", [("upload-secret", b"x")]))
        self.assert_status(404, self.client.request("GET", f"/storage/resume/v2/{self.si}", [("upload-secret", b"x")]))

    def test_c_a_stranger_learns_that_a_number_is_busy_and_no_more(self):
        self.begin(pattern(10))
        self.assertEqual(self.client.status(self.si, new_secret()).value, {"complete": set(), "incomplete": {}, "busy": {1}})

    def test_c_asking_changes_nothing(self):
        self.client.upload(self.si, 2, pattern(10))
        self.begin(pattern(10))
        self.node.restart_later(self.si, 300)
        leases = [vars(lease) for lease in self.node.leases(self.si, 2)]
        for _ in range(3):
            self.assertGreaterEqual(self.client.incomplete(self.si, 1, self.secret)["idle"], 300)
        self.assertEqual([vars(lease) for lease in self.node.leases(self.si, 2)], leases)
        self.assert_status(200, self.client.probe(self.si, 1, pattern(1), self.secret))
        self.assertLess(self.client.incomplete(self.si, 1, self.secret)["idle"], 300)


class Life(WithServer):
    """11.6: what becomes of partial shares."""

    def test_a_partial_survives_a_clean_stop_and_a_kill(self):
        self.begin(pattern(100))
        self.node.restart()
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(100, 1000)])
        self.assert_status(200, self.client.write(self.si, 1, 500, pattern(1000)[500:600], self.secret))
        self.node.kill()
        self.node.start()
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(100, 500), (600, 1000)])
        self.assert_status(200, self.client.write(self.si, 1, 100, pattern(1000)[100:500], self.secret))
        self.assert_status(201, self.client.write(self.si, 1, 600, pattern(1000)[600:], self.secret))
        self.assertEqual(self.client.read(self.si, 1).body, pattern(1000))
        self.assertEqual(self.node.incoming(self.si), [])

    def test_rule_2_who_has_the_secret_is_granted_again_and_another_size_is_not(self):
        self.begin(pattern(10))
        self.assertEqual(self.client.allocated(self.si, {1, 2}, 999, self.secret, resume=True), (set(), {2}))
        self.assertEqual(self.client.incomplete(self.si, 1, self.secret)["allocated-size"], 1000)
        self.assert_status(200, self.client.abort(self.si, 1, self.secret))
        self.assertEqual(self.client.allocated(self.si, {1}, 999, self.secret, resume=True), (set(), {1}))

    def test_rule_2_a_dormant_upload_wakes_for_its_secret_with_all_it_held(self):
        self.begin(pattern(10))
        self.node.restart_later(self.si, IDLE + 60)
        self.assertEqual(self.client.status(self.si, new_secret()).value["busy"], set(), "dormant is not busy")
        self.assertEqual(self.client.allocated(self.si, {1}, 1000, self.secret, resume=True), (set(), {1}))
        self.assertEqual(self.client.status(self.si, new_secret()).value["busy"], {1})
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(10, 1000)])

    def test_rule_3_an_active_upload_keeps_others_out(self):
        self.begin(pattern(10))
        self.assertEqual(self.client.allocated(self.si, {1}, 1000, new_secret(), resume=True), (set(), set()))
        self.assertEqual(self.client.allocated(self.si, {1}, 1000, new_secret()), (set(), set()))

    def test_11_10_7_a_stock_client_may_upload_what_another_left_dormant(self):
        self.begin(pattern(10))
        self.node.restart_later(self.si, IDLE + 60)
        stock = new_secret()
        self.assertEqual(self.client.allocated(self.si, {1}, 500, stock), (set(), {1}))
        self.assertIsNotNone(self.client.incomplete(self.si, 1, self.secret), "it stays beside until one is complete")
        self.assert_status(201, self.client.write(self.si, 1, 0, b"s" * 500, stock))
        self.assertEqual(self.client.read(self.si, 1).body, b"s" * 500)
        self.assertEqual(self.node.incoming(self.si), [])
        self.assert_status(404, self.client.write(self.si, 1, 10, b"x", self.secret))
        self.assertEqual(self.client.status(self.si, self.secret).value, {"complete": {1}, "incomplete": {}, "busy": set()})

    def test_of_two_that_run_the_first_to_complete_becomes_the_share(self):
        self.begin(pattern(10))
        self.node.restart_later(self.si, IDLE + 60)
        other = new_secret()
        self.begin(b"o" * 10, secret=other)
        self.assertEqual(self.client.allocated(self.si, {1}, 1000, self.secret, resume=True), (set(), {1}))
        self.assert_status(200, self.client.write(self.si, 1, 10, pattern(20)[10:], self.secret))
        self.assert_status(201, self.client.write(self.si, 1, 10, b"o" * 990, other))
        self.assert_status(404, self.client.write(self.si, 1, 20, pattern(1000)[20:], self.secret))
        self.assertEqual(self.client.read(self.si, 1).body, b"o" * 1000)

    def test_at_most_two_dormant_uploads_stay_beside_a_new_one(self):
        secrets = [new_secret() for _ in range(4)]
        for secret in secrets[:3]:
            self.begin(pattern(10), secret=secret)
            self.node.restart_later(self.si, IDLE + 60)
        self.begin(pattern(10), secret=secrets[3])
        self.assertEqual([self.client.incomplete(self.si, 1, s) is not None for s in secrets], [False, True, True, True])

    def test_retention_ends_a_partial_and_not_before(self):
        self.begin(pattern(10))
        self.node.restart_later(self.si, RETENTION - 600)
        self.assertLessEqual(self.client.incomplete(self.si, 1, self.secret)["expires-in"], 600)
        self.node.restart_later(self.si, 700)
        self.assertIsNone(self.client.incomplete(self.si, 1, self.secret))
        self.assertEqual(self.node.incoming(self.si), [])

    def test_the_lease_of_a_share_begins_when_it_is_complete(self):
        self.begin(pattern(10), lease=(b"1" * 32, b"c" * 32))
        self.node.restart_later(self.si, 5 * 86_400)
        for renew in (b"1", b"2", b"2"):
            self.client.allocated(self.si, {1}, 1000, self.secret, lease=(renew * 32, b"c" * 32), resume=True)
        self.node.restart()
        self.assert_status(201, self.client.write(self.si, 1, 10, pattern(1000)[10:], self.secret))
        leases = self.node.leases(self.si, 1)
        self.assertEqual(len(leases), 2)
        for lease in leases:
            self.assertAlmostEqual(lease.expires, time.time() + LEASE_SECONDS, delta=60)
        self.assertEqual(self.client.read(self.si, 1).body, pattern(1000))

    def test_names_and_journal_on_disk_are_those_of_the_specification_and_tell_no_secret(self):
        self.secret = bytes.fromhex("505ec06abfd6c0fe18b280e661d43a72e2318d47d9fa80928e7ccf41fc5d7ab4")
        self.begin(pattern(10))
        log, part = self.node.incoming(self.si)
        self.assertEqual(os.path.basename(log), f"1.{base32(at_rest_id(self.secret))[:16]}.log")
        self.assertEqual(os.path.basename(part), os.path.basename(log).replace(".log", ".part"))
        with open(log, "rb") as f:
            journal = f.read()
        magic, length, flags, size, _, identity = struct.unpack_from(">8sIIQQ32s", journal)
        self.assertEqual((magic, length, flags & 1, size, identity), (b"GBSPART1", 160, 1, 1000, at_rest_id(self.secret)))
        with open(part, "rb") as f:
            self.assertEqual(f.read()[:22], struct.pack(">III", 2, 1000, 0) + pattern(10))
        for name in (log, part):
            with open(name, "rb") as f:
                data = f.read()
            for form in (self.secret, base64.b64encode(self.secret), self.secret.hex().encode(), base32(self.secret).encode()):
                self.assertNotIn(form, data)

    def test_a_journal_damaged_behind_its_header_costs_bytes_and_never_trusts_too_many(self):
        self.begin(pattern(10))
        self.assert_status(200, self.client.write(self.si, 1, 50, pattern(60)[50:], self.secret))
        log = self.node.incoming(self.si)[0]
        self.node.restart(lambda: os.truncate(log, os.path.getsize(log) - 1))
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(10, 1000)])

        def append():
            with open(log, "ab") as f:
                f.write(b"\x01\x00\x00\x10" + struct.pack(">QQ", 10, 1000) + b"CRC?")

        self.node.restart(append)
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(10, 1000)])
        self.assert_status(201, self.client.write(self.si, 1, 10, pattern(1000)[10:], self.secret))
        self.assertEqual(self.client.read(self.si, 1).body, pattern(1000))

    def test_a_journal_with_a_damaged_header_is_no_upload(self):
        self.begin(pattern(10))
        log = self.node.incoming(self.si)[0]

        def damage():
            with open(log, "r+b") as f:
                f.seek(20)
                f.write(b"\xff")

        self.node.restart(damage)
        self.assertIsNone(self.client.incomplete(self.si, 1, self.secret))
        self.assertEqual(self.node.incoming(self.si), [])


class ChkShare:
    """A share and where its parts lie (layout version 1)."""

    def __init__(self, number, data):
        self.number, self.data = number, data
        version, self.block, _, *self.offsets = struct.unpack_from(">9I", data)
        assert version == 1
        self.blocks, self.unused, self.ciphertext_tree, self.block_tree, self.share_hashes, self.ueb = self.offsets


def shares_made_by(node):
    """Shares of several segments, put by the real client."""
    client = node.path + "/client"
    subprocess.run([BINARY, "create-client", client, "--server", node.nurl], check=True)
    path = make_file(node.path + "/f", 20_001, 5)
    put(client, path, "--k", "2", "--n", "3", "--happy", "1", "--segment-size", "4096")
    speak = node.client()
    root = f"{node.directory}/storage/shares"
    for prefix in os.listdir(root):
        for si in os.listdir(f"{root}/{prefix}") if prefix != "incoming" else ():
            return [ChkShare(n, speak.read(si, n).body) for n in sorted(speak.shares(si))]
    raise AssertionError("no share was put")


def shares_of_tahoe():
    """Shares that real Tahoe-LAFS made; none where there are no vectors."""
    path = os.path.join(VECTORS, "manifest.json")
    if not os.path.exists(path):
        return []
    with open(path) as f:
        described = [share for entry in json.load(f)["immutable"] for share in entry["shares"] if share.get("file")]
    out = []
    for share in described:
        if share["size"] < 200_000:
            with open(os.path.join(VECTORS, share["file"]), "rb") as f:
                out.append(ChkShare(share["share_number"], f.read()))
    return out


class Verification(WithServer):
    """11.7 and line 6 of 11.10: bytes are looked at before they become a share."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shares = shares_made_by(cls.node)
        cls.share = cls.shares[1]

    def allocate(self, share, resume=True):
        self.assertEqual(self.client.allocated(self.si, {share.number}, len(share.data), self.secret, resume=resume)[1], {share.number})

    def send(self, share, data=None, offset=0):
        return self.client.write(self.si, share.number, offset, share.data if data is None else data, self.secret)

    def heal(self, share, answer):
        """Sends what the answer asks for, and again, until the share is accepted."""
        for _ in range(10):
            if answer.status == 201:
                break
            self.assert_status(200, answer)
            self.assertTrue(answer.required, "200 names what lacks")
            for begin, end in answer.required:
                answer = self.send(share, share.data[begin:end], begin)
        self.assert_status(201, answer)
        self.assertEqual(self.client.read(self.si, share.number).body, share.data)

    def test_shares_that_are_right_are_accepted_at_once(self):
        for share in self.shares + shares_of_tahoe():
            self.si = new_si()
            self.allocate(share)
            self.assert_status(201, self.send(share))

    def test_11_10_6_a_wrong_byte_anywhere_is_asked_for_again(self):
        share, rng = self.share, random.Random(6)
        root = share.data.index(b"share_root_hash:32:") + len(b"share_root_hash:32:")
        parts = {"a block": (share.blocks, share.unused), "the ciphertext tree": (share.ciphertext_tree, share.block_tree),
                 "the block tree": (share.block_tree, share.share_hashes), "the share hashes": (share.share_hashes, share.ueb),
                 "the length of the UEB": (share.ueb, share.ueb + 4), "the share root in it": (root, root + 32)}
        for name, (begin, end) in parts.items():
            for at in {begin, end - 1, rng.randrange(begin, end)}:
                with self.subTest(part=name, at=at):
                    self.si = new_si()
                    self.allocate(share)
                    poisoned = share.data[:at] + bytes([share.data[at] ^ 1]) + share.data[at + 1:]
                    answer = self.assert_status(200, self.send(share, poisoned))
                    self.assertTrue(any(b <= at < e for b, e in answer.required), "the wrong byte is among what is asked for")
                    if name == "a block":
                        self.assertLessEqual(sum(e - b for b, e in answer.required), share.block)
                    self.assertEqual(self.client.shares(self.si), set())
                    self.heal(share, answer)

    def test_11_10_6_a_held_byte_that_flips_on_disk_is_asked_for_again(self):
        share = self.share
        self.allocate(share)
        self.assert_status(200, self.send(share, share.data[:-1]))
        part = self.node.incoming(self.si)[1]
        at = share.blocks + 2 * share.block + 7
        for running in (True, False):
            if not running:
                self.node.stop()
            with open(part, "r+b") as f:
                f.seek(12 + at + running)
                f.write(bytes([share.data[at + running] ^ 255]))
            if not running:
                self.node.start()
        answer = self.assert_status(200, self.send(share, share.data[-1:], len(share.data) - 1))
        self.assertTrue(any(b <= at < e for b, e in answer.required))
        self.heal(share, answer)

    def test_11_10_6_another_header_or_tail_over_held_bytes_is_409(self):
        share = self.share
        self.allocate(share)
        begin, tail = share.share_hashes, share.data[share.share_hashes:]
        self.assert_status(200, self.send(share, share.data[:-1]))
        self.assert_status(200, self.send(share, share.data[:36]))
        self.assert_status(200, self.send(share, tail[:-1], begin))
        for at in range(0, len(tail) - 1, 13):
            self.assert_status(409, self.send(share, tail[:at] + bytes([tail[at] ^ 1]) + tail[at + 1:], begin))
        for at in range(36):
            self.assert_status(409, self.send(share, share.data[:at] + bytes([share.data[at] ^ 1]) + share.data[at + 1:36]))
        self.assertEqual(self.client.shares(self.si), set())
        self.assert_status(201, self.send(share, tail, begin))

    def test_11_10_6_a_planted_ciphertext_root_is_not_accepted_and_heals(self):
        share = self.share
        self.allocate(share)
        at = share.data.index(b"crypttext_root_hash:32:") + len(b"crypttext_root_hash:32:")
        answer = self.assert_status(200, self.send(share, share.data[:at] + bytes([share.data[at] ^ 1]) + share.data[at + 1:]))
        self.assertTrue(answer.required)
        self.assertEqual(self.client.shares(self.si), set())
        # It cannot tell which of the two lies, the tree or the block that names its root: so it asks for both.
        self.assertTrue(any(begin <= at < end for begin, end in answer.required))
        for begin, end in answer.required:
            answer = self.send(share, share.data[begin:end], begin)
        self.assert_status(201, answer)

    def test_11_10_6_a_share_of_another_number_is_not_accepted(self):
        share, wrong = self.share, self.shares[2]
        self.assertEqual(len(share.data), len(wrong.data))
        self.allocate(share)
        answer = self.send(share, wrong.data)
        self.assertIn(answer.status, (200, 409))
        self.assertEqual(self.client.shares(self.si), set())

    def test_11_10_6_a_consistent_block_of_another_file_is_not_accepted(self):
        share, foreign = self.share, self.shares[0]
        self.allocate(share)
        mixed = share.data[:share.blocks] + foreign.data[share.blocks:share.blocks + share.block] + share.data[share.blocks + share.block:]
        answer = self.assert_status(200, self.send(share, mixed))
        self.assertEqual(answer.required, [(share.blocks, share.blocks + share.block)])
        self.heal(share, answer)

    def test_what_is_withdrawn_stays_withdrawn_over_a_kill(self):
        share = self.share
        self.allocate(share)
        poisoned = bytearray(share.data)
        poisoned[share.blocks] ^= 1
        required = self.assert_status(200, self.send(share, bytes(poisoned))).required
        self.node.kill()
        self.node.start()
        self.assertEqual(self.client.required(self.si, share.number, self.secret), required)
        begin, end = required[0]
        self.heal(share, self.send(share, share.data[begin:end], begin))

    def test_the_unused_tree_is_not_looked_at(self):
        share = self.share
        self.assertGreater(share.ciphertext_tree, share.unused)
        self.allocate(share)
        data = share.data[:share.unused] + b"\xff" + share.data[share.unused + 1:]
        self.assert_status(201, self.send(share, data))

    def test_what_is_no_chk_share_is_opaque(self):
        for data in (b"\x00\x00\x00\x03" + pattern(1000), b"x", pattern(35), b"\x00" * 5000, b"\x00\x00\x00\x01"):
            with self.subTest(len(data)):
                share, self.si = ChkShare.__new__(ChkShare), new_si()
                share.number, share.data = 0, data
                self.allocate(share)
                self.assert_status(201, self.send(share))

    def test_without_the_opt_in_shares_stay_opaque(self):
        share = self.share
        self.allocate(share, resume=False)
        poisoned = bytearray(share.data)
        poisoned[share.blocks] ^= 1
        self.assert_status(201, self.send(share, bytes(poisoned)))


class Cuts(WithServer):
    """Lines 1, 3, 5 and 8 of 11.10. (That a legacy upload ends after 30 idle minutes needs a clock of one's own: a unit test.)"""

    def test_11_10_1_an_interrupted_legacy_upload_is_gone_after_a_restart_and_its_number_free(self):
        for restart in (self.node.restart, lambda: (self.node.kill(), self.node.start())):
            secret = new_secret()
            self.assertEqual(self.client.allocated(self.si, {1}, MIB, secret), (set(), {1}))
            stream = self.client.begin_write(self.si, 1, 0, MIB, secret)
            stream.sendall(bytes(MIB // 2))
            stream.close()
            self.assert_status(200, self.client.write(self.si, 1, MIB - 1, b"x", secret))
            restart()
            self.assertEqual(self.node.incoming(self.si), [])
            self.assert_status(404, self.client.write(self.si, 1, MIB - 1, b"x", secret))
        self.client.upload(self.si, 1, b"y" * 100)
        self.assertEqual(self.client.read(self.si, 1).body, b"y" * 100)

    def test_11_10_3_after_a_kill_nothing_counts_that_is_not_on_disk_and_all_that_was_answered_does(self):
        rng = random.Random(3)
        size = MIB
        data = rng.randbytes(size)
        for round_ in range(12):
            self.si, answered = new_si(), []
            self.assertEqual(self.client.allocated(self.si, {1}, size, self.secret, resume=True)[1], {1})
            for _ in range(rng.randrange(4)):
                begin = rng.randrange(size - 1)
                end = rng.randrange(begin + 1, size)
                self.assert_status(200, self.client.write(self.si, 1, begin, data[begin:end], self.secret))
                answered.append((begin, end))
            stream = self.client.begin_write(self.si, 1, 0, size, self.secret)
            stream.sendall(data[:rng.randrange(size) if round_ % 3 else size])  # the last one may complete the share
            select.select([stream], [], [], rng.random() / 20)  # the kill comes at some moment of the work
            self.node.kill()
            stream.close()
            self.node.start()
            if self.client.shares(self.si) == {1}:
                self.assertEqual(self.client.read(self.si, 1).body, data)
                continue
            state = self.client.incomplete(self.si, 1, self.secret)
            if state is None:
                self.assertEqual(answered, [])
                continue
            required = [(r["begin"], r["end"]) for r in state["required"]]
            for begin, end in answered:
                self.assertFalse(any(b < end and begin < e for b, e in required), "what was answered is held")
            with open(self.node.incoming(self.si)[1], "rb") as f:
                part = f.read()[12:12 + size]
            held_to = 0
            for begin, end in required + [(size, size)]:
                self.assertEqual(part[held_to:begin], data[held_to:begin])
                held_to = end
            for begin, end in required:
                answer = self.client.write(self.si, 1, begin, data[begin:end], self.secret)
            self.assert_status(201, answer if required else self.client.probe(self.si, 1, data[:1], self.secret))
            self.assertEqual(self.client.read(self.si, 1).body, data)

    def test_11_10_5_the_second_client_sends_only_what_the_first_did_not(self):
        size = 3 * MIB
        data = os.urandom(size)
        self.client.allocated(self.si, {1}, size, self.secret, resume=True)
        first = self.client.begin_write(self.si, 1, 0, size, self.secret)
        first.sendall(data[:2 * MIB])
        first.close()  # the first client dies
        second = self.node.client()
        self.assertEqual(second.allocated(self.si, {1}, size, self.secret, resume=True), (set(), {1}))
        self.wait_for([(2 * MIB, size)])
        before = self.node.metric("body_received_bytes_total")
        self.assert_status(201, second.write(self.si, 1, 2 * MIB, data[2 * MIB:], self.secret))
        self.assertEqual(self.node.metric("body_received_bytes_total") - before, MIB)
        self.assertEqual(names_only_alerts_know("storage", self.node.metrics()), set())
        self.assertEqual(self.client.read(self.si, 1).body, data)

    def test_11_10_8_what_came_before_the_cut_of_a_long_patch_counts(self):
        size, cut = 64 * MIB, 40 * MIB
        data = os.urandom(cut)
        self.client.allocated(self.si, {1}, size, self.secret, resume=True)
        stream = self.client.begin_write(self.si, 1, 0, size, self.secret)
        stream.sendall(data)
        stream.close()
        self.wait_for([(cut, size)])
        self.node.kill()
        self.node.start()
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(cut, size)])
        with open(self.node.incoming(self.si)[1], "rb") as f:
            f.seek(12)
            self.assertEqual(f.read(cut), data)
        self.assert_status(200, self.client.abort(self.si, 1, self.secret))

    def test_a_slow_sender_s_bytes_count_long_before_a_piece_of_the_store_is_full(self):
        size = 4 * MIB
        self.client.allocated(self.si, {1}, size, self.secret, resume=True)
        sent = 0
        with self.client.begin_write(self.si, 1, 0, size, self.secret) as stream:
            while self.client.required(self.si, 1, self.secret) == [(0, size)]:
                stream.sendall(b"x")
                sent += 1
                self.assertLess(sent, 10_000)
            self.node.kill()
        self.node.start()
        [(held, end)] = self.client.required(self.si, 1, self.secret)
        self.assertTrue(0 < held <= sent and end == size, (held, sent))

    def wait_for(self, required):
        """What was sent before a cut is stored soon after it."""
        until = time.monotonic() + DEADLINE
        while self.client.required(self.si, 1, self.secret) != required:
            self.assertLess(time.monotonic(), until)


class Clients(unittest.TestCase):
    """Lines 2 and 4 of 11.10: the real client, too."""

    def test_11_10_2_without_the_extension_a_second_run_goes_on_and_starts_anew_after_a_restart(self):
        with Node(holdfast="partial.retention = 0\n") as node:
            client = node.path + "/client"
            subprocess.run([BINARY, "create-client", client, "--server", node.nurl], check=True)
            path = make_file(node.path + "/f", 12 * MIB, 2)
            coding = ("--k", "1", "--n", "1", "--happy", "1")

            def killed():
                running = start(client, "put", path, "--progress", "none", "--limit-rate", "1M", *coding)
                wait_until(lambda: node.metric("written_bytes_total") > 5 * MIB or running.poll() is not None, "some of it has come")
                kill_at_work(running)

            killed()
            node.restart()
            killed()  # from the begin, as nothing was kept
            report = put(client, path, *coding)
            self.assertGreater(report["bytes_skipped"], MIB)
            self.assertLess(report["bytes_sent"], 12 * MIB)

    def test_11_10_4_two_clients_with_one_file_send_it_about_once(self):
        with Place(servers=5) as place:
            other = place.new_client("other", place.nurls(), convergence_of=place.client)
            path = place.file("f", 20 * MIB, 4)
            coding = ("--k", "2", "--n", "5", "--happy", "5")
            slowly = lambda client: start(client, "put", path, "--json", "--progress", "none", "--limit-rate", "6M", *coding)
            first = slowly(place.client)
            wait_until(lambda: incomplete_bytes(place) > MIB or first.poll() is not None, "the first one is at work")
            second = slowly(other)
            self.assertIsNone(first.poll(), "the second client must start while the first one runs")
            reports = [json.loads(finish(process)[0]) for process in (first, second)]
            self.assertEqual(reports[0]["cap"], reports[1]["cap"])
            sent = sum(report["bytes_sent"] for report in reports)
            self.assertLessEqual(sent, 1.1 * reports[0]["share_bytes_total"])


if __name__ == "__main__":
    unittest.main()
