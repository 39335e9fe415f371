"""Captive portals and proxies that limit bodies, in the place of servers (F14): recognised, said in a sentence, nothing wrong
stored; when they are gone, all goes on."""
import json
import os
import unittest

from meddler import Meddler, answer
from portal import PAGE, Portal
from rig import Place, finish, get, put, sha256, start

MIB = 1 << 20


def page(status):
    def portal(_):
        out = answer(status, body=PAGE, content_type="text/html; charset=utf-8")
        if status == 302:
            out.headers.append(("Location", "http://portal.example/login"))
        return out
    return portal


def in_place_of(nurl, portal):
    head, _, rest = nurl.rpartition("@")
    return f"{head}@127.0.0.1:{portal.port}/{rest.partition('/')[2]}"


class Portals(unittest.TestCase):
    def setUp(self):
        self.place = Place(servers=4)
        self.addCleanup(self.place.__exit__)
        self.meddlers = [Meddler(f"{self.place.path}/grid/storage-{i}", nurl) for i, nurl in enumerate(self.place.nurls())]
        for each in self.meddlers:
            self.addCleanup(each.close)
        self.client = self.place.new_client("far", [each.nurl for each in self.meddlers], convergence_of=self.place.client)
        self.path = self.place.file("f", 6 * MIB, 14)
        self.coding = ["--k", "2", "--n", "4", "--happy", "4"]

    def before(self, handler):
        for each in self.meddlers:
            with each.lock:
                each.before = handler

    def assert_whole(self, report, path):
        self.assertEqual((report["shares_placed"], report["happiness"]), (4, 4))
        results = json.loads(finish(start(self.place.client, "--json", "verify", report["cap"], "--progress", "none"), expect=None)[0])["results"]
        self.assertEqual((results["count-shares-good"], results["count-corrupt-shares"]), (4, 0))
        self.assertEqual(report["cap"], put(self.place.client, path, *self.coding)["cap"])

    def test_f14_a_page_in_place_of_every_server_is_said_and_nothing_is_stored(self):
        cap = put(self.place.client, self.path, *self.coding)["cap"]
        other, output = self.place.file("g", 3 * MIB, 15), self.path + ".out"
        for status in (200, 302, 511):
            self.before(page(status))
            for command in (["put", other, *self.coding], ["get", cap, "-o", output]):
                with self.subTest(status=status, command=command[0]):
                    running = start(self.client, *command, "--progress", "none", "--no-wait")
                    out, err = finish(running, expect=None)
                    self.assertEqual((running.returncode, out), (4, ""))
                    self.assertIn(f"a web page ({status}) came instead of an answer", err)
                    self.assertNotIn("<html", err)
                    self.assertFalse(os.path.exists(output))
        self.before(lambda request: None)
        get(self.client, cap, output)
        self.assertEqual(sha256(self.path), sha256(output))

    def test_f14_a_portal_that_speaks_no_tls(self):
        nurls = [in_place_of(nurl, self.enterContext(Portal(200))) for nurl in self.place.nurls()]
        client = self.place.new_client("hotel", nurls, convergence_of=self.place.client)
        running = start(client, "put", self.path, *self.coding, "--progress", "none", "--no-wait")
        out, err = finish(running, expect=None)
        self.assertEqual((running.returncode, out), (4, ""))
        self.assertRegex(err, r"127\.0\.0\.1:\d+: TLS failed")

    def test_f14_a_portal_that_comes_in_the_middle_and_goes(self):
        for command, status in (("put", 200), ("get", 302)):
            with self.subTest(command=command, status=status):
                path, seen, pages = self.place.file(command, 8 * MIB, status), [0], [0]

                def portal(request, seen=seen, pages=pages, status=status):
                    seen[0] += request.start.startswith(("PATCH", "GET /storage/v1/immutable"))
                    if seen[0] < 6 or pages[0] > 8:
                        return None
                    pages[0] += 1
                    return page(status)(request)

                if command == "put":
                    self.before(portal)
                    report = put(self.client, path, *self.coding)
                    self.assert_whole(report, path)
                    get(self.place.client, report["cap"], path + ".out")
                else:
                    cap = put(self.place.client, path, *self.coding)["cap"]
                    self.before(portal)
                    get(self.client, cap, path + ".out")
                self.assertGreater(pages[0], 0)
                self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f14_a_proxy_that_takes_no_bodies_beyond_a_mebibyte(self):
        def limit(request):
            return answer(413, body=PAGE, content_type="text/html") if len(request.body) > MIB else None

        self.before(limit)
        report = put(self.client, self.path, *self.coding)
        self.assert_whole(report, self.path)
        self.assertLessEqual(report["bytes_sent"], 2 * report["share_bytes_total"], "each share was refused once")

    def test_f14_a_proxy_that_takes_hardly_any_body_is_named(self):
        self.before(lambda request: answer(413, body=PAGE, content_type="text/html") if len(request.body) > 10_000 else None)
        running = start(self.client, "put", self.path, *self.coding, "--progress", "none", "--no-wait")
        out, err = finish(running, expect=None)
        self.assertEqual((running.returncode, out), (4, ""))
        self.assertIn("takes no bodies of that size", err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
