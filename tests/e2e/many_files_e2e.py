"""U12: many small files and some large ones, killed again and again while they are put. SOAK=1: 100,000 and 50."""
import json
import os
import random
import subprocess
import unittest

from rig import BINARY, DEADLINE, Links, Place, get, kill_at_work, sha256, wait_until

SOAK = os.environ.get("SOAK") == "1"
MIB = 1 << 20
SMALL, LARGE, KILLS = (100_000, 50, 20) if SOAK else (300, 3, 4)
LARGE_BYTES = 16 * MIB
AT_ONCE = 10_000  # files in one command line


def lay_out(place):
    """Paths of all files, the large ones here and there."""
    large_at = {(2 * i + 1) * SMALL // (2 * LARGE): i for i in range(LARGE)}
    paths = []
    for i in range(SMALL):
        if i in large_at:
            paths.append(place.file(f"large{large_at[i]}", LARGE_BYTES, large_at[i]))
        paths.append(place.file(f"{i}", 10_000 + i % 977, i))
    return paths


class Run:
    """One put of these files. Its reports come one to a line, in the order of the files."""

    def __init__(self, client, paths, reports):
        self.reports = reports
        with open(reports, "w") as out:
            self.process = subprocess.Popen([BINARY, "-d", client, "put", "--json", "--progress", "none", *paths], stdout=out,
                                            stderr=subprocess.PIPE, text=True)

    def finished(self):
        """Reports of files that are stored; a line that the kill cut in two is none."""
        with open(self.reports) as text:
            return [json.loads(line) for line in text if line.endswith("\n")]

    def count(self):
        with open(self.reports, "rb") as text:
            return text.read().count(b"\n")

    def end(self):
        _, err = self.process.communicate(timeout=None if SOAK else DEADLINE)
        assert self.process.returncode == 0, err
        return self.finished()


class ManyFiles(unittest.TestCase):
    def test_u12_no_kill_costs_more_than_the_work_of_one_file(self):
        with Place() as place, Links(place.nurls()) as links:
            killed = place.new_client("killed", links.nurls)
            undisturbed = place.new_client("undisturbed", links.nurls)
            paths = lay_out(place)
            chance = random.Random(12)
            batches = [paths[i:i + AT_ONCE] for i in range(0, len(paths), AT_ONCE)]
            sent = lambda: links.sum("bytes_up")

            stored, before = [], sent()
            for batch in batches:
                done = []
                for _ in range(max(1, KILLS // len(batches))):
                    running = Run(killed, batch, place.path + "/reports")
                    fresh = chance.randrange(1, len(batch) // 6)
                    wait_until(lambda: running.count() >= min(len(done) + fresh, len(batch) - 1), "some are stored", 3_600 if SOAK else DEADLINE)
                    if chance.random() < 0.5:  # in the middle of whatever comes next
                        more = sent() + chance.randrange(20 * MIB)
                        wait_until(lambda: sent() > more or running.count() > len(batch) * 0.9, "some more")
                    kill_at_work(running.process)
                    now = running.finished()
                    self.assertGreaterEqual(len(now), len(done))
                    for old, again in zip(done, now):
                        self.assertEqual((again["cap"], again["bytes_sent"]), (old["cap"], 0))
                    done = now
                final = Run(killed, batch, place.path + "/reports").end()
                self.assertEqual(len(final), len(batch))
                for old, again in zip(done, final):
                    self.assertEqual((again["cap"], again["bytes_sent"]), (old["cap"], 0))
                stored += final
            by_killed = sent() - before

            before = sent()
            for batch in batches:
                Run(undisturbed, batch, place.path + "/reports").end()
            reference = sent() - before
            before = sent()
            for batch in batches:
                for report in Run(undisturbed, batch, place.path + "/reports").end():
                    self.assertEqual(report["bytes_sent"], 0)
            questions = sent() - before
            work_of_one = LARGE_BYTES * 10 // 3
            self.assertLess(by_killed, reference + KILLS * (questions + work_of_one))

            for i in chance.sample(range(len(paths)), 15) + [paths.index(f"{place.path}/large{j}") for j in range(3)]:
                get(place.client, stored[i]["cap"], place.path + "/out")
                self.assertEqual(sha256(place.path + "/out"), sha256(paths[i]))
            print(f"{len(paths)} files: {by_killed / reference:.3f} of what an undisturbed put sends; "
                  f"asking for all of them when they are there: {questions / reference:.3f}")


if __name__ == "__main__":
    unittest.main()
