"""Answers that are lost after the work was done, servers that claim what they lack, and other servers behind a known address."""
import base64
import glob
import json
import os
import re
import unittest

import cbor
from crowds_e2e import Address
from gbs import Client
from meddler import LOSE, Meddler, answer
from rig import Links, Place, finish, get, kill_at_work, killed_put, put, sha256, start, wait_until

MIB = 1 << 20


class WithMeddlers(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.__exit__)
        self.meddlers = [Meddler(f"{self.place.path}/grid/storage-{i}", nurl) for i, nurl in enumerate(self.place.nurls())]
        for each in self.meddlers:
            self.addCleanup(each.close)
        self.client = self.place.new_client("far", [each.nurl for each in self.meddlers], convergence_of=self.place.client)

    def verified(self, cap):
        return json.loads(finish(start(self.place.client, "--json", "verify", cap, "--progress", "none"))[0])["results"]

    def assert_whole(self, report, path):
        self.assertEqual(report["cap"], put(self.place.client, path)["cap"])
        results = self.verified(report["cap"])
        self.assertEqual((results["count-shares-good"], results["count-corrupt-shares"]), (10, 0))
        get(self.place.client, report["cap"], path + ".out")
        self.assertEqual(sha256(path), sha256(path + ".out"))


class BegunAnew(unittest.TestCase):
    def test_what_another_put_in_the_place_of_lost_bytes_is_not_taken_for_ours(self):
        """The request is lost on its way; before the client asks, another one with its secrets gives the upload up, and sends a share of
        another file but for its first bytes. The client brings those, and the server finds a share that agrees with itself."""
        only, size = ("--k", "1", "--n", "1", "--happy", "1"), 3_000_000
        with Place(servers=1) as place:
            put(place.client, place.file("other", size, 77), *only)
            container, = glob.glob(place.path + "/grid/storage-0/**/shares/**/0", recursive=True)
            with open(container, "rb") as f:
                theirs = f.read()[12:]
            begun = []

            def before(request):
                written = re.match(r"bytes 0-(\d+)/", request.header("Content-Range") or "")
                if begun or not written or int(written[1]) < size:
                    return None
                begun.append(request)
                si, number = request.start.split()[1].split("/")[-2:]
                secret = next(base64.b64decode(value.split()[1]) for name, value in request.headers if value.startswith("upload-secret"))
                intruder, whole = Client(Address(place.nurls()[0])), int(written[1]) + 1
                self.assertEqual(intruder.abort(si, int(number), secret).status, 200)
                self.assertEqual(intruder.allocated(si, {int(number)}, whole, secret, resume=True)[1], {int(number)})
                self.assertEqual(intruder.write(si, int(number), 36, theirs[36:whole], secret).status, 200)
                intruder.close()
                return LOSE

            meddler = Meddler(place.path + "/grid/storage-0", place.nurls()[0], before)
            self.addCleanup(meddler.close)
            client = place.new_client("far", [meddler.nurl], convergence_of=place.client)
            path = place.file("f", size, 5)
            putting = start(client, "--json", "put", path, "--progress", "none", "--timeout", "5s", *only)
            out, err = finish(putting, expect=None)
            self.assertTrue(begun)
            if putting.returncode == 0:
                get(place.client, json.loads(out)["cap"], path + ".out")
                self.assertEqual(sha256(path), sha256(path + ".out"))
            else:
                self.assertNotIn("URI:CHK", out)


