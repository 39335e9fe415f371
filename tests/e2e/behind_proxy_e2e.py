"""A gateway behind nginx: with the configuration of docs/gateway.md uploads go on where they broke; `holdfast doctor upload` finds what is
wrong with others (F14; resumable-upload.md 5.9)."""
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

from rig import BINARY, DEADLINE, Gateway, Place, free_port, wait_until

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/gateway.md")
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def recommended():
    """The `location` block that the docs recommend."""
    with open(DOCS) as f:
        return re.search(r"  location / \{\n(.*?)\n  \}", f.read(), re.S).group(1)


class Nginx:
    def __init__(self, directory, gateway_port, location, server="client_max_body_size 0;"):
        self.port, self.directory = free_port(), directory
        os.makedirs(directory + "/tmp")
        location = location.replace("http://127.0.0.1:3456", f"http://127.0.0.1:{gateway_port}").replace("$host;", "$http_host;")
        kinds = "".join(f"{kind}_temp_path {directory}/tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(directory + "/nginx.conf", "w") as f:
            f.write(f"""daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{ access_log off; {kinds}
  server {{ listen 127.0.0.1:{self.port}; {server}
    location / {{
{location}
    }} }} }}
""")
        self.process = subprocess.Popen([NGINX, "-p", directory, "-c", directory + "/nginx.conf"], stderr=subprocess.DEVNULL)
        wait_until(self.answers, "nginx listens")

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE)


