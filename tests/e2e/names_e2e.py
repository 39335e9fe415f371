"""What put and get are told to read and to write: names that are none, pipes, devices, links, what is there already."""
import os
import subprocess
import unittest

from commands_e2e import feed, lying, run
from rig import BINARY, DEADLINE, Place, finish, get, put, sha256, start


class Inputs(unittest.TestCase):
    """What put is given that is no file, or not one alone."""

    def test_what_is_no_file_is_named_and_the_others_are_stored(self):
        with Place() as place:
            path, pipe = place.file("f", 300_000, 11), place.path + "/pipe"
            os.mkfifo(pipe)
            cap = put(place.client, path)["cap"]
            for wrong, told in (("", "no name of a file"), (pipe, "holdfast put -"), ("/dev/zero", "no regular file")):
                with self.subTest(wrong=wrong):
                    out, err = finish(start(place.client, "put", wrong, path, "--progress", "none"), 1)
                    self.assertEqual(out.strip(), cap)
                    self.assertIn(told, err)

    def test_from_a_working_directory_that_is_gone_whole_paths_are_stored(self):
        with Place() as place:
            path = place.file("f", 300_000, 12)
            cap = put(place.client, path)["cap"]
            gone = place.path + "/gone"
            os.mkdir(gone)
            script = 'cd "$1" && rmdir "$1" && exec "$2" -d "$3" put relative "$4" --progress none'
            done = subprocess.run(["sh", "-c", script, "sh", gone, BINARY, place.client, path], capture_output=True, text=True, timeout=DEADLINE)
            self.assertEqual((done.returncode, done.stdout.strip()), (1, cap), done.stderr)
            self.assertIn("working directory", done.stderr)

    def test_standard_input_twice_is_refused_before_it_is_read(self):
        with Place(servers=1) as place:
            twice = feed(self, place.client, "-")
            self.assertEqual((twice.wait(30), lying(place.client)), (2, []))

    def test_a_file_that_fits_into_its_cap_is_said_to_be_there(self):
        with Place(servers=1) as place:
            out, err = finish(start(place.client, "put", place.file("f", 20, 13)))
            self.assertTrue(out.startswith("URI:LIT:"), out)
            self.assertIn("in the cap itself", err)
            self.assertNotIn("happiness", err)

    def test_numbers_that_do_not_go_together_are_named(self):
        with Place(servers=1) as place:
            path = place.file("f", 1_000, 14)
            _, err = finish(start(place.client, "put", path, "--k", "11"), 2)
            self.assertIn("k is 11, happy 7, N 10", err)
            self.assertIn("1 to 256", finish(start(place.client, "put", path, "--k", "9999999999999"), 2)[1])

    def test_a_segment_size_has_units(self):
        with Place() as place:
            path = place.file("f", 3_000_000, 15)
            cap = put(place.client, path)["cap"]
            self.assertEqual(put(place.client, path, "--segment-size", "1MiB")["cap"], cap)
            self.assertNotEqual(put(place.client, path, "--segment-size", "1M")["cap"], cap)


class Outputs(unittest.TestCase):
    """What get does with what is there already under the name that it is given."""

    def test_links_are_followed_modes_stay_and_pipes_are_written_to(self):
        with Place(servers=3) as place:
            path = place.file("f", 300_000, 5)
            cap = put(place.client, path, "--k", "1", "--happy", "1", "--n", "3")["cap"]
            real, link, pipe = place.path + "/real", place.path + "/link", place.path + "/pipe"
            with open(real, "w") as f:
                f.write("old")
            os.chmod(real, 0o600)
            os.symlink("real", link)
            get(place.client, cap, link)
            self.assertTrue(os.path.islink(link))
            self.assertEqual(os.stat(real).st_mode & 0o777, 0o600)
            self.assertEqual(sha256(real), sha256(path))
            os.unlink(real)  # what it names need not be there yet
            get(place.client, cap, link)
            self.assertTrue(os.path.islink(link))
            self.assertEqual(sha256(real), sha256(path))
            os.mkfifo(pipe)
            with open(pipe + ".out", "wb") as out:
                reader = subprocess.Popen(["cat", pipe], stdout=out)
            get(place.client, cap, pipe)
            self.assertEqual(reader.wait(60), 0)
            self.assertEqual(sha256(pipe + ".out"), sha256(path))
            self.assertTrue(os.path.exists(pipe) and not os.path.isfile(pipe))
            told = subprocess.run([BINARY, "-d", place.client, "get", cap, "-o", "/dev/stdout", "--progress", "none"], stdout=subprocess.PIPE, check=True).stdout
            self.assertEqual(told, open(path, "rb").read())
            get(place.client, cap, "/dev/null")
            self.assertFalse(os.path.isfile("/dev/null") or os.path.exists("/dev/null.part"))

    def test_an_empty_name_is_refused_before_anybody_is_asked(self):
        _, err = finish(start("/nowhere", "get", "URI:LIT:me", "-o", ""), 2)
        self.assertIn("--output", err)

    def test_a_range_behind_the_end_is_an_error(self):
        with Place(servers=3) as place:
            path = place.file("f", 300_000, 6)
            cap = put(place.client, path, "--k", "1", "--happy", "1", "--n", "3")["cap"]
            for output in ("-", path + ".out"):
                said = finish(start(place.client, "get", cap, "--range", "300000-300001", "-o", output), 1)[1]
                self.assertIn("300000 bytes", said)
            self.assertFalse(os.path.exists(path + ".out"))
            run(place.client, "get", cap, "--range", "299999-999999", "-o", path + ".out")
            content = open(path, "rb").read()
            self.assertEqual(open(path + ".out", "rb").read(), content[-1:])
            for wish, piece in (("299990-", content[-10:]), ("-10", content[-10:]), ("0-", content), ("-999999", content)):
                told = subprocess.run([BINARY, "-d", place.client, "get", cap, f"--range={wish}", "--progress", "none"], stdout=subprocess.PIPE, check=True)
                self.assertEqual(told.stdout, piece, wish)
            for wish in ("300000-", "18446744073709551614-"):
                self.assertIn("300000 bytes", finish(start(place.client, "get", cap, "--range", wish), 1)[1])
            for wish in ("-", "-0", "a-", "-a", "9-1", "5", "1-2,4-5", "-5-", "18446744073709551615-"):
                self.assertIn("A-B", finish(start(place.client, "get", cap, f"--range={wish}"), 2)[1], wish)
            empty = put(place.client, place.file("empty", 0, 0))["cap"]
            self.assertIn("0 bytes", finish(start(place.client, "get", empty, "--range=-5"), 1)[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
