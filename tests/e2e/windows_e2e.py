"""Transfers at their time of the day and at their rate (--window, --limit-rate). Names carry the numbers of the acceptance list."""
import json
import os
import re
import subprocess
import time
import unittest

import meddler
from rig import BINARY, Links, Place, finish, get, put, sha256, start, wait_until

RATE = 131_072  # bytes a second
KEPT = 1.03
BURST = 0.25  # seconds: who was idle may catch up by so much


def clock(seconds_from_now):
    return time.strftime("%H:%M:%S", time.localtime(time.time() + seconds_from_now))


def up(links):
    return links.sum("bytes_up")


class Windows(unittest.TestCase):
    def test_u9_a_put_waits_for_its_window_keeps_to_its_rate_stops_and_goes_on(self):
        with Place() as place, Links(place.nurls()) as links:
            client = place.new_client("far", links.nurls)
            path = place.file("f", 900_000, 31)
            share_bytes = 900_000 * 10 / 3
            opens, closes = 5, 18
            begun, window = time.monotonic(), f"{clock(opens)}-{clock(closes)}"
            said = place.path + "/said"
            with open(said, "w") as err:
                running = subprocess.Popen([BINARY, "-d", client, "put", path, "--progress", "plain", "--limit-rate", str(RATE),
                                            "--window", window], stdout=subprocess.DEVNULL, stderr=err)

            def waits():
                self.assertIsNone(running.poll())
                with open(said) as text:
                    return text.read().rstrip("\n").rpartition("\n")[2].find(f"waiting until {window[:8].removesuffix(':00')}") > 0

            try:
                wait_until(lambda: up(links) > 0, "the window opens")
                first = time.monotonic()
                self.assertGreater(first, begun + opens - 1.5, "on the line before its time")
                wait_until(lambda: time.monotonic() > first + 3 and waits(), "the window closes")
                sent = up(links)
                self.assertLess(sent, KEPT * RATE * (closes - opens + 2), "more than the rate allows, or outside of the window")
                self.assertGreater(sent, RATE)
            finally:
                running.kill()
                running.wait()
            # Another night: one that is long enough.
            report = put(client, path, "--window", f"{clock(-7200)}-{clock(7200)}")
            self.assertGreater(report["bytes_skipped"], 0.5 * sent)
            self.assertLess(up(links), 1.02 * share_bytes + 100_000)  # handshakes and questions of both
            self.assertEqual(report["cap"], put(place.new_client("near", place.nurls(), convergence_of=client), path)["cap"])
            get(client, report["cap"], path + ".out", "--window", f"{clock(-7200)}-{clock(7200)}")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_u9_what_is_left_over_when_enough_is_stored_has_the_next_night(self):
        with Place(servers=3) as place, Links(place.nurls()) as links:
            client = place.new_client("far", links.nurls)
            path = place.file("f", 1_300_000, 34)
            links.tell("rate 50000", targets=[0])
            out, said = place.path + "/out", place.path + "/said"
            shares = ["--k", "1", "--happy", "2", "--n", "3"]
            with open(said, "w") as err, open(out, "w") as caps:
                running = subprocess.Popen([BINARY, "-d", client, "put", path, *shares, "--progress", "plain", "--window",
                                            f"{clock(-60)}-{clock(15)}"], stdout=caps, stderr=err)

            def text_of(path):
                with open(path) as text:
                    return text.read()

            try:
                wait_until(lambda: text_of(out), "the cap is proven")
                wait_until(lambda: "waiting until" in text_of(said) or running.poll() is not None, "the window closes")
                self.assertIsNone(running.poll(), "the rest was given up: " + text_of(said))
            finally:
                running.kill()
                running.wait()
            listed, _ = finish(start(client, "transfers", "list", "--json"))
            self.assertEqual(len(json.loads(listed)), 1, listed)
            report = put(client, path, *shares, "--window", f"{clock(-7200)}-{clock(7200)}")
            self.assertEqual((report["cap"], report["shares_placed"]), (text_of(out).strip(), 3))
            self.assertGreater(report["bytes_skipped"], 2 * 1_300_000)

    def test_u9_rates_are_kept_both_ways(self):
        with Place() as place, Links(place.nurls()) as links:
            client = place.new_client("far", links.nurls)
            path = place.file("f", 600_000, 32)
            begin = time.monotonic()
            cap = put(client, path, "--limit-rate", str(2 * RATE))["cap"]
            middle, sent = time.monotonic(), up(links)
            self.assertLess(sent, KEPT * 2 * RATE * (middle - begin + BURST))
            before = links.sum("bytes_down")
            get(client, cap, path + ".out", "--limit-rate", str(RATE))
            self.assertLess(links.sum("bytes_down") - before, KEPT * RATE * (time.monotonic() - middle + BURST))
            self.assertLess(links.sum("bytes_down") - before, 1.25 * 600_000, "something was fetched twice")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_the_patience_of_a_get_ends_also_when_its_own_limit_holds_back_what_servers_say_of_their_errors(self):
        def overloaded(request):
            if re.match(r"GET /storage/v1/immutable/[^/]+/\d+ ", request.start):
                return meddler.answer("503", body=b"overloaded " * 900, content_type="text/plain")
            return None

        with Place(servers=3) as place:
            cap = put(place.client, place.file("f", 30_000, 35), "--k", "3", "--happy", "3", "--n", "3")["cap"]
            between = meddler.Meddler(place.path + "/grid/storage-0", place.nurls()[0], before=overloaded)
            self.addCleanup(between.close)
            client = place.new_client("far", [between.nurl] + place.nurls()[1:])
            finish(start(client, "get", cap, "-o", place.path + "/out", "--progress", "none", "--timeout", "3", "--limit-rate", "20k"), expect=4)

    def test_what_needs_no_server_is_said_before_the_window_opens(self):
        with Place(servers=3) as place:
            cap = put(place.client, place.file("f", 30_000, 36), "--k", "1", "--happy", "1", "--n", "3")["cap"]
            out, closed = place.path + "/out", ("--progress", "none", "--window", f"{clock(7200)}-{clock(10_800)}")
            for code, said, command in ((1, "30000 bytes", ("get", cap, "--range", "30000-", "-o", out)),
                                        (1, "is a directory", ("get", cap, "-o", place.path)),
                                        (1, "cap", ("get", "garbage", "-o", out)),
                                        (0, "", ("get", "URI:LIT:me", "-o", out)),
                                        (1, "No such file", ("put", place.path + "/nothing"))):
                _, err = finish(start(place.client, *command, *closed), expect=code)
                self.assertIn(said, err)
            self.assertEqual(os.path.getsize(out), 1)

    def test_windows_that_are_none_are_told(self):
        with Place(servers=1) as place:
            path = place.file("f", 100, 33)
            for window in ("01:00", "1-5", "05:00-05:00", "25:00-26:00"):
                _, err = finish(start(place.client, "put", path, "--window", window), expect=2)
                self.assertIn(window, err)
            _, err = finish(start(place.client, "put", path, "--plan", "--window", "01:00-05:00"), expect=2)
            self.assertIn("--plan", err)
            _, err = finish(start(place.client, "transfers", "list", "--window", "01:00-05:00"), expect=2)
            self.assertIn("resume", err)
            _, err = finish(start(place.client, "get", "URI:LIT:", "--window", "01:00-05:00"), expect=2)
            self.assertIn("standard output", err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
