"""put and get with the real binary, undisturbed and broken in many ways. Names carry the numbers of the acceptance list."""
import os
import re
import stat
import threading
import time
import unittest

from rig import Links, Place, finish, get, kill_at_work, killed_put, on_disk, put, sha256, start, wait_until

MIB = 1 << 20


class Undisturbed(unittest.TestCase):
    def test_f44_sizes_around_the_limits_come_back_and_two_clients_get_one_cap(self):
        with Place() as place:
            other = place.new_client("other", place.nurls(), convergence_of=place.client)
            for size in (0, 1, 55, 56, MIB - 1, MIB, MIB + 3, 20_000_000):
                path = place.file(f"f{size}", size, size)
                report = put(place.client, path)
                again = put(other, path)
                self.assertEqual(report["cap"], again["cap"])
                self.assertEqual(again["bytes_sent"], 0)
                get(other, report["cap"], path + ".out")
                self.assertEqual(sha256(path), sha256(path + ".out"))
            get(other, report["cap"], path + ".part-of-it", "--range", "1048570-1048585")
            with open(path, "rb") as whole, open(path + ".part-of-it", "rb") as piece:
                whole.seek(1_048_570)
                self.assertEqual(piece.read(), whole.read(16))

    def test_get_keeps_the_permissions_of_what_it_replaces_and_leaves_nothing_empty_behind(self):
        with Place() as place:
            path = place.file("f", 5_000_000, 9)
            cap = put(place.client, path)["cap"]
            out = place.file("out", 10, 10)
            os.chmod(out, 0o440)
            finish(start(place.client, "get", cap, "-o", out, "--range", "5000000-", "--progress", "none"), expect=1)
            self.assertEqual([name for name in os.listdir(os.path.dirname(out)) if name.endswith(".part")], [])
            running = start(place.client, "get", cap, "-o", out, "--progress", "none", "--limit-rate", "1M")
            wait_until(lambda: on_disk(out + ".part") > 0 or running.poll() is not None, "some of it has come")
            self.assertEqual(os.stat(out + ".part").st_mode & 0o777, 0o600, "nobody else's meanwhile, and ours to go on with")
            kill_at_work(running)
            get(place.client, cap, out)
            self.assertEqual((sha256(out), os.stat(out).st_mode & 0o777), (sha256(path), 0o440))
            lost = re.sub(r"^(URI:CHK:)[a-z2-7]{26}", r"\1" + "a" * 26, cap)
            finish(start(place.client, "get", lost, "-o", out + ".lost", "--progress", "none", "--no-wait"), expect=4)
            self.assertFalse(os.path.exists(out + ".lost.part"))

    def test_what_is_no_file_under_the_name_of_the_part_is_named_and_left_alone(self):
        with Place(servers=3) as place:
            cap = put(place.client, place.file("f", 300_000, 8), "--k", "1", "--happy", "1", "--n", "3")["cap"]
            out = place.file("out", 10, 10)
            before = sha256(out)
            part = out + ".part"
            for target in (out, out + ".elsewhere"):
                os.symlink(target, part)
                _, err = finish(start(place.client, "get", cap, "-o", out, "--progress", "none"), expect=1)
                self.assertIn(f"{part} is a symbolic link", err)
                self.assertEqual((os.readlink(part), sha256(out), os.path.exists(out + ".elsewhere")), (target, before, False))
                os.unlink(part)
            os.mkfifo(part)
            _, err = finish(start(place.client, "get", cap, "-o", out, "--progress", "none"), expect=1)
            self.assertIn(f"{part} is no regular file", err)
            self.assertEqual((stat.S_ISFIFO(os.stat(part).st_mode), sha256(out)), (True, before))


