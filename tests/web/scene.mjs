// What the tests of uploads begin with: one grid and one browser for all, and for each test a gateway, a link to it that can be
// meddled with, and a visitor at its other end.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { after, afterEach, before, beforeEach } from "node:test";
import { openBrowser, Page } from "./browser.mjs";
import { Place, sha256 } from "./rig.mjs";

export const MiB = 1 << 20;
export let place, grid, browser, gateway, links, page;

export function setTheScene() {
  const home = new Place();

  before(async () => {
    grid = await home.grid();
    browser = await openBrowser(home);
  });

  after(() => home.end());

  beforeEach(async () => {
    place = new Place();
    gateway = await place.gateway(grid.nurls);
    links = place.links();
    page = await Page.visit(browser, `http://127.0.0.1:${await links.to(gateway.port)}/`);
  });

  afterEach(async () => {
    try {
      await page.close();
    } finally {
      await place.end();
    }
  });
}

/** The file as another client gets it, not through the link. */
export async function assertStored(cap, path) {
  const answer = await fetch(`${gateway.url}uri/${cap}`);
  assert.equal(answer.status, 200);
  const hash = createHash("sha256");
  for await (const block of answer.body) hash.update(block);
  assert.equal(hash.digest("hex"), await sha256(path));
}

export function overwrite(path, position, bytes) {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, position);
  closeSync(fd);
}
