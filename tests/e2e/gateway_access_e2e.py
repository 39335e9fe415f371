"""Who may use a gateway, and what it tells of itself: TLS, access token, sign-in, status, metrics, check (design 7; resumable-upload.md 5.8)."""
import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import unittest
from html import unescape
from urllib.parse import urlencode

from rig import BINARY, DEADLINE, Gateway, Place, names_only_alerts_know, put, wait_until

SECRET = re.compile(r"URI:|gateway-token")


class Reply:
    def __init__(self, response, body):
        self.status, self.headers, self.body, self.text = response.status, response.headers, body, body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)


class Scene(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.__exit__)
        cls.path = cls.place.file("f", 300_000, 5)
        cls.cap = put(cls.place.client, cls.path)["cap"]
        cls.numbers = iter(range(100))

    def gateway(self, cfg=""):
        self.directory = f"{self.place.path}/gateway-{next(self.numbers)}"
        gateway = Gateway(self.directory, self.place.nurls(), cfg)
        self.addCleanup(gateway.stop)
        self.port, self.tls = gateway.port, "tls" in cfg
        return gateway

    def ask(self, method, target, headers=(), body=None, host=None):
        if self.tls:
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            fields = dict(headers)
            if host:
                fields["Host"] = host
            connection.request(method, target, headers=fields, body=body)
            response = connection.getresponse()
            return Reply(response, response.read())
        finally:
            connection.close()

    def token(self):
        with open(self.directory + "/private/gateway-token") as f:
            return f.read().strip()


