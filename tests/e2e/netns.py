"""A client and its servers in two network namespaces with one real link between them: `tc tbf` gives its speed, `ip link set down`
takes it away, the interface counts bytes. As root, or in a user namespace; it is gone as soon as the test's process is."""
import json
import os
import subprocess

SERVER_ADDRESS, CLIENT_ADDRESS = "10.99.7.1", "10.99.7.2"


class NotPermitted(Exception):
    pass


class Namespace:
    """A network namespace, held by a process that ends with its standard input."""

    def __init__(self, user_of=None):
        root = os.geteuid() == 0
        enter = [] if root or user_of is None else ["nsenter", "-t", str(user_of.pid), "-U", "--preserve-credentials"]
        unshare = ["unshare"] + (["-Ur"] if not root and user_of is None else []) + ["-n"]
        self.process = subprocess.Popen([*enter, *unshare, "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            problem = self.process.stderr.read().strip()
            self.close()
            raise NotPermitted(f"no network namespaces here: {problem}")
        self.pid = self.process.pid
        self.within = ["nsenter", "-t", str(self.pid), *([] if root else ["-U", "--preserve-credentials"]), "-n"]

    def run(self, *command):
        done = subprocess.run([*self.within, *command], capture_output=True, text=True)
        if done.returncode != 0:
            raise NotPermitted(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()


class Wire:
    """Two namespaces, `servers` and `client`, and a wire of `mbit` in each direction."""

    def __init__(self, mbit):
        self.servers = Namespace()
        self.client = None
        try:
            self.client = Namespace(user_of=self.servers)
            self.servers.run("ip", "link", "add", "name", "hf-s", "type", "veth", "peer", "name", "hf-c", "netns", str(self.client.pid))
            for side, device, address in ((self.servers, "hf-s", SERVER_ADDRESS), (self.client, "hf-c", CLIENT_ADDRESS)):
                side.run("ip", "address", "add", f"{address}/24", "dev", device)
                side.run("ip", "link", "set", "lo", "up")
                side.run("ip", "link", "set", device, "up")
                side.run("tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{mbit}mbit", "burst", "256kb", "latency", "50ms")
        except (NotPermitted, FileNotFoundError) as problem:
            self.close()
            raise NotPermitted(str(problem)) from problem

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for each in (self.client, self.servers):
            if each:
                each.close()

    def up(self):
        self.client.run("ip", "link", "set", "hf-c", "up")

    def down(self):
        self.client.run("ip", "link", "set", "hf-c", "down")

    def bytes(self):
        """(sent, received) by the client's interface."""
        stats = json.loads(self.client.run("ip", "-s", "-j", "link", "show", "hf-c"))[0]["stats64"]
        return stats["tx"]["bytes"], stats["rx"]["bytes"]
