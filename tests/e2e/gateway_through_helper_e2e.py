"""Uploads to a gateway whose node knows an upload helper: client, gateway, helper and servers, each line between them cut and each of
the two killed (F2, F3, F4, F18, F19, F20, F22; legs G and H together). What the gateway calls stored is in the grid, with the cap of a
direct put. `SOAK=1`: many more seeds."""
import os
import random
import unittest

from rig import Gateway, Helper, Links, Place, get, put, sha256, wait_until
from upload_storms_e2e import Sender
from uploads import Desk, Wire, content_of

SOAK = os.environ.get("SOAK") == "1"
MIB = 1 << 20
RATE = 1_000_000  # of a line on which something is to be killed in the middle, also when the test is held up for seconds


class Chain(Desk):
    """client -> gateway (`front`) -> helper (`middle`) -> servers (`back`), with a proxy in each line."""
    helper_cfg = ""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.__exit__)
        cls.back = cls.links(cls.place.nurls(), 1)
        cls.helper = Helper(cls.place.path + "/the-helper", cls.back.nurls, cls.helper_cfg)
        cls.addClassCleanup(cls.helper.stop)
        cls.middle = cls.links([cls.helper.nurl], 2)
        cls.around = cls.links(cls.place.nurls(), 3)  # the gateway's own way to the servers
        cls.gateway = Gateway(cls.place.path + "/gateway", cls.around.nurls, helpers=cls.middle.nurls)
        cls.addClassCleanup(cls.gateway.stop)
        cls.port = cls.gateway.port
        cls.front = cls.links([], 4)
        _, cls.front_port = cls.front.to_port(cls.port)
        cls.direct = cls.place.new_client("direct", cls.place.nurls(), convergence_of=cls.gateway.path)

    @classmethod
    def links(cls, nurls, seed):
        links = Links(nurls, seed)
        cls.addClassCleanup(links.close)
        return links

    def setUp(self):
        self.addCleanup(self.heal)
        self.before = {line: self.now(line) for line in (self.front, self.middle, self.back, self.around)}

    def heal(self):
        for line in (self.front, self.middle, self.back, self.around):
            line.tell("cut none")
            line.line_rate(0)
        for each in (self.helper, self.gateway):
            if each.process.poll() is not None:
                each.start()

    @staticmethod
    def now(line):
        return {counter: line.sum(counter) for counter in ("bytes_up", "cuts")}

    def since(self, line, counter="bytes_up"):
        """What this test has brought over the line."""
        return line.sum(counter) - self.before[line][counter]

    def assert_in_the_grid(self, cap, content):
        """By another node, that knows the servers alone; nobody has to live for it but they."""
        name = self.place.path + "/" + self.id().rpartition(".")[2]
        get(self.direct, cap, name + ".out")
        path = name + ".in"
        with open(path, "wb") as f:
            f.write(content)
        self.assertEqual(sha256(path), sha256(name + ".out"))
        report = put(self.direct, path)
        self.assertEqual(report["cap"], cap, "the cap of a direct put")
        self.assertLess(report["bytes_sent"], MIB, "all of its shares are there")

    def assert_through_helper(self, content, spare=0):
        sent = self.since(self.middle)
        self.assertGreaterEqual(sent, len(content), "it went through the helper")
        print(f"\n{self.id()}: {sent / len(content):.3f} times the file to the helper")
        self.assertLessEqual(sent, 1.02 * len(content) + 100_000 + spare, "and went once")
        self.assertLess(self.since(self.around), MIB, "and no shares went around it")


class Undisturbed(Chain):
    def test_each_way_in_goes_through_the_helper(self):
        for i, dialect in enumerate(("tus", "draft", "put")):
            with self.subTest(dialect):
                self.before = {line: self.now(line) for line in self.before}
                content = content_of(3_000_000 + i, i)
                if dialect == "put":
                    cap = self.expect(200, "PUT", "/uri", body=content).body.decode()
                else:
                    sender = Sender(self, dialect, content)
                    sender.complete()
                    cap = self.cap_of(sender.path)
                self.assert_through_helper(content)
                self.assert_in_the_grid(cap, content)


class Cuts(Chain):
    def storm(self, lines, how, seed, size=6_000_000):
        content = content_of(size, f"{sorted(lines)} {how} {seed}")
        for name, least, most in (("front", 3_000, 400_000), ("middle", 1_000_000, 2_000_000), ("back", 200_000, 900_000)):
            if name in lines:
                line = getattr(self, name)
                line.tell(f"cut {how} up {least} {most}")
                line.tell("reset")  # those that are open from before would not be cut
        self.before = {line: self.now(line) for line in self.before}
        sender = Sender(self, ("tus", "draft")[seed % 2], content, self.front_port)
        sender.complete()
        cap = self.cap_of(sender.path)
        for name in lines:
            self.assertGreater(self.since(getattr(self, name), "cuts"), 2, name)
        # At most the window that was on its way when it broke.
        self.assert_through_helper(content, self.since(self.middle, "cuts") * MIB)
        self.heal()
        self.assert_in_the_grid(cap, content)

    def each(self, *lines, how):
        for seed in range(20 if SOAK else 1):
            for how in ("rst", "fin") if SOAK else (how,):
                with self.subTest(how=how, seed=seed):
                    self.storm(lines, how, seed + (how == "fin"))

    def test_F4_client_to_gateway(self):
        self.each("front", how="fin")

    def test_F2_gateway_to_helper(self):
        self.each("middle", how="rst")

    def test_F3_helper_to_servers(self):
        self.each("back", how="fin")

    def test_F2_F3_F4_all_lines_at_once(self):
        self.each("front", "middle", "back", how="rst")


