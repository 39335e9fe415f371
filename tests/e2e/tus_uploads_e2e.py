"""tus 1.0.0 at the gateway, row by row of resumable-upload.md 1. The names of the tests are its sections."""
import hashlib
import threading
import unittest
import zlib

from uploads import OFFSET_MEDIA, Desk, Wire, base64_of, content_of, digest_field

DATA = content_of(5_000, 1)


class Discovery(Desk):
    def test_S1_3_version_gate(self):
        path = self.tus_create(len(DATA))
        for headers in ({}, {"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": "1.0"}, {"Tus-Resumable": ""}):
            for method, target, more, body in (("POST", "/uploads", {"Upload-Length": 10}, None), ("HEAD", path, {}, None), ("DELETE", path, {}, None),
                                               ("PATCH", path, {"Content-Type": OFFSET_MEDIA, "Upload-Offset": 0}, b"abc")):
                answer = self.expect(412, method, target, {**headers, **more}, body)
                self.assertEqual(answer["Tus-Version"], "1.0.0")
        self.assertEqual(self.tus_offset(path), 0, "untouched")
        self.expect(200, "OPTIONS", "/uploads", {"Tus-Resumable": "0.1"})

    def test_S1_4_options(self):
        for target in ("/uploads", self.tus_create(3)):
            answer = self.expect(200, "OPTIONS", target)
            self.assertEqual((answer.body, answer["Content-Length"], answer["Cache-Control"]), (b"", "0", "no-store"))
            self.assertEqual((answer["Tus-Resumable"], answer["Tus-Version"]), ("1.0.0", "1.0.0"))
            self.assertEqual(answer["Tus-Extension"], "creation,creation-with-upload,creation-defer-length,expiration,checksum,checksum-trailer,"
                             "termination,concatenation,concatenation-unfinished")
            self.assertEqual(answer["Tus-Checksum-Algorithm"], "sha1,sha256,sha512,md5,crc32,crc32c")
            self.assertIn("min-size=0", answer["Upload-Limit"])
            self.assertIsNone(answer["Tus-Max-Size"], "there is no limit")


