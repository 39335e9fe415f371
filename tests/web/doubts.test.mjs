// What the page must not take for granted: that what the gateway has is of its file, that whoever answers is the gateway, that
// what was asked for is done.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "./rig.mjs";
import { assertStored, gateway, links, MiB, overwrite, page, place, setTheScene } from "./scene.mjs";

setTheScene();

const uploads = "**/uploads";
const anyUpload = "**/uploads/*";
const anyStatus = "**/uploads/*t=status*";
const portal = { status: 200, contentType: "text/html", body: "<!DOCTYPE html><title>Welcome to the hotel</title>Please sign in." };
const strange404 = { status: 404, contentType: "text/html", body: "<h1>Not Found</h1>" };
const own404 = { status: 404, contentType: "application/problem+json", body: '{"status": 404, "title": "there is no such upload"}' };

/** Requests of this method get this instead of what the gateway would say; how many did. */
async function answerWith(path, method, answer) {
  const seen = { count: 0 };
  await page.context.route(path, (route) => {
    if (method !== "*" && route.request().method() !== method) return route.fallback();
    seen.count++;
    return route.fulfill(answer);
  });
  return seen;
}

async function partlyReceived(name, size, perCent = 20) {
  const path = place.file(name, size);
  await links.ask(`* rate ${size / 24}`);
  await page.pick(path);
  await until(async () => (await page.row(name).received()) >= perCent, `${perCent} % are received`);
  return path;
}

/** Another file with the same name and size, and other bytes from `position` on. */
function twinOf(path, name, position) {
  mkdirSync(join(place.path, "twin"), { recursive: true });
  const twin = join(place.path, "twin", name);
  copyFileSync(path, twin);
  overwrite(twin, position, randomBytes(8 * MiB));
  return twin;
}

test("what another tab sent of another file is not gone on behind", async () => {
  const path = place.file("f.bin", 64 * MiB); // so that the other tab is far from its end when it is closed
  const twin = twinOf(path, "f.bin", 16 * MiB);
  await links.ask(`* rate ${4 * MiB}`);
  await page.pick(path);
  const first = page.row("f.bin");
  await until(async () => (await first.received()) > 5, "it is on its way");
  await page.open();
  const second = page.row("f.bin");
  await second.is("unpicked");
  await page.pick(twin);
  await first.is("paused");
  await until(async () => (await second.received()) > 33, "the other one is where they differ");
  await page.tab.close();
  await links.ask("* rate 0");
  await first.button("Resume").click();
  await assertStored(await first.cap(), path);
});

test("a file that another tab has finished is not called this one", async () => {
  const path = place.file("f.bin", 24 * MiB);
  const twin = twinOf(path, "f.bin", 16 * MiB);
  await links.ask(`* rate ${4 * MiB}`);
  await page.pick(path);
  const first = page.row("f.bin");
  await until(async () => (await first.received()) > 0, "it is on its way");
  await page.open();
  const second = page.row("f.bin");
  await second.is("unpicked");
  await page.pick(twin);
  await first.is("paused");
  await links.ask("* rate 0");
  await assertStored(await second.cap(), twin);
  // It may find out by itself, also while somebody reaches for the button.
  if ((await first.is("paused", "stored")) === "paused") await first.button("Resume").click({ timeout: 5000 }).catch(() => {});
  await first.is("stored");
  await first.locator.getByText("this is the file that was chosen there").waitFor();
});

test("404 for a new upload is asked again after pauses", async () => {
  const path = place.file("f.bin", MiB);
  const seen = await answerWith(uploads, "POST", strange404);
  await page.pick(path);
  const row = page.row("f.bin");
  await row.is("delayed");
  await row.locator.getByText("Something on the way answered 404, not the gateway.").waitFor();
  await until(() => seen.count >= 3, "it is asked again");
  assert.ok(seen.count < 20, `${seen.count} requests`);
  await page.context.unroute(uploads);
  await assertStored(await row.cap(), path);
});

test("404 of somebody else is not believed, nor is the upload forgotten", async () => {
  const path = await partlyReceived("f.bin", 16 * MiB);
  const seen = await answerWith(anyStatus, "GET", strange404);
  await page.tab.reload();
  const row = page.row("f.bin");
  await until(() => seen.count >= 3, "the page asks again");
  await row.is("recalled");
  await page.context.unroute(anyStatus);
  await row.is("unpicked");
  await links.ask("* rate 0");
  await page.pick(path);
  await assertStored(await row.cap(), path);
});

