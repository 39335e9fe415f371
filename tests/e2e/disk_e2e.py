"""Full disks, files that change while they are read, and what `put --plan` promises."""
import errno
import json
import os
import re
import subprocess
import time
import unittest

from rig import BINARY, Links, Place, Server, finish, free_port, get, killed_put, put, sha256, start, wait_until

MIB = 1 << 20


class SmallDisk:
    """A disk of so many bytes at `path`, in a mount namespace of its own that ends with the test."""

    def __init__(self, path, size):
        os.makedirs(path, exist_ok=True)
        root = os.geteuid() == 0
        unshare = ["unshare", "-m"] if root else ["unshare", "-Urm"]
        self.process = subprocess.Popen([*unshare, "sh", "-c", f"mount -t tmpfs -o size={size} tmpfs {path} && echo ready && exec cat"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            problem = self.process.stderr.read().strip()
            self.close()
            raise unittest.SkipTest(f"no mounts here: {problem}")
        self.path = path
        self.within = ["nsenter", "-t", str(self.process.pid), "-m", *([] if root else ["-U", "--preserve-credentials"])]
        self.seen_from_here = f"/proc/{self.process.pid}/root{path}"

    def fill(self, leave=0):
        """Takes all but so many bytes, also from under others who write at the same time."""
        space = os.statvfs(self.seen_from_here)
        left = space.f_bavail * space.f_bsize - leave
        with open(self.seen_from_here + "/ballast", "wb", buffering=0) as f:
            try:
                while left > 0 or not leave:
                    left -= f.write(bytes(min(65_536, left) if leave else 4096))
            except OSError as problem:
                if problem.errno != errno.ENOSPC:
                    raise

    def remount(self, how):
        """"ro": nothing can be changed; "rw": it can again."""
        remount = [*self.within, "mount", "-o", f"remount,{how}", self.path]
        # A file that is being closed still keeps it from being read-only.
        wait_until(lambda: subprocess.run(remount, stderr=subprocess.DEVNULL).returncode == 0, f"remounted {how}")

    def make_room(self):
        os.unlink(self.seen_from_here + "/ballast")

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()


class FullDisks(unittest.TestCase):
    def small_server(self, place, size):
        path = place.path + "/small"
        subprocess.run([BINARY, "create-node", path, "--storage", "--bind", "127.0.0.1", "--reserve", "1M"], check=True, stdout=subprocess.DEVNULL)
        disk = SmallDisk(path + "/storage", size)
        self.addCleanup(disk.close)
        server = Server(path, within=disk.within)
        self.addCleanup(server.stop)
        return server, disk

    def test_f22_a_server_whose_disk_fills_in_the_middle_has_its_share_placed_elsewhere(self):
        with Place(servers=9) as place:
            server, disk = self.small_server(place, 64 * MIB)
            with Links([*place.nurls(), server.nurl]) as links:
                links.line_rate(5_000_000)
                client = place.new_client("c", links.nurls, convergence_of=place.client)
                path = place.file("f", 20_000_000, 1)
                running = start(client, "put", path, "--json", "--progress", "none")
                wait_until(lambda: links.stats()[9]["bytes_up"] > 1_500_000, "some of its share has come")
                disk.fill()
                links.line_rate(0)
                report = json.loads(finish(running)[0])
                self.assertEqual((report["shares_placed"], report["servers"][9]["shares"]), (10, []))
                self.assertGreaterEqual(report["happiness"], 9)
                self.assertTrue(any("507" in each for each in report["warnings"]), report["warnings"])
                disk.make_room()
                get(client, report["cap"], path + ".out")
                self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f22_an_upload_pauses_while_too_few_servers_have_room_and_goes_on_when_there_is(self):
        with Place(servers=2) as place:
            server, disk = self.small_server(place, 64 * MIB)
            with Links([*place.nurls(), server.nurl]) as links:
                links.line_rate(3_000_000)
                client = place.new_client("c", links.nurls, convergence_of=place.client)
                path = place.file("f", 20_000_000, 2)
                running = start(client, "put", path, "--json", "--progress", "none", "--k", "2", "--n", "3", "--happy", "3")
                wait_until(lambda: links.stats()[2]["bytes_up"] > 1_500_000, "some of its share has come")
                disk.fill()
                links.line_rate(0)
                wait_until(lambda: self.shares(place) == 2, "the others have theirs")
                self.assertIsNone(running.poll(), "it waits")
                disk.make_room()
                report = json.loads(finish(running)[0])
                self.assertEqual((report["shares_placed"], report["happiness"]), (3, 3))
                get(client, report["cap"], path + ".out")
                self.assertEqual(sha256(path), sha256(path + ".out"))

    def shares(self, place):
        return sum(name.isdigit() for root, _, names in os.walk(place.path + "/grid") if "/storage/shares/" in root and "/incoming" not in root
                   for name in names)

    def test_f22_the_client_s_disk_is_full_and_get_goes_on_when_there_is_room(self):
        with Place() as place:
            path = place.file("f", 20_000_000, 3)
            cap = put(place.client, path)["cap"]
            disk = SmallDisk(place.path + "/disk", 32 * MIB)
            self.addCleanup(disk.close)
            disk.fill(leave=8 * MIB)
            output = place.path + "/disk/f"
            _, err = finish(start(place.client, "get", cap, "-o", output, "--progress", "none", within=disk.within), expect=1)
            self.assertRegex(err, "no_space|[Nn]o space")
            self.assertRegex(err, "Make room, then run the same command again")
            self.assertFalse(os.path.exists(disk.seen_from_here + "/f"))
            disk.make_room()
            report = json.loads(finish(start(place.client, "get", cap, "-o", output, "--json", "--progress", "none", within=disk.within))[0])
            self.assertGreater(report["bytes_skipped"], 4 * MIB)
            self.assertEqual(sha256(path), sha256(disk.seen_from_here + "/f"))


class ChangingSource(unittest.TestCase):
    def change_while_uploading(self, change):
        """A mixed object must never get a cap; the same command afterwards stores the new content."""
        with Place() as place, Links(place.nurls()) as links:
            links.line_rate(5_000_000)
            client = place.new_client("c", links.nurls, convergence_of=place.client)
            path = place.file("f", 20_000_000, 4)
            old = sha256(path)
            running = start(client, "put", path, "--progress", "none")
            wait_until(lambda: links.sum("bytes_up") > 10_000_000, "a sixth of it has gone")
            change(path)
            links.line_rate(0)
            out, err = finish(running, expect=None)
            if running.returncode == 0:  # the change came behind what was read: the cap is of the old bytes
                get(place.client, out.strip(), path + ".old")
                self.assertEqual(sha256(path + ".old"), old)
            else:
                self.assertEqual((out, running.returncode), ("", 1))
                self.assertRegex(err, "changed")
            report = put(client, path)
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))
            return running.returncode

    def test_f33_bytes_changed_behind_the_front_while_it_uploads(self):
        def change(path):
            with open(path, "r+b") as f:
                f.seek(19_000_000)
                f.write(b"changed")

        self.assertEqual(self.change_while_uploading(change), 1)

    def test_f33_changed_with_the_same_time_of_modification(self):
        def change(path):
            status = os.stat(path)
            with open(path, "r+b") as f:
                f.seek(19_500_000)
                f.write(b"changed")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        self.assertEqual(self.change_while_uploading(change), 1)

    def test_f33_cut_short_while_it_uploads(self):
        self.assertEqual(self.change_while_uploading(lambda path: os.truncate(path, 15_000_000)), 1)

    def test_f33_replaced_by_another_file_while_it_uploads(self):
        def change(path):
            with open(path + ".new", "wb") as f:
                f.write(os.urandom(20_000_000))
            os.replace(path + ".new", path)

        self.change_while_uploading(change)

    def test_f33_appended_to_while_it_uploads(self):
        def change(path):
            with open(path, "ab") as f:
                f.write(b"more")

        self.change_while_uploading(change)


