"""kill -9 at seeded points of a transfer, and servers that reboot. SOAK=1 kills more often."""
import json
import os
import random
import signal
import subprocess
import unittest

from rig import BINARY, Gateway, Helper, Links, Place, Server, finish, get, kill_at_work, put, sha256, start, wait_until

MIB = 1 << 20
KILLS = 500 if os.environ.get("SOAK") else 50
SIZE = 5 * KILLS * MIB // 4  # a transfer long enough for so many points


class Twice(unittest.TestCase):
    def test_a_node_that_is_run_a_second_time_says_so_and_leaves_what_the_first_one_has(self):
        with Place(servers=3) as place:
            # A gateway listens before it looks at its uploads, a helper after.
            for kind, says in ((Gateway, "Address already in use"), (Helper, "served by another process already")):
                with kind(place.path + "/" + kind.__name__, place.nurls()) as node:
                    again = subprocess.run([BINARY, "run", node.path], capture_output=True, text=True, timeout=60)
                    self.assertEqual(again.returncode, 1, again)
                    self.assertIn(says, again.stdout + again.stderr)
                    self.assertIsNone(node.process.poll())


class Killed(unittest.TestCase):
    def test_f16_kill_9_of_the_client_at_seeded_points_of_one_upload(self):
        rng = random.Random(16)
        with Place() as place, Links(place.nurls()) as links:
            links.line_rate(40_000_000)
            client = place.new_client("killed", links.nurls, convergence_of=place.client)
            path = place.file("f", SIZE, 1)
            points = sorted(rng.randrange(int(3.3 * SIZE)) for _ in range(KILLS))
            killed = 0
            for point in points:
                running = start(client, "put", path, "--progress", "none")
                # Bytes of all runs together; some runs are killed in their first question, some hardly have begun a segment.
                wait_until(lambda: links.sum("bytes_up") >= point or running.poll() is not None, "the point of the kill")
                killed += running.poll() is None
                running.send_signal(signal.SIGKILL)
                running.communicate()
            self.assertGreater(killed, KILLS // 2)
            report = put(client, path)
            sent = links.sum("bytes_up")
            self.assertEqual((report["shares_placed"], report["happiness"]), (10, 10))
            # A put that began anew each time would skip nothing and send twice as much.
            print(f"\n{killed} kills: {sent / report['share_bytes_total']:.3f} times the shares over the line; skipped in the end "
                  f"{report['bytes_skipped'] / report['share_bytes_total']:.3f}")
            self.assertLessEqual(sent, 1.5 * report["share_bytes_total"])
            self.assertGreater(report["bytes_skipped"], 0.5 * report["share_bytes_total"])
            self.assertEqual(report["cap"], put(place.client, path)["cap"])
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f16_kill_9_of_the_client_at_seeded_points_of_one_download(self):
        rng = random.Random(17)
        with Place() as place, Links(place.nurls()) as links:
            path = place.file("f", SIZE, 2)
            cap = put(place.client, path)["cap"]
            links.line_rate(20_000_000)
            client = place.new_client("killed", links.nurls)
            killed = 0
            for point in sorted(rng.randrange(SIZE) for _ in range(KILLS)):
                running = start(client, "get", cap, "-o", path + ".out", "--progress", "none")
                wait_until(lambda: links.sum("bytes_down") >= point or running.poll() is not None, "the point of the kill")
                killed += running.poll() is None
                running.send_signal(signal.SIGKILL)
                running.communicate()
            report = get(client, cap, path + ".out")
            print(f"\n{killed} kills: {links.sum('bytes_down') / SIZE:.3f} times the file over the line; skipped in the end "
                  f"{report['bytes_skipped'] / SIZE:.3f}")
            self.assertGreater(killed, KILLS // 2)
            self.assertEqual(report["bytes_rejected"], 0)
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f16_a_download_that_is_killed_again_and_again_fetches_little_twice(self):
        rng, kills = random.Random(19), KILLS // 5
        with Place() as place, Links(place.nurls()) as links:
            path = place.file("f", SIZE, 5)
            cap = put(place.client, path)["cap"]
            links.line_rate(8_000_000)  # most of a second for each life: what is on its way is what comes in a moment
            client = place.new_client("killed", links.nurls)
            for point in [int((i + rng.uniform(0.3, 0.9)) * SIZE / kills) for i in range(kills)]:
                running = start(client, "get", cap, "-o", path + ".out", "--progress", "none")
                wait_until(lambda: links.sum("bytes_down") >= point or running.poll() is not None, "the point of the kill")
                kill_at_work(running)
            links.line_rate(0)
            report = get(client, cap, path + ".out")
            fetched = links.sum("bytes_down")
            print(f"\n{kills} kills: {fetched / SIZE:.3f} times the file over the line; skipped in the end {report['bytes_skipped'] / SIZE:.3f}")
            # One that began anew each time would fetch it twice, and skip nothing.
            self.assertLess(fetched, 1.7 * SIZE)
            self.assertGreater(report["bytes_skipped"], 0.25 * SIZE)
            self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_f17_kill_9_of_a_server_at_seeded_points_and_what_it_acknowledged_survives(self):
        rng = random.Random(18)
        with Place(servers=9) as place, Links(place.nurls()) as links:
            server = Server(place.path + "/alone", measured=True)
            self.addCleanup(server.stop)
            with Links([server.nurl]) as link:
                links.line_rate(40_000_000)
                # About a second for each life, in which something becomes durable or not. Happy with ten only: else who hardly gets
                # on is gone around.
                rate = SIZE // 3 // KILLS
                link.line_rate(rate)
                client = place.new_client("killer", [*links.nurls, *link.nurls], convergence_of=place.client)
                path = place.file("f", SIZE, 3)
                running = start(client, "put", path, "--happy", "10", "--json", "--progress", "none")
                kills = held = 0
                for point in [int((i + rng.uniform(0.3, 0.9)) * rate) for i in range(KILLS)]:
                    wait_until(lambda: link.sum("bytes_up") >= point or running.poll() is not None, "the point of the kill")
                    if running.poll() is not None:
                        break
                    server.kill()
                    kills += 1
                    server.start()
                    survived = server.metric("partial_active_bytes") + server.metric("partial_dormant_bytes")
                    self.assertGreaterEqual(survived, held, "what it held after an earlier kill")
                    held = survived
                link.line_rate(40_000_000)
                report = json.loads(finish(running)[0])
                self.assertGreater(kills, KILLS // 2)
                self.assertEqual((report["shares_placed"], report["happiness"], report["warnings"]), (10, 10, []))
                share = report["share_bytes_total"] // 10
                print(f"\n{kills} kills: {report['servers'][9]['bytes_sent'] / share:.3f} times the share sent, {held / share:.3f} of it held after the last one")
                self.assertGreater(held, 0.1 * share, "far more than one life brings")
                # For each kill, what was on its way, and a second's bytes that were not yet synced (design, I4).
                self.assertLessEqual(report["servers"][9]["bytes_sent"], share + kills * (MIB + rate))
                server.kill()
                server.start()
                checked = json.loads(finish(start(client, "--json", "verify", report["cap"], "--progress", "none"))[0])["results"]
                self.assertEqual((checked["count-shares-good"], checked["count-corrupt-shares"]), (10, 0))

    def test_f17_f20_kill_9_of_all_servers_at_seeded_points(self):
        rng = random.Random(20)
        with Place() as place, Links(place.nurls()) as links:
            links.line_rate(20_000_000)  # so that a test that is held up for seconds finds it at work still
            client = place.new_client("killer", links.nurls, convergence_of=place.client)
            path = place.file("f", SIZE, 4)
            running = start(client, "put", path, "--json", "--progress", "none")
            kills = 0
            for point in sorted(rng.randrange(3 * SIZE) for _ in range(KILLS)):
                wait_until(lambda: links.sum("bytes_up") >= point or running.poll() is not None, "the point of the kill")
                if running.poll() is not None:
                    break
                place.grid.kill()
                kills += 1
                place.grid.start()
            report = json.loads(finish(running)[0])
            self.assertGreater(kills, KILLS // 2)
            print(f"\n{kills} kills of all servers: {report['bytes_sent'] / report['share_bytes_total']:.3f} times the shares sent")
            self.assertGreaterEqual(report["happiness"], 7)  # who is slow to come back may have lost its share to another
            get(place.client, report["cap"], path + ".out")
            self.assertEqual(sha256(path), sha256(path + ".out"))


class Reboots(unittest.TestCase):
    def test_u4_two_of_ten_servers_reboot_and_the_other_eight_are_sent_nothing_again(self):
        with Place(servers=8) as place:
            pair = [Server(f"{place.path}/reboots-{i}") for i in range(2)]
            for each in pair:
                self.addCleanup(each.stop)
            with Links([*place.nurls(), *(each.nurl for each in pair)]) as links:
                links.line_rate(10_000_000)
                client = place.new_client("u4", links.nurls, convergence_of=place.client)
                path = place.file("f", 50 * MIB, 4)
                running = start(client, "put", path, "--happy", "10", "--json", "--progress", "none")
                wait_until(lambda: links.sum("bytes_up") > 25 * MIB, "some of it has gone")
                for each in pair:
                    each.kill()
                at = links.sum("bytes_up")
                wait_until(lambda: links.sum("bytes_up") > at + 40 * MIB, "the others go on meanwhile")
                for each in pair:
                    each.start()
                links.line_rate(20_000_000)
                report = json.loads(finish(running)[0])
            share = report["share_bytes_total"] / 10
            self.assertEqual((report["shares_placed"], report["happiness"]), (10, 10))
            for each in report["servers"][:8]:
                self.assertEqual((each["bytes_sent"], len(each["shares"])), (share, 1))
            for each in report["servers"][8:]:
                # What was on its way, and a second's bytes that were not yet synced (design, I4), at a tenth of the line each; a disk may
                # take longer.
                self.assertLessEqual(each["bytes_sent"], share + MIB + 6_000_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