class Broken(unittest.TestCase):
    def test_f1_an_upload_cut_at_seeded_offsets_sends_little_again(self):
        with Place() as place, Links(place.nurls(), seed=1) as links:
            links.tell("cut rst up 200000 2000000")
            client = place.new_client("cut", links.nurls, convergence_of=place.client)
            path = place.file("f", 20_000_000, 7)
            report = put(client, path)
            cuts = links.sum("cuts")
            self.assertGreater(cuts, 20)
            self.assertEqual(report["cap"], put(place.client, path)["cap"])
            self.assertGreaterEqual(report["happiness"], 7)
            # Per cut and stream at most a window of 1 MiB is sent again.
            self.assertLessEqual(report["bytes_sent"] - report["share_bytes_total"], cuts * MIB)
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f5_a_download_cut_at_seeded_offsets_comes_back_right(self):
        with Place() as place, Links(place.nurls(), seed=2) as links:
            path = place.file("f", 20_000_000, 8)
            cap = put(place.client, path)["cap"]
            links.tell("cut rst down 300000 3000000")
            client = place.new_client("cut", links.nurls)
            get(client, cap, path + ".out")
            self.assertGreater(links.sum("cuts"), 3)
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f6_a_link_up_two_seconds_and_down_one_is_gone_on_from(self):
        with Place() as place, Links(place.nurls()) as links:
            client = place.new_client("flap", links.nurls, convergence_of=place.client)
            path = place.file("f", 60 * MIB, 9)
            ended = threading.Event()

            def flap():
                while not ended.wait(2):
                    links.tell("link down")
                    ended.wait(1)
                    links.tell("link up")

            thread = threading.Thread(target=flap)
            thread.start()
            try:
                report = put(client, path, "--limit-rate", "20M")
            finally:
                ended.set()
                thread.join()
            self.assertGreaterEqual(report["happiness"], 7)
            self.assertEqual(report["cap"], put(place.client, path)["cap"])

    def test_f12_get_with_all_but_k_servers_silent(self):
        with Place() as place, Links(place.nurls()) as links:
            path = place.file("f", 5_000_000, 10)
            cap = put(place.client, path)["cap"]
            client = place.new_client("silent", links.nurls)
            links.tell("silent on", targets=range(3, 10))
            get(client, cap, path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))