class LostAnswers(WithMeddlers):
    """F9: the work is done, the answer is lost; asking again is harmless."""

    def lose_first(self, *patterns, times=1):
        """On each server, the first answers to requests of each pattern ("METHOD path status"). The list of what was lost."""
        lost = []
        for each in self.meddlers:
            left = {pattern: times for pattern in patterns}

            def after(request, got, left=left):
                method, path = request.start.split()[:2]
                what = f"{method} {path} {got.start.split()[1]}"
                for pattern in left:
                    if left[pattern] and re.match(pattern, what):
                        left[pattern] -= 1
                        lost.append(what)
                        return LOSE
                return got

            each.after = after
        return lost

    def upload(self, *patterns, times=1, least=10, happiness=10):
        lost = self.lose_first(*patterns, times=times)
        path = self.place.file("f", 3_000_000, len(patterns))
        report = put(self.client, path)
        self.assertGreaterEqual(len(lost), least)
        self.assertEqual(report["shares_placed"], 10)
        self.assertGreaterEqual(report["happiness"], happiness)
        self.assertLessEqual(report["bytes_sent"], report["share_bytes_total"] * 1.01 + MIB)
        self.assert_whole(report, path)

    def test_f9_version_and_list(self):
        self.upload("GET /storage/v1/version", r"GET /storage/v1/immutable/\w+/shares", least=20, happiness=7)  # who answers late is not waited for

    def test_f9_status(self):
        self.upload("GET /storage/resume/v1/")

    def test_f9_allocate(self):
        self.upload("POST /storage/v1/immutable/")

    def test_f9_allocate_twice(self):
        self.upload("POST /storage/v1/immutable/", times=2)

    def test_f9_finish(self):
        self.upload(r"PATCH .* 201")

    def test_f9_all_of_them(self):
        self.upload("GET /storage/resume/v1/", "POST", r"PATCH .* 201", least=30)

    def test_f9_write(self):
        # When an upload goes on, the header is sent once more in a write of its own: its answer is 200.
        path = self.place.file("f", 10 * MIB, 21)
        killed_put(self.place, self.place.client, path)
        lost = self.lose_first(r"PATCH .* 200")
        report = put(self.client, path)
        self.assertGreaterEqual(len(lost), 5)
        self.assertGreater(report["bytes_skipped"], 0)
        self.assertEqual(report["shares_placed"], 10)
        self.assert_whole(report, path)

    def test_f9_abort(self):
        path, allocated = self.place.file("f", 10 * MIB, 22), []
        for each in self.meddlers:
            each.after = lambda request, got: allocated.append(request) or got if request.start.startswith("POST") else got
        running = start(self.client, "put", path, "--progress", "none", "--limit-rate", "2M")
        wait_until(lambda: len(allocated) == 10 or running.poll() is not None, "its shares are begun")
        kill_at_work(running)
        listed = json.loads(finish(start(self.client, "--json", "transfers"))[0])["uploads"]
        lost = self.lose_first(r"PUT .*/abort")
        out, _ = finish(start(self.client, "transfers", "cancel", listed[0]["id"]))
        self.assertEqual(len(lost), 10, out)
        for root, _, names in os.walk(self.place.path + "/grid"):
            self.assertFalse([name for name in names if name.endswith(".part")], root)
        self.assertEqual(put(self.client, path)["bytes_skipped"], 0)

    def test_f9_lease(self):
        path = self.place.file("f", 1_000_000, 23)
        cap = put(self.client, path)["cap"]
        lost = self.lose_first(r"PUT /storage/v1/lease/")
        checked = json.loads(finish(start(self.client, "--json", "check", "--add-lease", cap, "--progress", "none"), expect=None)[0])
        self.assertEqual(len(lost), 10)
        self.assertLessEqual(set(checked["results"]["servers-without-lease"]), set(checked["results"]["servers-responding"]))
        again = json.loads(finish(start(self.client, "--json", "check", "--add-lease", cap, "--progress", "none"))[0])
        self.assertEqual(again["results"]["servers-without-lease"], [])
        self.assertEqual((checked["results"]["count-shares-good"], again["results"]["count-shares-good"]), (10, 10))


