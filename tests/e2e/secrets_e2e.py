"""F42: after a whole session with verbose logs, nothing that is secret lies or is said where it does not belong."""
import base64
import glob
import os
import random
import re
import signal
import stat
import subprocess
import unittest
import urllib.request

from meddler import Meddler
from rig import BINARY, DEADLINE, Place, make_file, on_disk, sha256, start, wait_until

MIB = 1 << 20


def unbase32(text):
    return base64.b32decode(text.upper() + "=" * (-len(text) % 8))


def spellings(secret):
    """All ways in which bytes are commonly written down."""
    base32 = base64.b32encode(secret).rstrip(b"=")
    plain = base64.b64encode(secret).rstrip(b"=")
    # Padding bits differ when something follows: the last character is left out.
    texts = {base32[:-1], base32.lower()[:-1], plain[:-1], plain.replace(b"+", b"-").replace(b"/", b"_")[:-1]}
    return {secret, secret.hex().encode(), secret.hex().upper().encode()} | texts


class LoggedServer:
    """A storage server that says all it has to say, into a file."""

    def __init__(self, path):
        made = subprocess.run([BINARY, "create-node", path, "--storage", "--bind", "127.0.0.1"], check=True, stdout=subprocess.PIPE, text=True)
        with open(path + "/holdfast.cfg", "w") as f:
            f.write("[storage]\nadmin.port = 0\n")
        self.path, self.nurl, self.log = path, made.stdout.strip(), path + ".log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([BINARY, "-v", "run", path], stdout=log, stderr=subprocess.STDOUT)
        self.admin = wait_until(lambda: re.search(r"metrics: (\S+)", open(self.log).read()), "it is ready", 60).group(1)

    def metrics(self):
        with urllib.request.urlopen(self.admin, timeout=DEADLINE) as answer:
            return answer.read()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Session(unittest.TestCase):
    def setUp(self):
        self.place = Place(servers=1)  # its directory is what counts
        self.addCleanup(self.place.__exit__)
        self.root = self.place.path + "/session"
        os.mkdir(self.root)
        self.servers = [LoggedServer(f"{self.root}/server-{i}") for i in range(3)]
        self.secrets, self.output = {}, b""
        self.meddlers = []
        for server in self.servers:
            self.addCleanup(server.stop)
            self.meddlers.append(Meddler(server.path, server.nurl, before=self.note_secrets))
            self.addCleanup(self.meddlers[-1].close)
            self.secrets["swissnum of " + server.path] = server.nurl.rpartition("/")[2].partition("#")[0].encode()
        self.client = self.place.new_client("session-client", [each.nurl for each in self.meddlers])

    def note_secrets(self, request):
        for name, value in request.headers:
            if name.lower() == "x-tahoe-authorization":
                kind, _, secret = value.partition(" ")
                self.secrets[f"{kind} {len(self.secrets)}"] = base64.b64decode(secret)
        return None

    def run_client(self, *arguments, kill_when=None, expect=None, stdin=None):
        """Its standard error belongs to what is searched; its standard output is the cap and the file themselves."""
        process = subprocess.Popen([BINARY, "-v", "-d", self.client, *arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        if kill_when:
            wait_until(kill_when, "the moment of the kill")
            process.kill()
        out, err = process.communicate(timeout=DEADLINE)
        self.output += err
        if expect is not None:
            self.assertEqual(process.returncode, expect, err)
        return out.decode().strip()

    def where_it_may_be(self, path):
        """Of the client: what is private, and what transfers keep, which nobody else may read."""
        for part in ("/private/", "/transfers/"):
            if path.startswith(self.client + part):
                return True
        return path.startswith(tuple(server.path + "/private/" for server in self.servers))

    def places(self):
        """(name, bytes) of everything that others may see."""
        for root, directories, names in os.walk(self.place.path):
            for name in directories + names:
                yield "the name " + name, name.encode()
            for name in names:
                path = os.path.join(root, name)
                if path.endswith((".mine", ".mine.out", ".mine.out.part")) or root.startswith(self.place.path + "/grid"):
                    continue
                if self.where_it_may_be(path):
                    self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path + " is for its owner alone")
                else:
                    with open(path, "rb") as f:
                        yield path, f.read()
        for server in self.servers:
            yield server.admin, server.metrics()
        yield "what the client said", self.output

    def search(self, what):
        needles = {needle: name for name, secret in self.secrets.items() for needle in spellings(secret) if len(needle) > 12}
        found = [(name, where) for where, data in self.places() for needle, name in needles.items() if needle in data]
        self.assertEqual(found, [], what)

    def test_f42_no_key_cap_secret_or_plaintext_lies_where_it_does_not_belong(self):
        with open(self.client + "/private/convergence") as f:
            self.secrets["convergence secret"] = unbase32(f.read().strip())
        with open(self.client + "/private/secret") as f:
            self.secrets["lease secret"] = unbase32(f.read().strip())
        path = make_file(self.place.path + "/f.mine", 6 * MIB, 42)
        with open(path, "rb") as f:
            data = f.read()
        for at in random.Random(42).sample(range(len(data) - 32), 30):
            self.secrets[f"plaintext at {at}"] = data[at:at + 32]
        coding = ["--k", "2", "--n", "3", "--happy", "3"]
        parts = self.servers[0].path + "/storage/shares/incoming/**/*.part"
        half = lambda: any(on_disk(name) > MIB for name in glob.glob(parts, recursive=True))
        self.run_client("put", path, *coding, "--limit-rate", "2M", kill_when=half, expect=-signal.SIGKILL)
        self.search("in the middle of an upload")
        cap = self.run_client("put", path, *coding, expect=0)
        key, _, rest = cap.removeprefix("URI:CHK:").partition(":")
        self.secrets["the file's key"] = unbase32(key)
        self.secrets["the cap"] = cap.encode()
        with open(path, "rb") as f:
            self.assertEqual(self.run_client("put", "-", *coding, stdin=f, expect=0), cap)
        self.run_client("get", cap, "-o", path + ".out", expect=0)
        self.assertEqual(sha256(path), sha256(path + ".out"))
        lost = glob.glob(self.servers[0].path + "/storage/shares/??/*/*")
        self.assertEqual(len(lost), 1)
        os.unlink(lost[0])
        with open(glob.glob(self.servers[1].path + "/storage/shares/??/*/*")[0], "r+b") as f:
            f.seek(100_000)
            f.write(b"damaged")
        for command in (["get", cap, "-o", path + ".out"], ["check", "--add-lease", cap], ["verify", cap], ["repair", cap], ["transfers"], ["status"]):
            self.run_client(*command)
        self.run_client("get", cap[:-1] + "9", "-o", path + ".out", "--no-wait")
        self.run_client("get", cap.replace("CHK", "CHC"), "-o", path + ".out", "--no-wait")
        self.assertGreater(len(self.secrets), 40)
        self.assertGreater(len(self.output), 100)
        self.search("at the end")


if __name__ == "__main__":
    unittest.main(verbosity=2)
