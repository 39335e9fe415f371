"""Uploads to a gateway that is killed, stopped, cut off, left without servers and without answers (F4, F6, F8, F9, F19, F20, F25, F34, F36). No acknowledged
byte is lost, no offset goes back, and the file is the one that was sent. `SOAK=1`: many more kills and cuts."""
import os
import random
import secrets
import signal
import threading
import time
import unittest

from rig import DEADLINE, Gateway, Links, Place, rounds, wait_until
from uploads import OFFSET_MEDIA, PARTIAL_MEDIA, Desk, Wire, content_of

SOAK = os.environ.get("SOAK") == "1"
STILL = 600 if SOAK else 3
TUS = {"Tus-Resumable": "1.0.0"}


class Sender:
    """One upload by tus or by the draft, which goes on whatever happens, and remembers what it was told."""

    def __init__(self, desk, dialect, content, port=None):
        self.desk, self.dialect, self.content, self.told, self.sent = desk, dialect, content, 0, 0
        self.port = port or desk.port
        self.path = desk.tus_create(len(content)) if dialect == "tus" else desk.draft_create(10, False, {"Upload-Length": len(content)}).path

    def hear(self, answer):
        if answer["Upload-Offset"] is not None:
            offset = int(answer["Upload-Offset"])
            assert offset >= self.told, ("an offset went back", offset, self.told)
            self.told = offset

    def has_to_wait(self, answer):
        """It waits as long as it is told: whoever asks again at once uses up what his next request would need (5.8)."""
        if answer.status not in (503, 429):
            return False
        time.sleep(int(answer["Retry-After"]))
        return True

    def ask_offset(self):
        """Over a line that may break."""
        for _ in rounds("it says what it has"):
            try:
                with Wire(self.port) as wire:
                    answer = wire.ask("HEAD", self.path, TUS if self.dialect == "tus" else {"Upload-Draft-Interop-Version": 10})
            except OSError:
                continue
            if self.has_to_wait(answer):
                continue
            assert answer.status in (200, 204), answer
            return self.hear(answer)

    def send(self, wire, end, length):
        """The rest from where it is, up to `end` now, of a body that is `length` bytes long."""
        fields = [*TUS.items(), ("Content-Type", OFFSET_MEDIA)] if self.dialect == "tus" else [
            ("Upload-Draft-Interop-Version", 10), ("Content-Type", PARTIAL_MEDIA), ("Upload-Complete", f"?{int(self.told + length == len(self.content))}")]
        wire.head("PATCH", self.path, [*fields, ("Upload-Offset", self.told), ("Content-Length", length)])
        for at in range(self.told, end, 32_768):
            wire.send(self.content[at:min(end, at + 32_768)])
            self.sent += min(end, at + 32_768) - at

    def complete(self):
        """To the end, through whatever breaks."""
        tries, going_on = 0, rounds("all of it has come")
        while self.told < len(self.content):
            tries += 1
            next(going_on)
            try:
                with Wire(self.port) as wire:
                    self.send(wire, len(self.content), len(self.content) - self.told)
                    answer = wire.answer()
                    self.hear(answer)
                self.has_to_wait(answer)
            except OSError:
                self.ask_offset()
        return tries