class Creation(Desk):
    def test_S1_5_creation_each_row(self):
        good, media = {"Upload-Length": 10}, {"Content-Type": OFFSET_MEDIA}
        for status, headers, body in (
                (415, good, b"abc"), (415, {**good, "Content-Type": "text/plain"}, b"abc"), (415, {"Upload-Length": "x"}, b"abc"),
                (400, {}, None), (400, {**good, "Upload-Defer-Length": 1}, None), (400, {"Upload-Defer-Length": 0}, None),
                (400, {"Upload-Defer-Length": 2}, None), (400, {"Upload-Defer-Length": ""}, None),
                *[(400, {"Upload-Length": bad}, None) for bad in ("", "-1", "+1", "1.0", "0x10", "1 0", "ten", "9" * 19, "1" * 20)],
                (400, {**good, "Upload-Concat": "final;/uploads/x"}, None), (400, {"Upload-Defer-Length": 1, "Upload-Concat": "final;/uploads/x"}, None),
                (400, {**media, "Upload-Concat": "final;/uploads/x"}, b"abc"), (400, {**good, "Upload-Concat": "parts"}, None),
                (400, {**good, "Upload-Metadata": "filename !"}, None), (400, {**good, "Upload-Metadata": "a YQ==,a Yg=="}, None),
                (400, {**good, "Upload-Metadata": ",".join(f"k{i}" for i in range(65))}, None), (400, {**good, "Upload-Metadata": "k" * 256}, None),
                (400, {**good, "Upload-Metadata": "sha256 YWJj"}, None), (400, {**good, "Upload-Metadata": ","}, None),
                (400, {**good, **media, "Upload-Checksum": "sha1"}, b"abc"), (400, {**good, **media, "Upload-Checksum": "rot13 YWJj"}, b"abc"),
                (400, {**good, "Idempotency-Key": "k" * 256}, None)):
            answer = self.tus("POST", "/uploads", headers, body)
            self.assertEqual((answer.status, answer["Location"]), (status, None), (headers, body, answer))

    def test_S1_5_creation_and_S1_6_head(self):
        metadata = f"filename {base64_of('a b.txt')},  is_confidential,type {base64_of('text/plain')}"
        answer = self.tus("POST", "/uploads", {"Upload-Length": len(DATA), "Upload-Metadata": metadata})
        self.assertEqual((answer.status, answer.body), (201, b""))
        self.assertRegex(answer["Location"], r"^http://localhost/uploads/[a-z2-7]{52}$")
        self.assertRegex(answer["Upload-Expires"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        head = self.tus("HEAD", answer.path)
        self.assertEqual((head.status, head["Upload-Offset"], head["Upload-Length"], head["Upload-Metadata"]), (200, "0", str(len(DATA)), metadata))
        self.assertEqual((head["Cache-Control"], head["Upload-Defer-Length"]), ("no-store", None))
        self.assertIsNotNone(head["Upload-Expires"])
        self.assertEqual(self.tus_patch(answer.path, 0, DATA).status, 204)
        self.assert_is_stored(answer.path, DATA)
        head = self.tus("HEAD", answer.path)
        self.assertEqual((head.status, head["Upload-Offset"], head["Upload-Length"], head["Upload-Expires"]), (200, "5000", "5000", None))
        self.assertEqual(head["Holdfast-Upload-State"], "committed")

    def test_S1_6_head_of_what_is_not_there(self):
        for token in ("x", "a" * 52, "../../etc/passwd".replace("/", "%2F"), "%00"):
            answer = self.tus("HEAD", "/uploads/" + token)
            self.assertIn(answer.status, (404, 400), answer)
            self.assertIsNone(answer["Upload-Offset"])
        path = self.tus_create(3)
        other = path[:-1] + ("a" if path[-1] != "a" else "e")
        self.assertEqual(self.tus("HEAD", other).status, 404, "a token that differs in one letter")

    def test_S1_5_with_upload(self):
        answer = self.tus("POST", "/uploads", {"Upload-Length": len(DATA), "Content-Type": OFFSET_MEDIA}, DATA[:2000])
        self.assertEqual((answer.status, answer["Upload-Offset"]), (201, "2000"))
        self.assertEqual(self.tus_offset(answer.path), 2000)
        self.assertEqual(self.tus_patch(answer.path, 2000, DATA[2000:])["Upload-Offset"], "5000")
        self.assert_is_stored(answer.path, DATA)
        whole = self.tus("POST", "/uploads", {"Upload-Length": len(DATA), "Content-Type": OFFSET_MEDIA}, DATA)
        self.assertEqual((whole.status, whole["Upload-Offset"]), (201, "5000"))
        self.assert_is_stored(whole.path, DATA)

    def test_S1_5_a_body_that_does_not_fit_still_gets_its_location(self):
        answer = self.tus("POST", "/uploads", {"Upload-Length": 10, "Content-Type": OFFSET_MEDIA}, DATA[:11])
        self.assertEqual(answer.status, 413, answer)
        self.assertEqual(self.tus_offset(answer.path), 0, "nothing stored")

    def test_S1_5_expect_continue_comes_behind_the_checks(self):
        with Wire(self.port) as wire:
            fields = [("Tus-Resumable", "1.0.0"), ("Content-Type", OFFSET_MEDIA), ("Content-Length", 5), ("Expect", "100-continue")]
            wire.head("POST", "/uploads", [*fields, ("Upload-Length", "4")])
            answer = wire.answer()
            self.assertEqual((answer.status, answer.interim, answer["Connection"]), (413, [], "close"))
        with Wire(self.port) as wire:
            wire.head("POST", "/uploads", [*fields, ("Upload-Length", "5")])
            self.assertEqual(wire.read_head()[0], 100)
            wire.send(b"12345")
            self.assertEqual(wire.answer().status, 201)

    def test_S1_5_deferred_length(self):
        path = self.tus_create(None, {"Upload-Defer-Length": 1})
        head = self.tus("HEAD", path)
        self.assertEqual((head["Upload-Defer-Length"], head["Upload-Length"]), ("1", None))
        self.assertEqual(self.tus_patch(path, 0, DATA[:1000])["Upload-Offset"], "1000")
        for bad in (999, "x", -1, "9" * 19):
            self.assertEqual(self.tus_patch(path, 1000, b"", {"Upload-Length": bad}).status, 400, bad)
        self.assertEqual(self.tus_patch(path, 1000, DATA[1000:2000], {"Upload-Length": 5000})["Upload-Offset"], "2000")
        head = self.tus("HEAD", path)
        self.assertEqual((head["Upload-Defer-Length"], head["Upload-Length"]), (None, "5000"))
        for again in (5000, 6000):
            self.assertEqual(self.tus_patch(path, 2000, DATA[2000:], {"Upload-Length": again}).status, 400)
        self.assertEqual(self.tus_offset(path), 2000)
        self.assertEqual(self.tus_patch(path, 2000, DATA[2000:])["Upload-Offset"], "5000")
        self.assert_is_stored(path, DATA)

    def test_S1_5_a_length_that_comes_last(self):
        path = self.tus_create(None, {"Upload-Defer-Length": 1})
        self.tus_patch(path, 0, DATA)
        self.assertEqual(self.tus_patch(path, 5000, b"", {"Upload-Length": 5000}).status, 204)
        self.assert_is_stored(path, DATA)

    def test_S1_5_zero_bytes_and_S5_6_a_wrong_digest_of_none(self):
        self.assert_is_stored(self.tus_create(0), b"")
        path = self.tus_create(None, {"Upload-Defer-Length": 1})
        self.assertEqual(self.tus_patch(path, 0, b"", {"Upload-Length": 0}).status, 204)
        self.assert_is_stored(path, b"")
        wrong = self.tus("POST", "/uploads", {"Upload-Length": 0, "Upload-Metadata": "sha256 " + base64_of(hashlib.sha256(b"x").digest())})
        self.assertEqual(wrong.status, 460, wrong)

    def test_S1_5_idempotency_key(self):
        key = {"Idempotency-Key": "one key", "Upload-Metadata": "filename YQ=="}
        first = self.tus("POST", "/uploads", {"Upload-Length": 5000, **key})
        self.tus_patch(first.path, 0, DATA[:100])
        again = self.tus("POST", "/uploads", {"Upload-Length": 5000, **key})
        self.assertEqual((again.status, again["Location"], again["Upload-Offset"]), (201, first["Location"], "100"))
        self.assertEqual(self.tus("POST", "/uploads", {"Upload-Length": 5001, **key}).status, 422)
        self.assertEqual(self.tus("POST", "/uploads", {"Upload-Length": 5000, "Idempotency-Key": "one key"}).status, 422)
        self.assertNotEqual(self.tus("POST", "/uploads", {"Upload-Length": 5000, "Idempotency-Key": "other"})["Location"], first["Location"])
        self.assertEqual(self.tus_offset(first.path), 100)

    def test_S1_5_creations_with_one_key_at_the_same_time_make_one_upload(self):
        """The first answer is late or lost, and the client asks again meanwhile."""
        answers = []
        ask = lambda: answers.append(self.tus("POST", "/uploads", {"Upload-Length": 77, "Idempotency-Key": "at once"}))
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual({each.status for each in answers} - {409}, {201}, answers)
        self.assertEqual(len({each["Location"] for each in answers if each.status == 201}), 1)


class Appending(Desk):
    def test_S1_7_each_row_that_stores_nothing(self):
        path, media = self.tus_create(len(DATA)), {"Content-Type": OFFSET_MEDIA}
        self.tus_patch(path, 0, DATA[:100])
        for status, headers, body in (
                (415, {"Upload-Offset": 100}, b"abc"), (415, {"Upload-Offset": 100, "Content-Type": "text/plain", "Upload-Checksum": "x"}, b"abc"),
                (415, {"Content-Type": "text/plain"}, b"abc"), (400, media, b"abc"),
                *[(400, {**media, "Upload-Offset": bad}, b"abc") for bad in ("", "-1", "x", "1e2", "1" * 20)],
                (409, {**media, "Upload-Offset": 99}, b"abc"), (409, {**media, "Upload-Offset": 101}, b"abc"), (409, {**media, "Upload-Offset": 0}, b""),
                (409, {**media, "Upload-Offset": 99, "Upload-Checksum": "x"}, b"abc"), (400, {**media, "Upload-Offset": 100, "Upload-Checksum": "x"}, b"abc"),
                (400, {**media, "Upload-Offset": 100, "Upload-Checksum": "rot13 YWJj"}, b"abc"), (413, {**media, "Upload-Offset": 100}, DATA[:4901]),
                (400, {**media, "Upload-Offset": 100, "Upload-Length": 5000}, b"abc")):
            answer = self.tus("PATCH", path, headers, body)
            self.assertEqual(answer.status, status, (headers, answer))
            if status in (409, 413):
                self.assertEqual(answer["Upload-Offset"], "100")
            self.assertEqual(self.tus_offset(path), 100, "nothing modified")
        for status, headers in ((415, {"Upload-Offset": 0}), (400, media), (404, {**media, "Upload-Offset": 0})):
            self.assertEqual(self.tus("PATCH", "/uploads/" + "a" * 52, headers, b"abc").status, status)
        self.assertEqual(self.tus_patch(path, 100, DATA[100:], {"Content-Type": "Application/Offset+Octet-Stream; a=b"}).status, 204)
        self.assert_is_stored(path, DATA)

    def test_S1_7_too_large_bodies_close_and_chunked_ones_are_rolled_back(self):
        path = self.tus_create(len(DATA))
        self.tus_patch(path, 0, DATA[:1000])
        large = self.tus_patch(path, 1000, bytes(300_000))
        self.assertEqual((large.status, large["Connection"], large["Upload-Offset"]), (413, "close", "1000"))
        chunked = self.tus_patch(path, 1000, None, chunks=[DATA[1000:3000], DATA[3000:], b"x"])
        self.assertEqual((chunked.status, chunked["Upload-Offset"]), (413, "1000"))
        self.assertEqual(self.tus_offset(path), 1000)
        self.assertEqual(self.tus_patch(path, 1000, None, chunks=[DATA[1000:3000], DATA[3000:]]).status, 204, "it stays usable")
        self.assert_is_stored(path, DATA)

    def test_S1_7_complete_uploads(self):
        path = self.tus_create(len(DATA))
        done = self.tus_patch(path, 0, DATA)
        self.assertEqual((done.status, done["Upload-Offset"], done["Upload-Expires"]), (204, "5000", None))
        self.assertEqual(self.tus_patch(path, 5000, b"")["Upload-Offset"], "5000", "whoever lost the answer asks again")
        with_body = self.tus_patch(path, 5000, b"x")
        self.assertEqual((with_body.status, with_body["Upload-Offset"]), (409, "5000"))
        self.assertEqual(self.tus_patch(path, 0, DATA).status, 409)
        self.assert_is_stored(path, DATA)
        self.assertEqual(self.tus_patch(path, 5000, b"").status, 204, "also when it is in the grid")

    def test_S1_7_zero_lengths_and_the_next_request_on_the_same_connection(self):
        path = self.tus_create(len(DATA))
        with Wire(self.port) as wire:
            fields = {"Tus-Resumable": "1.0.0", "Content-Type": OFFSET_MEDIA}
            self.assertEqual(wire.ask("PATCH", path, {**fields, "Upload-Offset": 0}, b"").status, 204)
            self.assertEqual(wire.ask("PATCH", path, {**fields, "Upload-Offset": 7}, DATA[:60_000]).status, 409)
            self.assertEqual(wire.ask("PATCH", path, {**fields, "Upload-Offset": 0}, DATA[:10]).status, 204, "drained, and still in step")
            self.assertEqual(wire.ask("HEAD", path, fields)["Upload-Offset"], "10")

    def test_S1_8_checksums(self):
        crc = lambda data: zlib.crc32(data).to_bytes(4, "big")
        for name in ("sha1", "sha256", "sha512", "md5", "crc32"):
            digest = crc if name == "crc32" else lambda data, name=name: hashlib.new(name, data).digest()
            path = self.tus_create(len(DATA))
            wrong = self.tus_patch(path, 0, DATA[:2000], {"Upload-Checksum": f"{name} {base64_of(digest(DATA[:1999]))}"})
            self.assertEqual((wrong.status, wrong["Upload-Offset"]), (460, "0"), name)
            self.assertEqual(self.tus_offset(path), 0)
            right = self.tus_patch(path, 0, DATA[:2000], {"Upload-Checksum": f"{name} {base64_of(digest(DATA[:2000]))}"})
            self.assertEqual((right.status, right["Upload-Offset"]), (204, "2000"), name)
            none = self.tus_patch(path, 2000, b"", {"Upload-Checksum": f"{name} {base64_of(digest(b''))}"})
            self.assertEqual((none.status, none["Upload-Offset"]), (204, "2000"))
            self.assertEqual(self.tus_patch(path, 2000, b"", {"Upload-Checksum": f"{name} {base64_of(digest(b'x'))}"}).status, 460)
            self.tus_patch(path, 2000, DATA[2000:], {"Upload-Checksum": f"{name} {base64_of(digest(DATA[2000:]))}"})
            self.assert_is_stored(path, DATA)

    def test_S1_8_checksums_in_trailers(self):
        path = self.tus_create(len(DATA))
        announced = {"Trailer": "Upload-Checksum"}
        right, wrong = (f"sha256 {base64_of(hashlib.sha256(data).digest())}" for data in (DATA[:2000], DATA))
        for status, trailers in ((460, [("Upload-Checksum", wrong)]), (460, []), (400, [("Upload-Checksum", "rot13 YWJj")]), (400, [("Upload-Checksum", "?")])):
            answer = self.tus_patch(path, 0, None, announced, chunks=[DATA[:1000], DATA[1000:2000]], trailers=trailers)
            self.assertEqual((answer.status, self.tus_offset(path)), (status, 0), (trailers, answer))
        answer = self.tus_patch(path, 0, None, announced, chunks=[DATA[:1000], DATA[1000:2000]], trailers=[("Upload-Checksum", right)])
        self.assertEqual((answer.status, answer["Upload-Offset"]), (204, "2000"))
        self.tus_patch(path, 2000, DATA[2000:])
        self.assert_is_stored(path, DATA)

    def test_S1_8_an_interrupted_body_with_a_checksum_counts_nothing(self):
        path = self.tus_create(len(DATA))
        with Wire(self.port) as wire:
            wire.head("PATCH", path, [("Tus-Resumable", "1.0.0"), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", 0), ("Content-Length", 5000),
                                      ("Upload-Checksum", f"sha1 {base64_of(hashlib.sha1(DATA).digest())}")])
            wire.send(DATA[:4000])
        self.assertEqual(self.tus_offset(path), 0)
        self.tus_patch(path, 0, DATA)
        self.assert_is_stored(path, DATA)

    def break_off(self, path, offset, end, algorithm="sha1"):
        """A body with a checksum, to the end of the file, that ends at `end`. What the gateway says of the upload then."""
        with Wire(self.port) as wire:
            wire.head("PATCH", path, [("Tus-Resumable", "1.0.0"), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", offset), ("Content-Length", len(DATA) - offset),
                                      ("Upload-Checksum", f"{algorithm} {base64_of(hashlib.new(algorithm, DATA[offset:]).digest())}")])
            wire.send(DATA[offset:end])
            wire.socket.shutdown(1)
            self.assertRaises(ConnectionError, wire.answer)
        return self.tus("HEAD", path)

    def test_S1_8_pending_bytes_count_when_they_are_proven(self):
        path = self.tus_create(len(DATA))
        self.tus_patch(path, 0, DATA[:1000])
        self.assertIsNone(self.tus("HEAD", path)["Holdfast-Pending-Offset"])
        told = self.break_off(path, 1000, 4000)
        self.assertEqual((told["Upload-Offset"], told["Holdfast-Pending-Offset"]), ("1000", "4000"))
        for offset, digest in ((4000, digest_field(DATA[:3999])), (3999, digest_field(DATA[:3999])), (4000, digest_field(DATA[:4000], "sha-512")), (4000, "?")):
            refused = self.tus_patch(path, offset, DATA[offset:], {"Repr-Digest": digest})
            self.assertEqual((refused.status, refused["Upload-Offset"]), (409, "1000"), digest)
        self.assertEqual(self.tus_patch(path, 4000, DATA[4000:]).status, 409, "without a proof")
        proven = self.tus_patch(path, 4000, b"", {"Repr-Digest": digest_field(DATA[:4000])})
        self.assertEqual((proven.status, proven["Upload-Offset"]), (204, "4000"))
        self.gateway.kill()
        self.gateway.start()
        self.assertEqual(self.tus_offset(path), 4000, "what is proven is durable")
        self.assertEqual(self.break_off(path, 4000, len(DATA) - 1)["Holdfast-Pending-Offset"], str(len(DATA) - 1))
        self.assertEqual(self.tus_patch(path, len(DATA) - 1, DATA[-1:], {"Repr-Digest": digest_field(DATA[:-1])}).status, 204)
        self.assert_is_stored(path, DATA)

    def test_S1_8_pending_bytes_that_nobody_proves_make_way(self):
        wrong = content_of(len(DATA), 8)
        ways = {"sent again": lambda path: self.tus_patch(path, 1000, DATA[1000:2000], {"Upload-Checksum": f"sha1 {base64_of(hashlib.sha1(DATA[1000:2000]).digest())}"}),
                "the offset is asked for with a digest": lambda path: self.assertEqual(self.tus("HEAD", path, {"Want-Repr-Digest": "sha-256=1"})["Repr-Digest"], digest_field(DATA[:1000])),
                "a piece is replaced": lambda path: self.expect(204, "PUT", path + "?piece=0", body=DATA[:1000]),
                "the gateway dies": lambda path: (self.gateway.kill(), self.gateway.start())}
        for name, way in ways.items():
            with self.subTest(name):
                path = self.tus_create(len(DATA))
                self.tus_patch(path, 0, DATA[:1000])
                with Wire(self.port) as wire:
                    wire.head("PATCH", path, [("Tus-Resumable", "1.0.0"), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", 1000), ("Content-Length", 3000),
                                              ("Upload-Checksum", "sha1 " + base64_of(bytes(20)))])
                    wire.send(wrong[:2500])
                    wire.socket.shutdown(1)
                    self.assertRaises(ConnectionError, wire.answer)
                self.assertEqual(self.tus("HEAD", path)["Holdfast-Pending-Offset"], "3500")
                way(path)
                told = self.tus("HEAD", path)
                self.assertIsNone(told["Holdfast-Pending-Offset"])
                at = int(told["Upload-Offset"])
                self.assertIn(at, (1000, 2000))
                self.assertEqual(self.tus_patch(path, at, DATA[at:]).status, 204)
                self.assert_is_stored(path, DATA)

    def test_S1_15_whatever_came_before_the_line_broke_is_kept(self):
        path, at = self.tus_create(len(DATA)), 0
        for chunked in (False, True):
            with Wire(self.port) as wire:
                framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", len(DATA) - at)
                wire.head("PATCH", path, [("Tus-Resumable", "1.0.0"), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", at), framing])
                wire.chunk(DATA[at:at + 1500]) if chunked else wire.send(DATA[at:at + 1500])
                wire.socket.shutdown(1)
                self.assertRaises(ConnectionError, wire.answer)
            at += 1500
            self.assertEqual(self.tus_offset(path), at)
        self.tus_patch(path, at, DATA[at:])
        self.assert_is_stored(path, DATA)

    def test_S1_15_all_bytes_without_the_last_chunk_are_all_bytes(self):
        path, open_end = self.tus_create(len(DATA)), self.tus_create(None, {"Upload-Defer-Length": 1})
        for each in (path, open_end):
            with Wire(self.port) as wire:
                wire.head("PATCH", each, [("Tus-Resumable", "1.0.0"), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", 0), ("Transfer-Encoding", "chunked")])
                wire.chunk(DATA)
                wire.socket.shutdown(1)
                self.assertRaises(ConnectionError, wire.answer)
            self.assertEqual(self.tus_offset(each), 5000)
        # An offset that is the length tells the client that it is done: so it must be.
        self.assert_is_stored(path, DATA)
        self.assertEqual(self.state(open_end)["state"], "receiving", "nobody has said how long it is")

    def test_S1_10_metadata_names_the_digest_S5_6(self):
        for digest in (hashlib.sha256(DATA).hexdigest(), base64_of(hashlib.sha256(DATA).digest())):
            path = self.tus_create(len(DATA), {"Upload-Metadata": "sha256 " + base64_of(digest)})
            other = self.tus_create(len(DATA), {"Upload-Metadata": "sha256 " + base64_of(digest)})
            self.tus_patch(path, 0, DATA)
            self.assert_is_stored(path, DATA)
            self.assertEqual(self.tus_patch(other, 0, DATA[:-1] + b"x").status, 460)
            gone = self.tus("HEAD", other)
            self.assertEqual((gone.status, gone["Upload-Offset"]), (410, None))

    def test_S2_12_repr_digest_of_the_whole_in_either_algorithm(self):
        for algorithm in ("sha-256", "sha-512"):
            path, other = (self.tus_create(len(DATA), {"Repr-Digest": digest_field(DATA, algorithm)}) for _ in range(2))
            self.assertEqual(self.tus_patch(other, 0, DATA[:-1] + b"x").status, 460)
            self.assertEqual(self.tus("HEAD", other).status, 410)
            self.tus_patch(path, 0, DATA[:100])
            self.gateway.kill()
            self.gateway.start()
            self.assertEqual(self.tus_patch(path, 100, DATA[100:]).status, 204)
            self.assert_is_stored(path, DATA)

    def test_S1_11_termination(self):
        path = self.tus_create(len(DATA))
        self.tus_patch(path, 0, DATA[:100])
        self.assertEqual(self.tus("DELETE", path).status, 204)
        for answer in (self.tus("HEAD", path), self.tus("DELETE", path), self.tus_patch(path, 100, b"x")):
            self.assertEqual((answer.status, answer["Upload-Offset"]), (410, None))
        self.assertEqual(self.tus("DELETE", "/uploads/" + "a" * 52).status, 404)
        done = self.tus_create(len(DATA))
        self.tus_patch(done, 0, DATA)
        cap = self.cap_of(done)
        self.assertEqual(self.tus("DELETE", done).status, 204)
        self.assertEqual(self.tus("HEAD", done).status, 410)
        self.assert_file(cap, DATA)

    def test_S1_12_method_override(self):
        path = self.tus_create(len(DATA))
        patch = {"X-HTTP-Method-Override": "PATCH", "Content-Type": OFFSET_MEDIA, "Upload-Offset": 0}
        self.assertEqual(self.tus("POST", path, patch, DATA[:10]).status, 204)
        head = self.tus("POST", path, {"X-HTTP-Method-Override": "head"})
        self.assertEqual((head.status, head["Upload-Offset"], head.body), (200, "10", b""))
        for bad in ("PUT", "GET", "", "PATCH, DELETE"):
            self.assertEqual(self.tus("POST", path, {"X-HTTP-Method-Override": bad}).status, 400, bad)
            self.assertEqual(self.tus("POST", "/uploads", {"X-HTTP-Method-Override": bad, "Upload-Length": 1}).status, 400, bad)
        self.assertEqual(self.tus("HEAD", path, {"X-HTTP-Method-Override": "DELETE"}).status, 200, "on a POST only")
        self.assertEqual(self.tus("POST", path).status, 405, "an upload is not posted to")
        self.assertEqual(self.tus("POST", path, {"X-HTTP-Method-Override": "DELETE"}).status, 204)
        self.assertEqual(self.tus("HEAD", path).status, 410)

    def test_S1_13_get_gives_the_file_when_it_is_complete(self):
        path = self.tus_create(len(DATA))
        self.tus_patch(path, 0, DATA[:10])
        before = self.ask("GET", path)
        self.assertEqual((before.status, before["Upload-Offset"]), (204, "10"))
        # No method of tus: one that says that it speaks tus changes nothing.
        before = self.ask("GET", path, {"Tus-Resumable": "1.0.0"})
        self.assertEqual((before.status, before["Upload-Offset"], self.tus_offset(path)), (204, "10", 10))
        self.tus_patch(path, 10, DATA[10:])
        cap = self.cap_of(path)
        answer = self.expect(307, "GET", path)
        self.assertEqual(answer.path.replace("%3A", ":"), "/uri/" + cap)
        self.assertEqual(self.ask("GET", answer.path).body, DATA)


if __name__ == "__main__":
    unittest.main(verbosity=2)
