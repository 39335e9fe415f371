"""put through an upload helper with the real binary: what is saved, and what goes on after cuts, kills and poison."""
import glob
import json
import os
import time
import unittest

from rig import Helper, Links, Place, finish, get, put, sha256, start, wait_until

MIB = 1 << 20


def same_back(case, place, cap, path):
    get(place.client, cap, path + ".out")
    case.assertEqual(sha256(path), sha256(path + ".out"))


class Undisturbed(unittest.TestCase):
    def test_each_byte_is_sent_once_and_the_cap_is_that_of_a_direct_upload(self):
        with Place(helper=True) as place:
            for size in (56, MIB, MIB + 3, 20_000_000):
                path = place.file(f"f{size}", size, size)
                report = put(place.client, path)
                self.assertEqual(report["via"]["bytes_sent"], size)
                self.assertTrue(report["via"]["name"].startswith("helper "))
                self.assertEqual(report["placement"], "proven")
                self.assertEqual((report["shares_placed"], report["happiness"]), (10, 10))
                self.assertEqual(report["warnings"], [])
                direct = put(place.client, path, "--helper", "none")
                self.assertEqual(direct["cap"], report["cap"])
                self.assertIsNone(direct["via"])
                self.assertLess(direct["bytes_sent"], MIB)  # it is there
                same_back(self, place, report["cap"], path)

    def test_what_is_there_already_is_not_sent(self):
        with Place(helper=True) as place:
            path = place.file("f", 5_000_000, 1)
            cap = put(place.client, path, "--helper", "none")["cap"]
            again = put(place.client, path)
            self.assertEqual(again["cap"], cap)
            self.assertEqual(again["bytes_sent"], 0)
            self.assertTrue(again["via"]["name"])

    def test_a_client_that_knows_no_servers_says_whose_word_it_is(self):
        with Place(helper=True) as place:
            alone = place.new_client("alone", place.nurls(), helpers=[place.helper_nurl()])
            with open(alone + "/private/servers.nurl", "w") as f:
                f.write("# none\n")
            path = place.file("f", 3_000_000, 2)
            report = put(alone, path)
            self.assertEqual(report["placement"], "told")
            self.assertTrue(any("the word of" in each for each in report["warnings"]))

    def test_what_is_there_is_verified_for_a_client_that_cannot(self):
        with Place(helper=True) as place:
            alone = place.new_client("alone", place.nurls(), helpers=[place.helper_nurl()], convergence_of=place.client)
            with open(alone + "/private/servers.nurl", "w") as f:
                f.write("# none\n")
            path = place.file("f", 3_000_000, 2)
            cap = put(place.client, path, "--helper", "none")["cap"]
            damaged = [each for each in glob.glob(place.path + "/grid/**/storage/shares/*/*/*", recursive=True) if "/incoming/" not in each][:6]
            for share in damaged:
                with open(share, "r+b") as f:
                    f.seek(12 + 200)
                    f.write(b"\xff" * 4096)
            self.assertEqual(put(alone, path)["cap"], cap)
            verified = json.loads(finish(start(place.client, "--json", "verify", cap, "--progress", "none"), expect=None)[0])["results"]
            self.assertGreaterEqual(verified["count-happiness"], 7, verified)
            same_back(self, place, cap, path)

    def test_a_sample_gives_the_same_cap_and_says_what_it_is(self):
        with Place(helper=True) as place:
            path = place.file("f", 20_000_000, 3)
            report = put(place.client, path, "--prove", "sample")
            self.assertEqual((report["via"]["proof"], report["placement"]), ("sample", "proven"))
            self.assertEqual((report["shares_placed"], report["happiness"]), (10, 10))
            self.assertTrue(any(each.startswith("by sample") for each in report["warnings"]))
            again = put(place.client, path)
            self.assertEqual((again["cap"], again["via"]["proof"], again["warnings"]), (report["cap"], "full", []))
            same_back(self, place, report["cap"], path)

    def test_status_shows_the_helper(self):
        with Place(helper=True) as place:
            out, _ = finish(start(place.client, "status", "--json"))
            (helper,) = json.loads(out)["helpers"]
            self.assertTrue(helper["reachable"])