class Plans(unittest.TestCase):
    """U15: what --plan says is what is sent, within 1 %."""

    def test_u15_without_enough_servers_a_plan_is_no_success(self):
        with Place() as place:
            path, small = place.file("f", 300_000, 9), place.file("s", 55, 9)
            nurls = [re.sub(r":\d+/", f":{free_port()}/", each, count=1) for each in place.nurls()]
            few = place.new_client("few", place.nurls()[:2] + nurls[2:])
            out, err = finish(start(few, "put", path, "--plan", "--json", "--progress", "none"), 4)
            plan = json.loads(out)
            self.assertEqual((plan["servers_answered"], plan["servers_asked"], plan["happiness"], plan["happy"]), (2, 10, 2, 7))
            self.assertIn("2 of 10 servers answered", err)
            none = place.new_client("none", nurls)
            out, err = finish(start(none, "put", path, "--plan", "--progress", "none"), 4)
            self.assertEqual(out, "")
            self.assertIn("none of 10 servers answers", err)
            finish(start(none, "put", small, "--plan", "--progress", "none"), 0)

    def assert_kept(self, client, path):
        plan = json.loads(finish(start(client, "put", path, "--plan", "--json", "--progress", "none"))[0])
        report = put(client, path)
        self.assertLessEqual(abs(plan["bytes_to_send"] - report["bytes_sent"]), 0.01 * report["bytes_sent"], (plan["bytes_to_send"], report["bytes_sent"]))
        return plan, report

    def test_u15_of_a_fresh_of_a_half_done_and_of_a_complete_upload(self):
        with Place() as place:
            path = place.file("f", 20_000_000, 5)
            plan, report = self.assert_kept(place.client, path)
            self.assertEqual((plan["bytes_to_skip"], plan["bytes_to_send"]), (0, report["share_bytes_total"]))
            finish(start(place.client, "put", place.file("h", 5 * MIB, 8), "--plan"))
            self.assertEqual(json.loads(finish(start(place.client, "--json", "transfers", "list"))[0])["uploads"], [], "a plan begins nothing")
            plan, report = self.assert_kept(place.client, path)
            self.assertEqual((plan["bytes_to_send"], report["bytes_sent"]), (0, 0))
            half = place.file("g", 40 * MIB, 6)
            killed_put(place, place.client, half)
            plan, report = self.assert_kept(place.client, half)
            self.assertGreater(plan["bytes_to_skip"], 10 * MIB)
            self.assertLess(abs(plan["bytes_to_skip"] - report["bytes_skipped"]), 0.01 * report["share_bytes_total"])

    def test_u15_of_another_machine_s_half_done_upload(self):
        with Place() as place:
            path = place.file("f", 40 * MIB, 7)
            killed_put(place, place.client, path)
            # For a few seconds the servers take the first one to be at work still, and the work would be shared.
            parts = [os.path.join(root, name) for root, _, names in os.walk(place.path + "/grid") for name in names if name.endswith(".part")]
            wait_until(lambda: time.time() - max(map(os.path.getmtime, parts)) > 11, "the first one is forgotten")
            self.assert_kept(place.new_client("other", place.nurls(), convergence_of=place.client), path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
