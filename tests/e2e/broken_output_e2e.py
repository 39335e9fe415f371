"""Standard output and standard error that take nothing: a full disk, a reader that left, a stream that is closed. What was asked for
and could not be told is a failure; what is only said on the way is not."""
import array
import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import unittest

import meddler
from rig import BINARY, DEADLINE, Links, Place, get, put, sha256, wait_until


@contextlib.contextmanager
def broken(how):
    """A stream to write to, of which nothing comes."""
    if how == "full":
        with open("/dev/full", "wb") as stream:
            yield stream
    else:
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "wb") as stream:
            yield stream


def run(client, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, given=None):
    return subprocess.run([BINARY, "-d", client, *arguments], stdout=stdout, stderr=stderr, input=given, timeout=DEADLINE)


def lying(client):
    try:
        return sorted(os.listdir(client + "/transfers"))
    except FileNotFoundError:
        return []


class Caps(unittest.TestCase):
    """Nothing is forgotten that leads to the cap before somebody has it."""

    def test_what_came_through_standard_input_stays_until_its_cap_is_written(self):
        with Place(servers=2) as place:
            for how, size, more in (("full", 5_000, ()), ("left", 5_000, ("--json",)), ("full", 1_500_000, ()), ("full", 20, ())):
                with self.subTest(how=how, size=size, more=more):
                    content = os.urandom(size)
                    with broken(how) as nowhere:
                        done = run(place.client, "put", "-", "--happy", "1", "--progress", "none", "--random-key", *more, stdout=nowhere, given=content)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn(b"`holdfast transfers resume`", done.stderr)
                    self.assertNotIn(b"URI:", done.stderr)
                    self.assertNotEqual(lying(place.client), [])
                    with broken(how) as nowhere:
                        self.assertEqual(run(place.client, "transfers", "resume", "--progress", "none", *more, stdout=nowhere).returncode, 1)
                    self.assertNotEqual(lying(place.client), [])
                    done = run(place.client, "transfers", "resume", "--progress", "none")
                    self.assertEqual(done.returncode, 0, done.stderr)
                    get(place.client, done.stdout.decode().strip(), place.path + "/out")
                    with open(place.path + "/out", "rb") as f:
                        self.assertEqual(f.read(), content)
                    self.assertEqual(lying(place.client), [])

    def test_a_random_key_is_kept_until_the_cap_is_written(self):
        with Place(servers=2) as place:
            path = place.file("f", 1_500_000, 2)
            for more in ((), ("--json",)):
                with broken("full") as nowhere:
                    done = run(place.client, "put", path, "--happy", "1", "--random-key", "--progress", "none", *more, stdout=nowhere)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(b"The same command prints it", done.stderr)
                again = put(place.client, path, "--happy", "1", "--random-key")
                self.assertLess(again["bytes_sent"], 100_000)
                get(place.client, again["cap"], path + ".out")
                self.assertEqual(sha256(path), sha256(path + ".out"))
                self.assertEqual(lying(place.client), [])

    def test_many_small_files(self):
        with Place(servers=1) as place:
            files = [place.file(f"f{i}", 10_000, i) for i in range(5)]
            for more in ((), ("--json",)):
                with broken("left") as nowhere:
                    done = run(place.client, "put", *files, "--happy", "1", "--progress", "none", *more, stdout=nowhere)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stderr.count(b"does not take its cap"), 5)


