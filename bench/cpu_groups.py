"""Where the CPU time of a put and a get goes, client and servers, by samples of `perf record`.

usage: cpu_groups.py BUILD_DIRECTORY        prints JSON: milliseconds per MiB of file
A sample belongs to the first group below that one of its callers belongs to: libcrypto's own functions have no names, but who
called them has. That needs unwinding by DWARF, hence --call-graph dwarf."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from links import MIB, Grid

HERTZ = 997
GROUPS = ["SHA-256", "AES", "erasure coding", "TLS", "network in the kernel", "files in the kernel", "rest"]
NETWORK = re.compile(r"\b(tcp_|inet_|sock_|__sys_send|__sys_recv|__x64_sys_send|__x64_sys_recv|net_rx|ip_|do_epoll|ep_)")
FILES = re.compile(r"\b(vfs_|ext4_|xfs_|btrfs_|ovl_|filemap_|jbd2_|blk_|__x64_sys_p?(read|write)|do_fsync|__x64_sys_f(data)?sync|do_sys_open)")
HASHING = re.compile(r"SHA256|sha256|tagged_hash|compress_|EVP_Digest|Sha256|HashTree|hash_tree")
CIPHER = re.compile(r"EVP_(En|De)crypt|EVP_Cipher|AesCtr|aes_ctr")


def group_of(frames):
    """`frames`: one sample, the innermost first."""
    names = "\n".join(frames)
    if "[kernel" in frames[0]:
        return "network in the kernel" if NETWORK.search(names) else "files in the kernel" if FILES.search(names) else "rest"
    if "/libssl.so" in names:
        return "TLS"
    if "/libisal.so" in frames[0]:
        return "erasure coding"
    return "SHA-256" if HASHING.search(names) else "AES" if CIPHER.search(names) else "rest"


def start_perf(pid_or_command, data):
    command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(HERTZ), "--call-graph", "dwarf,8192", "-o", data]
    return subprocess.Popen(command + pid_or_command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def groups(data, mib):
    script = subprocess.run(["perf", "script", "-i", data, "--no-inline", "-F", "ip,sym,dso"], capture_output=True, text=True, check=True)
    counts = dict.fromkeys(GROUPS, 0)
    for sample in script.stdout.split("\n\n"):
        frames = [line for line in sample.splitlines() if line.strip()]
        if frames:
            counts[group_of(frames)] += 1
    return {group: round(count * 1000 / HERTZ / mib, 3) for group, count in counts.items()}


def measure(binary, place, size):
    """None where perf does not work."""
    if shutil.which("perf") is None or subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        return None
    out = {}
    with Grid(binary, place) as grid:
        path, data = grid.file("f", size), grid.place + "/perf"
        cap = None
        for verb in ("put", "get"):
            command = ["put", path, "--json"] if verb == "put" else ["get", cap, "-o", path + ".out"]
            servers = start_perf(["-p", str(grid.process.pid)], data + ".servers")
            while not os.path.exists(data + ".servers") and servers.poll() is None:
                time.sleep(0.01)
            client = start_perf(["--", binary, "-d", grid.client, *command, "--progress", "none"], data + ".client")
            printed, errors = client.communicate()
            servers.send_signal(signal.SIGINT)
            servers.communicate()
            if client.returncode != 0:
                sys.exit(f"{verb}: {errors}")
            cap = cap or json.loads(printed)["cap"]
            for side in ("client", "servers"):
                out[f"{verb}, {side}"] = groups(f"{data}.{side}", size / MIB)
                os.unlink(f"{data}.{side}")
    return out


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as directory:
        print(json.dumps(measure(os.path.join(sys.argv[1], "holdfast"), directory + "/cpu", 256 * MIB), indent=1))
