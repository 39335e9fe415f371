"""What the gateway's uploads have in common, whatever they are spoken to in: resumable-upload.md 1.11, 1.13, 1.14, 4 and 5."""
import concurrent.futures
import email.utils
import hashlib
import statistics
import subprocess
import threading
import time
import unittest

from rig import rounds, wait_until
from uploads import OFFSET_MEDIA, PARTIAL_MEDIA, Desk, Wire, base64_of, content_of, digest_field

DATA = content_of(5_000, 4)
TUS = {"Tus-Resumable": "1.0.0"}
APP = "https://app.example"


def begin_patch(wire, path, offset, length, headers=()):
    """The head of a tus PATCH whose body is still to come."""
    wire.head("PATCH", path, [*TUS.items(), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", offset), ("Content-Length", length), *headers])


class Dialects(Desk):
    def test_S4_created_by_tus_continued_by_the_draft_finished_by_curl(self):
        path = self.tus_create(len(DATA), {"Upload-Metadata": "filename YQ=="})
        self.assertEqual(self.tus_patch(path, 0, DATA[:1000]).status, 204)
        self.assertEqual(self.draft_offset(path), 1000)
        self.assertEqual(self.draft_patch(6, path, 1000, False, DATA[1000:2000])["Upload-Offset"], "2000")
        self.assertEqual(self.tus_offset(path), 2000)
        rest = self.place.path + "/rest"
        with open(rest, "wb") as f:
            f.write(DATA)
        done = subprocess.run(["curl", "-sS", "-C", "2000", "-T", rest, f"http://127.0.0.1:{self.port}{path}"], capture_output=True, text=True, check=True)
        self.assert_file(done.stdout, DATA)
        self.assertEqual(self.tus_offset(path), 5000)
        self.assertEqual(self.draft_patch(10, path, 5000, True).body.decode(), done.stdout)

    def test_S4_the_completion_rule_is_the_creators(self):
        tus = self.tus_create(len(DATA))
        self.assertEqual(self.draft_patch(10, tus, 0, False, DATA).status, 201, "its length completes what tus created")
        self.assert_is_stored(tus, DATA)
        draft = self.draft_create(10, False, {"Upload-Length": 5000}).path
        self.assertEqual(self.tus_patch(draft, 0, DATA).status, 204)
        self.assert_is_stored(draft, DATA)

    def test_S4_both_at_once_and_neither(self):
        path = self.tus_create(5)
        both = {**TUS, "Upload-Draft-Interop-Version": 6}
        for method, target, more in (("POST", "/uploads", {"Upload-Length": 5, "Upload-Complete": "?0"}), ("HEAD", path, {}), ("DELETE", path, {}),
                                     ("PATCH", path, {"Content-Type": OFFSET_MEDIA, "Upload-Offset": 0}), ("PATCH", path, {"Content-Type": PARTIAL_MEDIA, "Upload-Offset": 0})):
            self.expect(400, method, target, {**both, **more}, b"" if method != "HEAD" else None)
        neither = self.expect(415, "PATCH", path, {"Content-Type": "text/plain", "Upload-Offset": 0}, b"x")
        self.assertEqual(neither["Accept-Patch"], f"{PARTIAL_MEDIA}, {OFFSET_MEDIA}")
        for field in ("Upload-Offset", "Upload-Length", "Tus-Resumable", "Upload-Complete", "Content-Range"):
            twice = [*TUS.items(), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", "0"), (field, "1"), (field, "1")]
            self.expect(400, "PATCH", path, twice, b"x")
        self.assertEqual(self.tus_offset(path), 0)

    def test_S2_8_status_url(self):
        path = self.tus_create(len(DATA))
        state = self.state(path)
        self.assertEqual((state["state"], state["offset"], state["length"]), ("receiving", 0, 5000))
        done = self.tus_patch(path, 0, DATA)
        self.assertIn(done["Holdfast-Upload-State"], ("committing", "committed"))
        self.assertTrue(done["Content-Location"].endswith(path + "?t=status"))
        cap = self.cap_of(path)
        state = self.state(path)
        self.assertEqual((state["cap"], state["shares_stored"]), (cap, 10))
        self.expect(204, "DELETE", path, TUS)
        self.assertEqual(self.expect(410, "GET", path + "?t=status").json["state"], "cancelled")
        self.expect(404, "GET", "/uploads/" + "a" * 52 + "?t=status")

    def test_S5_8_malformed_everything_is_never_500(self):
        path = self.tus_create(len(DATA))
        odd = ("", " ", "\t", ",", ";", "?", "-1", "0x0", "1e9", "9" * 40, "%00", "\x7f", "é", "null", "NaN", "a" * 9000, '"', ":=:", "?1?1", "1;", "bytes", "final;", "final; ")
        for field in ("Upload-Offset", "Upload-Length", "Upload-Complete", "Upload-Incomplete", "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat",
                      "Upload-Checksum", "Upload-Draft-Interop-Version", "Content-Range", "Content-Digest", "Repr-Digest", "Prefer", "Idempotency-Key", "Content-Type",
                      "X-HTTP-Method-Override", "Trailer", "Content-Disposition"):
            with Wire(self.port) as wire:
                for value in odd:
                    for method, target, headers in (("POST", "/uploads", {"Upload-Length": 9}), ("PATCH", path, {"Content-Type": OFFSET_MEDIA, "Upload-Offset": 77}), ("PUT", path, {})):
                        answer = wire.ask(method, target, {**TUS, **headers, field: value}, b"") if "\x7f" not in value else self.ask(method, target, {field: value}, b"")
                        self.assertNotEqual(answer.status, 500, (method, field, value, answer))
                        if answer["Connection"] == "close":
                            wire.close()
                            wire.__init__(self.port)
        for query in ("t=status&wait=x", "digests&first=x", "digests&count=-1", "digests&first=99999999999999999999", "piece=x", "t=%00", "t=status&wait=" + "9" * 30):
            for method in ("GET", "PUT", "HEAD"):
                self.assertNotEqual(self.ask(method, f"{path}?{query}", body=b"").status, 500)


class Resumption(Desk):
    def resumed(self):
        values = dict(line.split(" ") for line in self.ask("GET", "/metrics").body.decode().splitlines() if line and not line.startswith("#"))
        return tuple(int(values[f"holdfast_gateway_uploads_resumed_{what}"]) for what in ("total", "bytes_total"))

    def test_it_is_counted_when_a_request_that_broke_off_is_gone_on_from(self):
        before = self.resumed()
        path = self.tus_create(len(DATA))
        for at in (0, 1000):
            self.assertEqual(self.tus_patch(path, at, DATA[at:at + 1000]).status, 204)
        self.assertEqual(self.resumed(), before, "whole requests one after another")
        with Wire(self.port) as cut:
            begin_patch(cut, path, 2000, 3000)
            cut.send(DATA[2000:2500])
            wait_until(lambda: self.state(path)["offset"] == 2500, "what came is durable")
        self.assertEqual(self.tus_offset(path), 2500)
        self.assertEqual(self.resumed(), before, "a question is no sender")
        self.assertEqual(self.tus_patch(path, 2500, DATA[2500:]).status, 204)
        self.assertEqual(self.resumed(), (before[0] + 1, before[1] + 2500))
        self.assert_is_stored(path, DATA)


class OneAtATime(Desk):
    def test_S1_14_the_newest_request_wins_within_a_quarter_of_a_second(self):
        path, took, at = self.tus_create(100_000), [], 0
        data = content_of(100_000, 9)
        for dialect in (self.tus_offset, self.draft_offset) * 5:
            with Wire(self.port) as stalled:
                begin_patch(stalled, path, at, 100_000 - at)
                stalled.send(data[at:at + 5000])
                wait_until(lambda: self.state(path)["offset"] == at + 5000, "what came is durable")  # while it stalls
                begun = time.monotonic()
                offset = dialect(path)
                took.append(time.monotonic() - begun)
                self.assertEqual(offset, at + 5000, "what it sent is kept")
                loser = stalled.answer()
                self.assertEqual((loser.status, loser["Upload-Offset"], loser["Connection"], loser["Retry-After"]), (503, str(offset), "close", "1"))
                at = offset
        self.assertLess(statistics.median(took), 0.25, took)
        self.assertEqual(self.tus_patch(path, at, data[at:]).status, 204)
        self.assert_is_stored(path, data)

    def test_S1_14_each_verb_takes_over(self):
        for take in (lambda path: self.tus_patch(path, 5, DATA[5:]), lambda path: self.draft_patch(10, path, 5, True, DATA[5:]), lambda path: self.tus("DELETE", path),
                     lambda path: self.draft(10, "GET", path), lambda path: self.ask("PUT", path, {"Content-Range": "bytes 5-4999/5000"}, DATA[5:])):
            path = self.tus_create(len(DATA))
            with Wire(self.port) as stalled:
                begin_patch(stalled, path, 0, 5000)
                stalled.send(DATA[:5])
                wait_until(lambda: self.state(path)["offset"] == 5, "what came is durable")
                self.assertIn(take(path).status, (200, 201, 204))
                self.assertIn(stalled.answer().status, (503, 410))

    def test_S1_14_many_writers_of_one_upload_leave_one_file(self):
        path = self.tus_create(len(DATA))

        def write():
            for _ in rounds("all of it is there"):
                head = self.tus("HEAD", path)
                if head["Upload-Offset"] == "5000":
                    return
                if head.status == 429:  # whoever asks again at once uses up what a PATCH would need
                    time.sleep(int(head["Retry-After"]))
                if head.status == 200:
                    at = int(head["Upload-Offset"])
                    self.tus_patch(path, at, DATA[at:at + 500])
        with concurrent.futures.ThreadPoolExecutor(4) as writers:
            for each in [writers.submit(write) for _ in range(4)]:
                each.result()
        self.assert_is_stored(path, DATA)

    def test_S5_8_storms(self):
        path = self.tus_create(len(DATA))
        with Wire(self.port) as wire:
            answers = [wire.ask("PATCH", path, {**TUS, "Content-Type": OFFSET_MEDIA, "Upload-Offset": 0}, b"") for _ in range(300)]
        statuses = {each.status for each in answers}
        self.assertEqual(statuses, {204, 429})
        refused = next(each for each in answers if each.status == 429)
        self.assertEqual((refused["Retry-After"], refused["Tus-Resumable"]), ("1", "1.0.0"))
        wait_until(lambda: self.tus_patch(path, 0, DATA).status == 204, "it goes on")
        self.assert_is_stored(path, DATA)


class Limits(Desk):
    cfg = f"max_upload_bytes = 10000\nmax_bytes = 25000\nmax_uploads = 4\nretention = 12s\norigins = {APP}\npublic_url = https://files.example/base/\n"

    def test_S5_7_too_large_in_all_dialects(self):
        answer = self.tus("POST", "/uploads", {"Upload-Length": 10_001})
        self.assertEqual((answer.status, answer["Tus-Max-Size"]), (413, "10000"))
        self.assertEqual(self.ask("OPTIONS", "/uploads")["Tus-Max-Size"], "10000")
        self.assertIn("max-size=10000", self.ask("OPTIONS", "/uploads")["Upload-Limit"])
        for headers in ({"Upload-Length": 10_001}, {}):
            answer = self.draft_create(10, not headers, headers, bytes(10_001) if not headers else b"")
            self.assertEqual((answer.status, answer["Upload-Complete"]), (413, "?0"))
            self.assertIn("max-size=10000", answer["Upload-Limit"])
        self.expect(413, "PUT", "/uri", body=bytes(10_001))
        self.expect(413, "PUT", "/uri", chunks=[bytes(10_001)])
        self.expect(413, "PUT", "/uri?resume=" + "k" * 30, {"Content-Range": "bytes 0-4/10001"}, b"12345")
        self.expect(413, "POST", "/uri", {"Content-Type": "multipart/form-data; boundary=X"},
                    b'--X\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(10_001) + b"\r\n--X--\r\n")
        deferred = self.tus_create(None, {"Upload-Defer-Length": 1})[len("/base"):]
        self.assertEqual(self.tus_patch(deferred, 0, b"x", {"Upload-Length": 10_001}).status, 413)
        self.assertEqual(self.tus_patch(deferred, 0, bytes(10_001)).status, 413)
        self.assertEqual(self.tus_patch(deferred, 0, None, chunks=[bytes(6_000), bytes(6_000)]).status, 413)
        self.assertEqual(self.tus_offset(deferred), 0)
        self.assertEqual(self.tus("DELETE", deferred).status, 204)

    def test_S1_9_and_S5_5_expiry(self):
        made = self.tus("POST", "/uploads", {"Upload-Length": 5000})
        path = made.path[len("/base"):]
        promised = email.utils.parsedate_to_datetime(made["Upload-Expires"]).timestamp()
        self.assertTrue(0 <= promised - time.time() <= 12.5, promised - time.time())
        self.assertEqual(self.tus_patch(path, 0, DATA[:10]).status, 204)
        with Wire(self.port) as live:
            lasting = self.tus_create(5000)[len("/base"):]
            begin_patch(live, lasting, 0, 5000)
            live.send(DATA[:10])
            # Questions and empty requests keep nothing alive.
            wait_until(lambda: self.tus_patch(path, 10, b"").status == 410, "it expires")
            gone = self.tus("HEAD", path)
            self.assertEqual((gone.status, gone["Upload-Offset"], gone["Upload-Expires"]), (410, None, None))
            live.send(DATA[10:])
            self.assertEqual(live.answer().status, 204, "one with a writer never expires")

    def test_S5_7_too_many(self):
        made = []
        while (answer := self.tus("POST", "/uploads", {"Upload-Length": 10})).status == 201:
            made.append(answer.path[len("/base"):])
            self.assertLess(len(made), 9)
        self.assertEqual((answer.status, answer["Retry-After"]), (429, "10"))
        self.assertEqual(self.draft_create(10, True, body=b"x").status, 429)
        self.expect(429, "PUT", "/uri", body=b"x")
        for path in made:
            self.assertEqual(self.tus("DELETE", path).status, 204)
        self.expect(200, "PUT", "/uri", body=b"x")

    def test_S1_1_locations_are_those_of_the_public_url(self):
        self.assertRegex(self.tus("POST", "/uploads", {"Upload-Length": 0})["Location"], "^https://files.example/base/uploads/")

    def test_S1_13_cors(self):
        preflight = self.expect(200, "OPTIONS", "/uploads", {"Origin": APP, "Access-Control-Request-Method": "POST"})
        self.assertEqual((preflight["Access-Control-Allow-Origin"], preflight["Vary"], preflight["Access-Control-Max-Age"]), (APP, "Origin", "7200"))
        self.assertEqual(preflight["Access-Control-Allow-Methods"], "POST, HEAD, PATCH, PUT, OPTIONS, GET, DELETE")
        for name in ("Authorization", "Tus-Resumable", "Upload-Draft-Interop-Version", "Idempotency-Key", "X-HTTP-Method-Override", "Content-Digest"):
            self.assertIn(name, preflight["Access-Control-Allow-Headers"].split(", "))
        nowhere = self.expect(204, "OPTIONS", "/nowhere/at/all", {"Origin": APP, "Access-Control-Request-Method": "PUT"})
        for name in ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"):
            self.assertEqual(nowhere[name], preflight[name], "else the page behind it sees no 404, but a broken network")
        self.expect(404, "PUT", "/nowhere/at/all", {"Origin": APP})
        self.expect(404, "OPTIONS", "/nowhere/at/all", {"Origin": APP})
        made = self.tus("POST", "/uploads", {"Upload-Length": 0, "Origin": APP})
        for answer in (made, self.tus("POST", "/uploads", {"Origin": APP}), self.ask("HEAD", "/uploads/x", {"Origin": APP}), self.ask("GET", "/uploads", {"Origin": APP}),
                       self.tus("POST", "/uploads", {"Upload-Length": 10_001, "Origin": APP}), self.ask("GET", "/nowhere", {"Origin": APP}), self.ask("POST", "/uri", {"Origin": APP}),
                       self.ask("POST", "/uploads", {"Upload-Length": 1, "Tus-Resumable": "0", "Origin": APP})):
            self.assertEqual((answer["Access-Control-Allow-Origin"], answer["Vary"], answer["Access-Control-Allow-Credentials"]), (APP, "Origin", None), answer)
            for name in ("Location", "Upload-Offset", "Upload-Expires", "Upload-Limit", "Retry-After", "Holdfast-Upload-State"):
                self.assertIn(name, answer["Access-Control-Expose-Headers"].split(", "))

    def test_S1_13_S8_12_what_no_route_answers_can_be_read_too(self):
        large, twice = ("X", "y" * 90_000), ("Content-Length", "1")
        for origin, allowed in ((APP, APP), ("https://evil.example", None)):
            for more, status in (([large], 431), ([twice, twice], 400), ([("Expect", "magic")], 417), ([("Host", "evil.example")], 421)):
                with Wire(self.port) as wire:
                    answer = wire.ask("POST", "/uploads", [("Origin", origin)] + more)
                self.assertEqual((answer.status, answer["Access-Control-Allow-Origin"]), (status, allowed), answer)
                self.assertEqual("Retry-After" in (answer["Access-Control-Expose-Headers"] or ""), allowed is not None)

    def test_S1_13_and_S5_8_origins_and_hosts_of_others(self):
        for origin in ("https://evil.example", "null", APP + ".evil.example", "http://app.example", ""):
            for method, target, headers in (("POST", "/uploads", {**TUS, "Upload-Length": 1}), ("PUT", "/uri", {}), ("POST", "/uri", {}), ("PATCH", "/uploads/x", TUS),
                                            ("DELETE", "/uploads/x", TUS), ("OPTIONS", "/uploads", {"Access-Control-Request-Method": "POST"})):
                answer = self.ask(method, target, {**headers, "Origin": origin}, b"")
                self.assertEqual((answer.status, answer["Access-Control-Allow-Origin"]), (403, None), (origin, method))
        for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
            self.assertEqual(self.ask("POST", "/uploads", {"Host": host, **TUS, "Upload-Length": 1}).status, 421)
        own = f"127.0.0.1:{self.port}"
        self.expect(200, "PUT", "/uri", {"Host": own, "Origin": "http://" + own}, b"x")


class Concatenation(Desk):
    cfg = "max_uploads = 3000\n"

    def partial(self, content, length=None):
        answer = self.tus("POST", "/uploads", {"Upload-Length": length or len(content), "Upload-Concat": "partial", "Content-Type": OFFSET_MEDIA}, content)
        self.assertEqual(answer.status, 201, answer)
        return answer.path

    def final(self, parts, headers=()):
        return self.tus("POST", "/uploads", {"Upload-Concat": "final;" + " ".join(parts), **dict(headers)})

    def test_S1_11_whole_partials_in_any_order_and_again(self):
        a, b, empty = self.partial(DATA[:2000]), self.partial(DATA[2000:]), self.tus_create(0, {"Upload-Concat": "partial"})
        head = self.tus("HEAD", a)
        self.assertEqual((head["Upload-Concat"], head["Upload-Offset"], self.state(a)["state"]), ("partial", "2000", "receiving"))
        answer = self.final([a, "http://localhost" + b, empty, a], {"Upload-Metadata": "filename YQ=="})
        self.assertEqual(answer.status, 201, answer)
        self.assert_is_stored(answer.path, DATA + DATA[:2000])
        head = self.tus("HEAD", answer.path)
        self.assertEqual((head["Upload-Offset"], head["Upload-Length"], head["Upload-Metadata"]), ("7000", "7000", "filename YQ=="))
        self.assertEqual(head["Upload-Concat"], f"final;{a} {b} {empty} {a}")
        self.assertEqual(self.tus_patch(answer.path, 7000, b"").status, 403)
        self.assertEqual(self.tus("DELETE", a).status, 204, "nobody needs it now")
        nothing = self.final([empty])
        self.assert_is_stored(nothing.path, b"")

    def test_S1_11_while_partials_still_receive(self):
        a, b = self.partial(DATA[:100], 2000), self.tus_create(None, {"Upload-Concat": "partial", "Upload-Defer-Length": 1})
        final = self.final([a, b]).path
        head = self.tus("HEAD", final)
        self.assertEqual((head["Upload-Offset"], head["Upload-Length"], head["Upload-Defer-Length"]), ("100", None, "1"))
        for refused in (self.tus("DELETE", a), self.ask("PUT", a, body=b"other"), self.ask("PUT", a + "?piece=0", body=DATA[:100])):
            self.assertEqual(refused.status, 409, "its bytes are spoken for")
        self.tus_patch(a, 100, DATA[100:2000])
        self.tus_patch(b, 0, DATA[2000:3000], {"Upload-Length": 3000})
        self.assertEqual((self.tus("HEAD", final)["Upload-Offset"], self.tus("HEAD", final)["Upload-Length"]), ("3000", "5000"))
        self.assertEqual(self.ask("HEAD", final, TUS)["Holdfast-Upload-State"], None)
        self.gateway.kill()
        self.gateway.start()
        self.tus_patch(b, 1000, DATA[3000:])
        self.assert_is_stored(final, DATA)

    def test_S1_11_what_cannot_be_joined(self):
        a = self.partial(DATA[:5])
        final = self.final([a]).path
        for status, parts in ((404, ["/uploads/" + "a" * 52]), (404, [a, "x"]), (400, []), (400, [""]), (400, [self.tus_create(5)]), (400, [final]), (400, [a] * 1001)):
            self.assertEqual(self.final(parts).status, status, parts[:2])
        gone = self.partial(DATA[:5])
        self.tus("DELETE", gone)
        self.assertEqual(self.final([gone]).status, 404)

    def test_S1_11_a_digest_of_the_whole(self):
        a = self.partial(DATA)
        wrong = self.final([a], {"Upload-Metadata": "sha256 " + base64_of("00" * 32)}).path
        wrong_too = self.final([a], {"Repr-Digest": digest_field(b"x", "sha-512")}).path
        for path in (wrong, wrong_too):
            wait_until(lambda: self.tus("HEAD", path).status == 410, "it fails")
        self.assert_is_stored(self.final([a], {"Repr-Digest": digest_field(DATA, "sha-512")}).path, DATA)

    def test_S5_8_what_is_remembered_of_an_upload_has_a_limit_in_all_dialects(self):
        name, media = ("Content-Disposition", "attachment; filename=" + "y" * 20_000), ("Content-Type", "a/" + "x" * 55_000)
        form = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\nabc\r\n--XX--\r\n' % (b"y" * 2_000)
        for fields in ([name, media], [name], [media]):
            self.assertEqual(self.draft_create(6, False, dict(fields)).status, 400)
        for method, target in (("PUT", "/uri"), ("PUT", "/uri?resume=" + "k" * 30), ("POST", "/uploads")):
            self.expect(400, method, target, [media], b"abc")
        self.expect(400, "POST", "/uri", {"Content-Type": "multipart/form-data; boundary=XX"}, form)
        for metadata in ("filename " + base64_of("y" * 1_025), "filetype " + base64_of("y" * 1_025)):
            self.assertEqual(self.tus("POST", "/uploads", {"Upload-Length": 5, "Upload-Metadata": metadata}).status, 400)
        # Each of these is short enough, and all of them together are not.
        longest = f"filename {base64_of('y' * 1_024)},filetype {base64_of('y' * 1_024)},x "
        part = self.tus_create(5, {"Upload-Concat": "partial", "Idempotency-Key": "k", "Upload-Metadata": longest + base64_of("y" * 10_150)}, b"")
        digests = {"Repr-Digest": digest_field(b"abcde" * 1_000, "sha-512"), "Holdfast-Expect-SHA256": hashlib.sha256(b"abcde" * 1_000).hexdigest()}
        for more, status in ((10_000, 201), (10_218, 400)):
            self.assertEqual(self.final([part] * 1_000, {"Upload-Metadata": longest + base64_of("y" * more), **digests}).status, status)
        self.assertEqual(self.tus_patch(part, 0, b"abcde").status, 204)

    def test_S8_9_a_thousand_partials(self):
        parts, content = [], content_of(100_000, 5)
        with Wire(self.port) as wire:
            for at in range(0, 100_000, 100):
                fields = {**TUS, "Upload-Length": 100, "Upload-Concat": "partial", "Content-Type": OFFSET_MEDIA}
                parts.append(wire.ask("POST", "/uploads", fields, content[at:at + 100]).path)
        took = []
        for _ in range(3):  # a machine that was busy with something else is asked again
            begun = time.monotonic()
            final = self.final(parts)
            took.append(time.monotonic() - begun)
            self.assertEqual(final.status, 201, final)
        self.assertLess(min(took), 1, took)
        self.assert_is_stored(final.path, content)
        self.assertEqual(len(self.tus("HEAD", final.path)["Upload-Concat"].split(" ")), 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