class Kills(Chain):
    def test_F19_gateway_killed_while_it_sends(self):
        self.kill_along(self.middle, 6_000_000, (self.gateway,), 19, lambda kills: kills * MIB)

    def test_F18_helper_killed_while_it_receives(self):
        """What came in the last second before a helper died is not synced, and comes again."""
        self.kill_along(self.middle, 6_000_000, (self.helper,), 18, lambda kills: kills * (MIB + RATE))

    def test_F20_both_killed_while_one_sends_to_the_other(self):
        self.kill_along(self.middle, 6_000_000, (self.helper, self.gateway), 20, lambda kills: kills * (MIB + RATE))

    def test_F18_F20_killed_while_the_helper_pushes(self):
        for who in ((self.helper,), (self.gateway,), (self.helper, self.gateway))[0 if SOAK else 1:]:
            with self.subTest(who=[type(each).__name__ for each in who]):
                self.before = {line: self.now(line) for line in self.before}
                self.kill_along(self.back, 15_000_000, who, 21 + len(who), lambda kills: kills * MIB)

    def kill_along(self, line, most, who, seed, spare):
        """At points that lie within so many bytes of a file of 6 MB, by what has gone over that line."""
        dice = random.Random(seed)
        content = content_of(6_000_000, f"{seed} {[type(each).__name__ for each in who]}")
        line.line_rate(RATE if line is self.middle else 4 * RATE)
        sender = Sender(self, "tus", content)
        sender.complete()
        kills = 0
        for point in sorted(dice.randrange(most) for _ in range(20 if SOAK else 3)):
            wait_until(lambda: self.since(line) >= point or self.state(sender.path)["state"] == "committed", "the point of the kill")
            state = self.state(sender.path)
            if state["state"] == "committed":
                break
            self.assertNotIn("cap", {key for key, value in state.items() if value}, "no cap before it is stored")
            for each in who:
                each.kill()
            for each in who:
                each.start()
            kills += 1
        self.assertGreater(kills, 0)
        line.line_rate(0)
        cap = self.cap_of(sender.path)
        self.assert_through_helper(content, min(spare(kills), 0.6 * len(content)))  # all of it again would be twice
        self.assert_in_the_grid(cap, content)

    def test_F19_F20_killed_while_it_is_sealed(self):
        """Wherever the time falls: between the last byte, the seal, the first request to the helper."""
        dice = random.Random(22)
        for turn in range(60 if SOAK else 2):
            content = content_of(400_000 + turn, turn)
            sender = Sender(self, "tus", content)
            with Wire(self.port) as wire:
                sender.send(wire, len(content), len(content))
                if turn % 2:
                    self.assertEqual(wire.answer().status, 204)
                else:
                    point = dice.randrange(len(content))
                    wait_until(lambda: self.state(sender.path)["offset"] >= point, "some of it has come")
                self.gateway.kill()
                self.helper.kill()
            self.helper.start()
            self.gateway.start()
            sender.ask_offset()
            sender.complete()
            self.assert_in_the_grid(self.cap_of(sender.path), content)

    def test_stored_is_said_when_it_is(self):
        """Servers that are not there: neither the helper's having it all nor its promise makes it stored."""
        content = content_of(1_000_000, 23)
        self.place.grid.kill()
        sender = Sender(self, "tus", content)
        sender.complete()
        for _ in range(3):
            state = self.state(sender.path, wait=1)
            self.assertIn(state["state"], ("committing", "waiting"), state)
            self.assertFalse(state.get("cap"), state)
        self.place.grid.start()
        self.assert_in_the_grid(self.cap_of(sender.path), content)


class GoneAround(Chain):
    def test_helper_down_for_good(self):
        content = content_of(1_000_000, 24)
        self.helper.kill()
        cap = self.expect(200, "PUT", "/uri", body=content).body.decode()
        self.assertGreater(self.since(self.around), 2 * len(content), "its shares went straight")
        self.assert_in_the_grid(cap, content)

    def test_F18_helper_down_for_good_in_the_middle(self):
        content = content_of(6_000_000, 25)
        self.middle.line_rate(RATE)
        sender = Sender(self, "draft", content)
        wire = Wire(self.port)
        self.addCleanup(wire.close)
        sender.send(wire, len(content), len(content))
        wait_until(lambda: self.since(self.middle) > 2_000_000, "the helper has some of it")
        self.helper.kill()
        self.assert_in_the_grid(self.cap_of(sender.path), content)
        self.assertGreater(self.since(self.around), 2 * len(content), "its shares went straight")


class Full(Chain):
    helper_cfg = "max_bytes = 1M\n"

    def test_F22_helper_without_room(self):
        content = content_of(3_000_000, 26)
        self.assert_in_the_grid(self.expect(200, "PUT", "/uri", body=content).body.decode(), content)
        self.assertGreater(self.since(self.around), 2 * len(content), "its shares went straight")
        self.assertLess(self.since(self.middle), len(content), "and not to the helper")


if __name__ == "__main__":
    unittest.main(verbosity=2)
