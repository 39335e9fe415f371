#!/usr/bin/env python3
"""usage: coverage.py LINES.json SUMMARY.json [lines]

Reads what gcovr wrote, writes a summary by module, and prints it as a table; with `lines`, prints what was not run instead.
Branches of HF_CHECK do not count: it stops the program at a bug, and a test of it would need the bug."""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


CHECKS = ("HF_CHECK", "HF_UNREACHABLE")


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def main():
    with open(sys.argv[1]) as f:
        files = json.load(f)["files"]
    modules = {}
    for file in files:
        source = (ROOT / file["file"]).read_text().splitlines()
        lines = [line for line in file["lines"] if not line["gcovr/noncode"]]
        for line in lines:
            if any(check in source[line["line_number"] - 1] for check in CHECKS):
                line["branches"] = []
        module = modules.setdefault(str(pathlib.Path(file["file"]).parent.relative_to("src/holdfast")), {"lines": 0, "lines_run": 0, "branches": 0, "branches_taken": 0})
        module["lines"] += len(lines)
        module["lines_run"] += sum(line["count"] > 0 for line in lines)
        branches = [branch for line in lines for branch in line["branches"]]
        module["branches"] += len(branches)
        module["branches_taken"] += sum(branch["count"] > 0 for branch in branches)
        if "lines" in sys.argv[3:]:
            for line in lines:
                taken = "".join("+" if branch["count"] else "-" for branch in line["branches"])
                if line["count"] == 0 or "-" in taken:
                    mark = "not run" if line["count"] == 0 else taken
                    print(f"{file['file']}:{line['line_number']}: {mark}: {source[line['line_number'] - 1].strip()}")
    modules = dict(sorted(modules.items()))
    modules["all of core"] = {key: sum(module[key] for module in modules.values()) for key in next(iter(modules.values()))}
    with open(sys.argv[2], "w") as f:
        json.dump(modules, f, indent=1)
    if "lines" not in sys.argv[3:]:
        print("| module | lines | run | branches | taken |\n|---|---|---|---|---|")
        for name, module in modules.items():
            print(f"| {name} | {module['lines']} | {percent(module['lines_run'], module['lines'])} | {module['branches']} | {percent(module['branches_taken'], module['branches'])} |")


main()
