// What the page must not take for granted: that what the gateway has is of its file, that whoever answers is the gateway, that
// what was asked for is done.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "./rig.mjs";
import { assertStored, links, MiB, overwrite, page, place, setTheScene } from "./scene.mjs";

setTheScene();

/** Another file with the same name and size, and other bytes from `position` on. */
function twinOf(path, name, position) {
  mkdirSync(join(place.path, "twin"), { recursive: true });
  const twin = join(place.path, "twin", name);
  copyFileSync(path, twin);
  overwrite(twin, position, randomBytes(8 * MiB));
  return twin;
}

test("what another tab sent of another file is not gone on behind", async () => {
  const path = place.file("f.bin", 48 * MiB);
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
  await links.ask(`* rate ${16 * MiB}`);
  await until(async () => (await second.received()) > 60, "the other one is where they differ");
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
  if ((await first.is("paused", "stored")) === "paused") await first.button("Resume").click();
  await first.is("stored");
  await first.locator.getByText("this is the file that was chosen there").waitFor();
});
