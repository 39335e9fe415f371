"""A machine that fails under the program: system calls that end in errors (strace injects them), and processes that stand still
for a while. SOAK=1 injects at every point and stands still for ten minutes."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from gbs import Node, new_secret, new_si, pattern
from rig import BINARY, Gateway, Place, Server, finish, get, on_disk, put, sha256, start, wait_until

MIB = 1 << 20
SOAK = bool(os.environ.get("SOAK"))
STILL = 600 if SOAK else 18  # seconds; the silence that a client bears is 15
WRITES, SYNCS, READS, SIZES = "pwrite64", "fdatasync,fsync,syncfs", "pread64", "ftruncate"
NAMES = "rename,renameat,renameat2,mkdir,unlink,link"
# Under ptrace the leak checker cannot do its work; everything else of the sanitizers can.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def strace(calls, error, when):
    """A command line that runs others and lets such calls fail: `when` is "3" (the third), "3+" (from then on) or "3+4", in each thread."""
    return ["strace", "-f", "--quiet=all", "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}"]


def need_strace():
    if not shutil.which("strace"):
        raise unittest.SkipTest("skipped: strace is not installed (scripts/install-deps.sh)")
    tried = subprocess.run(["strace", "-f", "-e", "trace=none", "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        raise unittest.SkipTest("skipped: ptrace is not permitted here: " + tried.stderr.strip())


class Failing:
    """Calls of a running process that fail until the end of the block; `count()` says how many did."""

    def __init__(self, pid, calls, error, when, log):
        self.log = log
        self.tracer = subprocess.Popen([*strace(calls, error, when), "-o", log, "-p", str(pid)], stderr=subprocess.PIPE, text=True)
        wait_until(lambda: self.tracer.poll() is not None or self.attached(pid), "strace is attached")
        if self.tracer.poll() is not None:
            raise unittest.SkipTest("skipped: ptrace is not permitted here: " + self.tracer.stderr.read().strip())

    def attached(self, pid):
        """All threads: those that are made later are followed anyway."""
        def traced(task):
            try:
                with open(f"/proc/{pid}/task/{task}/status") as f:
                    return "TracerPid:\t0\n" not in f.read()
            except (FileNotFoundError, ProcessLookupError):  # it has ended
                return True
        return all(map(traced, os.listdir(f"/proc/{pid}/task")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tracer.send_signal(signal.SIGINT)
        self.tracer.wait(30)
        self.tracer.stderr.close()

    def count(self):
        with open(self.log) as f:
            return f.read().count("(INJECTED)")


class FailingServer(unittest.TestCase):
    """F22, F23: calls of one storage server fail."""

    def setUp(self):
        need_strace()

    def failing(self, process, calls, error, when):
        return Failing(process.pid, calls, error, when, tempfile.gettempdir() + f"/holdfast-strace-{os.getpid()}")

    def test_f22_f23_uploads_end_happy_while_calls_of_one_server_fail_now_and_then(self):
        rng = random.Random(23)
        with Place(servers=3) as place:
            server = Server(place.path + "/alone")
            self.addCleanup(server.stop)
            client = place.new_client("c", [*place.nurls(), server.nurl], convergence_of=place.client)
            failed, caps = 0, {}
            for calls in (WRITES, SYNCS, NAMES, "openat", READS, SIZES):
                for error in ("EIO", "ENOSPC") if SOAK else [rng.choice(("EIO", "ENOSPC"))]:
                    for when in range(1, 13) if SOAK else [rng.randrange(1, 4)]:
                        with self.subTest(calls=calls, error=error, when=when):
                            path = place.file(f"f{len(caps)}", 2_000_000, len(caps))
                            with self.failing(server.process, calls, error, f"{when}+{rng.randrange(2, 6)}") as failing:
                                report = put(client, path, "--k", "2", "--n", "4", "--happy", "3")
                                failed += failing.count()
                            self.assertGreaterEqual(report["happiness"], 3)
                            self.assertIsNone(server.process.poll(), "the server lives on")
                            caps[report["cap"]] = path
            self.assertGreater(failed, len(caps))
            server.kill()
            server.start()
            for cap, path in caps.items():
                verified = json.loads(finish(start(client, "--json", "verify", cap, "--progress", "none"), expect=None)[0])["results"]
                self.assertEqual(verified["count-corrupt-shares"], 0)
                self.assertGreaterEqual(verified["count-shares-good"], 3)
                with self.failing(server.process, READS, "EIO", "2+3"):
                    get(client, cap, path + ".out")
                self.assertEqual(sha256(path), sha256(path + ".out"))
            print(f"\n{failed} calls failed in {len(caps)} uploads")

    def test_f23_a_server_that_answers_and_cannot_read_does_not_hold_an_upload_up_for_ever(self):
        with Place(servers=3) as place:
            server = Server(place.path + "/alone")
            self.addCleanup(server.stop)
            client = place.new_client("c", [*place.nurls(), server.nurl], convergence_of=place.client)
            path = place.file("f", 2_000_000, 1)
            with self.failing(server.process, READS, "EIO", "1+"):
                report = put(client, path, "--k", "2", "--n", "4", "--happy", "3")
            self.assertGreaterEqual(report["happiness"], 3)
            self.assertLess(report["seconds"], 100)
            get(client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f22_f23_what_could_not_be_written_or_synced_is_not_acknowledged_and_comes_again(self):
        with Node() as node:
            client, data, whole = node.client(), pattern(100_000), True
            for calls, error, status in ((SYNCS, "EIO", 500), (SYNCS, "ENOSPC", 507), (WRITES, "EIO", 500), (WRITES, "ENOSPC", 507),
                                         ("openat", "EIO", 500), ("openat", "EMFILE", 500), (NAMES, "EIO", 500), (SIZES, "ENOSPC", 507)):
                for held in (0, 50_000):
                    with self.subTest(calls=calls, error=error, held=held):
                        si, secret = new_si(), new_secret()
                        client.allocated(si, {0}, len(data), secret, resume=True)
                        if held:
                            self.assertEqual(client.write(si, 0, 0, data[:held], secret).status, 200)
                        with self.failing(node.process.process, calls, error, "1+") as failing:
                            answers = [client.write(si, 0, held, data[held:held + 30_000], secret), client.write(si, 0, held, data[held:], secret)]
                            self.assertGreater(failing.count(), 0)
                        for each in answers[0 if calls in (SYNCS, WRITES) else 1:]:  # files that are open already need no name
                            self.assertEqual(each.status, status, each.body)
                        acknowledged = held + 30_000 if answers[0].status == 200 else held
                        required = [(acknowledged, len(data))]
                        self.assertIn(client.required(si, 0, secret), [required] if calls in (SYNCS, WRITES) else [required, []])
                        self.assertEqual(client.shares(si), set())
                        self.assertEqual(client.write(si, 0, acknowledged, data[acknowledged:], secret).status, 201)
                        self.assertEqual(client.read(si, 0).body, data)
            self.assertGreater(node.metric("sync_failures_total"), 0)


class FailingClient(unittest.TestCase):
    """F22, F23: calls of the client fail. It goes on, or says so in a sentence; the next run comes to the end."""

    def run_under(self, command, *arguments):
        process = subprocess.Popen([*command, BINARY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        out, err = finish(process, expect=None)
        self.assertIn(process.returncode, (0, 1, 4), out + err)
        self.assertNotRegex(err, "Sanitizer|HF_CHECK|runtime error")
        if process.returncode:
            self.assertEqual(out, "")
            self.assertRegex(err, "Input/output error|No space left|[Nn]o space")
        return process.returncode, out

    def test_f22_what_cannot_be_synced_behind_standard_output_is_no_success(self):
        """As on a network's file system, which tells of a full disk no sooner."""
        need_strace()
        with Place(servers=3) as place:
            path, told = place.file("f", 300_000, 7), place.path + "/told"
            options = ["--k", "1", "--n", "3", "--happy", "3"]
            cap = put(place.client, path, *options)["cap"]
            for arguments in (["get", cap], ["put", path, "--random-key", *options]):
                command = [*strace("fdatasync", "ENOSPC", "1+"), "-o", place.path + "/strace", "-P", told, BINARY, "-d", place.client, *arguments]
                with open(told, "w") as out:
                    done = subprocess.run([*command, "--progress", "none"], stdout=out, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, timeout=240)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, "standard output (could not be written to|does not take its cap)")
            again = put(place.client, path, "--random-key", *options)
            self.assertEqual(again["bytes_sent"], 0, "its key was kept")

    def test_f22_f23_put_and_get_while_calls_fail(self):
        need_strace()
        rng = random.Random(24)
        points = [(calls, error, when) for calls in (WRITES, SYNCS, "openat", READS, NAMES, SIZES) for error in ("EIO", "ENOSPC") for when in range(1, 7)]
        with Place(servers=3) as place:
            outcomes = {"put": [0, 0], "get": [0, 0]}
            for i, (calls, error, when) in enumerate(points if SOAK else rng.sample(points, 10)):
                with self.subTest(calls=calls, error=error, when=when):
                    path, output = place.file("f", 3_000_000, i), place.path + "/out"
                    command = strace(calls, error, f"{when}+{rng.randrange(1, 9)}") + ["-o", place.path + "/strace"]
                    if calls in ("openat", READS):  # of these two files only: libraries are opened and read as well
                        command += ["-P", path, "-P", output + ".part"]
                    options = ["--k", "2", "--n", "3", "--happy", "3"]
                    code, out = self.run_under(command, "-d", place.client, "put", path, *options, "--progress", "none")
                    outcomes["put"][code != 0] += 1
                    report = put(place.client, path, *options)
                    self.assertEqual(report["shares_placed"], 3)
                    self.assertIn(out.strip(), ("", report["cap"]))
                    code, _ = self.run_under(command, "-d", place.client, "get", report["cap"], "-o", output, "--progress", "none")
                    outcomes["get"][code != 0] += 1
                    self.assertEqual(os.path.exists(output), code == 0, "no file, or the whole one")
                    if code:
                        get(place.client, report["cap"], output)
                    self.assertEqual(sha256(path), sha256(output))
                    os.unlink(output)
            print(f"\n(done, said and done by the next run): {outcomes}")
            # Each thread counts its own calls, so that what fails differs from run to run; few of them tell of both together.
            for done, said in outcomes.values() if SOAK else [map(sum, zip(*outcomes.values()))]:
                self.assertGreater(done, 0)
                self.assertGreater(said, 0)