class Broken(unittest.TestCase):
    def assert_listed(self, client, held):
        """`transfers` says what the helper has."""
        (listed,) = json.loads(finish(start(client, "--json", "transfers"))[0])["uploads"]
        (helper,) = listed["helpers"]
        self.assertEqual((helper["reachable"], helper["state"]), (True, "receiving"))
        self.assertTrue(held <= helper["held_bytes"] < listed["file_bytes"], helper)
        self.assertRegex(finish(start(client, "transfers"))[0], r"helper 127.0.0.1:[0-9]+ holds [0-9.]+ MiB")

    def test_cuts_on_the_slow_leg_cost_little(self):
        with Place() as place, Links([place.helper_nurl()], seed=3) as links:
            links.tell("cut rst up 1000000 5000000")
            client = place.new_client("cut", place.nurls(), helpers=links.nurls)
            path = place.file("f", 60_000_000, 3)
            report = put(client, path)
            cuts = links.sum("cuts")
            self.assertGreater(cuts, 5)
            self.assertTrue(report["via"]["name"])
            self.assertLessEqual(report["via"]["bytes_sent"] - 60_000_000, cuts * MIB)
            same_back(self, place, report["cap"], path)

    def test_a_killed_client_goes_on_where_it_was(self):
        with Place() as place, Links([place.helper_nurl()]) as links:
            links.line_rate(4_000_000)
            client = place.new_client("slow", place.nurls(), helpers=links.nurls)
            path = place.file("f", 40_000_000, 4)
            first = start(client, "put", path, "--progress", "none")
            wait_until(lambda: links.sum("bytes_up") > 20_000_000, "half of it is sent")
            first.kill()
            first.communicate()
            links.line_rate(0)
            self.assert_listed(client, held=10_000_000)
            report = put(client, path)
            self.assertGreater(report["via"]["bytes_skipped"], 10_000_000)
            self.assertLess(report["via"]["bytes_sent"], 30_000_000)
            self.assertEqual(report["via"]["pieces_wrong"], 0)
            same_back(self, place, report["cap"], path)

    def test_a_poisoned_spool_costs_the_poisoned_pieces(self):
        with Place() as place, Helper(place.path + "/helper", place.nurls()) as helper, Links([helper.nurl]) as links:
            links.line_rate(4_000_000)
            client = place.new_client("slow", place.nurls(), helpers=links.nurls)
            path = place.file("f", 40_000_000, 5)
            first = start(client, "put", path, "--progress", "none")
            wait_until(lambda: links.sum("bytes_up") > 20_000_000, "half of it is sent")
            first.kill()
            first.communicate()
            helper.kill()
            (spool,) = [each for each in glob.glob(helper.path + "/helper/CHK_incoming/*")
                        if os.path.isfile(each) and os.path.getsize(each) > 10_000_000]
            with open(spool, "r+b") as f:
                f.seek(5 * MIB + 17)
                f.write(b"\0\0\0\0\0\0\0\0")
            helper.start()
            links.line_rate(0)
            report = put(client, path)
            self.assertEqual(report["via"]["pieces_wrong"], 1)
            self.assertLess(report["via"]["bytes_sent"], 31_000_000)
            same_back(self, place, report["cap"], path)

    def test_a_helper_that_is_not_there_is_gone_around(self):
        with Place() as place, Helper(place.path + "/helper", place.nurls()) as helper:
            client = place.new_client("direct", place.nurls(), helpers=[helper.nurl])
            helper.kill()
            path = place.file("f", 3_000_000, 7)
            began = time.monotonic()
            report = put(client, path)
            self.assertLess(time.monotonic() - began, 30)
            self.assertEqual(report["via"]["name"], "")
            self.assertTrue(any("going around" in each for each in report["warnings"]))
            same_back(self, place, report["cap"], path)

    def put_until_half(self, place, helper, seed, size=20_000_000):
        """A put on a slow line, of which half is at the helper: the line, the file and the running put."""
        links = Links([helper])
        self.addCleanup(links.close)
        links.line_rate(2_000_000)
        client = place.new_client(f"half{seed}", place.nurls(), helpers=links.nurls)
        path = place.file("f", size, seed)
        running = start(client, "put", path, "--json", "--progress", "none")
        wait_until(lambda: links.sum("bytes_up") > size // 2, "half of it is sent")
        return links, path, running

    def test_f18_a_helper_that_dies_for_good_in_the_middle_is_gone_around_in_seconds(self):
        with Place() as place, Helper(place.path + "/helper", place.nurls()) as helper:
            _, path, running = self.put_until_half(place, helper.nurl, 9)
            helper.kill()
            died = time.monotonic()
            report = json.loads(finish(running)[0])
            print(f"helper gone for good: stored {time.monotonic() - died:.1f} s later")
            self.assertLess(time.monotonic() - died, 30)
            self.assertEqual((report["via"]["name"], report["shares_placed"]), ("", 10))
            self.assertGreater(report["via"]["bytes_sent"], 9_000_000)
            self.assertTrue(any("going around" in each for each in report["warnings"]), report["warnings"])
            same_back(self, place, report["cap"], path)

    def test_f18_a_helper_that_is_started_again_in_the_middle_is_gone_on_with(self):
        with Place() as place, Helper(place.path + "/helper", place.nurls()) as helper:
            links, path, running = self.put_until_half(place, helper.nurl, 10)
            helper.kill()
            died = time.monotonic()
            helper.start()
            links.line_rate(0)
            report = json.loads(finish(running)[0])
            print(f"helper started again: stored {time.monotonic() - died:.1f} s later")
            self.assertTrue(report["via"]["name"])
            self.assertEqual(report["warnings"], [])
            self.assertLess(report["via"]["bytes_resent"], 6_000_000)  # what came in the last second
            same_back(self, place, report["cap"], path)

    def test_f7_a_helper_that_falls_silent_in_the_middle_is_gone_around_after_one_silence(self):
        with Place() as place, Helper(place.path + "/helper", place.nurls()) as helper:
            links, path, running = self.put_until_half(place, helper.nurl, 11)
            links.tell("silent on")
            began = time.monotonic()
            report = json.loads(finish(running)[0])
            print(f"helper silent: stored {time.monotonic() - began:.1f} s later")
            self.assertLess(time.monotonic() - began, 50)
            self.assertEqual((report["via"]["name"], report["shares_placed"]), ("", 10))
            same_back(self, place, report["cap"], path)

    def test_what_a_helper_held_that_was_gone_around_is_there_for_the_next_put(self):
        with Place() as place, Helper(place.path + "/helper", place.nurls()) as helper, Links(place.nurls()) as around:
            around.line_rate(4_000_000)  # the way around takes a while
            links = Links([helper.nurl])
            self.addCleanup(links.close)
            links.line_rate(2_000_000)
            client = place.new_client("twice", around.nurls, helpers=links.nurls)
            path = place.file("f", 20_000_000, 12)
            running = start(client, "put", path, "--progress", "none")
            wait_until(lambda: links.sum("bytes_up") > 10_000_000, "half of it is at the helper")
            helper.kill()
            wait_until(lambda: around.sum("bytes_up") > 2_000_000, "it goes around the helper")
            running.terminate()
            finish(running, 3)
            helper.start()
            links.line_rate(0)
            around.line_rate(0)
            report = put(client, path)
            self.assertTrue(report["via"]["name"])
            self.assertGreater(report["via"]["bytes_skipped"], 4_000_000)
            same_back(self, place, report["cap"], path)

    def test_transfers_resume_proves_as_the_upload_began_or_as_it_is_told(self):
        with Place() as place, Links([place.helper_nurl()]) as links:
            client = place.new_client("weak", place.nurls(), helpers=links.nurls)
            for seed, options, proof in ((13, (), "sample"), (14, ("--prove", "full"), "full")):
                links.line_rate(1_000_000)
                path = place.file(f"f{seed}", 8_000_000, seed)
                before = links.sum("bytes_up")
                first = start(client, "put", path, "--progress", "none", "--prove", "sample")
                wait_until(lambda: links.sum("bytes_up") - before > 3_000_000, "some of it is sent")
                first.terminate()
                finish(first, 3)
                (listed,) = json.loads(finish(start(client, "transfers", "--json"))[0])["uploads"]
                self.assertEqual(listed["proof"], "sample")
                links.line_rate(0)
                report = json.loads(finish(start(client, "transfers", "resume", "--json", "--progress", "none", *options))[0])
                self.assertEqual((report["via"]["proof"], report["placement"]), (proof, "proven"))
                self.assertEqual(any(each.startswith("by sample") for each in report["warnings"]), proof == "sample")
                same_back(self, place, report["cap"], path)

    def test_a_given_up_upload_is_dropped_at_the_helper(self):
        with Place() as place, Links([place.helper_nurl()]) as links:
            links.line_rate(4_000_000)
            client = place.new_client("slow", place.nurls(), helpers=links.nurls)
            path = place.file("f", 40_000_000, 8)
            first = start(client, "put", path, "--progress", "none")
            wait_until(lambda: links.sum("bytes_up") > 10_000_000, "some of it is sent")
            first.terminate()
            self.assertIn("stopped", finish(first, 3)[1])
            out, _ = finish(start(client, "transfers", "--json"))
            (upload,) = json.loads(out)["uploads"]
            finish(start(client, "transfers", "cancel", upload["id"]))
            links.line_rate(0)
            self.assertEqual(put(client, path)["via"]["bytes_skipped"], 0)


if __name__ == "__main__":
    unittest.main()
