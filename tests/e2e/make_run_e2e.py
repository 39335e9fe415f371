"""`make run` shows that what comes back is what was put; so it must fail when it is not."""
import os
import subprocess
import tempfile
import unittest

SCRIPT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../scripts/make_run.sh"))
PROGRAM = """#!/bin/sh
case "$*" in
  grid*) mkdir -p run/grid/gateway; echo http://127.0.0.1:1/ >run/grid/gateway/node.url; echo ready; exec tail -f /dev/null ;;
  *put*) [ -z "${PUT_CODE:-}" ] || exit "$PUT_CODE"; echo URI:CHK:x ;;
  *get*) cp run/sample.bin run/copy.bin; [ -z "${WRONG:-}" ] || echo more >>run/copy.bin ;;
esac
"""


class MakeRun(unittest.TestCase):
    def run_with(self, **environment):
        with tempfile.TemporaryDirectory() as place:
            os.makedirs(place + "/build/release")
            with open(place + "/build/release/holdfast", "w") as f:
                f.write(PROGRAM)
            os.mkdir(place + "/bin")
            with open(place + "/bin/head", "w") as f:
                f.write("#!/bin/sh\necho the whole file\n")  # no hundreds of megabytes
            for program in ("/build/release/holdfast", "/bin/head"):
                os.chmod(place + program, 0o755)
            told = {**os.environ, "PATH": place + "/bin:" + os.environ["PATH"], "ONCE": "1", **environment}
            return subprocess.run(["sh", SCRIPT], cwd=place, env=told, capture_output=True, text=True, timeout=240)

    def test_the_whole_story_ends_well_only_when_it_is_one(self):
        good = self.run_with()
        self.assertEqual((good.returncode, good.stdout.count("identical")), (0, 2), good.stderr)
        self.assertNotEqual(self.run_with(WRONG="1").returncode, 0)
        for code in ("1", "4", "134"):
            self.assertEqual(self.run_with(PUT_CODE=code).returncode, int(code))


if __name__ == "__main__":
    unittest.main(verbosity=2)
