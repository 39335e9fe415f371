"""The fault proxy itself, against a server that echoes: what it breaks it breaks as it is told, and it counts right."""
import random
import socket
import threading
import time
import unittest

from rig import Links, wait_until


class Echo:
    """Sends back what comes; counts connections that ended by RST."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.got, self.resets, self.ends = 0, 0, 0
        threading.Thread(target=self.accept, daemon=True).start()
        self.nurl = f"pb://x@127.0.0.1:{self.listener.getsockname()[1]}/y"

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                while data := connection.recv(1 << 16):
                    self.got += len(data)
                    connection.sendall(data)
                self.ends += 1
            except OSError:
                self.resets += 1


class FaultProxy(unittest.TestCase):
    def setUp(self):
        self.echo = Echo()
        self.addCleanup(self.echo.listener.close)
        self.links = Links([self.echo.nurl], seed=7)
        self.addCleanup(self.links.close)

    def connect(self, links=None):
        port = (links or self.links).nurls[0].rpartition("/")[0].rpartition(":")[2]
        connection = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def exchange(self, connection, size):
        """Sends so many bytes and reads them back; how many came, and how it ended."""
        data = random.Random(size).randbytes(size)
        sender = threading.Thread(target=self.send, args=(connection, data))
        sender.start()
        got = bytearray()
        try:
            while len(got) < size:
                piece = connection.recv(1 << 16)
                if not piece:
                    return len(got), "fin"
                got += piece
        except TimeoutError:
            return len(got), "silence"
        except OSError:
            return len(got), "rst"
        finally:
            sender.join()
        self.assertEqual(bytes(got), data)
        return len(got), "whole"

    @staticmethod
    def send(connection, data):
        try:
            connection.sendall(data)
        except OSError:
            pass

    def stats(self):
        return self.links.stats()[0]

    def test_without_faults_everything_passes_and_ends_pass_too(self):
        connection = self.connect()
        self.assertEqual(self.exchange(connection, 3_000_000), (3_000_000, "whole"))
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(connection.recv(1), b"")
        wait_until(lambda: self.stats()["open"] == 0, "the connection is forgotten")
        self.assertEqual((self.stats()["bytes_up"], self.stats()["bytes_down"], self.stats()["bytes_lost"]), (3_000_000, 3_000_000, 0))

    def test_a_cut_comes_after_exactly_so_many_bytes_and_so_many_times(self):
        for by in ("rst", "fin"):
            for direction in ("up", "down"):
                with self.subTest(by=by, direction=direction):
                    before, cuts = self.echo.got, self.stats()["cuts"]
                    self.links.tell(f"cut {by} {direction} 123456 123456 2")
                    for _ in range(2):
                        got, end = self.exchange(self.connect(), 1_000_000)
                        self.assertEqual(end, by)
                        self.assertTrue(got == 123_456 if direction == "down" and by == "fin" else got <= 123_456, got)
                    self.assertEqual(self.exchange(self.connect(), 1_000_000)[1], "whole")
                    self.assertEqual(self.stats()["cuts"] - cuts, 2)
                    if direction == "up" and by == "fin":
                        wait_until(lambda: self.echo.got - before == 2 * 123_456 + 1_000_000, "the server got what passed")

    def test_the_same_seed_cuts_at_the_same_counts(self):
        def counts(seed):
            with Links([self.echo.nurl], seed=seed) as links:
                links.tell("cut fin down 1000 900000")
                return [self.exchange(self.connect(links), 1_000_000)[0] for _ in range(5)]

        first = counts(3)
        self.assertEqual(first, counts(3))
        self.assertNotEqual(first, counts(4))
        self.assertEqual(len(set(first)), 5)

    def test_delay_is_one_way_and_rate_is_of_all_connections_together(self):
        self.links.tell("delay 150")
        connection = self.connect()
        self.assert_takes(0.29, 0.45, lambda: self.assertEqual(self.exchange(connection, 10)[1], "whole"))
        self.links.tell("delay 0")

        def two_at_once():
            both = [threading.Thread(target=self.exchange, args=(self.connect(), 500_000)) for _ in range(2)]
            for each in both:
                each.start()
            for each in both:
                each.join()

        for how in (lambda rate: self.links.tell(f"rate {rate}"), self.links.line_rate):
            how(1_000_000)
            self.assert_takes(0.7, 1.3, two_at_once)
            how(0)

    def assert_takes(self, least, most, action):
        """Never less. More it may take when the machine is busy with something else: then it is asked again."""
        for _ in range(9):
            start = time.monotonic()
            action()
            took = time.monotonic() - start
            self.assertGreater(took, least)
            if took < most:
                return
        self.fail(f"{took} s, not {least} to {most}")

    def test_silence_keeps_connections_open_and_what_was_sent_goes_on_later(self):
        connection = self.connect()
        self.exchange(connection, 10)
        self.links.tell("silent on")
        connection.sendall(b"later")
        connection.settimeout(0.3)
        self.assertRaises(TimeoutError, connection.recv, 10)
        connection.settimeout(20)
        self.links.tell("silent off")
        self.assertEqual(connection.recv(10), b"later")

    def test_half_open_takes_one_side_away_without_notice(self):
        for gone in ("client", "server", "both"):
            with self.subTest(gone=gone):
                connection, resets = self.connect(), self.echo.resets
                self.exchange(connection, 10)
                self.links.tell(f"half-open {gone}")
                if gone == "client":
                    self.assertRaises(ConnectionResetError, connection.recv, 1)
                else:
                    connection.sendall(b"into the void")
                    connection.settimeout(0.3)
                    self.assertRaises(TimeoutError, connection.recv, 1)
                if gone == "server":
                    wait_until(lambda: self.echo.resets > resets, "the server is told")
                else:
                    self.assertEqual(self.echo.resets, resets)
                self.assertEqual(self.exchange(self.connect(), 1000)[1], "whole")

    def test_a_lost_answer_is_lost_after_the_work_was_done(self):
        self.links.tell("lose 5000 5000 1")
        connection = self.connect()
        self.assertEqual(self.exchange(connection, 1000)[1], "whole")
        before = self.echo.got
        self.assertEqual(self.exchange(connection, 6000)[1], "rst")
        self.assertEqual(self.echo.got - before, 6000)
        self.assertEqual((self.stats()["losses"], self.exchange(self.connect(), 9000)[1]), (1, "whole"))

    def test_a_link_that_is_down_refuses_until_it_is_up(self):
        connection = self.connect()
        self.exchange(connection, 10)
        self.links.tell("link down")
        self.assertRaises(ConnectionResetError, connection.recv, 1)
        with self.assertRaises(ConnectionResetError):
            self.connect().recv(1)
        self.links.tell("link up")
        self.assertEqual(self.exchange(self.connect(), 10)[1], "whole")
        self.assertEqual(self.stats()["refused"], 1)

    def test_stalls_hold_a_connection_up_and_lose_nothing(self):
        self.links.tell("stall 1 30")
        start = time.monotonic()
        self.assertEqual(self.exchange(self.connect(), 160_000)[1], "whole")
        self.assertGreater(time.monotonic() - start, 0.3)

    def test_another_server_behind_the_same_port(self):
        other = Echo()
        self.addCleanup(other.listener.close)
        self.links.tell("target " + other.nurl.rpartition("/")[0].rpartition(":")[2])
        self.exchange(self.connect(), 1000)
        self.assertEqual((self.echo.got, other.got), (0, 1000))

    def test_a_wrong_command_is_said(self):
        for line in ("* cut", "* cut rst sideways 1 2", "* cut rst up 5 2", "9 reset", "* fly", "* silent maybe", "add x"):
            with self.assertRaises(AssertionError):
                self.links.ask(line)
        self.assertEqual(self.exchange(self.connect(), 10)[1], "whole")


if __name__ == "__main__":
    unittest.main(verbosity=2)
