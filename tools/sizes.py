#!/usr/bin/env python3
"""Sizes are habits with a ratchet: a header under 150 lines, a source under 400, a test under 700.

Fails only when a file crosses its line without a reason in tools/sizes.txt ("path: reason").
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def limit_of(path):
    if path.name.endswith(("_test.cc", "_fuzz.cc")):
        return 700
    return 150 if path.suffix == ".h" else 400


def main():
    reasons_file = ROOT / "tools" / "sizes.txt"
    reasons = {}
    if reasons_file.exists():
        for line in reasons_file.read_text().splitlines():
            if line and not line.startswith("#"):
                path, _, reason = line.partition(":")
                reasons[path.strip()] = reason.strip()
    failed = False
    for file in sorted((ROOT / "src").rglob("*")):
        if file.suffix not in (".h", ".cc"):
            continue
        path = file.relative_to(ROOT).as_posix()
        lines = file.read_text().count("\n")
        if lines > limit_of(file) and not reasons.get(path):
            print(f"{path}: {lines} lines, the habit is {limit_of(file)}; split it or give a reason in tools/sizes.txt")
            failed = True
        if lines <= limit_of(file) and path in reasons:
            print(f"{path}: within its size again; remove its line from tools/sizes.txt")
            failed = True
    for path in reasons:
        if not (ROOT / path).exists():
            print(f"{path}: gone; remove its line from tools/sizes.txt")
            failed = True
    print("sizes: " + ("see above" if failed else "fine"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