class Crashes(unittest.TestCase):
    def test_f16_u1_kill_9_of_the_client_and_the_next_run_goes_on(self):
        with Place() as place:
            path = place.file("f", 60 * MIB, 11)
            for part in (0.05, 0.2, 0.4, 0.6):
                killed_put(place, place.client, path, part)
            report = put(place.client, path)
            self.assertGreater(report["bytes_skipped"], 0.55 * report["share_bytes_total"])
            other = place.new_client("other", place.nurls(), convergence_of=place.client)
            self.assertEqual(put(other, path)["cap"], report["cap"])
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f17_f20_kill_9_of_all_servers_and_what_was_acknowledged_survives(self):
        with Place() as place:
            path = place.file("f", 60 * MIB, 12)
            upload = start(place.client, "put", path, "--json", "--progress", "none", "--limit-rate", "40M")
            for _ in range(3):
                time.sleep(1.5)  # the crash comes at some moment of a running upload; nothing is waited for
                self.assertIsNone(upload.poll())
                place.grid.kill()
                place.grid.start()
            out, _ = finish(upload)
            self.assertIn("URI:CHK:", out)
            cap = put(place.client, path)["cap"]
            get(place.client, cap, path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_u14_on_servers_without_the_extension_a_killed_upload_goes_on_by_derived_secret_and_probe(self):
        with Place() as place:
            place.grid.stop()
            for i in range(10):
                with open(f"{place.path}/grid/storage-{i}/holdfast.cfg", "w") as f:
                    f.write("[storage]\npartial.retention = 0\n")
            place.grid.start()
            path = place.file("f", 30 * MIB, 19)
            killed_put(place, place.client, path, 0.5)
            report = put(place.client, path)
            self.assertEqual((report["shares_placed"], report["warnings"]), (10, []))
            self.assertGreater(report["bytes_skipped"], 20 * MIB)
            self.assertLess(report["bytes_sent"], report["share_bytes_total"] - 20 * MIB)
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f35_u3_a_second_node_with_the_secret_goes_on(self):
        with Place() as place:
            path = place.file("f", 40 * MIB, 13)
            killed_put(place, place.client, path)
            friend = place.new_client("friend", place.nurls(), convergence_of=place.client)
            report = put(friend, path)
            self.assertGreater(report["bytes_skipped"], 10 * MIB)

    def test_u7_a_damaged_part_file_costs_its_bad_segments_only(self):
        with Place() as place:
            path = place.file("f", 40 * MIB, 14)
            cap = put(place.client, path)["cap"]
            running = start(place.client, "get", cap, "-o", path + ".out", "--progress", "none", "--limit-rate", "4M")
            wait_until(lambda: on_disk(path + ".out.part") > 8 * MIB or running.poll() is not None, "some of it has come")
            kill_at_work(running)
            self.assertFalse(os.path.exists(path + ".out"))
            with open(path + ".out.part", "r+b") as part:
                part.seek(1_500_000)
                part.write(b"damage")
            report = get(place.client, cap, path + ".out")
            self.assertGreater(report["bytes_skipped"], 4 * MIB)
            self.assertGreater(report["bytes_rejected"], 0)
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_another_file_under_the_name_of_the_part_is_not_put_in_the_place_of_the_whole(self):
        with Place() as place:
            path = place.file("f", 20 * MIB, 15)
            cap = put(place.client, path)["cap"]
            running = start(place.client, "get", cap, "-o", path + ".out", "--progress", "none", "--limit-rate", "2M")
            wait_until(lambda: on_disk(path + ".out.part") > MIB or running.poll() is not None, "some of it has come")
            os.unlink(path + ".out.part")
            with open(path + ".out.part", "w") as other:
                other.write("of somebody else")
            _, err = finish(running, expect=1)
            self.assertIn("was moved or replaced", err)
            self.assertFalse(os.path.exists(path + ".out"))
            with open(path + ".out.part") as other:
                self.assertEqual(other.read(), "of somebody else")


class Lies(unittest.TestCase):
    def shares(self, place):
        for i in range(10):
            for root, _, files in os.walk(f"{place.path}/grid/storage-{i}/storage/shares"):
                for name in files:
                    yield os.path.join(root, name)

    def test_f32_flipped_bits_in_stored_shares_are_gone_around(self):
        with Place() as place:
            path = place.file("f", 5_000_000, 15)
            cap = put(place.client, path)["cap"]
            for share in list(self.shares(place))[:7]:
                with open(share, "r+b") as f:
                    f.seek(12 + 400_000)
                    byte = f.read(1)
                    f.seek(12 + 400_000)
                    f.write(bytes([byte[0] ^ 1]))
            get(place.client, cap, path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_too_few_good_shares_are_an_error_and_never_a_short_file(self):
        with Place() as place:
            path = place.file("f", 5_000_000, 16)
            cap = put(place.client, path)["cap"]
            for share in list(self.shares(place))[:8]:
                os.truncate(share, 100_000)
            _, err = finish(start(place.client, "get", cap, "-o", path + ".out", "--progress", "none", "--no-wait"), expect=4)
            self.assertFalse(os.path.exists(path + ".out"), err)

    def test_f27_a_poisoned_partial_costs_its_wrong_pieces_only(self):
        with Place() as place:
            path = place.file("f", 40 * MIB, 17)
            killed_put(place, place.client, path)
            place.grid.stop()
            poisoned = 0
            for name in self.shares(place):
                if name.endswith(".part"):
                    with open(name, "r+b") as f:
                        f.seek(12 + 600_000)
                        f.write(b"poison")
                    poisoned += 1
            place.grid.start()
            self.assertGreater(poisoned, 0)
            report = put(place.client, path)
            self.assertGreater(report["bytes_skipped"], 0)
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f33_a_file_changed_between_attempts_gives_its_own_cap(self):
        with Place() as place:
            path = place.file("f", 20 * MIB, 18)
            killed_put(place, place.client, path)
            status = os.stat(path)
            with open(path, "r+b") as f:
                f.seek(100)
                f.write(b"changed")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            report = put(place.client, path)
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
