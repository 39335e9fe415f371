"""The commands around put and get: check, verify, repair, transfers, debug, standard input, completion, the manual."""
import json
import os
import re
import signal
import subprocess
import time
import unittest
import urllib.parse

import meddler
from rig import BINARY, DEADLINE, Place, finish, free_port, get, killed_put, put, sha256, start, wait_until

MIB = 1 << 20


def shares(place):
    return sorted(os.path.join(root, name) for root, _, names in os.walk(place.path + "/grid")
                  for name in names if "/storage/shares/" in root and "/incoming" not in root)


def run(client, *arguments, expect=0):
    return finish(start(client, *arguments), expect)[0]


def dead_nurls(nurls):
    """The same servers, where nobody listens."""
    return [re.sub(r":\d+/", f":{free_port()}/", nurl, count=1) for nurl in nurls]


def lying(client):
    """What lies in its transfers/."""
    try:
        return sorted(os.listdir(client + "/transfers"))
    except FileNotFoundError:
        return []


def feed(test, client, *arguments):
    """`put -`; ends with the test at the latest."""
    process = subprocess.Popen([BINARY, "-d", client, "put", "-", "--progress", "none", *arguments], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end():
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()

    test.addCleanup(end)
    return process


class Health(unittest.TestCase):
    def test_check_believes_verify_finds_and_repair_makes_good(self):
        with Place() as place:
            path = place.file("f", 5_000_000, 1)
            cap = put(place.client, path)["cap"]
            verify_cap = json.loads(run(place.client, "--json", "debug", "cap", cap))["verify_cap"]
            flipped, removed = shares(place)[:2]
            with open(flipped, "r+b") as f:
                f.seek(12 + 500_000)
                byte = f.read(1)
                f.seek(-1, os.SEEK_CUR)
                f.write(bytes([byte[0] ^ 0x40]))
            os.unlink(removed)
            checked = json.loads(run(place.client, "--json", "check", cap, expect=1))["results"]
            self.assertEqual((checked["count-shares-good"], checked["count-corrupt-shares"]), (9, 0))
            verified = json.loads(run(place.client, "--json", "verify", verify_cap, "--progress", "none", expect=1))["results"]
            self.assertEqual((verified["count-shares-good"], verified["count-corrupt-shares"]), (8, 1))
            self.assertEqual(verified["list-corrupt-shares"][0][2], int(os.path.basename(flipped)))
            repaired = json.loads(run(place.client, "--json", "repair", "--verify", verify_cap, "--progress", "none"))
            self.assertTrue(repaired["repair-successful"])
            self.assertEqual(repaired["count-shares-pushed"], 2)
            after = json.loads(run(place.client, "--json", "verify", cap, "--progress", "none"))["results"]
            self.assertEqual(after["count-shares-good"], 10)
            get(place.client, cap, path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_a_repair_that_meets_a_wrong_share_does_not_count_it(self):
        with Place(servers=1) as place:
            cap = put(place.client, place.file("f", 300_000, 7), "--happy", "1")["cap"]
            by_number = {int(os.path.basename(each)): each for each in shares(place)}
            os.unlink(by_number[9])
            with open(by_number[3], "r+b") as f:
                f.seek(os.path.getsize(by_number[3]) - 72 - 100)  # what every proof looks at, before the lease
                byte = f.read(1)
                f.seek(-1, os.SEEK_CUR)
                f.write(bytes([byte[0] ^ 0xFF]))
            repaired = json.loads(run(place.client, "--json", "repair", cap, "--progress", "none", expect=1))
            after = repaired["post-repair-results"]["results"]
            self.assertEqual((repaired["count-shares-pushed"], repaired["repair-successful"]), (1, False))
            self.assertEqual((after["count-shares-good"], [each[2] for each in after["list-corrupt-shares"]]), (9, [3]))

    def test_a_repaired_share_is_byte_for_byte_the_lost_one(self):
        with Place() as place:
            path = place.file("f", 3_000_000, 2)
            cap = put(place.client, path)["cap"]
            lost = shares(place)[0]
            with open(lost, "rb") as f:
                before = f.read()
            os.unlink(lost)
            run(place.client, "repair", cap, "--progress", "none")
            found = [s for s in shares(place) if os.path.basename(s) == os.path.basename(lost)]
            self.assertEqual(len(found), 1)
            with open(found[0], "rb") as f:
                self.assertEqual(f.read()[12:-72], before[12:-72])  # without the container's header and lease

    def test_too_few_shares_cannot_be_repaired_and_nothing_is_changed(self):
        with Place() as place:
            cap = put(place.client, place.file("f", 1_000_000, 3))["cap"]
            for share in shares(place)[2:]:
                os.unlink(share)
            left = shares(place)
            run(place.client, "repair", cap, "--progress", "none", expect=4)
            self.assertEqual(shares(place), left)


    def test_a_repair_of_too_few_shares_ends_with_its_patience_and_takes_no_room_on_servers(self):
        with Place() as place:
            cap = put(place.client, place.file("f", 3_000_000, 8))["cap"]
            far = place.new_client("far", place.nurls()[:2] + dead_nurls(place.nurls()[2:]))
            left = sorted(os.listdir(place.path + "/grid/storage-0/storage/shares"))
            for patience in (("--no-wait",), ("--timeout", "2s")):
                _, err = finish(start(far, "repair", cap, "--progress", "none", *patience), 4)
                self.assertRegex(err, r"only [012] shares can be had, and 3 are needed", patience)
                self.assertNotIn("--timeout", err)
            self.assertEqual(sorted(os.listdir(place.path + "/grid/storage-0/storage/shares")), left)
            self.assertEqual([name for _, _, names in os.walk(place.path + "/grid") for name in names if name.endswith(".part")], [])
            _, err = finish(start(far, "get", cap, "-o", place.path + "/out", "--progress", "none", "--no-wait"), 4)
            self.assertRegex(err, r"only [012] shares can be had, and 3 are needed")

    def test_servers_that_are_not_those_of_their_nurls_are_named_and_not_the_network(self):
        with Place(servers=2) as place:
            cap = put(place.client, place.file("f", 300_000, 4), "--happy", "1", "--k", "1")["cap"]
            strange = place.new_client("strange", [re.sub(r"/[^/#]+(#|$)", r"/aaaaaaaaaaaaaaaa\1", each) for each in place.nurls()])
            for command in (("check",), ("repair", "--no-wait"), ("get", "--no-wait", "-o", place.path + "/out")):
                _, err = finish(start(strange, *command, cap, "--progress", "none"), 1)
                self.assertIn("does not take the password in it", err, command)
                self.assertNotIn("Check the network", err, command)

    @unittest.skipIf(os.geteuid() == 0, "root may read and write everything")
    def test_a_file_that_may_not_be_read_is_no_matter_of_servers(self):
        with Place(servers=1) as place:
            path = place.file("f", 300_000, 4)
            os.chmod(path, 0)
            _, err = finish(start(place.client, "put", path, "--happy", "1", "--progress", "none"), 1)
            self.assertIn("this machine", err)
            self.assertNotIn("server", err)

    @unittest.skipUnless(os.path.isdir("/sys"), "no /sys, where nobody may make a file")
    def test_a_place_where_nothing_may_be_written_is_no_matter_of_servers(self):
        with Place(servers=1) as place:
            cap = put(place.client, place.file("f", 300_000, 4), "--happy", "1", "--k", "1")["cap"]
            _, err = finish(start(place.client, "get", cap, "-o", "/sys/holdfast-test", "--progress", "none"), 1)
            self.assertIn("It is this machine that does not permit it", err)
            self.assertNotIn("NURL", err)

    def test_a_cap_with_another_size_or_k_is_named_and_no_server_is_accused(self):
        with Place() as place:
            path = place.file("f", 3_000_000, 9)
            cap = put(place.client, path)["cap"]
            parts = cap.split(":")  # URI:CHK:key:hash:k:n:size
            for field, values in ((6, (2_999_999, 3_000_001, 700)), (4, (2, 4)), (5, (9, 11))):
                for value in values:
                    wrong = ":".join([*parts[:field], str(value), *parts[field + 1:]])
                    for command in ("check", "verify", "repair", "get"):
                        out, err = finish(start(place.client, command, wrong, "--progress", "none"), 1)
                        self.assertIn("the cap's size or encoding is not that of the file", err, (command, wrong))
                        self.assertEqual(out, "", (command, "not a byte of it"))
            accused = [name for root, _, names in os.walk(place.path + "/grid") for name in names if "/storage/corruption-advisories" in root]
            self.assertEqual(accused, [])
            get(place.client, cap, path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_leases_that_were_not_taken_are_named_and_a_failure(self):
        with Place(servers=2) as place:
            cap = put(place.client, place.file("f", 300_000, 4), "--happy", "1")["cap"]
            refuse = lambda request: meddler.answer(500, body=b"no") if "/lease/" in request.start else None
            node = meddler.Meddler(place.path + "/grid/storage-0", place.nurls()[0], before=refuse)
            self.addCleanup(node.close)
            client = place.new_client("far", [node.nurl, place.nurls()[1]])
            for command in ("check", "repair"):
                run(client, command, cap, "--progress", "none")
                _, err = finish(start(client, command, "--add-lease", cap, "--progress", "none"), 1)
                self.assertEqual(err.count("did not take the lease"), 1, err)

    def test_verify_lists_copies_that_could_not_be_read(self):
        with Place(servers=2) as place:
            cap = put(place.client, place.file("f", 300_000, 5), "--happy", "1")["cap"]
            refuse = lambda request: meddler.answer(500, body=b"no") if re.match(r"GET \S*/\d+ ", request.start) else None
            node = meddler.Meddler(place.path + "/grid/storage-0", place.nurls()[0], before=refuse)
            self.addCleanup(node.close)
            client = place.new_client("far", [node.nurl, place.nurls()[1]])
            results = json.loads(run(client, "--json", "verify", cap, "--progress", "none", expect=1))["results"]
            self.assertEqual(results["count-unknown-shares"], 10 - results["count-shares-good"])
            self.assertGreater(results["count-unknown-shares"], 0)
            self.assertEqual(len(results["list-unknown-shares"]), results["count-unknown-shares"])


class Transfers(unittest.TestCase):
    def test_an_unfinished_upload_is_listed_and_resumed_or_given_up(self):
        with Place() as place:
            path = place.file("f", 40 * MIB, 4)
            killed_put(place, place.client, path)
            listed = json.loads(run(place.client, "--json", "transfers"))["uploads"]
            self.assertEqual([each["file"] for each in listed], [path])
            self.assertTrue(listed[0]["source_unchanged"])
            journals = [os.path.join(place.client, "transfers", name) for name in os.listdir(place.client + "/transfers")]
            self.assertEqual([os.stat(each).st_mode & 0o777 for each in journals], [0o600])
            report = json.loads(run(place.client, "--json", "transfers", "resume", "--progress", "none"))
            self.assertGreater(report["bytes_skipped"], 0)
            self.assertEqual(json.loads(run(place.client, "--json", "transfers"))["uploads"], [])
            other = place.file("g", 40 * MIB, 5)
            killed_put(place, place.client, other)
            listed = json.loads(run(place.client, "--json", "transfers"))["uploads"]
            self.assertIn("partial shares were dropped", run(place.client, "transfers", "cancel", listed[0]["id"]))
            self.assertEqual(put(place.client, other)["bytes_skipped"], 0)

    def test_whoever_gives_one_up_is_told_which_servers_were_not_there(self):
        with Place() as place:
            killed_put(place, place.client, place.file("f", 40 * MIB, 4))
            listed = json.loads(run(place.client, "--json", "transfers"))["uploads"]
            place.grid.kill()
            told = run(place.client, "transfers", "cancel", listed[0]["id"])
            self.assertIn("0 partial shares were dropped", told)
            self.assertIn("10 servers did not answer", told)
            self.assertEqual(json.loads(run(place.client, "--json", "transfers"))["uploads"], [])

    def test_standard_input_is_spooled_and_the_spool_goes_when_it_is_stored(self):
        with Place() as place:
            path = place.file("f", 3_000_000, 6)
            cap = put(place.client, path)["cap"]
            with open(path, "rb") as source:
                done = subprocess.run([BINARY, "-d", place.client, "put", "-", "--progress", "none"], stdin=source, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout.strip()), (0, cap))
            self.assertEqual(os.listdir(place.client + "/transfers"), [])
            plan = feed(self, place.client, "--plan")
            _, err = plan.communicate(b"x" * 100_000, 30)
            self.assertEqual((plan.returncode, lying(place.client)), (0, []), err)
            impossible = feed(self, place.client, "--k", "20")  # of 10
            self.assertEqual((impossible.wait(30), lying(place.client)), (2, []), "it does not wait for the end of its input")

    def test_standard_input_interrupted_while_it_is_read_leaves_nothing(self):
        with Place() as place:
            process = subprocess.Popen([BINARY, "-d", place.client, "put", "-", "--progress", "none"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            process.stdin.write("some bytes that are not the end")
            process.stdin.flush()
            wait_until(lambda: lying(place.client) or process.poll() is not None, "a spool")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(30), 3)
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()
            self.assertEqual(os.listdir(place.client + "/transfers"), [])

    def test_a_file_that_is_called_like_a_spool_is_not_one(self):
        with Place() as place:
            def begin(name, seed):
                path = place.file(name, 1_500_000, seed)
                process = start(place.client, "put", path, "--progress", "none", "--limit-rate", "100k")
                wait_until(lambda: [each for each in lying(place.client) if each.endswith(".journal")], "a journal")
                process.send_signal(signal.SIGINT)
                finish(process, 3)
                return path

            mine = begin("stdin-aaaaaaaaaaaaaaaa,3,7,10,1048576,convergent,full", 61)
            run(place.client, "transfers", "resume", "--progress", "none")
            self.assertTrue(os.path.exists(mine))
            thesis = begin("stdin-thesis.tar", 62)
            run(place.client, "transfers", "cancel", json.loads(run(place.client, "--json", "transfers"))["uploads"][0]["id"])
            self.assertTrue(os.path.exists(thesis))
            changing = begin("stdin-notes", 63)
            with open(changing, "ab") as f:
                f.write(b"more")
            run(place.client, "transfers", "clean")
            self.assertEqual((lying(place.client), os.path.getsize(changing)), ([], 1_500_004))

    def test_standard_input_that_was_read_is_kept_until_it_is_stored_or_given_up(self):
        with Place() as place:
            place.grid.stop()

            def begin(content):
                before = lying(place.client)
                process = feed(self, place.client, "--k", "2", "--happy", "3", "--n", "4")
                process.stdin.write(content)
                process.stdin.close()
                whole = lambda: [each for each in lying(place.client) if each not in before and not each.endswith((".part", ".journal", ".tmp"))]
                return process, wait_until(whole, "a whole spool")[0]

            def interrupt(process):
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(30), 3)
                self.assertIn("`holdfast transfers resume`", process.stderr.read().decode())

            def listed():
                return json.loads(run(place.client, "--json", "transfers"))["uploads"]

            little, much = os.urandom(300_000), os.urandom(1_500_000)  # too little for a journal, and not
            process, spool = begin(little)
            [upload] = listed()
            self.assertEqual((upload["file_bytes"], upload["source_unchanged"]), (300_000, True))
            run(place.client, "transfers", "clean")
            for action in ("resume", "cancel"):  # while the other one works
                _, err = finish(start(place.client, "transfers", action, upload["id"]), 1)
                self.assertIn("in use by another process", err)
            self.assertEqual(lying(place.client), [spool])
            interrupt(process)
            run(place.client, "transfers", "clean")
            self.assertIn("(standard input)", run(place.client, "transfers"))

            process, other = begin(much)
            wait_until(lambda: any(each.endswith(".journal") for each in lying(place.client)), "a journal")
            interrupt(process)
            os.utime(place.client + "/transfers/" + other, (1, 1))  # as after a restored backup
            run(place.client, "transfers", "clean")
            self.assertEqual(sorted((each["file_bytes"], each["source_unchanged"]) for each in listed()), [(300_000, True), (1_500_000, True)])

            interrupt(begin(os.urandom(100_000))[0])
            [unwanted] = [each["id"] for each in listed() if each["file_bytes"] == 100_000]
            run(place.client, "transfers", "cancel", unwanted)
            place.grid.start()
            caps = run(place.client, "transfers", "resume", "--progress", "none").split()
            self.assertEqual(sorted(cap.partition(":2:4:")[2] for cap in caps), ["1500000", "300000"])  # as they began
            for cap, content in zip(sorted(caps, key=len), (little, much)):
                get(place.client, cap, place.path + "/out")
                with open(place.path + "/out", "rb") as f:
                    self.assertEqual(f.read(), content)
            self.assertEqual(lying(place.client), [])

    def test_clean_leaves_standard_input_alone_while_it_is_read_and_removes_what_a_kill_left(self):
        with Place() as place:
            process = feed(self, place.client)
            process.stdin.write(b"x" * 100_000)
            process.stdin.flush()
            wait_until(lambda: lying(place.client), "a spool")
            run(place.client, "transfers", "clean")
            process.stdin.write(b"y" * 100_000)
            process.stdin.close()
            self.assertEqual(process.wait(DEADLINE), 0, process.stderr.read())
            process = feed(self, place.client)
            process.stdin.write(b"not the end")
            process.stdin.flush()
            wait_until(lambda: lying(place.client), "a spool")
            process.kill()
            process.wait()
            self.assertEqual(json.loads(run(place.client, "--json", "transfers"))["uploads"], [])
            run(place.client, "transfers", "clean")
            self.assertEqual(lying(place.client), [])

    def test_warnings_are_told_without_progress_too(self):
        with Place() as place:
            path = place.file("f", 100_000, 64)
            stranger = place.helper_nurl().replace(place.helper_nurl()[5:48], place.nurls()[0][5:48])  # the certificate of another
            cap, err = finish(start(place.client, "put", path, "--k", "1", "--progress", "none", "--helper", stranger))
            self.assertIn("warning: going around", err)

            def flip(path):
                with open(path, "r+b") as f:
                    f.seek(12 + 50_000)
                    byte = f.read(1)
                    f.seek(-1, os.SEEK_CUR)
                    f.write(bytes([byte[0] ^ 0x40]))

            def warned(good):  # with one good share, which may be the first that is tried
                wrong = [each for each in shares(place) if each != good]
                for each in wrong:
                    flip(each)
                _, err = finish(start(place.client, "get", cap.strip(), "-o", place.path + "/out", "--progress", "none"))
                for each in wrong:
                    flip(each)
                return "is not usable" in err

            self.assertTrue(any(warned(good) for good in shares(place)[:4]))


class Tools(unittest.TestCase):
    def test_debug_share_names_what_is_wrong(self):
        with Place() as place:
            put(place.client, place.file("f", 3_000_000, 7))
            share = shares(place)[0]
            facts = json.loads(run(place.client, "--json", "debug", "share", share))
            self.assertEqual(facts["audit"], f"consistent, as share {os.path.basename(share)}")
            self.assertEqual(facts["uri_extension"]["size"], "3000000")
            with open(share, "r+b") as f:
                f.seek(12 + 100)
                f.write(b"xx")
            self.assertIn("bytes are wrong", json.loads(run(place.client, "--json", "debug", "share", share, expect=1))["audit"])
            junk = place.file("f3", 100, 8)
            self.assertIn("problem", json.loads(run(place.client, "--json", "debug", "share", junk, expect=1)))

    def test_wrong_caps_are_named_and_literals_are_healthy(self):
        with Place(servers=1) as place:
            for command in ("check", "verify", "repair", "get"):
                _, err = finish(start(place.client, command, "URI:CHK:cut"), expect=1)
                self.assertIn("not the cap of a file", err)
            self.assertIn("Healthy", run(place.client, "check", "URI:LIT:me"))
            self.assertTrue(json.loads(run(place.client, "--json", "repair", "URI:LIT:me"))["repair-successful"])

    def test_a_port_that_is_written_down_is_none_that_outgoing_connections_are_given(self):
        with Place(servers=1) as place:
            ports = set()
            for i in range(8):
                nurl = subprocess.run([BINARY, "create-node", f"{place.path}/node-{i}", "--storage", "--bind", "127.0.0.1"], capture_output=True, text=True, check=True).stdout
                ports.add(urllib.parse.urlsplit(nurl.strip()).port)
            self.assertGreater(len(ports), 4, "one after the other would meet those of other commands")
            self.assertTrue(all(10_000 <= port < 32_768 for port in ports), ports)

    def test_a_command_that_is_none_is_named(self):
        for words in (["puut", "f3"], ["bogus", "--help"], ["-d", "put", "bogus"], ["--json", "helper", "bogus"]):
            with self.subTest(words=words):
                done = subprocess.run([BINARY, *words], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn('no command "', done.stderr)

    def test_the_version_is_told_either_way(self):
        told = [subprocess.run([BINARY, way], capture_output=True, text=True, check=True).stdout for way in ("version", "--version")]
        self.assertRegex(told[0], r"^holdfast \d+\.\d+\.\d+\n$")
        self.assertEqual(told[0], told[1])

    def test_completion_and_manual_name_every_command(self):
        usage = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
        manual = subprocess.run([BINARY, "man"], capture_output=True, text=True, check=True).stdout
        for command in ("put", "get", "check", "verify", "repair", "transfers", "grid", "run", "create-node", "create-client", "status"):
            self.assertIn(command, usage)
            self.assertIn("holdfast " + command.replace("-", "\\-"), manual)
        script = subprocess.run([BINARY, "completion", "bash"], capture_output=True, text=True, check=True).stdout
        ask = script + '\nCOMP_WORDS=(holdfast -d /somewhere put --ra); COMP_CWORD=4; _holdfast; echo "${COMPREPLY[@]}"'
        self.assertEqual(subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout.strip(), "--random-key")


if __name__ == "__main__":
    unittest.main(verbosity=2)
