"""The disk below a gateway's uploads: full, damaged, cut short, larger than 2^32 (F22, F27, F30, F40, F44)."""
import hashlib
import os
import random
import shutil
import subprocess
import time
import unittest

from disk_e2e import SmallDisk
from rig import BINARY, Gateway, Place, wait_until
from uploads import OFFSET_MEDIA, Desk, Wire, base64_of, content_of, digest_field

MIB = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


class FullDisk(Desk):
    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.__exit__)
        cls.disk = SmallDisk(cls.place.path + "/gateway/uploads", 8 * MIB)
        cls.addClassCleanup(cls.disk.close)
        cls.gateway = Gateway(cls.place.path + "/gateway", cls.place.nurls(), "min_free_bytes = 0\n", cls.disk.within)
        cls.addClassCleanup(cls.gateway.stop)
        cls.port = cls.gateway.port

    def test_F22_S8_13_full_at_any_point_and_going_on(self):
        content = content_of(2 * MIB, 22)
        for begun in (0, 1, 300_000, MIB):
            path = self.tus_create(len(content))
            if begun:
                self.assertEqual(self.tus_patch(path, 0, content[:begun]).status, 204)
            self.disk.fill(200_000)
            refused = self.tus_patch(path, begun, content[begun:])
            self.assertEqual((refused.status, refused["Retry-After"]), (507, "10"), refused)
            kept = int(refused["Upload-Offset"])
            self.assertGreaterEqual(kept, begun)
            self.assertEqual(self.tus("POST", "/uploads", {"Upload-Length": 2 * MIB}).status, 507)
            self.assertEqual(self.ask("PUT", "/uri", body=content).status, 507)
            self.assertEqual(self.draft_create(10, True, body=content).status, 507)
            self.assertEqual(self.tus_offset(path), kept)
            self.disk.make_room()
            self.assertEqual(self.tus_patch(path, kept, content[kept:]).status, 204)
            self.assert_is_stored(path, content)

    def test_F22_not_a_byte_left(self):
        content = content_of(100_000, 23)
        path = self.tus_create(len(content))
        self.tus_patch(path, 0, content[:1000])
        self.disk.fill()
        for answer in (self.tus_patch(path, 1000, content[1000:]), self.tus("POST", "/uploads", {"Upload-Length": 5}), self.ask("PUT", "/uri", body=b"x" * 60)):
            self.assertEqual(answer.status, 507, answer)
        self.disk.make_room()
        at = self.tus_offset(path)
        self.assertGreaterEqual(at, 1000)
        self.tus_patch(path, at, content[at:])
        self.assert_is_stored(path, content)

    def test_F22_what_was_deleted_stays_deleted_though_there_is_no_room_to_say_so(self):
        content = content_of(100_000, 24)
        paths = [self.tus_create(len(content)) for _ in range(2)]
        for path in paths:
            self.tus_patch(path, 0, content[:1000])
        self.disk.fill()
        try:
            for path in paths:
                self.assertEqual(self.tus("DELETE", path).status, 204)
            self.gateway.kill()
        finally:
            self.disk.make_room()
        self.gateway.start()
        for path in paths:
            self.assertIn(self.tus("HEAD", path).status, (404, 410))

    def test_F23_a_delete_that_the_disk_did_not_take_can_be_repeated(self):
        content = content_of(1000, 25)
        self.gateway.kill()  # whatever it has open keeps the disk from being read-only
        self.gateway.start()
        key = "/uri?resume=" + "k" * 32
        self.expect(202, "PUT", key, {"Content-Range": "bytes 0-9/1000"}, content[:10])
        self.gateway.kill()
        self.gateway.start()
        paths = {self.tus_create(1000): TUS, self.draft_create(10, False).path: {"Upload-Draft-Interop-Version": 10}, key: {}}

        def delete(path):
            with Wire(self.port) as wire:
                return wire.ask("DELETE", path, paths[path]).status

        self.disk.remount("ro")
        try:
            for path in paths:
                self.assertEqual([delete(path) for _ in range(3)], [500] * 3, path)
        finally:
            self.disk.remount("rw")
        for path in paths:
            self.assertEqual([delete(path) for _ in range(2)], [204, 410], path)
        self.gateway.kill()
        self.gateway.start()
        for path in paths:
            self.assertEqual(delete(path), 410, "and it lasts")


