"""Making node directories and running them: what is there is never lost, what cannot work is refused when it is made."""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from rig import BINARY, Process

STRANGER = "pb://{}@127.0.0.1:{}/swissnum#v=1"


def nurl(number):
    """Of a server that nobody asks here."""
    return STRANGER.format("%043d" % 0, 10_000 + number)


def holdfast(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60)


class InAPlace(unittest.TestCase):
    def setUp(self):
        self.path = tempfile.mkdtemp(prefix="holdfast-e2e-")
        self.addCleanup(shutil.rmtree, self.path, True)
        self.node = self.path + "/node"

    def make(self, *arguments, expect=0):
        made = holdfast("create-node", self.node, *arguments)
        self.assertEqual(made.returncode, expect, made.stderr)
        return made.stdout.strip() if expect == 0 else made.stderr

    def client(self, *arguments, expect=0):
        made = holdfast("create-client", self.node, *arguments)
        self.assertEqual(made.returncode, expect, made.stderr)
        return made.stderr

    def read(self, name):
        with open(f"{self.node}/{name}") as f:
            return f.read()

    def write(self, name, text):
        with open(f"{self.node}/{name}", "w") as f:
            f.write(text)

    def servers(self):
        return [line for line in self.read("private/servers.nurl").split("\n") if line and not line.startswith("#")]

    def run_fails(self):
        ran = holdfast("run", self.node)
        self.assertEqual(ran.returncode, 1, ran.stdout)
        return ran.stderr


class Storage(InAPlace):
    def test_what_an_interruption_left_is_gone_on_with(self):
        first = self.make("--storage", "--location", "storage.example", "--bind", "127.0.0.1")
        for name in ("storage.nurl", "storage.furl"):
            os.unlink(f"{self.node}/private/{name}")
        cfg = self.read("tahoe.cfg")
        again = self.make("--storage", "--port", "9999")
        self.assertEqual(again.rpartition("/")[0], first.rpartition("/")[0])  # key, host and port; the password was not given out
        self.assertEqual(self.read("tahoe.cfg"), cfg)
        Process("run", self.node).stop()

    def test_not_in_the_directory_of_another_role(self):
        self.client("--server", nurl(1))
        self.assertIn("tub.port", self.make("--storage", expect=1))
        self.assertFalse(os.path.exists(self.node + "/private/storage.nurl"))

    def test_what_could_not_run_is_not_made(self):
        for wrong in (["--reserve", "lots"], ["--location", "my host:99/x@y"], ["--location", "a\nb"], ["--bind", "0.0.0.0"], ["--bind", "::"],
                      ["--bind", "127.0.0.1\nx"], ["--location", "0.0.0.0"]):
            with self.subTest(wrong=wrong):
                self.make("--storage", *wrong, expect=1)
                self.assertFalse(os.path.exists(self.node))
        self.assertIn("--location", self.make("--helper", "--bind", "0.0.0.0", "--server", nurl(1), expect=1))
        self.assertFalse(os.path.exists(self.node))
        self.assertIn("@[::1]:", self.make("--storage", "--bind", "::", "--location", "::1"))

    def test_a_lost_certificate_is_not_replaced(self):
        self.make("--storage")
        os.unlink(self.node + "/private/storage.nurl")
        pem = self.read("private/node.pem")
        os.unlink(self.node + "/private/node.pem")
        self.assertIn("node.pem is gone", self.make("--storage", expect=1))
        self.assertFalse(os.path.exists(self.node + "/private/node.pem"))
        self.write("private/node.pem", pem)
        furl = self.read("private/storage.furl")
        self.write("private/storage.furl", "pb://" + "a" * 32 + furl[furl.index("@"):])
        self.assertIn("another key", self.make("--storage", expect=1))
        self.write("private/storage.furl", furl)
        self.make("--storage")


    def test_made_again_it_must_be_whole(self):
        made = self.make("--storage")
        self.assertEqual(self.make("--storage"), made)
        for junk in ("", "junk\n", "pb://"):
            with self.subTest(junk=junk):
                self.write("private/storage.nurl", junk)
                self.assertIn("private/storage.nurl", self.make("--storage", expect=1))
                self.assertIn("private/storage.nurl", self.run_fails())
        self.write("private/storage.nurl", made + "\n")
        pem = self.read("private/node.pem")
        os.unlink(self.node + "/private/node.pem")
        self.assertIn("node.pem is gone", self.make("--storage", expect=1))
        holdfast("create-node", self.path + "/other", "--storage")
        shutil.copy(self.path + "/other/private/node.pem", self.node + "/private/node.pem")
        self.assertIn("another key", self.make("--storage", expect=1))
        self.write("private/node.pem", pem)
        self.assertEqual(self.make("--storage"), made)

    def test_another_port_is_not_taken_and_that_is_said(self):
        for role in (["--storage", "--port"], ["--helper", "--server", nurl(1), "--port"], ["--gateway", "--server", nurl(1), "--gateway-port"]):
            with self.subTest(role=role):
                node = self.path + "/" + role[0]
                made = holdfast("create-node", node, *role, "10007")
                self.assertEqual((made.returncode, made.stderr), (0, ""))
                again = holdfast("create-node", node, *role, "10008")
                self.assertEqual((again.returncode, again.stdout), (0, made.stdout))
                self.assertIn("10007, which stays", again.stderr)
                self.assertEqual(holdfast("create-node", node, *role, "10007").stderr, "")
        self.assertEqual(holdfast("create-node", self.node, "--port", "99999").returncode, 2)
        self.assertFalse(os.path.exists(self.node))

    def test_an_address_that_is_none_leaves_nothing(self):
        for command in (["grid", self.node], ["create-node", self.node, "--storage"], ["create-node", self.node, "--helper", "--server", nurl(1)]):
            with self.subTest(command=command):
                done = holdfast(*command, "--bind", "300.1.1.1")
                self.assertEqual(done.returncode, 1)
                self.assertIn("300.1.1.1", done.stderr)
                self.assertFalse(os.path.exists(self.node))


