// Pages of other sites, in Chromium: tus-js-client uploads, as it is, in all of its modes, over links that break; what a gateway
// answers can be read by a site that it lists, refusals too, and by no other.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { openBrowser } from "./browser.mjs";
import { deadlineMs, Place, sha256, until } from "./rig.mjs";

const MiB = 1 << 20;
const library = readFileSync(new URL("../clients/node_modules/tus-js-client/dist/tus.min.js", import.meta.url));
const html = `<!doctype html><title>Another site</title><input type="file"><script src="/tus.js"></script>`;

let home, grid, browser, listed, stranger;
let place, gateway, token, links, port, tab;

before(async () => {
  home = new Place();
  grid = await home.grid();
  browser = await openBrowser(home);
  [listed, stranger] = [await site(), await site()];
});

after(() => home.end());

beforeEach(async () => {
  place = new Place();
  gateway = await place.gateway(grid.nurls, `origins = ${listed}\naccess_token = yes\n`);
  token = readFileSync(join(gateway.path, "private/gateway-token"), "utf8").trim();
  links = place.links();
  port = await links.to(gateway.port);
  tab = await visit(listed);
});

afterEach(async () => {
  await tab.context().close();
  await place.end();
});

/** A site with one page; its origin. */
async function site() {
  const server = createServer((request, response) => {
    const script = request.url === "/tus.js";
    response.writeHead(200, { "Content-Type": script ? "text/javascript" : "text/html" }).end(script ? library : html);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  home.defer(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

async function visit(origin) {
  const context = await browser.newContext();
  context.setDefaultTimeout(deadlineMs);
  const opened = await context.newPage();
  await opened.goto(origin);
  return opened;
}

/** Sends the picked file; `window.sending` settles with the URL of the upload. Goes on with what the browser remembers of it. */
async function send(protocol, path, options = {}) {
  await tab.locator("input").setInputFiles(path);
  await tab.evaluate(
    async ({ endpoint, token, protocol, options }) => {
      const [file] = document.querySelector("input").files;
      window.sending = new Promise((resolve, reject) => {
        window.upload = new tus.Upload(file, {
          endpoint,
          protocol,
          headers: { Authorization: `Bearer ${token}` },
          metadata: { filename: file.name },
          retryDelays: Array(200).fill(10), // often and soon: what is tested is that it goes on, not how patient it is
          ...options,
          onSuccess: () => resolve(window.upload.url),
          onError: reject,
        });
      });
      window.sending.catch(() => {}); // is looked at later
      const [previous] = await window.upload.findPreviousUploads();
      if (previous) window.upload.resumeFromPreviousUpload(previous);
      window.upload.start();
    },
    { endpoint: `http://127.0.0.1:${port}/uploads`, token, protocol, options },
  );
}

/** Status, a field and the text of an answer, as a script of that page sees it. */
async function seenBy(page, path, { field = "Content-Type", ...options } = {}) {
  const wish = { url: `http://127.0.0.1:${port}${path}`, field, options: { ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } } };
  return page.evaluate(async ({ url, field, options }) => {
    try {
      const answer = await fetch(url, options);
      return { status: answer.status, field: answer.headers.get(field), text: await answer.text() };
    } catch (error) {
      return { error: error.name };
    }
  }, wish);
}

/** The upload has become this file: its cap as the page reads it, the bytes as another client gets them. */
async function assertStored(url, path) {
  const upload = new URL(url).pathname;
  const cap = await until(async () => JSON.parse((await seenBy(tab, `${upload}?t=status&wait=30`)).text).cap, "it is stored");
  const answer = await fetch(`${gateway.url}uri/${cap}`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200);
  const hash = createHash("sha256");
  for await (const block of answer.body) hash.update(block);
  assert.equal(hash.digest("hex"), await sha256(path));
}

async function upTheLink() {
  return (await links.ask("stats")).targets[0];
}

for (const protocol of ["tus-v1", "ietf-draft-03", "ietf-draft-05"]) {
  test(`${protocol}: a file goes through cuts, and in a tab that is opened anew`, async () => {
    const size = 24 * MiB;
    const path = place.file("film.bin", size);
    const asked = [];
    tab.on("request", (request) => asked.push([request.method(), request.headers()]));
    await links.ask(`* cut rst up ${2 * MiB} ${5 * MiB} 3`);
    await links.ask(`* rate ${6 * MiB}`);
    await send(protocol, path);
    await until(async () => (await upTheLink()).bytes_up >= size / 2, "half of it is sent");
    await tab.reload();
    await links.ask("* rate 0");
    await send(protocol, path);
    await assertStored(await tab.evaluate(() => window.sending), path);
    const { cuts, bytes_up: sent } = await upTheLink();
    assert.equal(cuts, 3);
    // When a connection breaks, Chromium itself repeats the request, from the old offset, and lets the client know when that is refused.
    assert.ok(sent < size + (cuts + 1) * 2 * MiB, `${sent} bytes: what was accepted is not sent again`);
    assert.equal(asked.filter(([method]) => method === "POST").length, 1, "one upload");
    const ends = asked.filter(([, headers]) => headers["upload-complete"] === "?1" || headers["upload-incomplete"] === "?0");
    assert.equal(ends.length > 0, protocol !== "tus-v1", "a file has an end, and the client says so");
  });
}

test("a site that is listed reads every answer, a refusal too; another site reads none and changes nothing", async () => {
  const made = await seenBy(tab, "/uploads", { method: "POST", field: "Location", headers: { "Tus-Resumable": "1.0.0", "Upload-Length": "10" } });
  assert.equal(made.status, 201);
  const upload = new URL(made.field).pathname;
  const at = (offset) => ({
    method: "PATCH",
    field: "Upload-Offset",
    headers: { "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) },
    body: "five!",
  });
  const early = await seenBy(tab, upload, at(3));
  assert.deepEqual([early.status, early.field], [409, "0"]);
  assert.equal((await seenBy(tab, upload, at(0))).field, "5");
  const foreign = await visit(stranger);
  const targets = [
    ["/uri/URI:LIT:nbswy3dp", {}, 200],
    ["/uri/URI:LIT:nbswy3dp", { headers: { Range: "bytes=1-2" } }, 206],
    ["/uri/URI:LIT:nbswy3dp", { headers: { Range: "bytes=9-" }, cache: "no-store" }, 416],
    ["/uri/nonsense", {}, 400],
    ["/uploads/nothing-of-that-name", { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } }, 404],
    ["/status?t=json", {}, 200],
    ["/status?t=json", { headers: { Authorization: "Bearer wrong" }, field: "WWW-Authenticate" }, 401],
    ["/uri", { method: "PATCH" }, 405],
  ];
  for (const [target, options, status] of targets) {
    assert.equal((await seenBy(tab, target, options)).status, status, target);
    assert.deepEqual(await seenBy(foreign, target, options), { error: "TypeError" }, target);
  }
  assert.deepEqual(await seenBy(foreign, upload, at(5)), { error: "TypeError" });
  assert.deepEqual(await seenBy(foreign, upload, { method: "DELETE" }), { error: "TypeError" });
  assert.equal((await seenBy(tab, upload, { method: "HEAD", field: "Upload-Offset", headers: { "Tus-Resumable": "1.0.0" } })).field, "5");
  await foreign.context().close();
});

test("a file that was opened as a link first, and is kept by the browser, is given to a script of a listed site too", async () => {
  const path = place.file("kept.bin", 100_000);
  const authorization = { Authorization: `Bearer ${token}` };
  const cap = await (await fetch(`${gateway.url}uri`, { method: "PUT", headers: authorization, body: readFileSync(path) })).text();
  const target = `/uri/${cap.trim()}`;
  await tab.setExtraHTTPHeaders(authorization);
  await tab.goto(`http://127.0.0.1:${port}${target}?filename=kept.txt`);
  await tab.setExtraHTTPHeaders({});
  await tab.goto(listed);
  assert.equal((await seenBy(tab, `${target}?filename=kept.txt`)).status, 200);
});