class Token(Scene):
    def test_nothing_is_answered_without_the_token(self):
        self.gateway("tls = yes\naccess_token = yes\n")
        self.assertEqual(os.stat(self.directory + "/private/gateway-token").st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(self.directory + "/private/gateway.pem").st_mode & 0o777, 0o600)
        for method, target in (("GET", "/"), ("GET", "/uri/" + self.cap), ("HEAD", "/uri/" + self.cap), ("POST", "/uploads"), ("PUT", "/uri"),
                               ("GET", "/status?t=json"), ("GET", "/metrics"), ("GET", "/nowhere"), ("GET", "/uploads/x")):
            if target == "/nowhere":
                continue  # 404 of what does not exist tells nothing
            reply = self.ask(method, target)
            self.assertEqual((reply.status, reply.headers["WWW-Authenticate"]), (401, 'Bearer realm="holdfast"'), (method, target))
        for value in ("", "Bearer", "Bearer ", "Bearer x", "Basic " + base64.b64encode(b":" + self.token().encode()).decode(),
                      "Bearer " + self.token()[:-1], self.token()):
            self.assertEqual(self.ask("GET", "/status?t=json", {"Authorization": value}).status, 401, value)
        reply = self.ask("GET", "/uri/" + self.cap, {"Authorization": "bearer " + self.token()})
        self.assertEqual((reply.status, len(reply.body)), (200, 300_000))
        self.assertEqual(self.ask("GET", "/status?token=" + self.token()).status, 401, "never in a URL")

    def test_a_person_signs_in_with_a_form_and_gets_a_cookie_that_is_not_the_token(self):
        self.gateway("tls = yes\naccess_token = yes\n")
        form = self.ask("GET", "/", {"Accept": "text/html"})
        self.assertEqual(form.status, 401)
        self.assertIn('action="/sign-in"', form.text)
        self.assertIn("frame-ancestors 'none'", form.headers["Content-Security-Policy"])
        for wrong in ("token=x", "token=", "", "x=" + self.token(), "token=" + "a" * 5000):
            reply = self.ask("POST", "/sign-in", {"Content-Type": "application/x-www-form-urlencoded"}, wrong)
            self.assertIn(reply.status, (400, 401), wrong[:20])
            self.assertIsNone(reply.headers["Set-Cookie"])
        reply = self.ask("POST", "/sign-in", {"Content-Type": "application/x-www-form-urlencoded"}, "token=" + self.token())
        self.assertEqual((reply.status, reply.headers["Location"]), (303, "/"))
        cookie = reply.headers["Set-Cookie"]
        self.assertNotIn(self.token(), cookie)
        for attribute in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"):
            self.assertIn(attribute, cookie)
        pair = cookie.split(";")[0]
        self.assertEqual(self.ask("GET", "/status?t=json", {"Cookie": "other=1; " + pair}).status, 200)
        self.assertEqual(self.ask("GET", "/status?t=json", {"Cookie": pair[:-1]}).status, 401)

    def test_the_cookie_is_for_tls_only_also_when_a_proxy_speaks_it(self):
        for cfg, secure in (("public_url = https://files.example/\n", True), ("public_url = http://files.example/\n", False), ("", False)):
            self.gateway("access_token = yes\n" + cfg)
            reply = self.ask("POST", "/sign-in", {"Content-Type": "application/x-www-form-urlencoded"}, "token=" + self.token())
            self.assertEqual("Secure" in reply.headers["Set-Cookie"], secure, cfg)

    def test_who_has_signed_in_comes_to_what_was_asked_for_and_never_to_another_site(self):
        self.gateway("tls = yes\naccess_token = yes\n")
        target = f"/file/{self.cap}/@@named=/a%20b'&x.txt?save=true&filename=%3C%22"
        form, html = self.ask("GET", target, {"Accept": "text/html"}), {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
        kept = re.compile('name="path" type="hidden" value="([^"<>\']*)"')
        self.assertEqual(unescape(kept.search(form.text)[1]), target)
        again = self.ask("POST", "/sign-in", html, urlencode({"path": target, "token": "wrong"}))
        self.assertEqual((again.status, unescape(kept.search(again.text)[1])), (401, target), "a wrong token loses nothing")
        signed = self.ask("POST", "/sign-in", html, urlencode({"path": target, "token": self.token()}))
        self.assertEqual((signed.status, signed.headers["Location"]), (303, target))
        cookie = {"Cookie": signed.headers["Set-Cookie"].split(";")[0]}
        self.assertEqual(len(self.ask("GET", signed.headers["Location"], cookie).body), 300_000)
        self.assertEqual(unescape(kept.search(self.ask("GET", "/uri/" + "x" * 3000, html).text)[1]), "/")
        for foreign in ("//evil.example/", "/\\evil.example/", "https://evil.example/", "evil.example", "\\\\evil.example", "/a\r\nX: y", "/\t/evil.example", " //evil.example",
                        "javascript:alert(1)", "/\u00e4", "", "/" + "a" * 3000):
            sent = urlencode({"path": foreign, "token": self.token()})
            reply = self.ask("POST", "/sign-in", html, sent)
            self.assertEqual((reply.status, reply.headers["Location"], reply.headers["X"]), (303, "/", None), foreign)
            reply = self.ask("POST", "/sign-in", html, urlencode({"path": foreign}))
            self.assertEqual(kept.search(reply.text)[1], "/", foreign)
        self.assertEqual(self.ask("POST", "/sign-in", html, "token=%zz").status, 400)

    def test_a_page_of_another_site_cannot_use_the_cookie_to_change_things(self):
        self.gateway("tls = yes\naccess_token = yes\n")
        bearer = {"Authorization": "Bearer " + self.token()}
        for origin in ("https://evil.example", "null", f"https://127.0.0.1:{self.port + 1}"):
            self.assertEqual(self.ask("PUT", "/uri", {**bearer, "Origin": origin}, b"x").status, 403, origin)
        self.assertEqual(self.ask("PUT", "/uri", {**bearer, "Origin": f"https://127.0.0.1:{self.port}"}, b"x").status, 200)
        self.assertEqual(self.ask("GET", "/status", bearer, host="evil.example").status, 421)

    def test_locations_say_https(self):
        self.gateway("tls = yes\n")
        reply = self.ask("POST", "/uploads")
        self.assertEqual(reply.status, 201)
        self.assertTrue(reply.headers["Location"].startswith(f"https://127.0.0.1:{self.port}/uploads/"), reply.headers["Location"])

    def test_a_certificate_of_the_operator_is_used(self):
        pem = self.place.path + "/own.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem + ".key", "-out", pem],
                       check=True, stderr=subprocess.DEVNULL)
        self.gateway(f"tls_certificate = {pem}\ntls_key = {pem}.key\n")
        context = ssl.create_default_context(cafile=pem)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=context)
        connection.request("GET", "/uri/" + self.cap)
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()


