"""Malformed and smuggled HTTP by raw socket (F38), at a storage server and at a gateway. Whatever comes in: the answer is a 4xx or the end of the connection, never
a 5xx, never out of step (what lies in a body is no request, what follows a refusal is answered rightly or not at all), and the
server lives on. An upload that every smuggled request would abort must still be there at the end."""
import base64
import random
import socket
import ssl
import struct
import unittest

import cbor
import rig
from gbs import Node, base32, new_secret, new_si, pattern, tls_context
from rig import DEADLINE, Place

EOL = b"\r\n"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def parse(data):
    """All answers in what a connection delivered; anything else among them is an error. None: the last one is not whole."""
    replies = []
    while data:
        head, end, rest = data.partition(EOL * 2)
        if not end:
            return replies + [None]
        first, *lines = head.decode("ascii").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1", first
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = 0 if status in ("100", "204", "304") else int(headers["content-length"])
        if len(rest) < length:
            return replies + [None]
        replies.append(Reply(int(status), headers, rest[:length]))
        data = rest[length:]
    return replies


class Tls:
    """TLS over a socket, with the half-close that Python's own sockets lack."""

    def __init__(self, plain):
        self.plain, self.incoming, self.outgoing = plain, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = tls_context().wrap_bio(self.incoming, self.outgoing)
        self.patiently(self.tls.do_handshake)

    def flush(self):
        try:
            self.plain.sendall(self.outgoing.read())
        except OSError:
            pass  # the server has refused already; what it said is still to be read

    def patiently(self, operation):
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                self.flush()
                piece = self.plain.recv(1 << 16)
                self.incoming.write(piece) if piece else self.incoming.write_eof()
            finally:
                self.flush()

    def send(self, data):
        for at in range(0, len(data), 1 << 16):
            self.tls.write(data[at:at + (1 << 16)])
            self.flush()

    def finish(self):
        try:
            self.tls.unwrap()  # says "that was all"; the answer to it comes last
        except ssl.SSLError:
            pass
        self.flush()

    def receive_all(self):
        received = bytearray()
        try:
            while piece := self.patiently(lambda: self.tls.read(1 << 16)):
                received += piece
        except (OSError, ssl.SSLError):
            pass
        return bytes(received)