class Damage(Desk):
    def spool(self, suffix):
        folder = self.place.path + "/gateway/uploads"
        return [f"{folder}/{name}" for name in sorted(os.listdir(folder)) if name.endswith(suffix)]

    def one_upload(self, content, sent, headers=()):
        """Its path, and its file in the spool."""
        before = set(self.spool(".dat"))
        path = self.tus_create(len(content), headers)
        self.tus_patch(path, 0, content[:sent])
        [data] = set(self.spool(".dat")) - before
        return path, data

    def damage(self, data, at, mask=1):
        with open(data, "r+b") as f:
            f.seek(at)
            byte = f.read(1)
            f.seek(at)
            f.write(bytes([byte[0] ^ mask]))

    def test_F27_a_poisoned_piece_is_found_and_alone_is_sent_again(self):
        content = content_of(2 * MIB + 100, 27)
        path, data = self.one_upload(content, 2 * MIB + 50)
        self.gateway.kill()
        self.damage(data, MIB + 7)
        self.gateway.start()
        ours = [hashlib.sha256(content[at:min(at + MIB, 2 * MIB + 50)]).hexdigest() for at in (0, MIB, 2 * MIB)]
        held = self.expect(200, "GET", path + "?digests").json
        self.assertEqual((held["offset"], [a == b for a, b in zip(held["digests"], ours)]), (2 * MIB + 50, [True, False, True]))
        self.expect(204, "PUT", path + "?piece=1", body=content[MIB:2 * MIB])
        self.assertEqual(self.expect(200, "GET", path + "?digests&first=1&count=2").json["digests"], ours[1:])
        for bad in ("?piece=9", "?piece=2"):
            self.expect(409, "PUT", path + bad, body=content[:MIB])
        self.expect(413, "PUT", path + "?piece=0", body=bytes(MIB + 1))
        self.tus_patch(path, 2 * MIB + 50, content[2 * MIB + 50:])
        self.assert_is_stored(path, content)

    def test_F27_F33_what_is_poisoned_and_not_mended_is_not_stored(self):
        """The sender changed its file, or the disk did: whoever said what it should be is told."""
        content = content_of(200_000, 28)
        path, data = self.one_upload(content, 150_000, {"Repr-Digest": digest_field(content)})
        self.assertEqual(self.tus_patch(path, 150_000, content_of(50_000, 1)).status, 460)
        self.assertEqual(self.tus("HEAD", path).status, 410)
        path, data = self.one_upload(content, 150_000)
        self.gateway.kill()
        self.damage(data, 99)
        self.gateway.start()
        self.tus_patch(path, 150_000, content[150_000:])
        wait_until(lambda: self.state(path)["state"] in ("failed", "committed"), "its end")
        # SHA-256 ran along when the bytes came: what the disk holds now is not it.
        self.assertEqual(self.state(path)["state"], "failed", self.state(path))

    def test_F30_files_longer_and_shorter_than_they_should_be(self):
        content = content_of(100_000, 30)
        path, data = self.one_upload(content, 60_000)
        self.gateway.kill()
        with open(data, "ab") as f:
            f.write(bytes(5_000))  # never acknowledged
        self.gateway.start()
        self.assertEqual(self.tus_offset(path), 60_000)
        self.tus_patch(path, 60_000, content[60_000:])
        self.assert_is_stored(path, content)
        path, data = self.one_upload(content, 60_000)
        with open(data, "ab") as f:
            f.write(bytes(50_000))  # as of a write that failed, and nobody starts it anew
        self.tus_patch(path, 60_000, content[60_000:])
        self.assert_is_stored(path, content)
        self.assert_file(self.expect(200, "PUT", "/uri", body=content).body.decode(), content)

    def open_ones(self, content, sent):
        """One of each dialect, and how it is asked, continued and dropped."""
        rest = content[sent:]
        tus = self.tus_create(len(content), body=content[:sent], headers={"Content-Type": OFFSET_MEDIA})
        draft = self.draft_create(10, False, {"Upload-Length": len(content)}, content[:sent]).path
        key = "/uri?resume=" + "%030d" % next(self.keys)
        self.expect(202, "PUT", key, {"Content-Range": f"bytes 0-{sent - 1}/{len(content)}"}, content[:sent])
        part = {"Content-Range": f"bytes {sent}-{len(content) - 1}/{len(content)}"}
        return [(lambda method: self.ask(method, tus, {} if method == "GET" else {"Tus-Resumable": "1.0.0"}), lambda: self.tus_patch(tus, sent, rest)),
                (lambda method: self.draft(10, method, draft), lambda: self.draft_patch(10, draft, sent, True, rest)),
                (lambda method: self.ask(method, key), lambda: self.ask("PUT", key, part, rest))]

    def damage_all(self, files, how):
        for each in files:
            os.unlink(each) if how == "missing" else os.truncate(each, 59_999)

    def test_F30_bytes_that_were_acknowledged_and_are_gone_end_the_upload_in_all_dialects(self):
        self.keys, content = iter(range(1000)), content_of(100_000, 31)
        for how in ("short", "missing"):
            for when in ("stopped", "asked", "continued"):
                before = set(self.spool(".dat"))
                uploads = self.open_ones(content, 60_000)
                files = set(self.spool(".dat")) - before
                self.assertEqual(len(files), 3)
                if when == "stopped":
                    self.gateway.kill()
                self.damage_all(files, how)
                if when == "stopped":
                    self.gateway.start()
                for ask, go_on in uploads:
                    if when == "continued":
                        self.assertEqual(go_on().status, 410, (how, when))
                    gone = ask("GET")
                    self.assertEqual((gone.status, gone["Upload-Offset"]), (410, None), (how, when, gone))
                    self.assertEqual(gone["Content-Type"], "application/problem+json")
                    self.assertIn(f"60000 bytes were acknowledged and {0 if how == 'missing' else 59_999} are left", gone.json["title"])
                    self.assertEqual((ask("HEAD").status, ask("DELETE").status), (410, 410))
                self.assertEqual(set(self.spool(".dat")) & files, set(), "nothing is kept of them")
        path, data = self.one_upload(content, 60_000)
        os.truncate(data, 100)
        self.expect(410, "GET", path + "?digests")
        path, data = self.one_upload(content, 60_000)
        os.truncate(data, 100)
        self.expect(410, "PUT", path + "?piece=0", body=content[:60_000])

    def test_F27_F30_a_concatenation_of_parts_that_are_not_what_came_is_not_stored(self):
        content = content_of(400_000, 44)

        def joined(harm):
            halves = [self.one_upload(half, 200_000, {"Upload-Concat": "partial"}) for half in (content[:200_000], content[200_000:])]
            harm(*(data for _, data in halves))
            paths = " ".join(path for path, _ in halves)
            return self.tus("POST", "/uploads", {"Upload-Concat": "final;" + paths}).path, halves

        def longer(first, _):
            with open(first, "ab") as f:
                f.write(b"x")  # never acknowledged

        def torn(first, _):
            """A piece of it was being replaced when the gateway was killed."""
            self.gateway.kill()
            withdrawn = bytes([4, 0, 0, 8]) + bytes(8)
            with open(first.replace(".dat", ".jnl"), "ab") as f:
                f.write(withdrawn + crc32c(withdrawn).to_bytes(4, "big"))
            self.gateway.start()

        for harm in (torn, lambda first, _: os.truncate(first, 150_000), lambda _, second: os.truncate(second, 199_999), lambda first, _: self.damage(first, 7),
                     lambda _, second: self.damage(second, 199_999), lambda first, _: os.unlink(first)):
            final, halves = joined(harm)
            state = wait_until(lambda: (s := self.state(final))["state"] in ("committed", "failed") and s, "its end", 60)
            self.assertEqual((state["state"], state.get("cap")), ("failed", None), state)
        for harm in (longer, lambda first, second: None):
            self.assert_is_stored(joined(harm)[0], content)

    def test_what_a_newer_version_wrote_down_is_kept(self):
        content = content_of(5_000, 42)
        path, data = self.one_upload(content, 3_000)
        self.gateway.kill()
        journal = data.replace(".dat", ".jnl")
        with open(journal, "rb") as f:
            records = f.read()
        end = 12 + int.from_bytes(records[9:12], "big")  # of the payload of the first record
        creation = records[8:end].replace(b"gdialect\x00", b"gdialect\x09")
        self.assertNotEqual(creation, records[8:end])
        with open(journal, "wb") as f:
            f.write(records[:8] + creation + crc32c(creation).to_bytes(4, "big") + records[end + 4:])
        self.gateway.start()
        self.assertEqual(self.tus("HEAD", path).status, 404)
        self.gateway.kill()
        self.assertEqual((os.path.getsize(data), os.path.exists(journal)), (3_000, True))
        with open(journal, "wb") as f:
            f.write(records)
        self.gateway.start()
        self.tus_patch(path, 3_000, content[3_000:])
        self.assert_is_stored(path, content)

    def test_who_asks_is_not_told_where_files_lie(self):
        spool = self.place.path + "/gateway/uploads"
        os.rename(spool, spool + ".away")
        open(spool, "w").close()  # a file where the directory should be
        try:
            with Wire(self.port) as wire:
                answer = wire.ask("POST", "/uploads", {"Tus-Resumable": "1.0.0", "Upload-Length": 5})
        finally:
            os.unlink(spool)
            os.rename(spool + ".away", spool)
        self.assertGreaterEqual(answer.status, 400)
        self.assertIn(b"trouble with the disk", answer.body)
        self.assertNotIn(b"gateway/uploads", answer.body)

    def test_without_its_spool_it_does_not_get_ready(self):
        node = self.place.path + "/both"
        subprocess.run([BINARY, "create-node", node, "--storage", "--gateway", "--bind", "127.0.0.1", "--server", self.place.nurls()[0]], check=True, capture_output=True)
        with open(node + "/private/upload-url.key", "w") as f:
            f.write("junk")
        run = subprocess.run([BINARY, "run", node], capture_output=True, text=True, timeout=60)
        self.assertEqual((run.returncode, run.stdout), (1, ""), run)
        self.assertIn("upload-url.key", run.stderr)

    def test_F40_journals_damaged_anywhere(self):
        dice, content = random.Random(40), content_of(5_000, 40)
        made = []
        for _ in range(40):
            answer = self.tus("POST", "/uploads", {"Upload-Length": 5_000, "Upload-Metadata": "sha256 " + base64_of(hashlib.sha256(content).digest()),
                                                   "Content-Type": OFFSET_MEDIA}, content[:3_000])
            made.append(answer.path)
        self.gateway.kill()
        journals = [each for each in self.spool(".jnl") if os.path.exists(each.replace(".jnl", ".dat"))]
        for i, journal in enumerate(journals):
            size = os.path.getsize(journal)
            if i % 4 == 3:
                os.truncate(journal, dice.randrange(size))
            else:
                self.damage(journal, dice.randrange(size), 1 << dice.randrange(8))
        self.gateway.start()
        for path in made:
            head = self.tus("HEAD", path)
            self.assertIn(head.status, (200, 404, 410))
            if head.status == 200:
                at = int(head["Upload-Offset"])
                self.assertLessEqual(at, 3_000)
                self.assertEqual(self.tus_patch(path, at, content[at:]).status, 204)
        for path in made[::10]:
            if self.tus("HEAD", path).status == 200:
                self.assert_is_stored(path, content)
        self.assert_file(self.expect(200, "PUT", "/uri", body=content).body.decode(), content)