class Beyond(Scene):
    def run_with(self, cfg):
        path = f"{self.place.path}/gateway-{next(self.numbers)}"
        subprocess.run([BINARY, "create-node", path, "--gateway", "--server", self.place.nurls()[0]], check=True, stdout=subprocess.DEVNULL)
        with open(path + "/holdfast.cfg", "a") as f:
            f.write(cfg)
        return subprocess.run([BINARY, "run", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE)

    def test_other_addresses_want_tls_or_consent(self):
        refused = self.run_with("bind = 0.0.0.0\n")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("tls = yes", refused.stdout)

    def test_beyond_loopback_there_is_always_a_token(self):
        self.gateway("bind = 0.0.0.0\nplain_http_beyond_loopback = true\n")
        self.assertEqual(self.ask("GET", "/status?t=json").status, 401)
        self.assertEqual(self.ask("GET", "/status?t=json", {"Authorization": "Bearer " + self.token()}).status, 200)

    def test_a_missing_certificate_is_named(self):
        refused = self.run_with("tls_certificate = nowhere.pem\n")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("nowhere.pem", refused.stdout)


class Status(Scene):
    @staticmethod
    def away(reply):
        return [each for each in reply.json()["servers"] if not each["connection_status"].startswith("Connected")]

    def status_when(self, count, target="/status?t=json"):
        """The answer when so many servers are away: who is slow to answer is called that for some seconds."""
        def look():
            reply = self.ask("GET", target)
            self.assertEqual(reply.status, 200)
            return reply if len(self.away(reply)) == count else None
        return wait_until(look, f"{count} servers are away")

    def test_tells_of_servers_and_uploads_but_no_cap_and_no_name(self):
        self.gateway()
        made = self.ask("POST", "/uploads", {"Tus-Resumable": "1.0.0", "Upload-Length": "1000",
                                             "Upload-Metadata": "filename " + base64.b64encode(b"secret-plans.txt").decode()})
        token = made.headers["Location"].rpartition("/")[2]
        cap = self.ask("PUT", "/uri", body=b"z" * 100_000).text
        for target in ("/status?t=json", "/?t=json"):
            reply = self.status_when(0, target)
            status = reply.json()
            self.assertEqual(len(status["servers"]), 10)
            for server in status["servers"]:
                self.assertTrue(server["connection_status"].startswith("Connected"), server)
                self.assertGreater(server["available_space"], 0)
            self.assertEqual([(each["state"], each["length"]) for each in status["uploads"]], [("receiving", 1000)])
            self.assertEqual([(each["state"], each["size"]) for each in status["recent"]], [("committed", 100_000)])
            for secret in ("secret-plans", token, cap, "URI:"):
                self.assertNotIn(secret, reply.text)
        self.assertEqual(self.ask("DELETE", "/uploads/" + token, {"Tus-Resumable": "1.0.0"}).status, 204)
        self.assertIn("cancelled", [each["state"] for each in self.ask("GET", "/status?t=json").json()["recent"]])

    def test_says_which_server_is_away(self):
        links = self.place
        self.gateway().stop()
        with open(self.directory + "/private/servers.nurl") as f:
            text = f.read()
        dead = re.sub(r"(pb://[^@]*@127\.0\.0\.1):\d+", r"\1:1", text, count=1)
        with open(self.directory + "/private/servers.nurl", "w") as f:
            f.write(dead)
        again = self.place.path + "/again"
        self.assertIsNotNone(links)
        os.rename(self.directory, again)
        gateway = Gateway.__new__(Gateway)
        gateway.arguments = [BINARY, "run", again]
        with open(again + "/holdfast.cfg") as f:
            cfg = f.read()
        with open(again + "/holdfast.cfg", "w") as f:
            f.write(re.sub(r"port = \d+", "port = 0", cfg))
        gateway.start()
        self.addCleanup(gateway.stop)
        with open(again + "/node.url") as f:
            self.port = int(f.read().strip().rstrip("/").rpartition(":")[2])
        [away] = self.away(self.status_when(1))
        self.assertIsNone(away["available_space"])

    def test_metrics_count_what_happened(self):
        self.gateway()
        self.ask("PUT", "/uri", body=b"y" * 70_000)
        self.ask("GET", "/uri/" + self.cap)
        text = self.ask("GET", "/metrics").text
        values = dict(line.split(" ") for line in text.splitlines() if line and not line.startswith("#"))
        self.assertEqual(names_only_alerts_know("gateway", text), set())
        self.assertEqual(values["holdfast_gateway_uploads_committed_total"], "1")
        self.assertEqual(values["holdfast_gateway_received_bytes_total"], "70000")
        self.assertEqual(values["holdfast_gateway_download_bytes_total"], "300000")
        self.assertIsNone(SECRET.search(text))


class Check(Scene):
    def check(self, arguments=""):
        return self.ask("POST", f"/uri/{self.cap}?t=check{arguments}")

    def test_check_verify_and_repair_answer_as_tahoe_does(self):
        self.gateway()
        for arguments in ("", "&output=JSON", "&verify=true&output=json", "&add-lease=true"):
            results = self.check(arguments).json()["results"]
            self.assertEqual((results["healthy"], results["count-shares-good"], results["count-shares-needed"]), (True, 10, 3), arguments)
        self.assertEqual(self.check("&repair=true").json()["repair-attempted"], False)
        literal = self.ask("POST", "/uri/URI:LIT:nbswy3dp?t=check&output=JSON").json()
        self.assertEqual(literal, {"storage-index": "", "results": {"healthy": True}})
        self.assertEqual(self.check("&output=XML").status, 400)
        self.assertEqual(self.check("&verify=perhaps").status, 400)
        self.assertEqual(self.ask("POST", "/uri/URI:DIR2:x:y?t=check").status, 400)


if __name__ == "__main__":
    unittest.main()