@unittest.skipIf(NGINX is None, "nginx is not installed")
class BehindNginx(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.__exit__)
        cls.numbers = iter(range(100))

    def behind(self, location, cfg="", **more):
        number = next(self.numbers)
        gateway = Gateway(f"{self.place.path}/gateway-{number}", self.place.nurls(), cfg)
        self.addCleanup(gateway.stop)
        nginx = Nginx(f"{self.place.path}/nginx-{number}", gateway.port, location, **more)
        self.addCleanup(nginx.stop)
        return nginx.port

    def doctor(self, port, *arguments):
        run = subprocess.run([BINARY, "doctor", "upload", f"http://127.0.0.1:{port}/", "--json", *arguments], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
        return run.returncode, json.loads(run.stdout) if run.stdout else run.stderr

    def problems(self, port):
        code, report = self.doctor(port)
        self.assertEqual(code == 0, report["good"])
        return [each["what"] + " -> " + each["advice"] for each in report["findings"] if each["verdict"] == "problem"]

    def state(self, port, path, more=""):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request("GET", path + "?t=status" + more)
        out = json.loads(connection.getresponse().read())
        connection.close()
        return out

    def test_the_recommended_configuration_has_no_problem(self):
        self.assertEqual(self.problems(self.behind(recommended())), [])

    def test_an_upload_that_is_cut_goes_on_where_it_broke(self):
        port = self.behind(recommended())
        content = os.urandom(9_000_000)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request("POST", "/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(len(content))})
        location = connection.getresponse().headers["Location"]
        self.assertTrue(location.startswith(f"http://127.0.0.1:{port}/uploads/"), "what clients see")
        path = location.partition(str(port))[2]
        sent = 5_000_000
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/"
                      f"offset+octet-stream\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content[:sent])
        # Asking for the state takes nothing over: what the proxy has still goes through.
        wait_until(lambda: self.state(port, path)["offset"] >= sent - 512 * 1024, "what was sent is held")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request("HEAD", path, headers={"Tus-Resumable": "1.0.0"})
        offset = int(connection.getresponse().headers["Upload-Offset"])
        connection.close()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request("PATCH", path, content[offset:], {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset),
                                                             "Content-Type": "application/offset+octet-stream"})
        self.assertEqual(connection.getresponse().status, 204)
        wait_until(lambda: self.state(port, path, "&wait=30")["state"] == "committed", "it is stored")
        state = self.state(port, path)
        self.assertEqual(state["sha256"], hashlib.sha256(content).hexdigest())
        connection.close()

    def test_F14_the_draft_and_plain_put_behind_proxies_that_pass_on_limit_and_collect(self):
        """The whole file is cut in the middle; then what is left, as much at once as the proxy lets through."""
        content = os.urandom(3_000_000)
        proxies = {"recommended": (recommended(), {}), "a limit of 1 MiB": (recommended(), {"server": "client_max_body_size 1m;"}),
                   "collects": ("proxy_pass http://127.0.0.1:3456; proxy_set_header Host $host;", {"server": "client_max_body_size 0;"})}
        for name, (location, more) in proxies.items():
            port = self.behind(location, **more)
            for dialect in ("draft", "plain"):
                with self.subTest(proxy=name, dialect=dialect):
                    path = self.by(dialect, port, "POST", "/uploads").headers["Location"].partition(str(port))[2]
                    with socket.create_connection(("127.0.0.1", port)) as s:
                        head = "".join(f"{key}: {value}\r\n" for key, value in self.fields(dialect, content, 0, len(content)).items())
                        method = "PATCH" if dialect == "draft" else "PUT"
                        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(content)}\r\n{head}\r\n".encode())
                        try:
                            s.sendall(content[:2_000_000])
                        except OSError:
                            self.assertEqual(name, "a limit of 1 MiB")
                        if name == "recommended":
                            wait_until(lambda: self.state(port, path)["offset"] > 1_000_000, "some of it came through")
                    at = int(self.by(dialect, port, "HEAD", path).headers["Upload-Offset"])
                    self.assertEqual(at > 1_000_000, name == "recommended", at)
                    step = 1_000_000 if name == "a limit of 1 MiB" else len(content)
                    while at < len(content):
                        end = min(at + step, len(content))
                        answer = self.by(dialect, port, method, path, content[at:end], self.fields(dialect, content, at, end))
                        self.assertIn(answer.status, (200, 201, 202, 204))
                        at = end
                    wait_until(lambda: self.state(port, path, "&wait=30")["state"] == "committed", "it is stored")
                    self.assertEqual(self.state(port, path)["sha256"], hashlib.sha256(content).hexdigest())

    @staticmethod
    def fields(dialect, content, begin, end):
        if dialect == "plain":
            return {"Content-Range": f"bytes {begin}-{end - 1}/{len(content)}"}
        return {"Upload-Draft-Interop-Version": "8", "Content-Type": "application/partial-upload", "Upload-Offset": str(begin),
                "Upload-Complete": f"?{int(end == len(content))}"}

    def by(self, dialect, port, method, path, body=None, fields=None):
        if fields is None:
            fields = {"Upload-Draft-Interop-Version": "8"} if dialect == "draft" else {}
            if method == "POST" and dialect == "draft":
                fields["Upload-Complete"] = "?0"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        try:
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def test_request_buffering_is_found(self):
        found = self.problems(self.behind("proxy_pass http://127.0.0.1:3456; proxy_set_header Host $host;"))
        self.assertTrue(any("proxy_request_buffering off" in each for each in found), found)

    def test_a_limit_of_bodies_is_found(self):
        found = self.problems(self.behind(recommended(), server="client_max_body_size 1m;"))
        self.assertTrue(any("client_max_body_size" in each for each in found), found)

    def test_urls_that_clients_cannot_use_are_found(self):
        found = self.problems(self.behind(recommended().replace("$host", "files.internal"), "hosts = files.internal\n"))
        self.assertTrue(any("public_url" in each for each in found), found)

    def test_what_is_no_gateway_and_what_is_not_there_is_said(self):
        code, text = self.doctor(self.behind("return 200 hello;"))
        self.assertEqual((code, "no gateway" in text), (1, True), text)
        code, text = self.doctor(free_port())
        self.assertEqual(code, 4, text)

    def test_a_token_is_asked_for_and_taken(self):
        number = next(self.numbers)
        gateway = Gateway(f"{self.place.path}/gateway-{number}", self.place.nurls(), "access_token = yes\n")
        self.addCleanup(gateway.stop)
        code, text = self.doctor(gateway.port)
        self.assertEqual((code != 0, "--token-file" in text), (True, True), text)
        code, report = self.doctor(gateway.port, "--token-file", f"{self.place.path}/gateway-{number}/private/gateway-token")
        self.assertEqual((code, report["good"]), (0, True), report)


if __name__ == "__main__":
    unittest.main()
