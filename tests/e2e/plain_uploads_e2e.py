"""Uploads by clients that know no protocol for them: PUT and POST as Tahoe-LAFS takes them (web-api.md 4.2), and curl that goes on
(web-api.md 15.2). The names of the tests are those sections."""
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import unittest

from rig import DEADLINE, Links, wait_until
from uploads import Desk, Wire, base64_of, content_of, digest_field

DATA = content_of(5_000, 3)


class Whole(Desk):
    def test_W4_2_put_of_each_interesting_size(self):
        for size in (0, 1, 55, 56, 5_000, 300_000):
            content = content_of(size, size)
            for more in ({"body": content}, {"chunks": [content[:1], content[1:]] if size > 1 else [content] if size else []}):
                answer = self.expect(200, "PUT", "/uri", **more)
                self.assertEqual((answer["Content-Type"], answer["Repr-Digest"]), ("text/plain;charset=utf-8", digest_field(content)))
                self.assertTrue(answer.body.startswith(b"URI:LIT:" if size <= 55 else b"URI:CHK:"), answer)
                self.assert_file(answer.body.decode(), content)

    def test_W4_2_the_same_bytes_have_the_same_cap_in_all_ways(self):
        caps = {self.ask("PUT", "/uri", body=DATA).body, self.ask("PUT", "/uri?format=CHK", body=DATA).body, self.ask("PUT", "/cap", body=DATA).body,
                self.ask("POST", "/uploads", body=DATA).body, self.draft_create(6, True, body=DATA).body}
        tus = self.tus_create(5_000)
        self.tus_patch(tus, 0, DATA)
        caps.add(self.cap_of(tus).encode())
        self.assertEqual(len(caps), 1, caps)

    def test_W4_2_what_put_refuses(self):
        for method, target in (("PUT", "/uri?t=mkdir"), ("PUT", "/uri?t=x"), ("PUT", "/uri?format=MDMF"), ("PUT", "/uri?mutable=true"), ("POST", "/uri?t=mkdir"),
                               ("DELETE", "/uri"), ("POST", "/uri")):
            self.expect(400, method, target, body=b"abc")
        for method in ("PUT", "POST", "DELETE"):
            self.assertEqual(self.expect(405, method, "/uri/URI:LIT:", body=b"abc")["Allow"], "GET, HEAD, OPTIONS")
        for method in ("PATCH", "TRACE", "BREW"):
            self.assertIn(self.ask(method, "/uri", body=b"abc").status, (405, 400))
        for method, allowed in (("GET", "POST"), ("PUT", "POST"), ("DELETE", "POST"), ("PATCH", "POST"), ("BREW", "POST")):
            answer = self.expect(405, method, "/uploads")
            self.assertIn(allowed, answer["Allow"])

    def test_W15_2_content_range_is_never_ignored(self):
        answer = self.expect(400, "PUT", "/uri", {"Content-Range": "bytes 5-9/10"}, b"abcde")
        self.assertIn(b"resume=", answer.body)

    def test_S3_6_a_file_that_was_uploaded_here_is_read_with_its_digest(self):
        content = content_of(300_000, 36)
        cap = self.expect(200, "PUT", "/uri", body=content).body.decode()
        path = self.tus_create(len(content) - 1)
        self.tus_patch(path, 0, content[:-1])
        other = self.cap_of(path)
        for _ in range(2):
            for method, headers, status in (("GET", {}, 200), ("HEAD", {}, 200), ("GET", {"Range": "bytes=5-9"}, 206)):
                answer = self.expect(status, method, "/uri/" + cap, headers)
                self.assertEqual((answer["Repr-Digest"], answer["Digest"]), (digest_field(content), None))
                self.assertEqual(self.expect(status, method, "/file/" + other + "/name", headers)["Repr-Digest"], digest_field(content[:-1]))
            legacy = self.expect(200, "HEAD", "/uri/" + cap, {"Want-Digest": "SHA-256"})
            self.assertEqual(legacy["Digest"], "SHA-256=" + base64_of(hashlib.sha256(content).digest()))
            self.assertIsNone(self.expect(200, "GET", "/uri/" + cap + "?t=json")["Repr-Digest"], "that is not the file")
            self.gateway.kill()
            self.gateway.start()

    def test_S2_12_and_S5_6_digests(self):
        self.expect(200, "PUT", "/uri", {"Content-Digest": digest_field(DATA, "sha-512"), "Repr-Digest": digest_field(DATA)}, DATA)
        self.expect(200, "PUT", "/uri", {"Holdfast-Expect-SHA256": hashlib.sha256(DATA).hexdigest()}, DATA)
        self.expect(400, "PUT", "/uri", {"Content-Digest": digest_field(b"x")}, DATA)
        self.expect(422, "PUT", "/uri", {"Repr-Digest": digest_field(b"x")}, DATA)
        self.expect(422, "PUT", "/uri", {"Repr-Digest": digest_field(b"x", "sha-512")}, DATA)
        self.expect(200, "PUT", "/uri", {"Repr-Digest": digest_field(DATA, "sha-512")}, DATA)
        self.expect(200, "PUT", "/uri", {"Repr-Digest": digest_field(b"", "sha-512")}, b"")
        self.expect(422, "PUT", "/uri", {"Holdfast-Expect-SHA256": hashlib.sha256(b"x").hexdigest()}, DATA)
        key = f"/uri?resume={secrets.token_hex(16)}"
        self.expect(422, "PUT", key, {"Repr-Digest": digest_field(b"x")}, DATA)
        self.expect(202, "PUT", key, {"Content-Range": "bytes 0-9/5000", "Repr-Digest": digest_field(DATA)}, DATA[:10])
        self.expect(400, "PUT", key, {"Content-Range": "bytes 10-4999/5000", "Content-Digest": digest_field(b"x")}, DATA[10:])
        self.expect(200, "PUT", key, {"Content-Range": "bytes 10-4999/5000"}, DATA[10:])

    def test_W15_2_a_plain_put_that_is_cut_leaves_nothing(self):
        with Wire(self.port) as wire:
            wire.head("PUT", "/uri", [("Content-Length", 5000)])
            wire.send(DATA[:4000])
            wire.socket.shutdown(1)
            self.assertRaises(ConnectionError, wire.answer)
        spool = self.place.path + "/gateway/uploads"
        self.assertEqual([name for name in os.listdir(spool) if name.endswith(".dat") and os.path.getsize(f"{spool}/{name}") == 4000], [])


    def put_and(self, then, content, headers=()):
        """The answer to a PUT of a file for which there is no grid: `then` happens when all of it has come."""
        self.place.grid.process.send_signal(signal.SIGSTOP)
        try:
            with Wire(self.port) as wire:
                wire.head("PUT", "/uri", [("Content-Length", len(content)), *headers])
                wire.send(content)
                spool = self.place.path + "/gateway/uploads"
                wait_until(lambda: len(content) in [os.path.getsize(f"{spool}/{name}") for name in os.listdir(spool) if name.endswith(".dat")], "all is here", 30)
                then(wire)
                return wire.answer()
        finally:
            self.place.grid.process.send_signal(signal.SIGCONT)

    def test_W4_2_what_is_not_in_the_grid_yet_is_no_success(self):
        """`CAP=$(curl -sf -T file .../uri)` takes every success for the cap."""
        left = self.put_and(lambda wire: wire.socket.shutdown(socket.SHUT_WR), content_of(5_001, 1))
        self.assertEqual((left.status, left["Content-Type"]), (503, "application/problem+json"), left)
        for prefer in ("wait=1", "respond-async"):
            asked = self.put_and(lambda wire: None, content_of(5_010 + len(prefer), 2), [("Prefer", prefer)])
            self.assertEqual((asked.status, asked.json["state"]), (202, "committing"), asked)
        stopped = self.put_and(lambda wire: self.gateway.process.terminate(), content_of(5_002, 3))
        self.assertEqual(self.gateway.process.wait(DEADLINE), 0)
        self.gateway.start()
        self.assertEqual((stopped.status, stopped["Content-Type"]), (503, "application/problem+json"), stopped)