class Abuse:
    """The cases that every server of ours must stand. Who mixes it in says which server: `good` and `line` are a request that is
    answered by 200 with `mark` in its body, `smuggled` is what no body may be read as, `post` one whose framing is for the caller to tell, and
    which is answered by `posted` when it is right."""
    host = b"Host: x"
    head_max, fields_max = 16_384, 100

    def setUp(self):
        self.cases = 0
        self.addCleanup(self.look_after_the_server)

    @classmethod
    def request(cls, line=None, *headers, body=b"", host=True, eol=EOL):
        host = cls.host if host is True else host
        lines = [cls.line if line is None else line] + ([host] if host else []) + [cls.auth, *headers]
        return eol.join(lines) + eol * 2 + body

    def assert_refused(self, data, before=0, name=None):
        """`before` good answers, then a 4xx or the end; then the good request sent behind is answered well, or not at all."""
        self.cases += 1
        with self.subTest(name or data[:90]):
            replies = self.converse(data + self.good)
            statuses = [reply.status if reply else None for reply in replies]
            self.assertEqual(statuses[:before], [200] * before)
            rest = statuses[before:]
            if rest and rest[0] is not None:
                self.assertTrue(400 <= rest[0] < 500, statuses)
            self.assertIn(rest[1:], ([], [200], [None]), statuses)
            if rest[1:] == [200]:
                self.assertIn(self.mark, replies[-1].body)

    def assert_statuses(self, data, *wanted):
        """The whole conversation, for requests that are rightly framed."""
        self.cases += 1
        with self.subTest(data[:90]):
            self.assertEqual([reply.status if reply else None for reply in self.converse(data)], list(wanted))

    def test_f38_lengths_that_contradict_repeat_or_are_no_numbers(self):
        body = self.smuggled
        right = b"Content-Length: %d" % len(body)
        for value in (b"5, 5", b"5,6", b"+5", b"-5", b"0x5", b"5.0", b"", b"5 5", b"1e3", b"5;", b"five", b"\xd9\xa5", b"5\t5", b"-0",
                      b"18446744073709551616", b"99999999999999999999999999", b"00000000000000000000000000000000000x"):
            self.assert_refused(self.post(b"Content-Length: " + value, body=body))
        for first, second in ((5, 5), (5, 6), (0, len(body)), (len(body), 0), (len(body), len(body))):
            self.assert_refused(self.post(b"Content-Length: %d" % first, b"Content-Length: %d" % second, body=body))
        self.assert_refused(self.post(right, b"content-length: 0", body=body))
        for name in (b"Content-Length ", b"Content-Length\t", b" Content-Length", b"Content-\x00Length", b"Content Length"):
            self.assert_refused(self.post(name + b": %d" % len(body), body=body))
        self.assertGreaterEqual(self.cases, 28)

    def test_f38_transfer_codings_that_contradict_repeat_or_are_not_known(self):
        chunked = b"0\r\n\r\n" + self.smuggled
        for value in (b"chunked, chunked", b"identity", b"gzip, chunked", b"chunked, identity", b"chunked, gzip", b"xchunked", b"chunkedx",
                      b"chunked;q=1", b'"chunked"', b"", b",", b",chunked", b"chunked,", b"\x0bchunked", b"chunked\x00", b"\xa0chunked",
                      b"chunk ed", b"deflate"):
            self.assert_refused(self.post(b"Transfer-Encoding: " + value, body=chunked))
        for headers in ((b"Transfer-Encoding: chunked", b"Content-Length: 5"), (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
                        (b"Content-Length: 0", b"Transfer-Encoding: chunked"), (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
                        (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"), (b"Transfer-Encoding : chunked",),
                        (b"Transfer-Encoding\t: chunked",), (b"Transfer-Encoding:\r\n chunked",), (b" Transfer-Encoding: chunked",),
                        (b"transfer-encoding: CHUNKED", b"CONTENT-LENGTH: 0")):
            self.assert_refused(self.post(*headers, body=chunked))
        old = self.post(b"Transfer-Encoding: chunked", body=chunked).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        self.assert_refused(old)
        self.assertGreaterEqual(self.cases, 29)

    def test_f38_lines_that_do_not_end_as_lines_do(self):
        self.assert_refused(self.request(eol=b"\n"))
        self.assert_refused(self.request(eol=b"\r"))
        self.assert_refused(self.request(eol=b"\n\r"))
        self.assert_refused(self.request(eol=b"\r\r\n"))
        line, host = self.line, self.host
        for text in (line + b"\n" + host + EOL, line + EOL + host + b"\n", line + b"\r" + host + EOL, line + EOL + host + b"\r",
                     line + EOL + host + b"\r\r\n", line + EOL + host + b"\n\r\n", EOL + line + EOL + host + EOL, b"\n" + line + EOL + host + EOL):
            self.assert_refused(text + self.auth + EOL * 2)
        self.assert_refused(self.request()[:-2] + b"\n")
        self.assert_refused(self.request()[:-4] + b"\n\n")
        self.assert_refused(self.request()[:-4] + b"\r\n\n")
        for fold in (b"X: a\r\n b", b"X: a\r\n\tb", b"X: a\r\n   ", b"X:\r\n b", b" X: a", b"\tX: a"):
            self.assert_refused(self.request(line, fold))
        self.assert_refused(line + EOL + b" " + host + EOL + self.auth + EOL * 2)

    def test_f38_characters_that_do_not_belong(self):
        for c in (b"\x00", b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x1b", b"\x1f", b"\x7f"):
            self.assert_refused(self.request(b"GET " + self.resource + c + b" HTTP/1.1"))
            self.assert_refused(self.request(b"GE" + c + b"T " + self.resource + b" HTTP/1.1"))
            self.assert_refused(self.request(self.good.split(EOL)[0], b"X-Na" + c + b"me: value"))
            self.assert_refused(self.request(self.good.split(EOL)[0], b"X-Name: va" + c + b"lue"))
        for header in (b"no colon", b": no name", b"na me: x", b"na(me: x", b"na\xc3\xa4me: x", b"name : x", b"@: x", b"na/me: x", b":", b"a,b: x"):
            self.assert_refused(self.request(self.good.split(EOL)[0], header))

    def test_f38_request_lines(self):
        version = self.resource
        for line in (b"GET", b"GET " + version, b"GET " + version + b" ", b" GET " + version + b" HTTP/1.1", b"GET  HTTP/1.1",
                     b"GET  " + version + b" HTTP/1.1", b"GET " + version + b"  HTTP/1.1", b"GET\t" + version + b"\tHTTP/1.1",
                     b"GET " + version + b" http/1.1", b"GET " + version + b" HTTP/1.10", b"GET " + version + b" HTTP/1.2",
                     b"GET " + version + b" HTTP/2.0", b"GET " + version + b" HTTP/0.9", b"GET " + version + b" HTTP/11",
                     b"GET " + version + b" HTTP/1.1 x", b"GET " + version + b" HTTP/1.", b"GET " + version + b" HTTP /1.1",
                     b"GET " + version + b" SHTTP/1.1", b"GET " + version + b" HTTP/-1.1", b"GET " + version + b" HTTP/1,1", b"",
                     b"G@T " + version + b" HTTP/1.1", b"\"GET\" " + version + b" HTTP/1.1", b"PRI * HTTP/2.0", b"GET * HTTP/1.1",
                     b"GET " + version[1:] + b" HTTP/1.1", b"GET " + version + b"#x HTTP/1.1", b"GET /a b HTTP/1.1",
                     b"GET /\xff\xfe HTTP/1.1", b"GET /\xc3\xa4 HTTP/1.1", b"CONNECT x:443 HTTP/1.1", b"GET http://other" + version + b" HTTP/1.1",
                     b"GET http:///x HTTP/1.1", b"GET ftp://x" + version + b" HTTP/1.1", b"GET http://x@y" + version + b" HTTP/1.1",
                     b"GET x:443 HTTP/1.1", b"GET ?x HTTP/1.1", b"GET " + version + b"/ HTTP/1.1",
                     b"GET /" + version + b" HTTP/1.1", b"GET /storage/.." + version + b" HTTP/1.1", b"GET /%2e%2e HTTP/1.1",
                     b"GET " + version + b"%00 HTTP/1.1", b"GET " + version + b"; HTTP/1.1", b"get " + version + b" HTTP/1.1",
                     b"TRACE " + version + b" HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET " + version.replace(b"/", b"\\") + b" HTTP/1.1"):
            self.assert_refused(self.request(line))
        self.assertGreaterEqual(self.cases, 47)

    def test_f38_hosts_and_expectations(self):
        line = self.line
        self.assert_refused(self.request(line, host=None))
        for host in (b"Host: a b", b"Host: a/b", b"Host: a,b", b"Host: <a>", b"Host: a\\b", b"Host: \xff", b"Host : x", b"Host: x\r\nHost: x",
                     b"Host: x\r\nhost: y", b"Host: a?b", b"Host: \"a\""):
            self.assert_refused(self.request(line, host=host))
        for value in (b"200-ok", b"100-continue, 100-continue", b"100-continued", b"", b"x" * 5000):
            self.assert_refused(self.request(line, b"Expect: " + value))

    def head_of(self, size):
        """So many bytes in all, in fields of at most 16 KiB."""
        fields = []
        while (left := size - len(self.request(self.line, *fields))) > 0:
            fields.append(b"X: " + b"y" * (min(left, 16_384) - 5))
        return self.request(self.line, *fields)

    def test_f38_heads_without_measure(self):
        line = self.line
        many = [b"X-%d: y" % i for i in range(10_000)]
        large = b"y" * (1 << 20)
        for name, data in (("10,000 headers", self.request(line, *many)), ("10,000 times one header", self.request(line, *[b"A: b"] * 10_000)),
                           ("a header too many", self.request(line, *many[:self.fields_max + 1])), ("a value of a megabyte", self.request(line, b"X: " + large)),
                           ("a name of a megabyte", self.request(line, large + b": x")), ("a target of a megabyte", self.request(b"GET /" + large + b" HTTP/1.1")),
                           ("a method of a megabyte", self.request(large + b" / HTTP/1.1")), ("a version of a megabyte", self.request(line + large)),
                           ("a megabyte of blanks", self.request(line, b"X:" + b" " * (1 << 20))), ("a line without end", large * 3),
                           ("a megabyte of line ends", EOL * (1 << 19)), ("blanks without end", b" " * (1 << 20)),
                           ("a host of a megabyte", self.request(line, host=b"Host: " + large)),
                           ("a secret of a megabyte", self.request(line, b"X-Tahoe-Authorization: upload-secret " + large)),
                           ("a byte too many", self.head_of(self.head_max + 1))):
            self.assert_refused(data, name=name)
        exact = self.head_of(self.head_max)
        self.assertEqual(len(exact), self.head_max)
        self.assert_statuses(exact, 200)
        self.assert_statuses(self.request(b"GET /" + b"y" * 10_000 + b" HTTP/1.1"), 404)

    def test_f38_chunks(self):
        message = self.message
        whole = b"%x\r\n%s\r\n" % (len(message), message)
        post = lambda body: self.post(b"Transfer-Encoding: chunked", body=body)
        self.assert_statuses(post(whole + b"0\r\n\r\n") + self.good, self.posted, 200)
        self.assert_statuses(post(whole + b"000;x=y\r\nTrailer: t\r\n\r\n") + self.good, self.posted, 200)
        for size in (b"", b"g", b"-1", b"+1", b"0x5", b" 5", b"5 ", b"5\t", b"5,5", b"5\x00", b"00000000000000005", b"FFFFFFFFFFFFFFFF",
                     b"FFFFFFFFFFFFFFFFF", b"10000000000000000", b"7FFFFFFFFFFFFFFF", b"fffffffffffffffe", b"1" * 1000, b"5;\x00", b"5;a\x7f",
                     b"5;" + b"x" * 100_000, b"5\rX", b"\xef\xbc\x95"):
            self.assert_refused(post(size + EOL + self.smuggled))
        size = b"%x" % len(message)
        for body in (size + b"\n" + message + b"\r\n0\r\n\r\n", size + EOL + message + b"\n0\r\n\r\n", size + EOL + message + b"0\r\n\r\n",
                     size + EOL + message + b"XX0\r\n\r\n", size + b"\r\r\n" + message + b"\r\n0\r\n\r\n", whole + b"0\n\r\n", whole + b"0\r\n\n",
                     whole + b"0\r\nT: a\n\r\n", whole + b"0\r\nT: a\x00\r\n\r\n", whole + b"0\r\n" + b"T: a\r\n" * 100_000 + EOL,
                     whole + b"0\r\n" + b"T" * (1 << 20), whole + EOL + b"0\r\n\r\n", whole + b"0\r\n\r" + b"X", whole + whole + b"0\r\n\r\n",
                     b"1\r\n\xa2\r\n" * 9000 + b"0\r\n\r\n", b"0\r\n\r\n"):
            self.assert_refused(post(body))
        self.assertGreaterEqual(self.cases, 40)

    def test_f38_pipelining_across_an_error_stays_in_step(self):
        self.assert_statuses(self.good * 50, *[200] * 50)
        bad_heads = [b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n",
                     b"GET / HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"\r\n", b"\x00"]
        for bad in bad_heads:
            for before in (1, 3):
                self.assert_refused(self.good * before + bad + self.smuggled, before=before)
        missing = self.request(b"GET /nowhere HTTP/1.1")
        self.assert_statuses(missing + self.good + missing + missing + self.good, 404, 200, 404, 404, 200)
        closing = self.request(self.line, b"Connection: close")
        self.assert_statuses(closing + self.smuggled, 200)
        self.assert_statuses(self.good.replace(b"HTTP/1.1", b"HTTP/1.0") + self.smuggled, 200)

    def test_f38_noise(self):
        rng = random.Random(38)
        for _ in range(40):
            noise = bytearray(self.good)
            for _ in range(rng.randrange(1, 4)):
                noise[rng.randrange(len(noise))] = rng.randrange(256)
            for reply in self.converse(bytes(noise)):
                self.assertTrue(reply is None or reply.status < 500)
            for reply in self.converse(rng.randbytes(rng.randrange(1, 5000))):
                self.assertTrue(reply is None or 400 <= reply.status < 500)


class StorageServer(Abuse, unittest.TestCase):
    resource = b"/storage/v1/version"
    line = b"GET /storage/v1/version HTTP/1.1"
    mark = b"application-version"
    message = cbor.encode({"share-numbers": {2}, "allocated-size": 1000})
    posted = 200

    @classmethod
    def setUpClass(cls):
        cls.node = Node()
        cls.addClassCleanup(cls.node.close)
        cls.client = cls.node.client()
        cls.auth = b"Authorization: " + cls.client.authorization.encode()
        cls.si, cls.secret = new_si(), new_secret()
        cls.client.allocated(cls.si, {1, 2}, 1000, cls.secret, resume=True)
        assert cls.client.write(cls.si, 1, 0, pattern(10), cls.secret).status == 200
        cls.upload = b"X-Tahoe-Authorization: upload-secret " + base64.b64encode(cls.secret)
        cls.path = b"/storage/v1/immutable/" + cls.si.encode()
        cls.good = cls.request()
        # Every body that must not be read as a request is this one.
        cls.smuggled = cls.request(b"PUT " + cls.path + b"/1/abort HTTP/1.1", cls.upload, b"Content-Length: 0")

    def look_after_the_server(self):
        self.assertTrue(self.node.alive(), "the server lives on")
        self.assertEqual(self.client.version().status, 200)
        self.assertEqual(self.client.required(self.si, 1, self.secret), [(10, 1000)], "nothing smuggled was done")

    @classmethod
    def post(cls, *headers, body=b""):
        lease = [b"X-Tahoe-Authorization: lease-%s-secret " % kind + base64.b64encode(b"x" * 32) for kind in (b"renew", b"cancel")]
        return cls.request(b"POST " + cls.path + b" HTTP/1.1", *lease, cls.upload, *headers, body=body)

    def converse(self, data):
        """Sends, ends the sending side as TLS wants it, and reads all that comes."""
        with socket.create_connection(("127.0.0.1", self.node.port), timeout=DEADLINE) as plain:
            tls = Tls(plain)
            tls.send(data)
            tls.finish()
            return parse(tls.receive_all())

    def cut(self, data):
        """Sends and breaks the connection."""
        stream = self.node.connect()
        stream.sendall(data)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()

    def test_f38_no_route_has_a_query(self):
        self.assert_refused(self.request(b"GET " + self.resource + b"?x HTTP/1.1"))

    def test_f38_every_kind_of_bad_content_range(self):
        patch = lambda *headers: self.request(b"PATCH " + self.path + b"/1 HTTP/1.1", self.upload, *headers, b"Content-Length: %d" % len(self.smuggled),
                                              body=self.smuggled)
        for value in (b"", b" ", b"bytes", b"bytes ", b"bytes /", b"bytes -", b"bytes -/*", b"bytes 0", b"bytes 0-", b"bytes -0/*", b"bytes 0-/*",
                      b"bytes 0-9", b"bytes 0-9/", b"bytes 0-9/x", b"bytes 0-9/-1", b"bytes 0-9/9", b"bytes 0-9/999", b"bytes 0-9/1001", b"bytes 0-9/*/",
                      b"bytes 0-9/**", b"bytes */*", b"bytes */1000", b"bytes 9-0/*", b"bytes 0-9-9/*", b"bytes 0--9/10", b"bytes -1-9/10", b"bytes +0-9/*",
                      b"bytes 0 -9/*", b"bytes 0- 9/*", b"bytes  0-9/*", b"bytes\t0-9/*", b"bytes=0-9/*", b"bytes:0-9/*", b"chunks 0-9/*",
                      b"byte 0-9/*", b"bytes 0x0-0x9/*", b"bytes 0.0-9/*", b"bytes 0-9,20-29/*", b"bytes 0-9/*, bytes 0-9/*", b"bytes 0-1000/*",
                      b"bytes 1000-1009/*", b"bytes 0-18446744073709551615/*", b"bytes 18446744073709551606-18446744073709551615/*",
                      b"bytes 0-18446744073709551616/*", b"bytes 99999999999999999999-99999999999999999999/*", b"bytes 0-9/99999999999999999999",
                      b"bytes \xd9\xa0-9/*", b"garbage", b"bytes 0-9/*" + b" x" * 2000):
            self.assert_statuses(patch(b"Content-Range: " + value) + self.good, 416, 200)
        for pair in ((b"bytes 0-9/*", b"bytes 0-9/*"), (b"bytes 0-%d/*" % (len(self.smuggled) - 1), b"bytes 500-599/*"), (b"garbage", b"bytes 0-9/*")):
            self.assert_statuses(patch(*(b"Content-Range: " + value for value in pair)) + self.good, 416, 200)
        self.assert_statuses(patch() + self.good, 416, 200)

    def test_f38_a_refusal_reads_its_body_or_closes(self):
        body, n = self.smuggled, b"Content-Length: %d" % len(self.smuggled)
        share, nobody = self.path + b"/1", self.good.replace(self.auth, b"Authorization: nobody")
        post = lambda line, *headers, body=body: self.request(line, *headers, body=body)
        for data, status in ((post(b"GET /nowhere HTTP/1.1", n), 404), (post(b"PUT /storage/v1/version HTTP/1.1", n), 405),
                             (post(b"GET /storage/v1/version HTTP/1.1", b"Accept: image/gif", n), 406),
                             (post(b"PATCH " + share + b" HTTP/1.1", n), 400), (post(b"POST " + share + b"/corrupt HTTP/1.1", n), 404),
                             (self.post(n, body=body), 400), (self.post(n, b"Content-Type: text/plain", body=body), 415),
                             (nobody[:-2] + n + EOL * 2 + body, 401),
                             (post(b"GET /nowhere HTTP/1.1", b"Transfer-Encoding: chunked", body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)), 404)):
            self.assert_statuses(data + self.good, status, 200)
        self.assert_statuses(post(b"GET /storage/v1/version HTTP/1.1", n) + self.good, 200, 200)
        long = self.smuggled * 2000
        told = b"Content-Length: %d" % len(long)
        for data, status in ((post(b"GET /nowhere HTTP/1.1", told, body=long), 404), (self.post(told, body=long), 413),
                             (nobody[:-2] + told + EOL * 2 + long, 401), (post(b"GET /storage/v1/version HTTP/1.1", told, body=long), 200)):
            self.assert_statuses(data + self.good, status)
        waiting = post(b"PATCH " + share + b" HTTP/1.1", b"Expect: 100-continue", n, body=b"")
        self.assert_statuses(waiting + body + self.good, 400)
        self.assert_statuses(nobody[:-2] + b"Expect: 100-continue" + EOL + n + EOL * 2 + body + self.good, 401)

    def test_f38_an_early_end_at_every_byte_of_one_request(self):
        si, secret = new_si(), new_secret()
        self.client.allocated(si, {0}, 1000, secret, resume=True)
        body = pattern(1000)[:40]
        whole = (b"PATCH /storage/v1/immutable/" + si.encode() + b"/0 HTTP/1.1\r\nHost: x\r\n" + self.auth + b"\r\nX-Tahoe-Authorization: upload-secret "
                 + base64.b64encode(secret) + b"\r\nContent-Range: bytes 0-39/1000\r\nContent-Length: 40\r\n\r\n" + body)
        for end in range(len(whole)):
            statuses = [reply and reply.status for reply in self.converse(whole[:end])]
            self.assertIn(statuses, ([], [400]), f"cut behind byte {end}")
        for end in range(0, len(whole), 7):
            self.cut(whole[:end])
        self.assertEqual(self.client.required(si, 0, secret), [(39, 1000)], "what came before the cuts counts")
        self.assertEqual([reply.status for reply in self.converse(whole)], [200])
        self.assertEqual(self.client.required(si, 0, secret), [(40, 1000)])

    def test_f38_what_is_no_tls_and_what_is_no_http(self):
        rng = random.Random(38)
        for data in (self.good, b"", b"\x00" * 1000, b"GET /id/x HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\xff" * 70_000, b"\x16\x03\x01\x00\x05hello",
                     *(rng.randbytes(rng.randrange(1, 3000)) for _ in range(20))):
            with socket.create_connection(("127.0.0.1", self.node.port), timeout=60) as plain:
                try:
                    plain.sendall(data)
                    plain.shutdown(socket.SHUT_WR)
                    received = bytearray()
                    while piece := plain.recv(1 << 16):
                        received += piece
                except OSError:
                    continue
                self.assertNotIn(b"HTTP/1.1 200", received)


class Gateway(Abuse, unittest.TestCase):
    host, auth = b"Host: localhost", b"Accept: */*"
    mark = b"the good file"
    message = b"whatever"
    posted = 405
    head_max, fields_max = 81_920, 128  # a concatenation names a thousand uploads

    @classmethod
    def setUpClass(cls):
        place = Place(servers=3)
        cls.addClassCleanup(place.__exit__)
        cls.gateway = rig.Gateway(place.path + "/gateway", place.nurls())
        cls.addClassCleanup(cls.gateway.stop)
        cls.resource = b"/uri/URI:LIT:" + base32(cls.mark).encode()
        cls.line = b"GET " + cls.resource + b" HTTP/1.1"
        cls.good = cls.request()
        cls.smuggled = cls.request(b"GET /uri/URI:LIT:" + base32(b"smuggled").encode() + b" HTTP/1.1")

    def look_after_the_server(self):
        self.assertIsNone(self.gateway.process.poll(), "the gateway lives on")
        self.assert_statuses(self.good, 200)

    @classmethod
    def post(cls, *headers, body=b""):
        return cls.request(b"POST " + cls.resource + b" HTTP/1.1", *headers, body=body)

    def converse(self, data):
        """Sends, ends the sending side, and reads all that comes."""
        received = bytearray()
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=DEADLINE) as plain:
            try:
                plain.sendall(data)
                plain.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the gateway has refused already; what it said is still to be read
            try:
                while piece := plain.recv(1 << 16):
                    received += piece
            except OSError:
                pass
        self.assertNotIn(b"smuggled", received)
        return parse(bytes(received))

    def test_f38_a_refusal_reads_its_body_or_closes(self):
        body, n = self.smuggled, b"Content-Length: %d" % len(self.smuggled)
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        for line, status in ((self.line, 200), (b"GET /nowhere HTTP/1.1", 404), (b"DELETE " + self.resource + b" HTTP/1.1", 405), (b"GET /uri/x HTTP/1.1", 400),
                             (b"GET /uri/%c0%af HTTP/1.1", 400), (b"GET //uri HTTP/1.1", 400)):
            self.assert_statuses(self.request(line, n, body=body) + self.good, status, 200)
            self.assert_statuses(self.request(line, b"Transfer-Encoding: chunked", body=chunked) + self.good, status, 200)
        self.assert_statuses(self.request(self.line, n, host=b"Host: evil.example", body=body) + self.good, 421, 200)
        self.assert_statuses(self.post(b"Origin: http://evil.example", n, body=body) + self.good, 403, 200)
        long = self.smuggled * 2000
        self.assert_statuses(self.post(b"Content-Length: %d" % len(long), body=long) + self.good, 405)
        self.assert_statuses(self.post(b"Expect: 100-continue", n) + body + self.good, 405)

    def test_f38_an_early_end_at_every_byte_of_one_request(self):
        whole = self.request(self.line, b"Range: bytes=0-3", b"If-None-Match: \"x\"", b"Content-Length: 4", body=b"body")
        for end in range(len(whole)):
            statuses = [reply and reply.status for reply in self.converse(whole[:end])]
            self.assertIn(statuses, ([], [206], [400]), f"cut behind byte {end}")
        self.assert_statuses(whole, 206)

    def test_f38_conditions_and_ranges_of_any_kind_are_answered(self):
        rng = random.Random(7)
        words = [b"bytes=", b"0", b"-", b",", b"\"", b"W/", b"*", b" ", b"18446744073709551616", b"x", b"9-5", b"\t", b"\xff", b";", b"=", b"\"a,b\""]
        for _ in range(300):
            value = lambda: b"".join(rng.choice(words) for _ in range(rng.randrange(12))).strip()
            fields = [name + b": " + value() for name in (b"Range", b"If-Range", b"If-Match", b"If-None-Match", b"Origin", b"Want-Digest") if rng.random() < 0.5]
            replies = self.converse(self.request(self.line, *fields) + self.good)
            self.assertIn(replies[0].status, (200, 206, 304, 412, 416), fields)
            self.assertEqual(replies[-1].status, 200, fields)


if __name__ == "__main__":
    unittest.main()
