"""Resumable Uploads for HTTP, the IETF draft, at the gateway: row by row of resumable-upload.md 2, in each interop version from 3 to 10."""
import hashlib
import unittest

from rig import rounds
from uploads import INTEROPS, OFFSET_MEDIA, PARTIAL_MEDIA, Desk, Wire, content_of, digest_field

DATA = content_of(5_000, 2)


class Versions(Desk):
    def test_S2_3_a_life_in_each_version(self):
        for version in INTEROPS:
            with self.subTest(version=version):
                made = self.draft_create(version, False, {"Content-Disposition": 'attachment; filename="a"'}, DATA[:2000])
                self.assertEqual((made.status, made["Upload-Offset"], made["Upload-Draft-Interop-Version"]), (201, "2000", str(version)))
                self.assert_complete(version, made, False)
                self.assertIn("min-size=0", made["Upload-Limit"])
                self.assert_invitation(version, made)
                part = self.draft_patch(version, made.path, 2000, False, DATA[2000:3000])
                self.assertEqual((part.status, part["Upload-Offset"]), (201 if version <= 6 else 204, "3000"))
                self.assert_complete(version, part, False)
                head = self.draft(version, "HEAD", made.path)
                self.assertEqual((head.status, head["Upload-Offset"], head["Cache-Control"]), (204, "3000", "no-store"))
                self.assertRegex(head["Upload-Limit"], r"min-size=0.*max-age=\d+")
                self.assert_complete(version, head, False)
                done = self.draft_patch(version, made.path, 3000, True, DATA[3000:])
                self.assertEqual((done.status, done["Upload-Offset"], done["Upload-Draft-Interop-Version"]), (201, "5000", str(version)))
                self.assert_complete(version, done, True)
                self.assertEqual(done["Repr-Digest"], digest_field(DATA))
                self.assert_file(done.body.decode(), DATA)
                # Whoever lost it asks again, and gets the same.
                again = self.draft_patch(version, made.path, 5000, True, b"")
                self.assertEqual((again.status, again.body, again["Location"]), (done.status, done.body, done["Location"]))
                self.assert_complete(version, again, True)
                self.assert_complete(version, self.draft(version, "HEAD", made.path), True)

    def assert_invitation(self, version, answer):
        first, *later = answer.interim
        self.assertEqual((first.status, first["Location"], first["Upload-Draft-Interop-Version"]), (104, answer["Location"], str(version)))
        self.assertIsNotNone(first["Upload-Limit"])
        self.assertIsNone(first["Upload-Offset"])
        for each in later:
            self.assertEqual((each.status, each["Location"]), (104, None))

    def test_S2_3_what_absence_means_and_media_types(self):
        for version in INTEROPS:
            with self.subTest(version=version):
                path = self.draft_create(version, False).path
                if version <= 6:
                    media = {} if version < 6 else {"Content-Type": PARTIAL_MEDIA}
                    done = self.draft(version, "PATCH", path, {"Upload-Offset": 0, **media}, DATA[:10])
                    self.assertEqual((done.status, done["Upload-Offset"]), (201, "10"))
                    self.assert_complete(version, done, True)
                else:
                    self.assertEqual(self.draft_patch(version, path, 0, None, b"abc").status, 400)
                    self.assertEqual(self.draft_offset(path, version), 0)
                if version >= 6:
                    other = self.draft_create(version, False).path
                    for headers in ({}, {"Content-Type": "text/plain"}):
                        answer = self.draft(version, "PATCH", other, {"Upload-Offset": 0, "Upload-Complete": "?0", **headers}, b"abc")
                        self.assertEqual((answer.status, answer["Accept-Patch"]), (415, f"{PARTIAL_MEDIA}, {OFFSET_MEDIA}"))
                    self.assertEqual(self.draft_offset(other, version), 0)

    def test_S2_3_queries_with_fields_and_by_get(self):
        for version in INTEROPS:
            with self.subTest(version=version):
                path = self.draft_create(version, False, body=DATA[:10]).path
                status = 400 if version <= 6 else 204
                for name, value in (("Upload-Offset", 10), ("Upload-Complete", "?0"), ("Upload-Length", 5000)):
                    self.assertEqual(self.draft(version, "HEAD", path, {name: value}).status, status, name)
                asked = self.draft(version, "GET", path)
                self.assertEqual(asked.status, 204 if version >= 8 else 405)
                self.assertEqual(asked["Upload-Offset"] if version >= 8 else asked["Allow"].split(", ")[0], "10" if version >= 8 else "HEAD")
                if version <= 6:
                    self.assertEqual(self.draft(version, "DELETE", path, {"Upload-Offset": 10}).status, 400)
                self.assertEqual(self.draft(version, "DELETE", path).status, 204)
                for gone in (self.draft(version, "HEAD", path), self.draft_patch(version, path, 10, True)):
                    self.assertEqual((gone.status, gone["Upload-Offset"]), (410, None), "S2_10")

    def test_S2_7_complete_uploads_take_nothing(self):
        for version in INTEROPS:
            with self.subTest(version=version):
                path = self.draft_create(version, False).path
                self.assertEqual(self.draft_patch(version, path, 0, True, DATA[:60]).status, 201)
                for offset, complete, body in ((60, True, b"x"), (60, False, b""), (0, True, DATA[:60])):
                    answer = self.draft_patch(version, path, offset, complete, body)
                    self.assertEqual((answer.status, answer["Upload-Offset"]), (400 if version <= 8 else 409, "60"))
                    self.assert_complete(version, answer, False)
                    if version <= 8:
                        self.assertEqual(answer.problem, "completed-upload")

    def test_S2_1_unknown_versions_are_plain_requests(self):
        for version in (0, 1, 2, 11, 99, "x", "-3", "10.0"):
            answer = self.draft(version, "POST", "/uploads", {"Upload-Complete": "?1", "Upload-Length": 99}, DATA[:10])
            self.assertEqual((answer.status, answer.interim, answer["Upload-Complete"]), (201, [], None), version)
            self.assert_file(answer.body.decode(), DATA[:10])
        path = self.draft_create(10, False).path
        for method in ("HEAD", "PATCH", "DELETE", "GET"):
            self.assertEqual(self.draft(11, method, path).status, 400)
        self.assertEqual(self.draft_offset(path), 0)

    def test_S2_1_without_a_version_it_is_the_rfc_and_nobody_is_told_in_between(self):
        made = self.draft_create(None, False, body=DATA[:2000])
        self.assertEqual((made.status, made.interim, made["Upload-Draft-Interop-Version"]), (201, [], None))
        done = self.draft_patch(None, made.path, 2000, True, DATA[2000:])
        self.assertEqual((done.status, done["Upload-Complete"], done.interim), (201, "?1", []))
        self.assert_file(done.body.decode(), DATA)