test("an upload that the gateway does not know is remembered until it is removed", async () => {
  await partlyReceived("f.bin", 16 * MiB);
  await answerWith(anyStatus, "GET", own404);
  await page.tab.reload();
  const row = page.row("f.bin");
  await row.is("failed");
  await row.locator.getByText("The gateway no longer has this upload").waitFor();
  await page.context.unroute(anyStatus);
  await row.button("Try again").click();
  await row.is("unpicked");
  await page.tab.reload();
  await row.is("unpicked");
  assert.ok((await row.received()) >= 20, "nothing of it was lost");
});

for (const [what, answer] of [["a portal that answers everything well", portal], ["a proxy that tells of a timeout", { status: 408 }]]) {
  test(`${what} is waited for`, async () => {
    const path = await partlyReceived("f.bin", 24 * MiB);
    const row = page.row("f.bin");
    const seen = await answerWith(anyUpload, "*", answer);
    await links.ask("* rate 0");
    await row.is("cut", "delayed");
    await until(() => seen.count >= 4, "it is tried again");
    await page.context.unroute(anyUpload);
    await assertStored(await row.cap(), path);
  });
}

test("an upload is cancelled when the gateway says so, and until then the row says that it is not", async () => {
  await partlyReceived("f.bin", 16 * MiB);
  const row = page.row("f.bin");
  const refused = await answerWith(anyUpload, "DELETE", { status: 500, contentType: "application/problem+json", body: '{"title": "the disk did not take that"}' });
  await row.button("Cancel").click();
  await row.is("cancelling");
  await row.locator.getByText("Not yet: the disk did not take that").waitFor();
  await until(() => refused.count >= 3, "the gateway is asked again");
  const deceived = await answerWith(anyUpload, "DELETE", portal);
  await until(() => deceived.count >= 1, "a portal says that it is done");
  await row.is("cancelling");
  await page.context.unroute(anyUpload);
  await row.locator.waitFor({ state: "detached" });
  const status = await (await fetch(`${gateway.url}status?t=json`)).json();
  assert.equal(status.uploads.length, 0, "then the gateway has dropped it");
});

test("an upload of which the gateway has lost bytes fails with that reason", async () => {
  await partlyReceived("f.bin", 16 * MiB);
  const row = page.row("f.bin");
  await row.button("Pause").click();
  const [url] = await page.tab.evaluate(() => Object.values(localStorage).map((it) => JSON.parse(it).url));
  await page.tab.goto("about:blank");
  await gateway.kill();
  const [spooled] = readdirSync(join(gateway.path, "uploads")).filter((name) => name.endsWith(".dat"));
  truncateSync(join(gateway.path, "uploads", spooled), 1_000);
  await gateway.start();
  await fetch(new URL(url, gateway.url), { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
  const { error } = await (await fetch(new URL(`${url}?t=status`, gateway.url))).json();
  await page.tab.goto(page.url);
  await row.is("failed");
  await row.locator.getByText(error).waitFor();
});

test("another file of the same name, size and time is not taken for one that is on its way", async () => {
  const path = place.file("f.bin", 16 * MiB);
  const twin = twinOf(path, "f.bin", 0);
  const now = new Date();
  for (const it of [path, twin]) utimesSync(it, now, now);
  await links.ask(`* rate ${2 * MiB}`);
  await page.pick(path);
  await page.row("f.bin").is("sending");
  await page.pick(twin);
  await page.tab.locator("#said").getByText("In the list already, by name, size and time: f.bin.").waitFor();
  assert.equal(await page.row("f.bin").locator.count(), 1);
  await page.tab.getByRole("button", { name: "Add all the same" }).click();
  await links.ask("* rate 0");
  const rows = page.row("f.bin").locator;
  await until(async () => (await rows.and(page.tab.locator('[data-stage="stored"]')).count()) === 2, "both are stored");
  const caps = await page.tab.getByRole("textbox", { name: "Cap of f.bin" }).evaluateAll((all) => all.map((it) => it.value));
  await assertStored(caps[0], path);
  await assertStored(caps[1], twin);
});