class Kills(Desk):
    def test_F19_S8_3_kill_at_random_points_of_uploads(self):
        dice = random.Random(19)
        for dialect in ("tus", "draft"):
            sender = Sender(self, dialect, content_of(1_200_000, 19))
            for _ in range(250 if SOAK else 8):
                with Wire(self.port) as wire:
                    left = len(sender.content) - sender.told
                    sender.send(wire, sender.told + dice.randrange(left // 4 + 1), left)
                    self.gateway.kill()
                self.gateway.start()
                sender.ask_offset()
            sender.complete()
            self.assert_is_stored(sender.path, sender.content)

    def test_F19_kill_while_it_answers(self):
        """Between the last byte, the seal, the push, the result and the answer: wherever the time falls. Nobody comes back to help."""
        dice = random.Random(20)
        for turn in range(60 if SOAK else 6):
            sender = Sender(self, "tus", content_of(100_000 + turn, turn))
            with Wire(self.port) as wire:
                sender.send(wire, len(sender.content), len(sender.content))
                if turn % 2:
                    self.assertEqual(wire.answer().status, 204)
                killer = threading.Timer(dice.random() * 0.3, self.gateway.kill)
                killer.start()
                killer.join()
            self.gateway.start()
            sender.ask_offset()
            sender.complete()
            self.assert_is_stored(sender.path, sender.content)

    def test_F25_the_gateway_stands_still_and_goes_on(self):
        for dialect in ("tus", "draft"):
            sender = Sender(self, dialect, content_of(2_000_000, 25))
            with Wire(self.port) as wire:
                sender.send(wire, 1_000_000, 2_000_000)
                self.stand_still()
                try:
                    wire.send(sender.content[1_000_000:])
                    sender.hear(wire.answer())
                except OSError:
                    self.assertTrue(SOAK, "a body may stand still for three seconds, if not for ten minutes")
            sender.ask_offset()
            sender.complete()
            self.stand_still()  # wherever it is on its way to the grid
            self.assert_is_stored(sender.path, sender.content)

    def stand_still(self):
        self.gateway.process.send_signal(signal.SIGSTOP)
        going_on = threading.Timer(STILL, self.gateway.process.send_signal, [signal.SIGCONT])
        going_on.start()
        with Wire(self.port) as wire:
            wire.socket.settimeout(STILL + DEADLINE)
            self.assertEqual(wire.ask("GET", "/status?t=json").status, 200, "asked while it stood still")
        going_on.join()

    def test_F19_kill_between_the_parts_and_the_whole(self):
        for turn in range(6):
            content = content_of(9_000, turn)
            parts = [self.tus_create(3_000, {"Upload-Concat": "partial"}) for _ in range(3)]
            final = self.tus("POST", "/uploads", {"Upload-Concat": "final;" + " ".join(parts)}).path
            for i, part in enumerate(parts[:2]):
                self.tus_patch(part, 0, content[3_000 * i:3_000 * (i + 1)])
            with Wire(self.port) as wire:
                wire.head("PATCH", parts[2], [*TUS.items(), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", 0), ("Content-Length", 3_000)])
                wire.send(content[6_000:])
                if turn % 2:
                    wire.answer()
                self.gateway.kill()
            self.gateway.start()
            if self.tus_offset(parts[2]) == 0:
                self.tus_patch(parts[2], 0, content[6_000:])
            self.assert_is_stored(final, content)


class WithoutServers(unittest.TestCase):
    """The gateway lives, and its servers do not."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.__exit__)
        self.gateway = Gateway(self.place.path + "/gateway", self.place.nurls())
        self.addCleanup(self.gateway.stop)
        self.port = self.gateway.port

    def test_F20_all_servers_down_while_it_commits(self):
        desk, content = Desk(), content_of(300_000, 21)
        desk.port = self.port
        self.place.grid.kill()
        tus = desk.tus_create(len(content))
        self.assertEqual(desk.tus_patch(tus, 0, content)["Holdfast-Upload-State"], "committing")
        draft = desk.draft_create(10, True, {"Prefer": "wait=1"}, content)
        self.assertEqual((draft.status, draft["Upload-Complete"], draft["Retry-After"]), (202, "?1", "2"))
        status = draft["Content-Location"]
        path = status[status.index("/uploads/"):].removesuffix("?t=status")
        self.gateway.kill()  # and its gateway too
        self.gateway.start()
        self.assertEqual(desk.draft_patch(10, path, len(content), True, headers={"Prefer": "respond-async"}).status, 202)
        self.place.grid.start()
        cap = desk.assert_is_stored(tus, content)
        self.assertEqual(desk.cap_of(path), cap)
        for _ in range(2):
            replay = desk.draft_patch(10, path, len(content), True)
            self.assertEqual((replay.status, replay.body.decode(), replay["Upload-Complete"]), (201, cap, "?1"), "the answer is replayed")
            self.gateway.kill()
            self.gateway.start()


class Lines(Desk):
    def test_F4_two_hundred_cuts(self):
        """Some fifty of each of four uploads: as many as one may have at once before it counts as a storm of requests."""
        cuts = 0
        for seed in range(5 if SOAK else 1):
            for dialect, how in (("tus", "rst"), ("tus", "fin"), ("draft", "rst"), ("draft", "fin")):
                with Links([], seed) as links:
                    number, port = links.to_port(self.port)
                    links.tell(f"cut {how} up 3000 110000", [number])
                    sender = Sender(self, dialect, content_of(3_000_000, 4), port)
                    sender.complete()
                    cuts += links.stats()[number]["cuts"]
                self.assert_is_stored(sender.path, sender.content)
        self.assertGreater(cuts, 150)

    def test_F6_cuts_cost_what_was_on_the_line(self):
        with Links([], seed=6) as links:
            number, port = links.to_port(self.port)
            links.tell("cut rst up 1500000 3000000", [number])
            sender = Sender(self, "tus", content_of(24_000_000, 6), port)
            sender.complete()
            came = links.stats()[number]["bytes_up"]
        self.assert_is_stored(sender.path, sender.content)
        self.assertLess(came, 1.05 * len(sender.content), "what went over the line")

    def test_F8_half_open_after_a_change_of_address(self):
        """The old connection stands, and nothing comes through it any more, not even its end."""
        for dialect in ("tus", "draft"):
            with Links([], seed=8) as links:
                (old, old_port), (_, new_port) = links.to_port(self.port), links.to_port(self.port)
                sender = Sender(self, dialect, content_of(3_000_000, 8), old_port)
                with Wire(old_port) as wire:
                    sender.send(wire, 1_000_000, 3_000_000)
                    wait_until(lambda: self.state(sender.path)["offset"] > 500_000, "some of it has come")
                    links.tell("silent on", [old])
                    sender.port = new_port
                    sender.ask_offset()
                    self.assertGreater(sender.told, 500_000, "what came is kept")
                    sender.complete()
                self.assert_is_stored(sender.path, sender.content)

    def test_F9_the_answer_to_each_verb_is_lost(self):
        content, key = content_of(5_000, 9), {"Idempotency-Key": secrets.token_hex(8)}
        create = {**TUS, "Upload-Length": 5_000, **key}
        self.lose("POST", "/uploads", create, b"", lambda: True)
        path = self.tus_create(5_000, key)
        patch = lambda offset: {**TUS, "Content-Type": OFFSET_MEDIA, "Upload-Offset": offset}
        self.lose("PATCH", path, patch(0), content[:100], lambda: self.state(path)["offset"] == 100)
        again = self.tus_patch(path, 0, content[:100])
        self.assertEqual((again.status, again["Upload-Offset"]), (409, "100"), "the bytes do not come twice")
        self.lose("PATCH", path, patch(100), content[100:], lambda: self.state(path)["state"] == "committed")
        self.assertEqual(self.tus_patch(path, 5_000, b"").status, 204)
        self.assert_is_stored(path, content)
        self.lose("DELETE", path, TUS, b"", lambda: self.ask("GET", path + "?t=status").status == 410)
        self.assertEqual(self.tus("DELETE", path).status, 410)
        draft = self.draft_create(10, False).path
        finish = {"Upload-Draft-Interop-Version": 10, "Content-Type": PARTIAL_MEDIA, "Upload-Offset": 0, "Upload-Complete": "?1"}
        self.lose("PATCH", draft, finish, content, lambda: self.state(draft)["state"] == "committed")
        self.assert_file(self.draft_patch(10, draft, 5_000, True).body.decode(), content)

    def lose(self, method, target, headers, body, done):
        """The request arrives, is done, and its answer goes nowhere."""
        with Links([]) as links:
            number, port = links.to_port(self.port)
            links.tell("lose 1 1", [number])
            with Wire(port) as wire:
                with self.assertRaises(OSError):
                    wire.ask(method, target, headers, body)
        wait_until(done, "it is done")


class Crowds(Desk):
    cfg = "max_uploads = 20000\n"

    def test_F34_twenty_uploaders_of_one_file(self):
        content, caps = content_of(400_000, 34), []
        threads = [threading.Thread(target=lambda: caps.append(self.ask("PUT", "/uri", body=content).body)) for _ in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual((len(caps), len(set(caps))), (20, 1), caps)
        self.assert_file(caps[0].decode(), content)

    def test_F34_one_of_two_is_cancelled_and_the_other_is_stored(self):
        for turn in range(4):
            content = content_of(300_000, 50 + turn)
            one, other = self.tus_create(len(content)), self.tus_create(len(content))
            self.tus_patch(one, 0, content)
            self.tus_patch(other, 0, content)
            self.assertEqual(self.tus("DELETE", one).status, 204)
            self.assert_is_stored(other, content)

    def test_F37_honest_work_goes_on_beside_300_senders_that_stall(self):
        stalled = []
        for _ in range(300):
            wire = Wire(self.port)
            self.addCleanup(wire.close)
            wire.head("PATCH", self.tus_create(1 << 20), [*TUS.items(), ("Content-Type", OFFSET_MEDIA), ("Upload-Offset", 0), ("Content-Length", 1 << 20)])
            wire.send(b"x")
            stalled.append(wire)
        content = content_of(500_000, 37)
        self.assert_file(self.expect(200, "PUT", "/uri", body=content).body.decode(), content)
        path = self.tus_create(len(content))
        self.tus_patch(path, 0, content)
        self.assert_is_stored(path, content)

    def test_F36_many_idle_uploads(self):
        def resident():
            with open(f"/proc/{self.gateway.process.pid}/status") as f:
                return int(next(line for line in f if line.startswith("VmRSS")).split()[1]) * 1024
        before, count = resident(), 10_000 if SOAK else 500
        with Wire(self.port) as wire:
            for i in range(count):
                self.assertEqual(wire.ask("POST", "/uploads", {**TUS, "Upload-Length": 1 << 20 if i % 2 else 5}).status, 201)
        self.assertLess((resident() - before) / count, 64 * 1024)
        content = content_of(100_000, 36)
        self.assert_file(self.expect(200, "PUT", "/uri", body=content).body.decode(), content)


if __name__ == "__main__":
    unittest.main(verbosity=2)
