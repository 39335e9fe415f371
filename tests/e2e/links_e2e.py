"""Links that break, lie still or crawl, through the fault proxy: uploads and downloads go on, and cost little more."""
import json
import re
import subprocess
import time
import unittest

from rig import BINARY, DEADLINE, Links, Place, finish, get, put, sha256, start, wait_until

MIB = 1 << 20


class WithLinks(unittest.TestCase):
    """A grid, and a client whose links to it are broken as the test says."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.grid.stop)
        self.addCleanup(self.place.__exit__)
        self.links = Links(self.place.nurls(), seed=self.seed())
        self.addCleanup(self.links.close)
        self.client = self.place.new_client("far", self.links.nurls, convergence_of=self.place.client)

    def seed(self):
        return 4_000 + sum(self.id().rpartition(".")[2].encode())

    def assert_whole(self, report, path):
        """The same cap as without faults, ten good shares, and the file comes back."""
        undisturbed = put(self.place.client, path)
        self.assertEqual(report["cap"], undisturbed["cap"])
        checked = json.loads(finish(start(self.place.client, "--json", "verify", report["cap"], "--progress", "none"))[0])
        self.assertEqual((checked["results"]["count-shares-good"], checked["results"]["count-corrupt-shares"]), (10, 0))
        get(self.place.client, report["cap"], path + ".out")
        self.assertEqual(sha256(path), sha256(path + ".out"))

    def stored(self, size, seed):
        path = self.place.file("f", size, seed)
        return path, put(self.place.client, path)["cap"]


class Cuts(WithLinks):
    def test_f1_an_upload_cut_200_times(self):
        for by, seed in (("rst", 1), ("fin", 2)):
            with self.subTest(by=by):
                before = self.links.sum("cuts")
                self.links.tell(f"cut {by} up 60000 400000 20")
                path = self.place.file("f", 20_000_000, seed)
                report = put(self.client, path)
                cuts = self.links.sum("cuts") - before
                self.assertEqual(cuts, 200)
                self.assertEqual((report["shares_placed"], report["warnings"]), (10, []))
                print(f"\n{by}: {report['bytes_sent'] - report['share_bytes_total']} more than the shares, {self.links.sum('bytes_lost')} lost by the proxy")
                self.assertLessEqual(report["bytes_sent"] - report["share_bytes_total"], cuts * MIB)
                self.assertLessEqual(report["bytes_resent"], cuts * MIB)
                self.assert_whole(report, path)

    def test_f1_bytes_sent_again_are_little_more_than_what_was_on_its_way(self):
        self.links.tell("cut rst up 1000000 1000000 3")
        path = self.place.file("f", 20_000_000, 3)
        report = put(self.client, path)
        cuts, lost = self.links.sum("cuts"), self.links.sum("bytes_lost")
        self.assertEqual(cuts, 30)
        self.assertLessEqual(report["bytes_sent"] - report["share_bytes_total"], lost + cuts * MIB // 2)

    def test_f5_a_download_cut_200_times(self):
        path, cap = self.stored(20_000_000, 4)
        self.links.tell("cut rst down 50000 100000")
        report = get(self.client, cap, path + ".out")
        cuts = self.links.sum("cuts")
        self.assertGreaterEqual(cuts, 200)
        self.assertEqual(sha256(path), sha256(path + ".out"))
        # What had come when a connection was cut is not fetched again.
        self.assertLessEqual(report["bytes_fetched"], 1.1 * 20_000_000)


    def verify(self, cap):
        checked = json.loads(finish(start(self.client, "--json", "verify", cap, "--progress", "none"))[0])
        return checked["results"]["count-shares-good"]

    def test_f1_a_verify_that_is_cut_goes_on_behind_what_came(self):
        path, cap = self.stored(20_000_000, 16)
        before = self.links.sum("bytes_down")
        self.assertEqual(self.verify(cap), 10)
        undisturbed = self.links.sum("bytes_down") - before
        self.links.tell("cut rst down 50000 100000")
        before = self.links.sum("bytes_down")
        self.assertEqual(self.verify(cap), 10)
        self.assertGreaterEqual(self.links.sum("cuts"), 500)
        # A reset takes with it what the client has not read yet.
        self.assertLessEqual(self.links.sum("bytes_down") - before, 1.5 * undisturbed)

    def test_f6_a_verify_whose_link_is_down_for_a_while_says_nothing_against_a_copy(self):
        path, cap = self.stored(20_000_000, 17)
        self.links.line_rate(10_000_000)
        running = start(self.client, "--json", "verify", cap, "--progress", "none")
        wait_until(lambda: self.links.sum("bytes_down") > 20_000_000, "its middle")
        self.links.tell("link down")
        time.sleep(8)  # how long it is down is what is tested: longer than a copy is asked for again and again
        self.links.tell("link up")
        self.links.line_rate(0)
        checked = json.loads(finish(running)[0])
        self.assertEqual(checked["results"]["count-shares-good"], 10)


    def test_f6_many_small_files_say_that_they_wait_for_the_link_and_go_on(self):
        files = [self.place.file(f"f{i}", 20_000, i) for i in range(40)]
        caps, said = self.place.path + "/caps", self.place.path + "/said"

        def text_of(path):
            with open(path) as text:
                return text.read()

        def last_line():
            return text_of(said).rpartition("\r")[2]

        self.links.line_rate(500_000)
        with open(caps, "w") as out, open(said, "w") as err:
            running = subprocess.Popen([BINARY, "-d", self.client, "put", *files, "--progress", "bar"], stdout=out, stderr=err)
        self.addCleanup(running.kill)
        wait_until(lambda: text_of(caps), "the first of them is stored")
        self.links.tell("link down")
        waiting = wait_until(lambda: re.search(r".*waiting for the link.*", last_line()), "it says that it waits")[0]
        self.assertRegex(waiting, r"[0-9.]+ KiB of 781\.2 KiB.*waiting for the link: no server answers")
        self.links.tell("link up")
        self.links.line_rate(0)
        self.assertEqual(running.wait(DEADLINE), 0)
        self.assertIn("40 of 40 files", last_line())
        undisturbed, _ = finish(start(self.place.client, "put", *files, "--progress", "none"))
        self.assertEqual(text_of(caps), undisturbed)


class Silence(WithLinks):
    def test_f7_one_connection_goes_silent_without_rst(self):
        self.links.tell("cut silence up 500000 500000 1", targets=[4])
        path = self.place.file("f", 20_000_000, 5)
        report = put(self.client, path)
        self.assertEqual((self.links.sum("cuts"), report["shares_placed"], report["warnings"]), (1, 10, []))
        self.assertGreater(report["seconds"], 14)
        self.assertLess(report["seconds"], 25)
        self.assertLessEqual(report["bytes_sent"] - report["share_bytes_total"], MIB + 1000)  # and the header and tail
        self.assert_whole(report, path)

    def test_f7_one_connection_of_a_download_goes_silent(self):
        path, cap = self.stored(20_000_000, 6)
        self.links.tell("cut silence down 500000 500000 1", targets=range(10))
        report = get(self.client, cap, path + ".out")
        self.assertGreater(self.links.sum("cuts"), 0)
        self.assertLess(report["seconds"], 20)
        self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f8_all_connections_are_half_open_after_a_change_of_address(self):
        for gone, seed in (("both", 7), ("server", 8), ("client", 9)):
            with self.subTest(gone=gone):
                path = self.place.file("f", 20_000_000, seed)
                before = self.links.sum("bytes_up")
                self.links.line_rate(20_000_000)
                running = start(self.client, "put", path, "--json", "--progress", "none")
                wait_until(lambda: self.links.sum("bytes_up") - before > 20_000_000, "a third of it has gone")
                self.links.tell(f"half-open {gone}")
                report = json.loads(finish(running)[0])
                self.links.line_rate(0)
                self.assertEqual(report["shares_placed"], 10)
                self.assertLess(report["seconds"], 30)
                self.assertLessEqual(report["bytes_sent"] - report["share_bytes_total"], 10 * MIB)
                self.assert_whole(report, path)


class Slowness(WithLinks):
    def far_away(self):
        self.links.tell("delay 300")
        self.links.line_rate(1_250_000)

    def test_f11_600_ms_round_trip_and_10_mbit_are_used_to_80_percent_by_an_upload(self):
        self.far_away()
        for attempt in range(3):  # a machine that was busy with something else is asked again
            path = self.place.file("f", 10_000_000, 10 + attempt)
            report = put(self.client, path)
            if report["share_bytes_total"] / report["seconds"] >= 0.8 * 1_250_000:
                break
        self.assertGreaterEqual(report["share_bytes_total"] / report["seconds"], 0.8 * 1_250_000)
        self.assert_whole(report, path)

    def test_f11_600_ms_round_trip_and_10_mbit_are_used_to_80_percent_by_a_download(self):
        path, cap = self.stored(45_000_000, 13)
        self.far_away()
        for attempt in range(3):
            report = get(self.client, cap, f"{path}.{attempt}")
            self.assertEqual(sha256(path), sha256(f"{path}.{attempt}"))
            self.assertLessEqual(report["bytes_fetched"], 1.1 * 45_000_000)
            if 45_000_000 / report["seconds"] >= 0.8 * 1_250_000:
                break
        self.assertGreaterEqual(45_000_000 / report["seconds"], 0.8 * 1_250_000)

    def test_f11_stalls_of_one_chunk_in_a_hundred_cost_little(self):
        path, cap = self.stored(20_000_000, 14)
        self.links.line_rate(5_000_000)
        self.links.tell("stall 0.01 600")
        for attempt in range(3):  # a machine that was busy with something else is asked again
            report = get(self.client, cap, f"{path}.{attempt}")
            self.assertEqual(sha256(path), sha256(f"{path}.{attempt}"))
            if report["seconds"] <= 8:
                break
        self.assertGreaterEqual(20_000_000 / report["seconds"], 0.5 * 5_000_000)

    def seconds_of_get(self, cap, path):
        begin = time.monotonic()
        get(self.client, cap, path)
        return time.monotonic() - begin

    def test_f12_a_download_with_1_to_7_servers_silent_or_50_times_slower(self):
        path, cap = self.stored(6_000_000, 11)
        self.links.tell("rate 2000000")
        healthy = self.seconds_of_get(cap, path + ".healthy")
        hedge = 2.0  # seconds: what a copy is given before its first spare begins
        for count in (1, 4, 7):
            for what, begin, end in (("silent", "silent on", "silent off"), ("slow", "rate 40000", "rate 2000000")):
                with self.subTest(what=what, count=count):
                    self.links.tell(begin, targets=range(count))
                    now = healthy
                    for attempt in range(5):  # a machine that was busy with something else is asked again
                        out = f"{path}.{what}.{count}.{attempt}"
                        took = self.seconds_of_get(cap, out)
                        self.assertEqual(sha256(path), sha256(out))
                        if took <= 1.2 * now + hedge:
                            break
                        self.links.tell(end, targets=range(count))
                        now = max(healthy, self.seconds_of_get(cap, out + ".healthy"))
                        self.links.tell(begin, targets=range(count))
                    self.links.tell(end, targets=range(count))
                    self.assertLessEqual(took, 1.2 * now + hedge)

    def test_f12_servers_that_fall_silent_in_the_middle_of_a_download(self):
        path, cap = self.stored(20_000_000, 12)
        self.links.line_rate(4_000_000)
        for count in (1, 4, 7):
            with self.subTest(count=count):
                before = self.links.sum("bytes_down")
                running = start(self.client, "get", cap, "-o", f"{path}.{count}", "--json", "--progress", "none")
                wait_until(lambda: self.links.sum("bytes_down") - before > 5_000_000, "a quarter of it has come")
                self.links.tell("silent on", targets=range(count))
                report = json.loads(finish(running)[0])
                self.links.tell("silent off")
                self.assertEqual(sha256(path), sha256(f"{path}.{count}"))
                self.assertLess(report["seconds"], 20)

    def test_f13_an_upload_with_1_to_3_servers_silent(self):
        for count in (1, 2, 3):
            with self.subTest(count=count):
                path = self.place.file("f", 3_000_000, 20 + count)
                self.links.tell("silent on", targets=range(count))
                report = put(self.client, path, "--random-key")
                self.links.tell("silent off", targets=range(count))
                self.assertGreaterEqual(report["happiness"], 7)
                self.assertEqual(report["shares_placed"], 10)
                self.assertLess(report["seconds"], 10)
                for each in report["servers"][:count]:
                    self.assertEqual(each["shares"], [])
                    self.assertTrue(any(each["name"] in warning for warning in report["warnings"]), (each["name"], report["warnings"]))

    def test_f13_an_upload_with_1_to_3_servers_50_times_slower_has_its_cap_early_and_the_stragglers_later(self):
        for count in (1, 3):
            with self.subTest(count=count):
                path = self.place.file("f", 3_000_000, 30 + count)
                self.links.tell("rate 2000000")
                self.links.tell("rate 40000", targets=range(count))
                begin = time.monotonic()
                running = start(self.client, "put", path, "--random-key", "--progress", "none")
                cap = running.stdout.readline().strip()
                early = time.monotonic() - begin
                _, err = finish(running)
                late = time.monotonic() - begin
                self.assertLess(early, 10)
                self.assertGreater(late, 20)
                checked = json.loads(finish(start(self.place.client, "--json", "verify", cap, "--progress", "none"))[0])
                self.assertEqual(checked["results"]["count-shares-good"], 10, err)

    def test_f13_servers_that_fall_silent_in_the_middle_of_an_upload(self):
        path = self.place.file("f", 20_000_000, 40)
        self.links.line_rate(20_000_000)
        running = start(self.client, "put", path, "--json", "--progress", "none")
        wait_until(lambda: self.links.sum("bytes_up") > 20_000_000, "a third of it has gone")
        self.links.tell("silent on", targets=range(3))
        report = json.loads(finish(running)[0])
        self.assertGreaterEqual(report["happiness"], 7)
        self.assertLess(report["seconds"], 120)  # some silences, of 15 seconds each
        get(self.client, report["cap"], path + ".out")
        self.assertEqual(sha256(path), sha256(path + ".out"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