class Liars(WithMeddlers):
    """F31: the upload ends with good shares elsewhere, the liar is named."""

    def name_of(self, report, index):
        return report["servers"][index]["name"]

    def assert_good_elsewhere(self, report, path, liar):
        self.assertGreaterEqual(report["happiness"], 9)
        self.assertEqual(report["shares_placed"], 10)
        self.assertTrue(any(self.name_of(report, liar) in each for each in report["warnings"]), report["warnings"])
        self.assertEqual(report["servers"][liar]["shares"], [])
        results = self.verified(report["cap"])
        self.assertEqual(results["count-shares-good"], 10)
        get(self.place.client, report["cap"], path + ".out")
        self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f31_f29_a_server_that_claims_shares_it_lacks(self):
        everything = set(range(10))

        def claim(request):
            method, path = request.start.split()[:2]
            if method == "GET" and path.endswith("/shares"):
                return answer(200, everything)
            if method == "GET" and "/resume/" in path:
                return answer(200, {"complete": everything, "incomplete": {}, "busy": set()})
            if method == "POST" and path.count("/") == 4:
                return answer(200, {"already-have": everything, "allocated": set()})
            return None

        self.meddlers[3].before = claim
        path = self.place.file("f", 3_000_000, 31)
        self.assert_good_elsewhere(put(self.client, path), path, 3)

    def test_f31_a_server_that_claims_ranges_it_lacks_and_completes_without_them(self):
        def claim(request):
            method, path = request.start.split()[:2]
            if method == "GET" and "/resume/" in path:
                size = 1_001_000
                partial = {n: {"allocated-size": self.share_bytes, "required": [{"begin": size // 2, "end": self.share_bytes}], "idle": 100,
                               "expires-in": 600_000} for n in range(10)}
                return answer(200, {"complete": set(), "incomplete": partial, "busy": set()})
            if method == "POST" and path.count("/") == 4:
                return answer(200, {"already-have": set(), "allocated": cbor.decode(request.body)["share-numbers"]})
            if method == "PATCH":
                return answer(201, {"required": []})
            return None

        path = self.place.file("f", 3_000_000, 32)
        self.share_bytes = put(self.place.client, path, "--random-key")["share_bytes_total"] // 10
        self.meddlers[5].before = claim
        self.assert_good_elsewhere(put(self.client, path), path, 5)

    def test_f31_partials_whose_bytes_are_gone_are_found_before_they_count(self):
        path = self.place.file("f", 20 * MIB, 33)
        killed_put(self.place, self.place.client, path)
        self.place.grid.stop()
        emptied = 0
        for root, _, names in os.walk(self.place.path + "/grid/storage-2"):
            for name in names:
                if name.endswith(".part"):
                    with open(os.path.join(root, name), "r+b") as part:
                        held = os.path.getsize(part.name)
                        part.seek(12)
                        part.write(bytes(held - 12))
                        emptied += 1
        self.place.grid.start()
        self.assertGreater(emptied, 0)
        report = put(self.client, path)
        self.assertEqual(report["shares_placed"], 10)
        self.assertGreater(report["bytes_skipped"], 0)
        self.assert_whole(report, path)


class OtherCertificates(unittest.TestCase):
    """F15: other servers, with other certificates, behind the addresses of ours."""

    def ports(self, place):
        return [nurl.rpartition("/")[0].rpartition(":")[2] for nurl in place.nurls()]

    def test_f15_in_the_middle_of_a_resume_it_is_refused_and_said(self):
        with Place() as place, Place() as other, Links(place.nurls()) as links:
            client = place.new_client("far", links.nurls, convergence_of=place.client)
            path = place.file("f", 20 * MIB, 41)
            killed_put(place, client, path)
            for i, port in enumerate(self.ports(other)):
                links.tell(f"target {port}", targets=[i])
            before = links.sum("bytes_up")
            _, err = finish(start(client, "put", path, "--progress", "none"), expect=4)
            self.assertRegex(err, "certificate")
            self.assertLess(links.sum("bytes_up") - before, 100_000, "handshakes, and no share")
            for i, port in enumerate(self.ports(place)):
                links.tell(f"target {port}", targets=[i])
            self.assertGreater(put(client, path)["bytes_skipped"], MIB)

    def test_f15_while_an_upload_runs_its_share_goes_elsewhere_and_the_server_is_named(self):
        with Place() as place, Place(servers=1) as other, Links(place.nurls()) as links:
            client = place.new_client("far", links.nurls, convergence_of=place.client)
            path = place.file("f", 20_000_000, 42)
            links.line_rate(5_000_000)
            running = start(client, "put", path, "--json", "--progress", "none")
            wait_until(lambda: links.sum("bytes_up") > 10_000_000, "a sixth of it has gone")
            links.tell(f"target {self.ports(other)[0]}", targets=[6])
            links.tell("reset", targets=[6])
            links.line_rate(0)
            report = json.loads(finish(running)[0])
            self.assertEqual(report["shares_placed"], 10)
            self.assertEqual(report["servers"][6]["shares"], [])
            self.assertTrue(any("certificate" in each for each in report["warnings"]), report["warnings"])
            self.assertEqual(len(os.listdir(other.path + "/grid/storage-0/storage/shares")), len(["incoming"]))
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