def on_a_terminal(columns, client, *arguments):
    """What a terminal of so many columns shows in the end, line by line, and all that was ever drawn in one of them."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([BINARY, "-d", client, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # that is how a terminal ends
        while more := os.read(ours, 65_536):
            said += more
    os.close(ours)
    process.wait(DEADLINE)
    lines, drawn = [], []
    for line in said.decode().replace("\r\n", "\n").split("\n"):
        parts = line.split("\r\033[K")
        drawn += parts[1:]
        lines.append(parts[-1])
    return process.returncode, lines, drawn


class Terminals(unittest.TestCase):
    def test_a_cap_stands_alone_and_no_line_of_progress_is_wrapped(self):
        with Place() as place, Links(place.nurls()) as links:
            client = place.new_client("far", links.nurls, convergence_of=place.client)
            links.line_rate(1_500_000)
            for columns in (80, 50):
                with self.subTest(columns=columns):
                    files = [place.file(f"f{i}", size, columns + i) for i, size in enumerate((20_000, 30_000, 2_000_000))]
                    code, lines, drawn = on_a_terminal(columns, client, "put", *files)
                    self.assertEqual(code, 0, lines)
                    caps = [line for line in lines if "URI:" in line]
                    self.assertEqual([cap[:8] for cap in caps], ["URI:CHK:"] * 3, lines)
                    frames = [text for text in drawn if not text.startswith("URI:")]
                    self.assertGreater(len(frames), 5)
                    self.assertLess(max(map(len, frames)), columns)
                    self.assertTrue(any(text.startswith("sending") and "%" in text for text in frames), frames)


class Reports(unittest.TestCase):
    def test_a_report_that_could_not_be_written_is_a_failure_and_a_word_on_the_way_is_not(self):
        with Place(servers=2) as place:
            cap = put(place.client, place.file("f", 300_000, 3), "--happy", "1")["cap"]
            helper = place.path + "/grid/helper"
            commands = [(place.client, command) for command in (
                ["status"], ["check", cap], ["verify", cap], ["repair", cap], ["transfers"], ["check", "URI:LIT:me"], ["debug", "cap", cap], ["version"], ["--help"])]
            commands += [(place.client, ["--json", *command]) for _, command in commands if command[0] != "--help"]
            commands += [(helper, ["helper", "uploads"]), (helper, ["helper", "uploads", "--json"])]
            for node, command in commands:
                quiet = ["--progress", "bar"] if {"check", "verify", "repair"} & set(command) else []
                with self.subTest(command=command):
                    with broken("full") as nowhere:
                        self.assertEqual(run(node, *command, *quiet, stdout=nowhere).returncode, 1)
                        told = run(node, *command, *quiet, stderr=nowhere)
                    self.assertEqual(told.returncode, 0)
                    self.assertNotEqual(told.stdout, b"")
            closed = subprocess.run([BINARY, "-d", place.client, "status"], stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
            self.assertEqual(closed.returncode, 1)

    def test_a_get_that_nobody_reads_ends_when_it_is_told_to(self):
        with Place(servers=1) as place:
            cap = put(place.client, place.file("f", 3_000_000, 3), "--happy", "1", "--k", "1", "--n", "1")["cap"]
            running = subprocess.Popen([BINARY, "-d", place.client, "get", cap, "--progress", "none"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(running.kill)

            def waiting():
                count = array.array("i", [0])
                fcntl.ioctl(running.stdout, termios.FIONREAD, count)
                return count[0]

            most = fcntl.fcntl(running.stdout, fcntl.F_GETPIPE_SZ)
            wait_until(lambda: waiting() == most, "the pipe is full")
            running.terminate()
            self.assertEqual(running.wait(20), 3)
            self.assertIn(b"stopped before the end", running.stderr.read())
            running.stdout.close()
            running.stderr.close()

    def test_progress_that_nobody_sees_stops_nothing(self):
        with Place(servers=2) as place:
            path = place.file("f", 4_000_000, 4)
            for how in ("full", "left"):
                for progress in ("bar", "plain", "json"):
                    with self.subTest(how=how, progress=progress), broken(how) as nowhere:
                        done = run(place.client, "put", path, "--happy", "1", "--random-key", "--progress", progress, "--limit-rate", "10M", stderr=nowhere)
                        self.assertEqual(done.returncode, 0)
                        cap = done.stdout.decode().strip()
                        self.assertEqual(run(place.client, "get", cap, "-o", path + ".out", "--progress", progress, stderr=nowhere).returncode, 0)
                        self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_what_a_server_calls_itself_does_nothing_to_the_terminal(self):
        with Place(servers=1) as place:
            def after(request, got):
                got.body = got.body.replace(b"holdfast/", b"\x1b]0;x\x07\xff\x1b[")
                return got

            node = meddler.Meddler(place.path + "/grid/storage-0", place.nurls()[0], after=after)
            self.addCleanup(node.close)
            client = place.new_client("far", [node.nurl])
            said = run(client, "status").stdout
            self.assertIn(b"]0;x", said)
            self.assertFalse([byte for byte in said if byte != 10 and not 32 <= byte < 127], said)
            json.loads(run(client, "status", "--json").stdout.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
