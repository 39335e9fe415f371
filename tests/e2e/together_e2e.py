"""Several uploaders of one file at once (F34, storage protocol 11.10.4)."""
import json
import time
import unittest

from rig import Place, finish, get, sha256, start

MIB = 1 << 20


class Together(unittest.TestCase):
    def together(self, uploaders, size, seed, apart=0.0):
        with Place() as place:
            path = place.file("f", size, seed)
            clients = [place.client] + [place.new_client(f"c{i}", place.nurls(), convergence_of=place.client) for i in range(1, uploaders)]
            running = []
            for client in clients:
                running.append(start(client, "put", path, "--json", "--progress", "none", "--limit-rate", f"{size // 3}"))
                time.sleep(apart)  # how far apart they start is what is tested
            reports = [json.loads(finish(each)[0]) for each in running]
            self.assertEqual(len({each["cap"] for each in reports}), 1)
            sent = sum(each["bytes_sent"] for each in reports)
            self.assertLessEqual(sent, 1.1 * reports[0]["share_bytes_total"], [each["bytes_sent"] for each in reports])
            for each in reports:
                self.assertGreaterEqual(each["happiness"], 7)
            get(clients[-1], reports[0]["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f34_two_uploaders_at_the_same_moment(self):
        self.together(2, 20 * MIB, 1)

    def test_f34_two_uploaders_one_second_apart(self):
        self.together(2, 20 * MIB, 2, apart=1.0)

    def test_f34_twenty_uploaders_at_once(self):
        self.together(20, 8 * MIB, 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
