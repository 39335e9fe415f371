#!/usr/bin/env python3
"""Who may include whom, and the rules a program can check. Exits 1 and names each breach.

The table is the one of ARCHITECTURE.md; a new edge is a design decision and gets its own commit.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORE = ["core/base", "core/crypto", "core/erasure", "core/hashtree", "core/cap", "core/immutable",
        "core/placement", "core/protocol", "core/resume"]
ALLOWED = {
    "core/base": [],
    "core/crypto": ["core/base"],
    "core/erasure": ["core/base"],
    "core/hashtree": ["core/base", "core/crypto"],
    "core/cap": ["core/base", "core/crypto"],
    "core/placement": ["core/base", "core/crypto"],
    "core/protocol": ["core/base"],
    "core/resume": ["core/base", "core/crypto"],
    "core/immutable": ["core/base", "core/crypto", "core/erasure", "core/hashtree", "core/cap"],
    "edge/io": ["core/base"],
    "edge/http": ["core/base", "edge/io"],
    "node/config": ["core/base", "core/crypto", "core/protocol", "edge/io"],
    "node/uploads": ["core/base", "core/crypto", "core/resume", "edge/io"],
    "node/storage": ["core/base", "core/crypto", "core/hashtree", "core/immutable", "core/protocol", "core/resume",
                     "edge/io", "edge/http"],
    "node/grid": ["core/base", "core/crypto", "core/cap", "core/placement", "core/protocol", "edge/io", "edge/http"],
    "node/transfer": CORE + ["edge/io", "node/grid"],
    "node/helper": ["core/base", "core/crypto", "core/cap", "core/immutable", "core/placement", "core/protocol",
                    "core/resume", "edge/io", "edge/http", "node/uploads", "node/grid", "node/transfer"],
    "node/gateway": CORE + ["edge/io", "edge/http", "node/uploads", "node/transfer"],
    "cli": CORE + ["edge/io", "edge/http", "node/config", "node/uploads", "node/storage", "node/grid",
                   "node/transfer", "node/helper", "node/gateway"],
}
# Headers of node/grid that node/transfer may see: the ports, nothing that speaks HTTP.
TRANSFER_SEES_OF_GRID = {"storage_server.h", "upload_helper.h"}
# Libraries and where alone they may appear.
LIBRARIES = [
    (re.compile(r"^boost/beast"), lambda f: f.startswith("edge/http/") and f.endswith(".cc"), "Beast: edge/http/*.cc"),
    (re.compile(r"^boost/asio"), lambda f: f.startswith("edge/") and f.endswith(".cc"), "Asio: edge/*.cc"),
    (re.compile(r"^openssl/"), lambda f: f.startswith(("core/crypto/", "edge/http/", "node/config/")),
     "OpenSSL: core/crypto, edge/http, node/config"),
    (re.compile(r"^isa-l"), lambda f: f.startswith("core/erasure/"), "ISA-L: core/erasure"),
    (re.compile(r"^CLI/"), lambda f: f.startswith("cli/"), "CLI11: cli"),
    (re.compile(r"^curl/"), lambda f: f.startswith("cli/"), "libcurl: cli"),
    (re.compile(r"^yaml-cpp/"), lambda f: f.startswith("node/config/"), "yaml-cpp: node/config"),
    (re.compile(r"^(thread|mutex|condition_variable|filesystem|fstream|chrono|unistd\.h|sys/.*|fcntl\.h|boost/.*)$"),
     lambda f: not f.startswith("core/"), "core computes: no clock, file, socket, thread or Boost"),
]
# core/crypto may ask the kernel for randomness: it implements the Random port. An allocator is shared by all threads.
EXCEPTIONS = {("core/crypto/system_random.cc", "sys/random.h"), ("core/crypto/system_random.cc", "unistd.h"),
              ("core/base/buffer.cc", "mutex")}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
# GCC 12 miscompiles both; see docs/traps.md.
CONDITION = re.compile(r"\b(?:if|while|switch)\s*\(")
LAMBDA_IN_AWAIT = re.compile(r"co_await\s+[\w.\->:]+(?:<[^;]*?>)?\(\s*\[[^\]]")
THROWING_PRINT = re.compile(r"\bfmt::(?:print|println)\b")


def module_of(path):
    parts = path.split("/")
    return parts[0] if parts[0] == "cli" else "/".join(parts[:2])


def conditions_that_wait(text):
    """Offsets of conditions with a co_await in them; an init-statement before the condition may have one."""
    for match in CONDITION.finditer(text):
        depth, at = 1, match.end()
        while depth > 0 and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        condition = text[match.end():at - 1]
        if "co_await" in condition.rsplit(";", 1)[-1] and not re.match(r"\s*(?:const )?(?:auto|bool)\b", condition):
            yield match.start()


def breaches_of(path, text):
    module = module_of(path)
    is_test = re.search(r"_(test|fuzz|bench)\.cc$", path)
    for included in INCLUDE.findall(text):
        if included.startswith("holdfast/"):
            target = included[len("holdfast/"):]
            other = module_of(target)
            if other == module or is_test:
                continue
            if other not in ALLOWED.get(module, []):
                yield f"{path}: {module} may not include {other} ({included})"
            if module == "node/transfer" and other == "node/grid" and target.split("/")[-1] not in TRANSFER_SEES_OF_GRID:
                yield f"{path}: node/transfer sees only the ports of node/grid ({included})"
        elif not is_test:
            for pattern, allowed, rule in LIBRARIES:
                if pattern.search(included) and not allowed(path) and (path, included) not in EXCEPTIONS:
                    yield f"{path}: <{included}> is not for here. {rule}"
    found = [(at, "co_await in a condition") for at in conditions_that_wait(text)]
    for match in THROWING_PRINT.finditer(text) if module == "cli" else ():
        yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: fmt::print throws when nobody reads; say (cli/say.h)"
    found += [(m.start(), "a capturing lambda inside the awaited expression") for m in LAMBDA_IN_AWAIT.finditer(text)]
    for at, rule in found:
        line = text.count("\n", 0, at) + 1
        yield f"{path}:{line}: {rule}: GCC 12 miscompiles it; name it first (docs/traps.md)"


def main():
    source = ROOT / "src" / "holdfast"
    found = []
    for file in sorted(source.rglob("*")):
        if file.suffix not in (".h", ".cc"):
            continue
        path = file.relative_to(source).as_posix()
        text = file.read_text()
        if module_of(path) not in ALLOWED:
            found.append(f"{path}: the module is not in the table")
            continue
        if file.suffix == ".h" and "#pragma once" not in text:
            found.append(f"{path}: no #pragma once")
        found.extend(breaches_of(path, re.sub(r"//[^\n]*", "", text)))
    for breach in found:
        print(breach)
    print(f"layers: {len(found)} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
