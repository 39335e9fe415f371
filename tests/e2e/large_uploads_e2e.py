"""Large files through a gateway, over a line that breaks (F6, F44). With `SOAK=1` only: minutes, and 10 GB of disk."""
import hashlib
import os
import random
import subprocess
import threading
import unittest

from rig import BINARY, Links, sha256
from uploads import Desk, content_of
from upload_storms_e2e import Sender

SOAK = os.environ.get("SOAK") == "1"
MIB = 1 << 20


class FarEnd(Desk):
    """What a client of the servers gets, who knows nothing of the gateway."""

    def getting(self, cap):
        return [BINARY, "-d", self.place.client, "get", cap, "--progress", "none"]

    def sha256_of(self, cap):
        digest = hashlib.sha256()
        with subprocess.Popen(self.getting(cap), stdout=subprocess.PIPE) as running:
            for block in iter(lambda: running.stdout.read(MIB), b""):
                digest.update(block)
        self.assertEqual(running.returncode, 0)
        return digest.hexdigest()


@unittest.skipUnless(SOAK, "SOAK=1 only")
class TwoHundredMegabytes(FarEnd):
    def test_F6_cut_every_two_seconds(self):
        content = content_of(200_000_000, 6)
        for dialect in ("tus", "draft"):
            with self.subTest(dialect=dialect), Links([], seed=6) as links:
                number, port = links.to_port(self.port)
                links.line_rate(8_000_000)
                sender, ended, cuts = Sender(self, dialect, content, port), threading.Event(), []

                def cut(links=links, number=number, ended=ended, cuts=cuts):
                    while not ended.wait(2):
                        links.tell("reset", [number])
                        cuts.append(1)

                cutting = threading.Thread(target=cut)
                cutting.start()
                try:
                    sender.complete()
                finally:
                    ended.set()
                    cutting.join()
                came = links.stats()[number]["bytes_up"]
                print(f"\n{dialect}: {len(cuts)} cuts, {came} bytes over the line, {came / len(content):.4f} of the file")
                self.assertEqual(self.sha256_of(self.cap_of(sender.path)), hashlib.sha256(content).hexdigest())
                self.assertGreater(len(cuts), 9)
                self.assertLess(came, 1.05 * len(content))


def sparse_file(path, size, at):
    """Mostly a hole; a mebibyte of chance at each of these places."""
    with open(path, "wb") as f:
        f.truncate(size)
        for place in at:
            f.seek(place)
            f.write(random.Random(place).randbytes(MIB))
    return path


@unittest.skipUnless(SOAK, "SOAK=1 only")
class FourGibibytes(FarEnd):
    """A whole file whose offsets pass 2^32, from curl to the far end."""
    EDGE = 1 << 32
    SIZE = EDGE + 5 * MIB + 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway.stop()
        # 3 of 4: less to write.
        with open(cls.gateway.path + "/tahoe.cfg") as f:
            text = f.read()
        assert "shares.total = 10" in text and "shares.happy = 7" in text
        with open(cls.gateway.path + "/tahoe.cfg", "w") as f:
            f.write(text.replace("shares.total = 10", "shares.total = 4").replace("shares.happy = 7", "shares.happy = 4"))
        cls.gateway.start()

    def test_F44_curl_is_cut_on_both_sides_of_2_to_the_32(self):
        path = sparse_file(self.place.path + "/f", self.SIZE, (0, self.EDGE - MIB // 2, self.SIZE - MIB))
        with Links([]) as links:
            number, port = links.to_port(self.port)
            made = self.ask("POST", "/uploads").path
            # The first is cut before 2^32, the second behind it.
            offsets = []
            for most in (self.EDGE - MIB, 3 * MIB, 0):
                links.tell(f"cut rst up {most} {most} 1" if most else "cut none", [number])
                more = ["-C", str(offsets[-1])] if offsets else []
                tried = subprocess.run(["curl", "-sS", "-T", path, *more, f"http://127.0.0.1:{port}{made}"], capture_output=True, text=True)
                self.assertEqual(tried.returncode == 0, most == 0, tried.stderr)
                if most:
                    offsets.append(int(self.ask("HEAD", made)["Upload-Offset"]))
            came = links.stats()[number]["bytes_up"]
        self.assertTrue(self.EDGE - 8 * MIB < offsets[0] < self.EDGE < offsets[1] < self.SIZE, offsets)
        self.assertLess(came, self.SIZE + 4 * MIB, "what was held did not come again")
        state = self.state(made, wait=30)
        while state["state"] != "committed":
            self.assertIn(state["state"], ("committing", "waiting"), state)
            state = self.state(made, wait=30)
        whole = sha256(path)
        self.assertEqual((state["sha256"], state["length"]), (whole, self.SIZE))
        self.assert_far_end(path, state["cap"], whole)

    def assert_far_end(self, path, cap, whole):
        for first, last in ((self.EDGE - MIB, self.EDGE + MIB), (self.EDGE, self.EDGE), (self.SIZE - 2 * MIB, self.SIZE - 1)):
            out = subprocess.run([*self.getting(cap), "--range", f"{first}-{last}"], capture_output=True, check=True).stdout
            with open(path, "rb") as f:
                f.seek(first)
                self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(f.read(last - first + 1)).digest(), (first, last))
        self.assertEqual(self.sha256_of(cap), whole)


if __name__ == "__main__":
    unittest.main(verbosity=2)