def form(content, boundary="XX", fields=(("t", "upload"),), name="file", filename="a.bin"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: text/plain\r\n\r\n'.encode() + content)
    return b"".join(parts) + f"\r\n--{boundary}--\r\n".encode()


class Forms(Desk):
    media = {"Content-Type": "multipart/form-data; boundary=XX"}
    # Looks like its boundary as often as can be without being it.
    tricky = b"\r\n--X\r\n--\r\n\r\n-XX--XX\r\n--Y" + bytes(200) + b"\r" * 9

    def test_W4_2_forms(self):
        for target in ("/uri", "/uri?t=upload", "/uri?t=upload&output=json"):
            for content in (b"", b"x", self.tricky, DATA):
                self.assert_file(self.expect(200, "POST", target, self.media, form(content)).body.decode(), content)
        page = self.expect(200, "POST", "/uri?t=upload", {**self.media, "Accept": "text/html,*/*"}, form(DATA))
        self.assertEqual(page["Content-Type"], "text/html;charset=utf-8")
        self.assertIn(b"URI:CHK:", page.body)
        quoted = {"Content-Type": 'Multipart/Form-Data; charset=utf-8; boundary="XX"'}
        self.expect(200, "POST", "/uri", quoted, form(DATA, fields=()) + b"what comes behind is not looked at")

    def test_W4_2_a_boundary_split_anywhere(self):
        body = form(self.tricky)
        for at in range(len(body) - 40, len(body)):
            with Wire(self.port) as wire:
                wire.head("POST", "/uri", [*self.media.items(), ("Transfer-Encoding", "chunked")])
                wire.chunk(body[:at])
                wire.chunk(body[at:])
                wire.send("0\r\n\r\n")
                answer = wire.answer()
            self.assertEqual(answer.status, 200, at)
        self.assert_file(answer.body.decode(), self.tricky)

    def test_W4_2_when_done(self):
        answer = self.expect(302, "POST", "/uri?t=upload&when_done=/file/%25(uri)s/@@named=/x", self.media, form(DATA))
        self.assertEqual(self.expect(200, "GET", answer["Location"]).body, DATA)
        for bad in ("http://evil.example/", "//evil.example/", "/%5Cevil.example/", "evil", "/%09/evil.example/", "/x%0d%0aSet-Cookie:%20a=b", "javascript:x", "/%00"):
            answer = self.ask("POST", "/uri?t=upload&when_done=" + bad, self.media, form(DATA))
            self.assertEqual((answer.status, answer["Location"], answer["Set-Cookie"]), (400, None, None), bad)

    def test_W4_2_forms_that_are_none(self):
        for headers, body in ((self.media, b""), (self.media, b"--XX"), (self.media, b"--XX--\r\n"), (self.media, form(DATA)[:-10]), (self.media, form(DATA)[:100]),
                              (self.media, form(DATA, boundary="YY")), (self.media, form(DATA, name="other")), (self.media, b"preamble" + form(DATA)),
                              (self.media, form(DATA, fields=[("a", "x" * 70_000)])), (self.media, form(DATA, filename="x" * 9000)),
                              (self.media, form(DATA, fields=[(f"f{i}", "") for i in range(1001)])), (self.media, form(b"\r\n--XXgarbage")),
                              ({"Content-Type": "multipart/form-data"}, form(DATA)), ({"Content-Type": f"multipart/form-data; boundary={'x' * 71}"}, form(DATA)),
                              ({"Content-Type": "text/plain"}, form(DATA)), ({}, form(DATA)), ({"Content-Type": "application/x-www-form-urlencoded"}, b"file=abc")):
            answer = self.ask("POST", "/uri?t=upload", headers, body)
            self.assertEqual(answer.status, 400, (headers, body[:80], answer))


class GoingOn(Desk):
    def key(self):
        return f"/uri?resume={secrets.token_hex(16)}"

    def put(self, target, first, content, total, status, headers=()):
        last = first + len(content) - 1
        return self.expect(status, "PUT", target, {"Content-Range": f"bytes {first}-{last}/{total}", **dict(headers)}, content)

    def test_W15_2_pieces_by_a_key_and_by_location(self):
        made = self.expect(201, "POST", "/uploads", body=b"")
        self.assertEqual(made.body.decode().strip(), made["Location"])
        for target, success in ((self.key(), 200), (made.path, 201)):
            first = self.put(target, 0, DATA[:1000], 5000, 202)
            self.assertEqual((first.body, first["Upload-Complete"], first["Upload-Offset"]), (b"", "?0", "1000"))
            self.assertRegex(first["Location"], "/uploads/[a-z2-7]{52}$")
            for method in ("HEAD", "GET"):
                state = self.expect(204, method, target)
                self.assertEqual((state["Upload-Offset"], state["Upload-Length"], state["Upload-Complete"], state["Cache-Control"]), ("1000", "5000", "?0", "no-store"))
                self.assertEqual(state["Location"], first["Location"])
            self.assertEqual(self.expect(200, "GET", target, {"Accept": "application/json"}).json["offset"], 1000)
            done = self.put(target, 1000, DATA[1000:], 5000, success)
            self.assertEqual((done["Upload-Complete"], done["Upload-Offset"]), ("?1", "5000"))
            self.assert_file(done.body.decode(), DATA)
            lost = self.put(target, 1000, DATA[1000:], 5000, 409)
            self.assertEqual((lost["Upload-Offset"], lost["Upload-Complete"]), ("5000", "?1"), "the answer was lost: nothing is missing")
            self.assertEqual(self.expect(307, "GET", target).body, done.body)
            again = self.expect(success, "PUT", target, {"Upload-Offset": 5000, "Upload-Complete": "?1"}, b"")
            self.assertEqual(again.body, done.body)
            self.expect(204, "DELETE", target)
            self.expect(410, "HEAD", target)

    def test_W15_2_the_digest_of_what_is_held_on_request(self):
        tus = self.tus_create(5000)
        self.tus_patch(tus, 0, DATA[:1000])
        key = self.key()
        self.put(key, 0, DATA[:1000], 5000, 202)
        want, tus_want = {"Want-Repr-Digest": "sha-512=3, sha-256=10"}, {"Want-Repr-Digest": "sha-256=1", "Tus-Resumable": "1.0.0"}
        for held in (1000, 1063, 1064, 4999):  # behind a whole block of SHA-256 and elsewhere
            self.tus_patch(tus, self.tus_offset(tus), DATA[self.tus_offset(tus):held])
            at = int(self.ask("HEAD", key)["Upload-Offset"])
            if at < held:
                self.put(key, at, DATA[at:held], 5000, 202)
            if held == 1064:
                self.gateway.kill()
                self.gateway.start()
            for method, target, fields in (("HEAD", key, want), ("GET", key, want), ("HEAD", tus, tus_want), ("GET", tus, want)):
                told = self.ask(method, target, fields)
                self.assertEqual((told["Upload-Offset"], told["Repr-Digest"]), (str(held), digest_field(DATA[:held])), (method, held))
        for fields in ({}, {"Want-Repr-Digest": "sha-256=0"}, {"Want-Repr-Digest": "sha-512=9"}):
            self.assertIsNone(self.ask("HEAD", key, fields)["Repr-Digest"])
        done = self.put(key, 4999, DATA[4999:], 5000, 200)
        self.assertEqual(self.ask("HEAD", key, want).all("Repr-Digest"), [digest_field(DATA)])
        self.assert_file(done.body.decode(), DATA)
        draft = self.draft_create(10, False, want, DATA[:10])
        self.assertIsNone(self.draft(10, "HEAD", draft.path, want)["Repr-Digest"], "the draft wants it of whole ones only")

    def test_W15_2_each_row_of_the_answers(self):
        target = self.key()
        self.expect(404, "HEAD", target)
        nothing = self.put(target, 5, b"abcde", 10, 409)
        self.assertEqual((nothing["Upload-Offset"], nothing.problem), ("0", "mismatching-upload-offset"))
        self.put(target, 0, DATA[:100], 5000, 202)
        for bad in ("bytes 100-104", "octets 100-104/5000", "bytes 104-100/5000", "bytes 100-104/104", "bytes */5000", "bytes 100-105/5000", "bytes 100-103/5000",
                    "bytes -5/5000", "bytes 100-/5000", "x", "", "bytes 100-104/x", "bytes 99999999999999999999-99999999999999999999/*"):
            self.assertEqual(self.ask("PUT", target, {"Content-Range": bad}, b"abcde").status, 400, bad)
        other = self.put(target, 100, b"abcde", 5001, 400)
        self.assertEqual(other.problem, "inconsistent-upload-length")
        for at in (0, 99, 101):
            answer = self.put(target, at, b"abcde", 5000, 409)
            self.assertEqual((answer["Upload-Offset"], answer.problem), ("100", "mismatching-upload-offset"))
        self.put(target, 100, DATA[100:200], "*", 202)
        self.put(target, 200, DATA[200:], 5000, 200)

    def test_W15_2_an_unknown_length_never_completes(self):
        target = self.key()
        self.put(target, 0, DATA[:4000], "*", 202)
        self.put(target, 4000, DATA[4000:4500], "*", 202)
        self.assertIsNone(self.expect(204, "HEAD", target)["Upload-Length"])
        self.assert_file(self.put(target, 4500, DATA[4500:], 5000, 200).body.decode(), DATA)

    def test_W15_2_both_notations_must_agree(self):
        target = self.key()
        self.put(target, 0, DATA[:10], 5000, 204, {"Upload-Offset": 0, "Upload-Complete": "?0"})
        for headers in ({"Upload-Offset": 11}, {"Upload-Complete": "?1"}, {"Upload-Length": 4999}, {"Upload-Offset": "x"}, {"Upload-Complete": "x"}):
            self.put(target, 10, DATA[10:20], 5000, 400, headers)
        self.expect(409, "PUT", target, {"Upload-Offset": 9, "Upload-Complete": "?0"}, b"x")
        self.expect(204, "PUT", target, {"Upload-Offset": 10, "Upload-Complete": "?0"}, DATA[10:20])
        self.assert_file(self.expect(200, "PUT", target, {"Upload-Offset": 20, "Upload-Complete": "?1"}, DATA[20:]).body.decode(), DATA)

    def test_W15_2_a_whole_file_replaces_what_is_open(self):
        target = self.key()
        self.put(target, 0, DATA[:1000], 5000, 202)
        with Wire(self.port) as wire:
            wire.head("PUT", target, [("Content-Length", 200)])
            wire.socket.shutdown(1)
            self.assertRaises(ConnectionError, wire.answer)
        self.assertEqual(self.expect(204, "HEAD", target)["Upload-Offset"], "1000", "not before its first byte is here")
        self.assert_file(self.expect(200, "PUT", target, body=DATA[:200]).body.decode(), DATA[:200])
        self.assert_file(self.expect(200, "PUT", target, body=b"").body.decode(), b"")

    def half_sent(self, target, content, headers):
        """A request that has brought so much and goes on to live: the gateway has it, and nothing of it need be durable."""
        spool = self.place.path + "/gateway/uploads"
        before = {name for name in os.listdir(spool) if os.path.getsize(f"{spool}/{name}") == len(content)}
        wire = Wire(self.port)
        self.addCleanup(wire.close)
        wire.head("PUT", target, headers)
        wire.chunk(content) if ("Transfer-Encoding", "chunked") in headers else wire.send(content)
        there = lambda: {name for name in os.listdir(spool) if os.path.getsize(f"{spool}/{name}") == len(content)} - before
        wait_until(there, "all of it is in the spool", 30)

    def test_W15_2_a_whole_file_replaces_what_another_request_still_brings(self):
        content = content_of(300_000, 43)
        for chunked in (True, False):
            fields = [("Transfer-Encoding", "chunked")] if chunked else [("Content-Length", 300_000)]
            for target, success in ((self.key(), 200), (self.expect(201, "POST", "/uploads", body=b"").path, 201)):
                self.half_sent(target, content[:100_000], fields)
                whole = {"chunks": [content]} if chunked else {"body": content}
                self.assert_file(self.expect(success, "PUT", target, **whole).body.decode(), content)

    def test_W15_2_S5_6_a_whole_file_has_the_length_and_digest_of_its_own_request(self):
        wrong = {"Holdfast-Expect-SHA256": "00" * 32}
        for status, headers, content in ((422, wrong, DATA), (422, {"Repr-Digest": digest_field(b"x")}, DATA), (201, {"Repr-Digest": digest_field(DATA)}, DATA)):
            path = self.expect(201, "POST", "/uploads", body=b"").path
            self.expect(status, "PUT", path, headers, content)
        path = self.expect(201, "POST", "/uploads", wrong, b"").path
        self.expect(422, "PUT", path, body=DATA)  # what was announced holds, whoever sends the file
        path = self.expect(201, "POST", "/uploads", wrong, b"").path
        self.expect(201, "PUT", path, {"Repr-Digest": digest_field(DATA), "Holdfast-Expect-SHA256": hashlib.sha256(DATA).hexdigest()}, DATA)
        target = self.key()
        with Wire(self.port) as wire:
            wire.head("PUT", target, [("Content-Length", 4000), *wrong.items()])
            wire.socket.shutdown(1)
            self.assertRaises(ConnectionError, wire.answer)
        self.assertEqual(self.expect(204, "HEAD", target)["Upload-Length"], "4000", "cut before its first byte")
        self.assert_file(self.expect(200, "PUT", target, body=DATA).body.decode(), DATA)

    def test_S5_6_a_digest_that_is_none_is_refused_in_all_dialects(self):
        for bad in ("x", "00" * 31, "00" * 33, "", digest_field(DATA)):
            claim = {"Holdfast-Expect-SHA256": bad}
            for target in ("/uri", self.key()):
                self.expect(400, "PUT", target, claim, DATA)
            self.expect(400, "POST", "/uploads", claim, DATA)
            self.expect(400, "POST", "/uploads", claim, b"")
            self.assertEqual(self.draft_create(6, True, claim, DATA).status, 400)
            self.assertEqual(self.tus("POST", "/uploads", {"Upload-Length": 5, **claim}).status, 400)

    def test_W15_2_keys_that_could_be_guessed(self):
        for key in ("", "short", "x" * 21, "x" * 129, "%2F" * 30, "x" * 30 + "%00", "x" * 30 + "%20"):
            self.expect(400, "PUT", "/uri?resume=" + key, body=b"abc")
        self.expect(200, "PUT", "/uri?resume=" + "x" * 22, body=b"abc")

    def test_W15_2_curl_goes_on(self):
        with Links([]) as links:
            number, port = links.to_port(self.port)
            path = self.place.file("curl", 3_000_000, 7)
            with open(path, "rb") as f:
                content = f.read()
            url = f"http://127.0.0.1:{port}{self.key()}"
            links.tell("cut rst up 400000 900000 3", [number])
            curl = lambda *more: subprocess.run(["curl", "-sS", "-T", path, *more, url], capture_output=True, text=True)
            tries = [curl()]
            while tries[-1].returncode != 0 and len(tries) < 9:
                head = self.ask("HEAD", url[url.index("/uri"):])
                tries.append(curl("-C", head["Upload-Offset"]) if head.status == 204 else curl())
            self.assertEqual([each.returncode == 0 for each in tries], [False, False, False, True], tries)
            self.assert_file(tries[-1].stdout, content)


if __name__ == "__main__":
    unittest.main(verbosity=2)