class FailingGateway(unittest.TestCase):
    """F23: a sync of a gateway fails while a body comes in."""

    def setUp(self):
        need_strace()

    def send(self, gateway, content, in_between=lambda wire: None):
        """The answer to a body that does not say how long it is."""
        chunk = lambda data: b"%x\r\n%s\r\n" % (len(data), data)
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as wire:
            wire.sendall(b"PUT /uri HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
            in_between(lambda: wire.sendall(chunk(content[:MIB])))
            wire.sendall(chunk(content[MIB:]) + b"0\r\n\r\n")
            return b"".join(iter(lambda: wire.recv(65536), b""))

    def test_f23_what_comes_behind_bytes_that_could_not_be_synced_is_not_taken_for_them(self):
        content = random.Random(23).randbytes(MIB + 300_000)  # the rest is read before the connection is closed
        with Place() as place, Gateway(place.path + "/gateway", place.nurls()) as gateway:
            def lose_the_beginning(send_beginning):
                wait_until(lambda: any(name.endswith(".jnl") for name in os.listdir(gateway.path + "/uploads")), "the upload has begun")
                with Failing(gateway.process.pid, "fdatasync", "EIO", "1", place.path + "/strace") as failing:
                    send_beginning()
                    wait_until(lambda: failing.count() > 0, "a sync has failed")

            answer = self.send(gateway, content, lose_the_beginning)
            self.assertIn(b" 500 ", answer.partition(b"\r\n")[0], answer)
            answer = self.send(gateway, content, lambda send_beginning: send_beginning())
            self.assertIn(b" 200 ", answer.partition(b"\r\n")[0], answer)
            path = place.path + "/f"
            with open(path, "wb") as f:
                f.write(content)
            self.assertIn(put(place.client, path)["cap"].rpartition(":")[2].encode(), answer)


class Stopped(unittest.TestCase):
    """F25: SIGSTOP in the middle, for longer than the others bear silence, then SIGCONT."""

    def begin(self, place, client, name, seed):
        """A put and a get, each in its middle, with many seconds left."""
        path, other = place.file(name + ".put", 6 * MIB, seed), place.file(name + ".get", 6 * MIB, seed + 100)
        cap = put(place.client, other)["cap"]
        putting = start(client, "put", path, "--json", "--progress", "none", "--limit-rate", "1M")
        getting = start(client, "get", cap, "-o", other + ".out", "--json", "--progress", "none", "--limit-rate", "400k")
        self.addCleanup(putting.kill)
        self.addCleanup(getting.kill)
        wait_until(lambda: on_disk(other + ".out.part") > MIB, "some of it has come")
        self.assertEqual((putting.poll(), getting.poll()), (None, None), "in the middle")
        return path, other, putting, getting

    def stop(self, process):
        process.send_signal(signal.SIGSTOP)
        self.addCleanup(process.send_signal, signal.SIGCONT)

    def end(self, place, path, other, putting, getting):
        finish(getting)
        self.assertEqual(sha256(other), sha256(other + ".out"))
        report = json.loads(finish(putting)[0])
        get(place.client, report["cap"], path + ".out")
        self.assertEqual(sha256(path), sha256(path + ".out"))
        return report

    def test_f25_client_one_server_and_all_servers_stand_still_and_go_on(self):
        with Place(servers=9) as place, Place(servers=10) as other:
            server = Server(place.path + "/alone")
            self.addCleanup(server.stop)
            client = place.new_client("c", [*place.nurls(), server.nurl], convergence_of=place.client)
            itself = self.begin(place, place.client, "client", 3)
            for process in itself[2:]:
                self.stop(process)
            with_one = self.begin(place, client, "one", 1)
            self.stop(server.process)
            with_all = self.begin(other, other.client, "all", 2)  # last: it is to bear one silence, not two
            self.stop(other.grid.process)
            until = time.monotonic() + STILL
            report = self.end(place, *with_one)  # meanwhile: nobody waits for one that stands still
            self.assertGreaterEqual(report["happiness"], 9)
            self.assertIsNone(with_all[2].poll())
            time.sleep(max(0, until - time.monotonic()))  # how long they stand still is what is tested
            for process in (server.process, other.grid.process, *itself[2:]):
                process.send_signal(signal.SIGCONT)
            for each, servers in ((self.end(place, *itself), 9), (self.end(other, *with_all), 10)):
                self.assertEqual((each["shares_placed"], each["happiness"]), (10, servers))
                self.assertLessEqual(each["bytes_sent"], each["share_bytes_total"] * 5 // 4, "what was on its way")


if __name__ == "__main__":
    unittest.main(verbosity=2)
