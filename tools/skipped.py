"""Lists the tests that a run of ctest skipped, with their reasons: `skipped.py LastTest.log`. What was not run is no proof."""
import re
import sys

skipped = {}
program = "?"
with open(sys.argv[1], errors="replace") as log:
    for line in log:
        if begin := re.match(r"\d+/\d+ Testing: (\S+)", line):
            program = begin[1]
        elif reason := re.search(r"skipped '(.*)'|^\[  SKIPPED \] (\S+) \(", line):
            skipped.setdefault((program, reason[1] or reason[2]), []).append(line)
if skipped:
    print(f"{sum(map(len, skipped.values()))} tests were skipped:")
    for (program, reason), lines in sorted(skipped.items()):
        print(f"  {program}: {reason}" + (f" ({len(lines)} tests)" if len(lines) > 1 else ""))
