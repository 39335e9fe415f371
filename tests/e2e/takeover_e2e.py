"""The node directory of a Tahoe-LAFS server becomes one of ours, and whoever knew the server still knows it (U14)."""
import os
import subprocess
import unittest

from gbs import Node, new_secret, new_si
from rig import BINARY


def create(directory):
    return subprocess.run([BINARY, "create-node", directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Takeover(unittest.TestCase):
    def test_u14_a_taken_over_server_keeps_its_name_its_key_its_secrets_and_its_shares(self):
        with Node() as node:
            si = new_si()
            node.client().upload(si, 3, b"share" * 100, new_secret())
            node.stop()
            kept = {name: node.get_file(name) for name in ("private/node.pem", "private/storage.furl", "private/secret", "my_nodeid", "tahoe.cfg")}
            # What a Tahoe node has not: our own names for it.
            os.unlink(node.directory + "/private/storage.nurl")
            os.unlink(node.directory + "/holdfast.cfg")
            made = create(node.directory)
            self.assertEqual((made.returncode, made.stdout.strip()), (0, node.nurl))
            for name, content in kept.items():
                self.assertEqual(node.get_file(name), content, name)
            node.start()
            self.assertEqual(node.client().read(si, 3).body, b"share" * 100)

    def test_u14_the_first_tcp_hint_of_the_furl_is_the_place(self):
        with Node() as node:
            node.stop()
            tub, _, rest = node.get_file("private/storage.furl").partition("@")
            swissnum = rest.rpartition("/")[2]
            node.put_file("private/storage.furl", f"{tub}@tor:abc.onion:80,tcp:storage.example:8098,tcp:10.0.0.1:9/{swissnum}")
            os.unlink(node.directory + "/private/storage.nurl")
            self.assertEqual(create(node.directory).stdout, f"pb://{node.spki}@storage.example:8098/{swissnum.strip()}#v=1\n")

    def test_u14_a_furl_that_cannot_be_used_is_named_and_nothing_is_made(self):
        with Node() as node:
            node.stop()
            os.unlink(node.directory + "/private/storage.nurl")
            for furl in ("pb://abc@tor:abc.onion:80/swiss", "pb://abc@tcp:host:0/swiss", "pb://abc@tcp:host:1/", "nonsense"):
                node.put_file("private/storage.furl", furl)
                made = create(node.directory)
                self.assertEqual(made.returncode, 1, furl)
                self.assertIn("storage.furl", made.stderr)
                self.assertEqual(node.get_file("private/storage.furl"), furl)
                self.assertFalse(os.path.exists(node.directory + "/private/storage.nurl"))


if __name__ == "__main__":
    unittest.main()
