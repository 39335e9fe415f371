// What the tests of the page share outside of the browser: grids, gateways, links that break, files. As tests/e2e/rig.py, and as
// there: every wait is for something, and has a deadline.
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { appendFileSync, closeSync, createReadStream, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";

const binary = resolve(process.env.HOLDFAST_BIN ?? "build/dev/holdfast");
const proxy = join(dirname(binary), "fault_proxy");
/** For any single step; one that takes longer has failed. */
export const deadlineMs = (process.env.SOAK ? 3_600 : 240) * 1_000;

/** What a test starts ends with it, in the opposite order. */
export class Place {
  #endings = [];
  path = mkdtempSync(join(tmpdir(), "holdfast-web-"));

  constructor() {
    this.defer(() => rmSync(this.path, { recursive: true, force: true }));
  }

  defer(ending) {
    this.#endings.push(ending);
  }

  async end() {
    for (const ending of this.#endings.splice(0).reverse()) await ending();
  }

  async start(...args) {
    const process = await Process.start(args);
    this.defer(() => process.stop());
    return process;
  }

  /** Ten servers, whose NURLs are the answer. */
  async grid() {
    const process = await this.start("grid", join(this.path, "grid"), "--servers", "10");
    const lines = readFileSync(join(this.path, "grid/client/private/servers.nurl"), "utf8").split("\n");
    return { process, nurls: lines.filter((line) => line.startsWith("pb://")) };
  }

  /** A gateway in a process of its own, so that it may be killed while the servers live. */
  async gateway(nurls, cfg = "") {
    const path = join(this.path, "gateway");
    const url = execFileSync(binary, ["create-node", path, "--gateway", ...nurls.flatMap((nurl) => ["--server", nurl])], { encoding: "utf8" }).trim();
    appendFileSync(join(path, "holdfast.cfg"), cfg);
    return Object.assign(await this.start("run", path), { url, port: Number(new URL(url).port), path });
  }

  links(seed = 1) {
    const links = new Links(seed);
    this.defer(() => links.close());
    return links;
  }

  /** Bytes that nobody can guess or compress. */
  file(name, size) {
    const path = join(this.path, name);
    const fd = openSync(path, "w");
    const block = Buffer.alloc(Math.min(size, 4 << 20));
    for (let left = size; left > 0; left -= block.length) writeSync(fd, randomFillSync(block), 0, Math.min(left, block.length));
    closeSync(fd);
    return path;
  }
}

class Process {
  static async start(args) {
    const process = new Process();
    process.args = args;
    await process.start();
    return process;
  }

  async start() {
    this.child = spawn(binary, this.args, { stdio: ["ignore", "pipe", "inherit"] });
    this.ended = new Promise((ended) => this.child.once("exit", ended));
    const seen = [];
    for await (const line of createInterface(this.child.stdout)) {
      seen.push(line);
      if (line === "ready") {
        this.child.stdout.resume(); // drained, so that it never blocks
        return;
      }
    }
    throw new Error(`did not get ready: ${seen.join("\n")}`);
  }

  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  async stop() {
    this.child.kill("SIGTERM");
    const gaveUp = setTimeout(() => this.child.kill("SIGKILL"), 30_000);
    await this.ended;
    clearTimeout(gaveUp);
  }
}

/** The fault proxy of tests/proxy: its commands are at the top of fault_proxy.cc. */
class Links {
  #child;
  #lines;

  constructor(seed) {
    this.#child = spawn(proxy, [String(seed)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async ask(command) {
    this.#child.stdin.write(command + "\n");
    const answer = JSON.parse((await this.#lines.next()).value);
    if (answer.error) throw new Error(`${command}: ${answer.error}`);
    return answer;
  }

  /** The port of one more link, to this port. */
  async to(port) {
    return (await this.ask(`add ${port}`)).port;
  }

  /** These servers, each behind one more link. */
  async toServers(nurls) {
    const through = [];
    for (const nurl of nurls) {
      const [, before, port, after] = /^(.*:)(\d+)(\/.*)$/.exec(nurl);
      through.push(before + (await this.to(port)) + after);
    }
    return through;
  }

  async close() {
    this.#child.stdin.end();
    await new Promise((ended) => this.#child.once("exit", ended));
  }
}

export async function sha256(path) {
  const hash = createHash("sha256");
  for await (const block of createReadStream(path)) hash.update(block);
  return hash.digest("hex");
}

/** Asks again and again; what the condition gave when it became true. */
export async function until(condition, what) {
  const deadline = Date.now() + deadlineMs;
  while (Date.now() < deadline) {
    const value = await condition();
    if (value) return value;
    await new Promise((next) => setTimeout(next, 50)); // between two looks
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`);
}