class Places(InAPlace):
    """Where a node is when nobody says it well."""

    def test_a_directory_without_a_name_is_none(self):
        for words in (["create-node", ""], ["create-client", "", "--server", nurl(1)], ["run", ""], ["grid", ""], ["-d", "", "status"]):
            with self.subTest(words=words):
                self.assertEqual(holdfast(*words).returncode, 2)

    def status(self, **environment):
        return subprocess.run([BINARY, "status"], capture_output=True, text=True, timeout=60, cwd=self.path, env=environment).stderr

    def test_variables_that_are_empty_are_not_set(self):
        there = f"there is no node in {self.path}/.holdfast;"
        self.assertIn(there, self.status(HOME=self.path))
        self.assertIn(there, self.status(HOME=self.path, HOLDFAST_NODE=""))
        self.assertIn(f"there is no node in {self.node};", self.status(HOME=self.path, HOLDFAST_NODE=self.node))

    def test_without_a_variable_home_is_where_the_system_says_and_never_here(self):
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            self.skipTest("the system says nothing of this user")
        if os.path.exists(home + "/.holdfast"):
            self.skipTest("this user has a node")
        for environment in ({}, {"HOME": ""}):
            self.assertIn(f"there is no node in {home}/.holdfast;", self.status(**environment))


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


