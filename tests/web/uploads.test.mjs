// Uploads on the page against the real gateway, while links are cut, tabs close and the gateway is killed.
import assert from "node:assert/strict";
import { readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Page } from "./browser.mjs";
import { Place, until } from "./rig.mjs";
import { assertStored, browser, gateway, links, MiB, overwrite, page, place, setTheScene } from "./scene.mjs";

const large = (process.env.SOAK ? 3_000 : 300) * MiB;

setTheScene();

/** Bytes that went up the link. */
async function sentUp() {
  return (await links.ask("stats")).targets[0].bytes_up;
}

test("a large file goes through three cuts, a reload and a killed gateway", async () => {
  const path = place.file("large.bin", large);
  await links.ask(`* cut rst up ${large / 16} ${large / 8} 3`);
  await links.ask(`* rate ${large / 16}`);
  await page.pick(path);
  const row = page.row("large.bin");
  await until(async () => (await row.received()) >= 40, "two fifths are received");
  await page.tab.reload();
  await row.is("unpicked");
  assert.ok((await row.received()) >= 40, "the page knows what the gateway has");
  await page.pick(path);
  await until(async () => (await row.received()) >= 60, "it goes on");
  await gateway.kill();
  await row.is("cut");
  await page.tab.locator("#link").getByText("The gateway cannot be reached").waitFor();
  await page.picture("upload-cut");
  await gateway.start();
  await row.is("sending");
  await links.ask("* rate 0");
  await row.is("storing", "stored");
  await assertStored(await row.cap(), path);
  const { cuts } = (await links.ask("stats")).targets[0];
  assert.equal(cuts, 3);
  assert.ok((await sentUp()) < large * 1.05 + 24 * MiB, "what was received is not sent again");
});

test("a tab that crashes, with most of the file sent", async () => {
  const path = place.file("f.bin", 24 * MiB);
  await links.ask(`* rate ${3 * MiB}`);
  await page.pick(path);
  await until(async () => (await page.row("f.bin").received()) >= 70, "most of it is received");
  await page.tab.close({ runBeforeUnload: false });
  await page.open();
  await links.ask("* rate 0");
  await page.row("f.bin").is("unpicked");
  await page.pick(path);
  await assertStored(await page.row("f.bin").cap(), path);
  assert.ok((await sentUp()) < 24 * MiB * 1.05 + 9 * MiB);
});

test("the tab in which the file was picked last goes on with it, the other one stops", async () => {
  const path = place.file("f.bin", 16 * MiB);
  await links.ask(`* rate ${MiB / 2}`);
  await page.pick(path);
  const first = page.row("f.bin");
  await until(async () => (await first.received()) > 0, "it is on its way");
  await page.open();
  const second = page.row("f.bin");
  await second.is("unpicked");
  await page.pick(path);
  await first.is("paused");
  await first.locator.getByText("Another tab goes on with it.").waitFor();
  await links.ask("* rate 0");
  await assertStored(await second.cap(), path);
});

test("a file that changed and kept name and size starts anew", async () => {
  const path = place.file("f.bin", 24 * MiB);
  await links.ask(`* rate ${3 * MiB}`);
  await page.pick(path);
  const row = page.row("f.bin");
  await until(async () => (await row.received()) >= 30, "some of it is received");
  await page.tab.reload();
  await row.is("unpicked");
  overwrite(path, 5 * MiB, Buffer.from("another content"));
  utimesSync(path, new Date(), new Date(statSync(path).mtimeMs + 5_000));
  await page.pick(path);
  await row.locator.getByText("This is not the same file as before; it starts anew.").waitFor();
  await links.ask("* rate 0");
  await assertStored(await row.cap(), path);
});

test("pieces that the gateway holds wrongly are replaced", async () => {
  const path = place.file("f.bin", 24 * MiB);
  await links.ask(`* rate ${3 * MiB}`);
  await page.pick(path);
  const row = page.row("f.bin");
  await until(async () => (await row.received()) >= 30, "some of it is received");
  await gateway.kill();
  const [spooled] = readdirSync(join(gateway.path, "uploads")).filter((name) => name.endsWith(".dat"));
  overwrite(join(gateway.path, "uploads", spooled), 5 * MiB + 7, Buffer.from("what a dying disk has made of it"));
  await gateway.start();
  await page.tab.reload();
  await row.is("unpicked");
  await page.pick(path);
  await row.locator.getByText("One damaged piece was replaced.").waitFor();
  await links.ask("* rate 0");
  await assertStored(await row.cap(), path);
});

test("a link that falls silent without breaking is noticed, shown and waited for", async () => {
  const path = place.file("f.bin", 24 * MiB);
  await links.ask(`* rate ${3 * MiB}`);
  await page.pick(path);
  const row = page.row("f.bin");
  await until(async () => (await row.received()) >= 20, "it is on its way");
  await links.ask("* silent on");
  await row.is("cut");
  await page.tab.locator("#link").getByText("The gateway cannot be reached").waitFor();
  await links.ask("* silent off");
  await links.ask("* rate 0");
  await assertStored(await row.cap(), path);
});

test("pause, resume and cancel", async () => {
  const path = place.file("f.bin", 16 * MiB);
  await links.ask(`* rate ${MiB}`);
  await page.pick(path);
  const row = page.row("f.bin");
  await until(async () => (await row.received()) > 0, "it is on its way");
  await row.button("Pause").click();
  await row.is("paused");
  await until(async () => {
    const before = await sentUp();
    await page.tab.waitForTimeout(1_000); // in which a running upload would send a megabyte
    return (await sentUp()) - before < MiB / 4;
  }, "nothing more is sent, once the buffers on the way are empty");
  assert.ok((await row.received()) < 100, "and that is not its end");
  await row.button("Resume").click();
  await row.is("sending");
  await row.button("Cancel").click();
  await row.locator.waitFor({ state: "detached" });
  await until(async () => {
    const status = await (await fetch(`${gateway.url}status?t=json`)).json();
    return status.uploads.length === 0;
  }, "the gateway has dropped it");
  await page.tab.reload();
  await page.tab.waitForLoadState("networkidle");
  assert.equal(await row.locator.count(), 0, "nor is it remembered");
});

test("many files, one of them empty, go in turn", async () => {
  const paths = Array.from({ length: 12 }, (_, i) => place.file(`many-${i}.bin`, i * 10_000));
  await page.pick(...paths);
  for (const [i, path] of paths.entries()) {
    const cap = await page.row(`many-${i}.bin`).cap();
    if (i > 0) await assertStored(cap, path);
    else assert.match(cap, /^URI:LIT:/);
  }
});

test("too few servers: it says so, and stores when they are back", async () => {
  const alone = new Place();
  try {
    const servers = await alone.grid();
    const own = await alone.gateway(servers.nurls);
    const visitor = await Page.visit(browser, own.url);
    await servers.process.stop();
    const path = alone.file("f.bin", 2 * MiB);
    await visitor.pick(path);
    const row = visitor.row("f.bin");
    await row.is("storing", "short");
    assert.equal(await row.received(), 100, "received is not stored");
    await row.is("short");
    await visitor.picture("upload-short-of-servers");
    await servers.process.start();
    assert.match(await row.cap(), /^URI:CHK:/);
    await visitor.close();
  } finally {
    await alone.end();
  }
});
