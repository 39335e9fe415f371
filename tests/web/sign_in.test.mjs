// The form of a gateway that wants its access token: by keyboard, to a screen reader, light and dark, on a phone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desktop, openBrowser, Page, phone } from "./browser.mjs";
import { Place } from "./rig.mjs";

let place, gateway, token, browser;

before(async () => {
  place = new Place();
  const grid = await place.grid();
  gateway = await place.gateway(grid.nurls, "access_token = yes\n");
  token = readFileSync(join(gateway.path, "private/gateway-token"), "utf8").trim();
  browser = await openBrowser(place);
});

after(() => place.end());

for (const [device, viewport] of [["phone", phone], ["desktop", desktop]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`by keyboard alone, wrong and then right: ${device}, ${colorScheme}`, async () => {
      const page = await Page.visit(browser, gateway.url, { viewport, colorScheme });
      const { tab } = page;
      const field = tab.getByLabel("Access token of this gateway");
      await field.and(tab.locator(":focus")).waitFor();
      assert.match(await tab.title(), /^Sign in/);
      assert.equal(await tab.getByRole("alert").count(), 0);
      await page.picture(`${device}-${colorScheme}-5-sign-in`);
      await tab.keyboard.insertText("not the token");
      await tab.keyboard.press("Enter");
      await tab.getByRole("alert").getByText("That is not the token.").waitFor();
      await field.and(tab.locator(':focus[aria-invalid="true"][aria-describedby~="wrong"]')).waitFor();
      assert.match(await tab.title(), /^Not the token/);
      await page.picture(`${device}-${colorScheme}-6-sign-in-again`);
      const [wide, screen] = await tab.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      assert.ok(wide <= screen, `${wide} pixels on a screen of ${screen}`);
      const low = await tab.evaluate(() => [...document.querySelectorAll("button, input:not([type=hidden])")].filter((it) => it.offsetHeight < 44).length);
      assert.equal(low, 0, "large enough for thumbs");
      await tab.keyboard.insertText(token);
      await tab.keyboard.press("Tab");
      await tab.keyboard.press("Space");
      await tab.getByText("10 of 10 servers reachable").waitFor();
      assert.equal(new URL(tab.url()).pathname, "/");
      await page.close();
    });
  }
}

test("who opens a link and signs in comes to what the link is of", async () => {
  const link = new URL("/file/URI%3ALIT%3Akrugkidfnzsc4/@@named=/end.txt", gateway.url).href;
  const page = await Page.visit(browser, link, { viewport: desktop });
  const { tab } = page;
  await tab.keyboard.insertText("not the token");
  await tab.keyboard.press("Enter");
  await tab.getByRole("alert").waitFor();
  const file = tab.waitForResponse((answer) => answer.url() === link && answer.status() === 200);
  await tab.keyboard.insertText(token);
  await tab.keyboard.press("Enter");
  assert.equal(await (await file).text(), "The end.");
  await tab.waitForURL(link);
  await page.close();
});
