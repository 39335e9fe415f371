"""A real link that is really taken down and up, in network namespaces. Skipped, with the reason, where those are not permitted."""
import json
import threading
import time
import unittest

from netns import SERVER_ADDRESS, NotPermitted, Wire
from rig import Place, finish, sha256, start, wait_until

MIB = 1 << 20


class RealLink(unittest.TestCase):
    def wire(self, mbit):
        try:
            wire = Wire(mbit)
        except NotPermitted as problem:
            self.skipTest(str(problem))
        self.addCleanup(wire.close)
        return wire

    def flapping(self, wire, up=2.0, down=1.0):
        """Takes the link down and up until told to end; how often it was down."""
        ended, downs = threading.Event(), []

        def flap():
            while not ended.wait(up):
                wire.down()
                downs.append(1)
                ended.wait(down)
                wire.up()

        thread = threading.Thread(target=flap)
        thread.start()

        def end():
            ended.set()
            thread.join()
            return len(downs)

        self.addCleanup(end)
        return end

    def test_f6_u2_200_mib_over_a_link_that_is_up_2_s_and_down_1_s(self):
        wire = self.wire(mbit=320)
        with Place(within=wire.servers.within, bind=SERVER_ADDRESS) as place:
            path = place.file("f", 200 * MIB, 6)
            end = self.flapping(wire)
            before = wire.bytes()[0]
            report = json.loads(finish(start(place.client, "put", path, "--json", "--progress", "none", within=wire.client.within))[0])
            downs, on_the_wire = end(), wire.bytes()[0] - before
            print(f"\ndown {downs} times, {report['seconds']:.0f} s, sent {report['bytes_sent']}, on the wire {on_the_wire}, shares {report['share_bytes_total']}, cuts {report['cuts']}")
            self.assertGreater(downs, 5)
            self.assertEqual((report["shares_placed"], report["happiness"]), (10, 10))
            self.assertLessEqual(report["bytes_sent"], 1.05 * report["share_bytes_total"])
            self.assertAlmostEqual(on_the_wire, report["bytes_sent"], delta=0.1 * report["bytes_sent"])
            # Undisturbed, within the namespace of the servers.
            again = json.loads(finish(start(place.client, "put", path, "--json", "--progress", "none", within=wire.servers.within))[0])
            self.assertEqual((report["cap"], again["bytes_sent"]), (again["cap"], 0))

    def test_f6_a_download_over_such_a_link(self):
        wire = self.wire(mbit=120)
        with Place(within=wire.servers.within, bind=SERVER_ADDRESS) as place:
            path = place.file("f", 120 * MIB, 7)
            cap = json.loads(finish(start(place.client, "put", path, "--json", "--progress", "none", within=wire.servers.within))[0])["cap"]
            end = self.flapping(wire)
            before = wire.bytes()[1]
            got = json.loads(finish(start(place.client, "get", cap, "-o", path + ".out", "--json", "--progress", "none", within=wire.client.within))[0])
            downs, on_the_wire = end(), wire.bytes()[1] - before
            print(f"\ndown {downs} times, {got['seconds']:.0f} s, fetched {got['bytes_fetched']}, on the wire {on_the_wire}, cuts {got['cuts']}")
            self.assertEqual(sha256(path), sha256(path + ".out"))
            self.assertGreater(downs, 2)
            self.assertLessEqual(got["bytes_fetched"], 1.1 * 120 * MIB)
            self.assertAlmostEqual(on_the_wire, got["bytes_fetched"], delta=0.1 * got["bytes_fetched"])

    def midway(self, wire, place, seed):
        """A put with a quarter of its bytes on the other side, when the link goes down; how many were sent."""
        path = place.file("f", 12 * MIB, seed)
        before = wire.bytes()[0]
        putting = start(place.client, "put", path, "--json", "--progress", "none", within=wire.client.within)
        self.addCleanup(putting.kill)
        wait_until(lambda: wire.bytes()[0] - before > 10 * MIB, "its middle")
        wire.down()
        self.assertIsNone(putting.poll())
        return path, putting, wire.bytes()[0] - before

    def ends_well(self, putting, sent_before=0, times=1.25):
        report = json.loads(finish(putting)[0])
        print(f"\n{report['seconds']:.0f} s, sent {report['bytes_sent']}, before {sent_before}, shares {report['share_bytes_total']}, cuts {report['cuts']}")
        self.assertEqual((report["shares_placed"], report["happiness"]), (10, 10))
        self.assertLessEqual(sent_before + report["bytes_sent"], times * report["share_bytes_total"], "a window each")

    def test_f6_u2_a_put_whose_link_is_gone_for_longer_than_a_server_may_be_silent(self):
        wire = self.wire(mbit=20)
        with Place(within=wire.servers.within, bind=SERVER_ADDRESS) as place:
            _, putting, _ = self.midway(wire, place, 8)
            time.sleep(45)  # how long it is gone is what is tested
            wire.up()
            self.ends_well(putting)

    def test_u1_a_put_that_is_killed_and_begun_again_while_the_link_is_gone(self):
        wire = self.wire(mbit=20)
        with Place(within=wire.servers.within, bind=SERVER_ADDRESS) as place:
            path, putting, sent = self.midway(wire, place, 9)
            putting.kill()
            putting.wait()
            again = start(place.client, "put", path, "--json", "--progress", "none", within=wire.client.within)
            self.addCleanup(again.kill)
            time.sleep(20)  # the same
            wire.up()
            self.ends_well(again, sent, times=1.1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