class Rows(Desk):
    def test_S2_4_creation_each_row(self):
        for headers, body in (({"Upload-Offset": 1}, b"abc"), ({"Upload-Offset": "x"}, b"abc"), ({"Upload-Length": 4}, b"abc")):
            answer = self.draft_create(10, True, headers, body)
            self.assertEqual((answer.status, answer["Location"]), (400, None), headers)
        self.assertEqual(self.draft_create(10, True, {"Upload-Length": 4}, b"abc").problem, "inconsistent-upload-length")
        for headers, body in (({"Upload-Offset": 0}, DATA), ({"Upload-Length": 5000}, DATA), ({"Upload-Length": "x"}, DATA)):
            answer = self.draft_create(10, True, headers, body)
            self.assertEqual((answer.status, answer["Upload-Complete"], answer["Upload-Offset"]), (201, "?1", "5000"), headers)
            self.assertEqual(answer.path.replace("%3A", ":"), "/uri/" + answer.body.decode(), "the file's")
            self.assert_file(answer.body.decode(), DATA)
        ignored = self.ask("POST", "/uploads", {"Upload-Complete": "yes"}, DATA[:10])
        self.assertEqual((ignored.status, ignored["Upload-Complete"]), (201, None), "no Boolean: it is not there")

    def test_S2_4_lengths(self):
        told = self.draft_create(10, False, {"Upload-Length": 5000}, DATA[:1])
        self.assertEqual((told.status, told["Upload-Length"]), (201, "5000"))
        for headers, body in (({"Upload-Length": 4999}, b"ab"), ({}, DATA)):
            answer = self.draft_patch(10, told.path, 1, False, body, headers)
            self.assertEqual((answer.status, answer.problem, answer["Upload-Offset"]), (400, "inconsistent-upload-length", "1"), answer)
        short = self.draft_patch(10, told.path, 1, True, DATA[1:4999])
        self.assertEqual((short.status, short.problem, short["Upload-Complete"]), (400, "inconsistent-upload-length", "?0"))
        self.assertEqual(self.draft_offset(told.path), 1)
        self.assertEqual(self.draft_patch(10, told.path, 1, False, DATA[1:])["Upload-Complete"], "?0", "the length alone completes nothing")
        self.assertEqual(self.state(told.path)["state"], "receiving")
        self.assertEqual(self.draft_patch(10, told.path, 5000, True, b"")["Upload-Complete"], "?1", "S2_7 an empty PATCH does")
        self.assert_is_stored(told.path, DATA)

    def test_S2_4_careful_creation_zero_bytes_and_chunks_of_unknown_length(self):
        empty = self.draft_create(10, True, body=b"")
        self.assertEqual((empty.status, empty["Upload-Complete"], empty["Upload-Offset"]), (201, "?1", "0"))
        self.assert_file(empty.body.decode(), b"")
        careful = self.draft_create(10, False, body=b"")
        self.assertEqual((careful.status, careful["Upload-Offset"], careful["Upload-Length"]), (201, "0", None))
        done = self.draft_patch(10, careful.path, 0, True, None, chunks=[DATA[:99], DATA[99:]])
        self.assertEqual((done.status, done["Upload-Length"]), (201, "5000"))
        self.assert_file(done.body.decode(), DATA)
        whole = self.draft(10, "PUT", "/uri", {"Upload-Complete": "?1"}, None, chunks=[DATA])
        first, *later = whole.interim
        self.assertEqual((whole.status, first.status, first["Location"] is None), (201, 104, False))
        self.assertTrue(all(each.status == 104 and each["Location"] is None for each in later), "offsets, if it took more than a second")
        self.assert_file(whole.body.decode(), DATA)

    def test_S2_4_expect_continue(self):
        with Wire(self.port) as wire:
            wire.head("POST", "/uploads", [("Upload-Draft-Interop-Version", 6), ("Upload-Complete", "?1"), ("Expect", "100-continue"), ("Content-Length", 5)])
            self.assertEqual([wire.read_head()[0] for _ in range(2)], [104, 100], "104 does not stand for 100")
            wire.send(b"12345")
            self.assertEqual(wire.answer().status, 201)

    def test_S2_5_never_uninvited(self):
        for headers, version in (({"Upload-Complete": "?1"}, "HTTP/1.1"), ({}, "HTTP/1.1"), ({"Upload-Complete": "?1", "Upload-Draft-Interop-Version": 10}, "HTTP/1.0"),
                                 *[({"Upload-Complete": "?1", "Upload-Draft-Interop-Version": 6, proxy: "x"}, "HTTP/1.1") for proxy in ("Via", "Forwarded", "X-Forwarded-For")]):
            self.assertEqual(self.ask("POST", "/uploads", headers, DATA[:9], version=version).interim, [], headers)
        self.assertEqual(self.ask("PUT", "/uri", {}, DATA[:9]).interim, [])

    def test_S2_5_offsets_that_are_told_while_bytes_come_are_kept(self):
        with Wire(self.port) as wire:
            wire.head("POST", "/uploads", [("Upload-Draft-Interop-Version", 10), ("Upload-Complete", "?1"), ("Content-Length", 4_000_000)])
            url = dict(wire.read_head()[1])["Location"]
            path, told = url[url.index("/uploads/"):], 0
            wire.socket.settimeout(0.1)
            going_on = rounds("it says what it has")
            while told == 0:  # a little at a time
                next(going_on)
                wire.send(bytes(1000))
                try:
                    status, fields = wire.read_head()
                    self.assertEqual((status, dict(fields).get("Location")), (104, None))
                    told = int(dict(fields)["Upload-Offset"])
                except TimeoutError:
                    continue
            self.gateway.kill()
        self.gateway.start()
        self.assertGreaterEqual(self.draft_offset(path), told)

    def test_S2_6_what_is_not_there(self):
        for method in ("HEAD", "GET", "DELETE"):
            answer = self.draft(10, method, "/uploads/" + "a" * 52)
            self.assertEqual((answer.status, answer["Upload-Offset"]), (404, None))

    def test_S2_7_append_each_row_in_order(self):
        path = self.draft_create(10, False, body=DATA[:100]).path
        media, gone = {"Content-Type": PARTIAL_MEDIA}, "/uploads/" + "a" * 52
        for target, status, headers, body in (
                (gone, 415, {}, b"x"), (gone, 400, media, b"x"), (gone, 400, {**media, "Upload-Offset": 0}, b"x"), (gone, 404, {**media, "Upload-Offset": 0, "Upload-Complete": "?0"}, b"x"),
                *[(path, 400, {**media, "Upload-Complete": "?0", "Upload-Offset": bad}, b"x") for bad in ("", "-1", "x", "1.0", "1" * 16)],
                *[(path, 400, {**media, "Upload-Complete": bad, "Upload-Offset": 100}, b"x") for bad in ("", "1", "true", "?2")]):
            self.assertEqual(self.draft(10, "PATCH", target, headers, body).status, status, (headers, body))
        for offset in (0, 99, 101):
            answer = self.draft_patch(10, path, offset, True, b"x", {"Upload-Length": 5000})
            self.assertEqual((answer.status, answer.problem, answer["Upload-Offset"], answer["Upload-Complete"]), (409, "mismatching-upload-offset", "100", "?0"))
        self.assertEqual(self.draft_offset(path), 100, "untouched")
        self.assertEqual(self.draft_patch(10, path, "100;via=relay", True, DATA[100:]).status, 201, "parameters are passed over")
        self.assert_is_stored(path, DATA)

    def test_S2_7_a_body_that_says_nothing_and_runs_past_the_length_ends_the_upload(self):
        path = self.draft_create(10, False, {"Upload-Length": 100}, DATA[:50]).path
        answer = self.draft_patch(10, path, 50, False, None, chunks=[DATA[:60]])
        self.assertEqual((answer.status, answer.problem, answer["Upload-Complete"]), (400, "inconsistent-upload-length", "?0"), answer)
        self.assertEqual(self.draft(10, "HEAD", path).status, 410)

    def test_S2_8_prefer(self):
        asynchronous = self.draft_create(10, True, {"Prefer": "respond-async"}, DATA)
        self.assertEqual((asynchronous.status, asynchronous["Upload-Complete"], asynchronous["Retry-After"]), (202, "?1", "2"))
        self.assertIn(asynchronous.json["state"], ("committing", "committed"))
        path = asynchronous["Content-Location"]
        path = path[path.index("/uploads/"):].removesuffix("?t=status")
        cap = self.assert_is_stored(path, DATA)
        done = self.draft_patch(10, path, 5000, True)
        self.assertEqual((done.status, done.body.decode()), (201, cap))
        self.assertEqual(self.draft_create(10, True, {"Prefer": "wait=0"}, DATA).status, 202)
        self.assertEqual(self.draft_create(10, True, {"Prefer": "handling=strict, wait=300"}, DATA).status, 201)

    def test_S2_9_options(self):
        for target in ("/uploads", "/uri", self.draft_create(10, False).path):
            answer = self.expect(200, "OPTIONS", target)
            self.assertRegex(answer["Upload-Limit"], r"^min-size=0(, [a-z-]+=\d+)*$")

    def test_S2_12_content_digest(self):
        path = self.draft_create(10, False).path
        for algorithm in ("sha-256", "sha-512"):
            at = self.draft_offset(path)
            wrong = self.draft_patch(10, path, at, False, DATA[at:at + 100], {"Content-Digest": digest_field(b"x", algorithm)})
            self.assertEqual((wrong.status, wrong["Upload-Offset"], wrong["Upload-Complete"]), (400, str(at), "?0"))
            right = self.draft_patch(10, path, at, False, DATA[at:at + 100], {"Content-Digest": "md5=:abc=:, " + digest_field(DATA[at:at + 100], algorithm)})
            self.assertEqual((right.status, right["Upload-Offset"]), (204, str(at + 100)))
        unknown = self.draft_patch(10, path, 200, True, DATA[200:], {"Content-Digest": "md5=:AAAA:"})
        self.assertEqual(unknown.status, 201, "what is not known says nothing")
        self.assert_is_stored(path, DATA)
        bad = self.draft_create(10, True, {"Content-Digest": digest_field(b"x")}, DATA)
        self.assertEqual((bad.status, bad["Upload-Offset"]), (400, "0"))
        self.assertEqual(self.draft_patch(10, bad.path, 0, True, DATA).status, 201)

    def test_S2_12_pending_bytes_count_when_they_are_proven(self):
        for way in ("PATCH", "PUT"):
            path = self.draft_create(10, False, {"Upload-Length": len(DATA)}).path
            with Wire(self.port) as wire:
                wire.head("PATCH", path, [("Upload-Draft-Interop-Version", 10), ("Content-Type", PARTIAL_MEDIA), ("Upload-Offset", 0), ("Upload-Complete", "?1"),
                                          ("Content-Length", len(DATA)), ("Content-Digest", digest_field(DATA))])
                wire.send(DATA[:700])
                wire.socket.shutdown(1)
                self.assertRaises(ConnectionError, wire.answer)
            told = self.draft(10, "HEAD", path)
            self.assertEqual((told["Upload-Offset"], told["Holdfast-Pending-Offset"]), ("0", "700"))
            proof = {"Repr-Digest": digest_field(DATA[:700])}
            if way == "PATCH":
                self.assertEqual(self.draft_patch(10, path, 700, True, DATA[700:]).status, 409)
                self.assertEqual(self.draft_patch(10, path, 700, True, DATA[700:], proof).status, 201)
            else:
                self.expect(201, "PUT", path, {"Content-Range": f"bytes 700-{len(DATA) - 1}/{len(DATA)}", **proof}, DATA[700:])
            self.assert_is_stored(path, DATA)

    def test_S2_12_repr_digest_and_S5_6(self):
        for split, algorithm in ((5000, "sha-256"), (100, "sha-256"), (5000, "sha-512"), (100, "sha-512")):
            made = self.draft_create(10, split == 5000, {"Repr-Digest": "md5=:AAAA:, " + digest_field(DATA, algorithm)}, DATA[:split])
            done = made if split == 5000 else self.draft_patch(10, made.path, split, True, DATA[split:])
            self.assertEqual((done.status, done["Repr-Digest"]), (201, digest_field(DATA)))
            made = self.draft_create(10, split == 5000, {"Repr-Digest": digest_field(b"x", algorithm)}, DATA[:split])
            self.assertIsNone(made["Repr-Digest"])
            wrong = made if split == 5000 else self.draft_patch(10, made.path, split, True, DATA[split:])
            self.assertEqual((wrong.status, wrong["Upload-Complete"], wrong["Upload-Offset"]), (422, "?1", None), wrong)

    def test_S2_13_codings_are_not_touched(self):
        answer = self.draft_create(10, True, {"Content-Encoding": "gzip", "Content-Type": "text/plain"}, DATA)
        self.assertEqual((answer.status, hashlib.sha256(self.ask("GET", answer.path).body).hexdigest()), (201, hashlib.sha256(DATA).hexdigest()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