class Sizes(Desk):
    """Around 2^32, where a number that is too narrow would show. No such file is sent: its beginning is a hole in the spool."""
    EDGE = 1 << 32

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if shutil.disk_usage(cls.place.path).free < 8 << 30:
            raise unittest.SkipTest("there are less than 8 GiB free, and the gateway takes no promise that cannot be kept")

    def test_F44_lengths(self):
        for length in (self.EDGE - 1, self.EDGE, self.EDGE + 1):
            path = self.tus_create(length)
            self.assertEqual(self.tus("HEAD", path)["Upload-Length"], str(length))
            self.assertEqual(self.state(path)["length"], length)
            drafted = self.draft_create(10, False, {"Upload-Length": length}).path
            self.assertEqual(self.draft(10, "HEAD", drafted)["Upload-Length"], str(length))
            plain = self.expect(201, "POST", "/uploads").path
            self.assertEqual(self.ask("PUT", plain, {"Content-Range": f"bytes 0-9/{length}"}, bytes(10)).status, 202)
            self.assertEqual(self.state(plain)["length"], length)
            for each in (path, drafted, plain):
                self.tus("DELETE", each)

    def test_F44_offsets(self):
        content = content_of(12, 44)
        folder = self.place.path + "/gateway/uploads"
        before = set(os.listdir(folder))
        path = self.tus_create(self.EDGE + 100)
        self.tus_patch(path, 0, bytes(10))
        [name] = {each.split(".")[0] for each in set(os.listdir(folder)) - before}
        self.gateway.kill()
        os.truncate(f"{folder}/{name}.dat", self.EDGE - 1)
        with open(f"{folder}/{name}.jnl", "ab") as f:
            f.write(durable_record(self.EDGE - 1))
        self.gateway.start()
        self.assertEqual(self.tus_offset(path), self.EDGE - 1)
        for offset, step in ((self.EDGE - 1, 1), (self.EDGE, 1), (self.EDGE + 1, 10)):
            at = offset - self.EDGE + 1
            self.assertEqual(self.tus_patch(path, offset - self.EDGE if offset >= self.EDGE else 0, b"x").status, 409, "of 32 bits")
            self.assertEqual(self.tus_patch(path, offset, content[at:at + step])["Upload-Offset"], str(offset + step))
        self.gateway.kill()
        self.gateway.start()
        self.assertEqual(self.draft_offset(path), self.EDGE + 11)
        self.assertEqual(self.state(path)["offset"], self.EDGE + 11)
        with open(f"{folder}/{name}.dat", "rb") as f:
            f.seek(self.EDGE - 1)
            self.assertEqual(f.read(), content)
        self.assertEqual(self.tus("DELETE", path).status, 204)


def durable_record(offset):
    """docs/formats/upload-journal.md: the bytes came, nobody knows the state of their digest."""
    data = b"\x03" + (16).to_bytes(3, "big") + offset.to_bytes(8, "big") + int(time.time()).to_bytes(8, "big")
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return data + (crc ^ 0xFFFFFFFF).to_bytes(4, "big")


if __name__ == "__main__":
    unittest.main(verbosity=2)
