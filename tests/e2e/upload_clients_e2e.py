"""tus-js-client, as it is, against the gateway: in the mode of tus and in both of the IETF draft, over links that break and gateways that are
killed (resumable-upload.md 8.2; F4, F19, U6)."""
import json
import os
import shutil
import subprocess
import unittest

from portal import Portal
from rig import DEADLINE, Links, sha256, wait_until
from uploads import Desk

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../clients/tus_upload.mjs")
PROTOCOLS = ("tus-v1", "ietf-draft-03", "ietf-draft-05")


@unittest.skipUnless(shutil.which("node") and os.path.isdir(os.path.dirname(CLIENT) + "/node_modules/tus-js-client"), "needs Node.js and its packages")
class TusJsClient(Desk):
    size = 2_500_000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.file = cls.place.file("f", cls.size, 82)

    def start(self, port=None, **options):
        wish = {"endpoint": f"http://127.0.0.1:{port or self.port}/uploads", "path": self.file, **options}
        return subprocess.Popen(["node", CLIENT, json.dumps(wish)], stdout=subprocess.PIPE, text=True)

    def finish(self, process):
        out, _ = process.communicate(timeout=DEADLINE)
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual((process.returncode, [each for each in events if "error" in each]), (0, []), events[-3:])
        return events

    def assert_done(self, events):
        [done] = [each for each in events if "done" in each]
        self.assert_url(done["done"])
        return done

    def assert_url(self, url):
        path = url[url.index("/uploads/"):]
        got = self.place.path + "/got"
        with open(got, "wb") as f:
            f.write(self.expect(200, "GET", "/uri/" + self.cap_of(path)).body)
        self.assertEqual(sha256(got), sha256(self.file))

    def test_S8_2_each_protocol_as_it_comes(self):
        for protocol in PROTOCOLS:
            for options in ({}, {"chunkSize": 700_000}, {"uploadDataDuringCreation": True}):
                if protocol != "tus-v1" and "uploadDataDuringCreation" in options:
                    continue  # it does that for tus alone
                with self.subTest(protocol=protocol, **options):
                    self.assert_done(self.finish(self.start(protocol=protocol, **options)))

    def test_S8_2_what_only_tus_has(self):
        self.assert_done(self.finish(self.start(parallelUploads=3)))
        self.assert_done(self.finish(self.start(uploadLengthDeferred=True, chunkSize=600_000)))
        self.assert_done(self.finish(self.start(overridePatchMethod=True, metadata={"filename": "å b.txt", "filetype": "text/plain"})))

    def test_F4_cut_again_and_again(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol), Links([], seed=5) as links:
                number, port = links.to_port(self.port)
                links.tell("cut rst up 100000 500000", [number])
                done = self.assert_done(self.finish(self.start(port, protocol=protocol)))
                self.assertGreater(done["requests"], 9, "it was cut, asked, and went on")

    def test_F14_a_captive_portal_comes_in_the_middle_and_goes(self):
        """Each request is answered with a page for a while. What the client makes of it, the file is right in the end."""
        for protocol in PROTOCOLS:
            for status, more in ((200, ""), (302, "Location: http://portal.example/\r\n"), (511, "")):
                with self.subTest(protocol=protocol, status=status), Links([]) as links, Portal(status, more) as portal:
                    number, port = links.to_port(self.port)
                    links.line_rate(200_000)  # seconds of it are left when the portal comes
                    process = self.start(port, protocol=protocol, chunkSize=300_000, retryDelays=[20] * 400)
                    lines = []
                    for line in process.stdout:
                        lines.append(line)
                        if json.loads(line).get("accepted", 0) >= 600_000:
                            break
                    links.tell(f"target {portal.port}", [number])
                    links.tell("reset", [number])
                    wait_until(lambda: portal.answers > 2 or process.poll() is not None, "it has met the portal")
                    links.tell(f"target {self.port}", [number])
                    links.line_rate(0)
                    self.assert_done([json.loads(line) for line in lines] + self.finish(process))
                    self.assertGreater(portal.answers, 2)

    def test_U6_another_process_goes_on_with_the_url(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol), Links([]) as links:
                number, port = links.to_port(self.port)
                first = self.start(port, protocol=protocol, chunkSize=400_000)
                url = None
                for line in first.stdout:
                    event = json.loads(line)
                    url = event.get("url", url)
                    if event.get("accepted", 0) >= 1_200_000:
                        break
                first.kill()
                first.communicate()
                before = links.stats()[number]["bytes_up"]
                self.assert_done(self.finish(self.start(port, protocol=protocol, uploadUrl=url)))
                self.assertLess(links.stats()[number]["bytes_up"] - before, self.size - 1_200_000 + 50_000, "the rest only")

    def test_F19_the_gateway_is_killed_and_comes_back(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                process = self.start(protocol=protocol, chunkSize=500_000, retryDelays=[50] * 400)
                lines = []
                for line in process.stdout:
                    lines.append(line)
                    if json.loads(line).get("accepted", 0) >= 1_000_000:
                        break
                self.gateway.kill()
                self.gateway.start()
                events = [json.loads(line) for line in lines] + self.finish(process)
                self.assert_done(events)

    def test_S1_11_terminate(self):
        events = self.finish(self.start(chunkSize=500_000, terminateAt=1_000_000))
        self.assertIn({"terminated": True}, events)
        url = next(each["url"] for each in events if "url" in each)
        self.assertEqual(self.tus("HEAD", url[url.index("/uploads/"):]).status, 410)


if __name__ == "__main__":
    unittest.main(verbosity=2)
