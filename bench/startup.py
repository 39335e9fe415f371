#!/usr/bin/env python3
"""How long a storage server takes to start with many complete shares and many incomplete uploads in its directory. Prints one
line of JSON. usage: startup.py HOLDFAST [SHARES PARTIALS]"""
import base64
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

SHARE_BYTES = 100_000  # allocated; what is there is a block, and sparse
TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def checked(data):
    return data + struct.pack(">I", crc32c(data))


def base32(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


def write(path, data, size=0):
    with open(path, "wb") as f:
        f.write(data)
        if size:
            f.truncate(size)


def make_shares(root, count):
    """Ten to a directory would flatter: one each, in all the prefix directories. Files are links to a few, as many as ext4 lets be."""
    for i in range(count):
        # Odd, so that no two are alike; storage indices are hashes, which spread.
        name = base32((i * 0x9E3779B1 % 2**32).to_bytes(4, "big") * 4)
        bucket = f"{root}/{name[:2]}/{name}"
        os.makedirs(bucket)
        if i % 50_000 == 0:
            first = f"{bucket}/0"
            write(first, struct.pack(">III", 2, 4, 0) + b"data")
        else:
            os.link(first, f"{bucket}/0")


def make_partials(root, count):
    """As docs/formats/storage-partials.md has them: one range held."""
    now = int(time.time())
    for _ in range(count):
        name, at_rest = base32(os.urandom(16)), os.urandom(32)
        bucket = f"{root}/incoming/{name[:2]}/{name}"
        os.makedirs(bucket)
        base = f"{bucket}/0.{base32(at_rest)[:16]}"
        header = b"GBSPART1" + struct.pack(">IIQQ", 160, 1, SHARE_BYTES, now) + at_rest + os.urandom(64) + struct.pack(">I", 0) + bytes(24)
        held = struct.pack(">BBHQQ", 1, 0, 16, 0, 4084)
        write(base + ".log", checked(header) + checked(struct.pack(">BBHQ", 4, 0, 8, now)) + checked(held))
        write(base + ".part", struct.pack(">III", 2, SHARE_BYTES, 0) + bytes(4084), 12 + SHARE_BYTES)


def start(binary, node):
    """Seconds until it is ready, and its resident memory in MiB."""
    begin = time.monotonic()
    server = subprocess.Popen([binary, "run", node], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in server.stdout:
        if line.strip() == "ready":
            break
    else:
        sys.exit("the server did not get ready")
    seconds = time.monotonic() - begin
    with open(f"/proc/{server.pid}/status") as f:
        mib = next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024
    server.terminate()
    server.wait()
    return seconds, mib


def measure(binary, shares, partials):
    binary = os.path.abspath(binary)
    place = tempfile.mkdtemp(prefix="holdfast-startup-", dir=os.path.dirname(binary))
    try:
        node = place + "/node"
        subprocess.run([binary, "create-node", node], check=True, stdout=subprocess.DEVNULL)
        empty, _ = start(binary, node)
        root = node + "/storage/shares"
        make_shares(root, shares)
        make_partials(root, partials)
        os.sync()
        first, mib = start(binary, node)
        left = sum(name.endswith(".log") for _, _, names in os.walk(root + "/incoming") for name in names)
        if left != partials:
            sys.exit(f"{left} of {partials} incomplete uploads were taken over")
        again, _ = start(binary, node)
        return {"shares": shares, "partials": partials, "empty_seconds": empty, "first_seconds": first, "again_seconds": again,
                "resident_mib": mib}
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], *(map(int, sys.argv[2:] or [100_000, 10_000])))))
