#!/usr/bin/env python3
"""A gateway whose node knows an upload helper: what it took goes through that, once, whatever breaks between browser, gateway, helper
and servers (F2 to F4, F18, F19, F22; legs G and H). The cap is that of a direct upload. `SOAK=1`: many more kills."""
import os
import random
import unittest

from helpers import HelperClient, HelperNode
from rig import Gateway, Links, Place, get, put, sha256, wait_until
from upload_storms_e2e import Sender
from uploads import Desk, content_of

MIB = 1 << 20
SOAK = os.environ.get("SOAK") == "1"


class ThroughHelper(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.__exit__)

    def helper(self, servers=None, cfg=""):
        helper = HelperNode(self.place.path + "/the-helper", servers or self.place.nurls(), cfg)
        self.addCleanup(helper.stop)
        return helper

    def links(self, nurls, **more):
        links = Links(nurls, **more)
        self.addCleanup(links.close)
        return links

    def desk(self, helpers):
        """Of a gateway that shares the secret of the client, so that their caps can be compared."""
        desk = Desk()
        desk.gateway = Gateway(self.place.path + "/gateway", self.place.nurls(), helpers=helpers, convergence_of=self.place.client)
        desk.port = desk.gateway.port
        self.addCleanup(desk.gateway.stop)
        return desk

    def metric(self, helper, name):
        text = HelperClient(helper).operate("GET", "/metrics").body.decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"holdfast_helper_{name} "))

    def assert_is_that_of_a_direct_put(self, cap, content):
        path = self.place.path + "/direct"
        with open(path, "wb") as f:
            f.write(content)
        report = put(self.place.client, path, "--helper", "none")
        self.assertEqual(report["cap"], cap)
        self.assertLess(report["bytes_sent"], MIB, "it is all there")
        get(self.place.client, cap, path + ".out")
        self.assertEqual(sha256(path), sha256(path + ".out"))

    def test_F2_the_link_to_the_helper_breaks_all_the_time(self):
        helper = self.helper()
        for how, seed in (("rst", 2), ("fin", 3)):
            links = self.links([helper.nurl], seed=seed)
            links.line_rate(20_000_000)
            links.tell(f"cut {how} up 200000 1000000")
            content = content_of(6_000_000, seed)
            with self.subTest(how), Gateway(f"{self.place.path}/gateway-{how}", self.place.nurls(), helpers=links.nurls, convergence_of=self.place.client) as gateway:
                desk = Desk()
                desk.port = gateway.port
                sender = Sender(desk, "tus", content)
                sender.complete()
                cap = desk.cap_of(sender.path)
                cuts = links.sum("cuts")
                self.assertGreater(cuts, 4)
                self.assertLessEqual(links.sum("bytes_up"), len(content) + cuts * MIB, "what was on its way when it broke")
                self.assertEqual(self.metric(helper, "pushed_total"), seed - 1)
                self.assert_is_that_of_a_direct_put(cap, content)

    def test_F3_the_links_behind_the_helper_break(self):
        links = self.links(self.place.nurls(), seed=3)
        links.tell("cut rst up 300000 1500000")
        helper = self.helper(links.nurls)
        desk, content = self.desk([helper.nurl]), content_of(10_000_000, 3)
        sender = Sender(desk, "draft", content)
        sender.complete()
        cap = desk.cap_of(sender.path)
        self.assertGreater(links.sum("cuts"), 10)
        self.assertEqual((self.metric(helper, "received_bytes_total"), self.metric(helper, "pushed_total")), (len(content), 1))
        self.assert_is_that_of_a_direct_put(cap, content)

    def test_F18_F19_everything_breaks_and_gateway_and_helper_are_killed(self):
        dice = random.Random(18)
        behind = self.links(self.place.nurls(), seed=4)
        behind.line_rate(30_000_000)
        behind.tell("cut rst up 500000 3000000")
        helper = self.helper(behind.nurls)
        between = self.links([helper.nurl], seed=5)
        between.line_rate(12_000_000)
        between.tell("cut rst up 500000 2000000")
        desk, content = self.desk(between.nurls), content_of(12_000_000, 18)
        before = self.links([], seed=6)
        target, port = before.to_port(desk.port)
        before.tell("cut fin up 500000 2000000", [target])
        sender = Sender(desk, "tus", content, port)
        sender.complete()

        def whole_way():
            return between.sum("bytes_up") + behind.sum("bytes_up") / 3.4  # both legs about as long as the file

        kills = 0
        for point in sorted(dice.randrange(2 * len(content)) for _ in range(60 if SOAK else 8)):
            wait_until(lambda: whole_way() >= point or desk.state(sender.path)["state"] == "committed", "the point of the kill")
            if desk.state(sender.path)["state"] == "committed":
                break
            for victim in dice.choice(([helper], [desk.gateway], [helper, desk.gateway])):
                victim.kill()
                victim.start()
            kills += 1
        self.assertGreater(kills, 3)
        cap = desk.cap_of(sender.path)
        # Each life of either goes on where the other is: what was on its way, and what came in the last second before a kill.
        self.assertLessEqual(between.sum("bytes_up"), 1.05 * len(content) + between.sum("cuts") * 400_000 + kills * 13 * MIB)
        self.assert_is_that_of_a_direct_put(cap, content)

    def test_F22_a_helper_that_is_full_or_gone_is_gone_around(self):
        full = self.helper(cfg="max_bytes = 1M\n")
        desk = self.desk([full.nurl])
        for turn, dialect in enumerate(("tus", "draft")):
            content = content_of(3_000_000, 22 + turn)
            sender = Sender(desk, dialect, content)
            sender.complete()
            self.assert_is_that_of_a_direct_put(desk.cap_of(sender.path), content)
            full.kill()  # for the second one, for good
        content = content_of(2_000_000, 24)
        answer = desk.expect(200, "PUT", "/uri", {}, content)
        self.assert_is_that_of_a_direct_put(answer.body.decode(), content)

    def test_F18_the_helper_dies_for_good_in_the_middle(self):
        helper = self.helper()
        links = self.links([helper.nurl])
        links.line_rate(4_000_000)
        desk, content = self.desk(links.nurls), content_of(8_000_000, 19)
        sender = Sender(desk, "tus", content)
        sender.complete()
        wait_until(lambda: links.sum("bytes_up") > 2_000_000, "some of it has gone to the helper")
        self.assertIn(desk.state(sender.path)["state"], ("committing", "waiting"), "nothing is called stored before it is")
        helper.kill()
        self.assert_is_that_of_a_direct_put(desk.cap_of(sender.path), content)


if __name__ == "__main__":
    unittest.main()