class Roles(InAPlace):
    def test_a_role_whose_nurl_is_gone_is_missed(self):
        self.make("--storage", "--helper", "--gateway", "--server", nurl(1))
        for name in ("storage.nurl", "helper.nurl"):
            with self.subTest(name=name):
                file = f"{self.node}/private/{name}"
                os.rename(file, file + ".away")
                self.assertIn(f"private/{name} is gone", self.run_fails())
                os.rename(file + ".away", file)
        Process("run", self.node).stop()

    def test_a_lost_server_is_known_by_each_of_its_traces_unless_it_was_turned_off(self):
        self.make("--storage", "--gateway", "--server", nurl(1))
        Process("run", self.node).stop()
        os.unlink(self.node + "/private/storage.nurl")
        for name in ("private/storage.furl", "tahoe.cfg"):
            self.assertIn("storage.nurl is gone", self.run_fails())
            os.rename(f"{self.node}/{name}", f"{self.node}/{name}.away")
        self.assertIn("storage.nurl is gone", self.run_fails())  # its shares are there
        self.write("tahoe.cfg", "[node]\nnickname = g\n\n[storage]\nenabled = false\n")
        Process("run", self.node).stop()

    def test_a_role_whose_file_cannot_be_read_is_not_left_out(self):
        self.make("--storage", "--helper", "--server", nurl(1))
        for name in ("storage.nurl", "helper.nurl"):
            file = f"{self.node}/private/{name}"
            os.rename(file, file + ".away")
            os.symlink(name, file)  # a loop: neither there nor not there
            self.run_fails()
            os.unlink(file)
            os.rename(file + ".away", file)
        Process("run", self.node).stop()

    def test_a_helper_keeps_the_servers_that_a_client_knows(self):
        self.client("--server", nurl(1), "--server", nurl(2))
        self.assertIn(nurl(3), self.make("--helper", "--server", nurl(3), expect=1))
        self.make("--helper", "--server", nurl(1))
        self.assertEqual(self.servers(), [nurl(1), nurl(2)])

    def test_a_client_that_is_made_again_forgets_nobody_unasked(self):
        self.client("--server", nurl(1), "--server", nurl(2), "--helper", nurl(5))
        self.assertIn(nurl(2), self.client("--server", nurl(1), "--server", nurl(3), expect=1))
        self.assertIn(nurl(5), self.client("--server", nurl(1), "--server", nurl(2), "--helper", nurl(6), expect=1))
        self.assertEqual(self.servers(), [nurl(1), nurl(2)])
        self.client("--server", nurl(3), "--server", nurl(1), "--server", nurl(2))
        self.assertEqual(self.servers(), [nurl(3), nurl(1), nurl(2)])
        self.client("--server", nurl(4), "--replace")
        self.assertEqual(self.servers(), [nurl(4)])
        self.assertIn(nurl(5), self.read("private/helpers.nurl"))


class Activation(InAPlace):
    """A socket of systemd's decides who reaches the gateway, whatever `bind` says."""

    def run_on(self, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.create_server((address, 0), family=family) as listener:
            # exec keeps the process id that LISTEN_PID has to name.
            script = f'export LISTEN_PID=$$ LISTEN_FDS=1; exec 3<&{listener.fileno()}; exec "$0" run "$1"'
            process = subprocess.Popen(["bash", "-c", script, BINARY, self.node], pass_fds=[listener.fileno()], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("gateway:"):
                process.terminate()
        return process.wait(60), "".join(lines), process.stderr.read(), (process.stdout.close(), process.stderr.close())

    def test_beyond_this_machine_it_wants_tls_and_a_token(self):
        self.make("--gateway", "--server", nurl(1))
        both = has_ipv6()
        for address in ("127.0.0.1", "::1") if both else ("127.0.0.1",):
            code, out, err, _ = self.run_on(address)
            self.assertIn("gateway: http://", out, err)
        self.assertFalse(os.path.exists(self.node + "/private/gateway-token"))
        for address in ("0.0.0.0", "::") if both else ("0.0.0.0",):
            code, out, err, _ = self.run_on(address)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(f"the socket that was passed is at {address}", err)
        with open(self.node + "/holdfast.cfg", "a") as f:
            f.write("tls = yes\n")
        code, out, err, _ = self.run_on("0.0.0.0")
        self.assertIn("gateway: https://", out, err)
        self.assertTrue(os.path.exists(self.node + "/private/gateway-token"))


class Signals(InAPlace):
    def test_nohup_is_heeded(self):
        self.make("--storage")
        node = Process("run", self.node, within=("nohup",))
        self.addCleanup(node.stop)
        with open(f"/proc/{node.process.pid}/status") as f:
            ignored, caught = (int(re.search(name + r":\s*(\w+)", text).group(1), 16) for text in [f.read()] for name in ("SigIgn", "SigCgt"))
        self.assertTrue(ignored & 1 << signal.SIGHUP - 1)
        self.assertTrue(caught & 1 << signal.SIGTERM - 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
