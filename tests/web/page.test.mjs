// The page itself: by keyboard, on a phone, to a screen reader; caps, health, what it may load. Pictures for people to look at.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { desktop, openBrowser, Page, phone } from "./browser.mjs";
import { Place, sha256, until } from "./rig.mjs";

const MiB = 1 << 20;
let place, grid, gateway, browser;

before(async () => {
  place = new Place();
  grid = await place.grid();
  gateway = await place.gateway(grid.nurls);
  browser = await openBrowser(place);
});

after(() => place.end());

/** With `slow`, through a link that the test may hold back or break. */
async function visiting(options, what) {
  const links = options.slow ? place.links() : null;
  const page = await Page.visit(browser, links ? `http://127.0.0.1:${await links.to(gateway.port)}/` : gateway.url, options);
  try {
    await what(page, page.tab, links);
  } finally {
    await page.close();
  }
}

/** The element that has the focus, as a screen reader names it. */
async function focused(tab) {
  return tab.locator(":focus").evaluate((element) => (element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent).trim().replace(/\s+/g, " "));
}

async function tabTo(tab, name) {
  for (let i = 0; i < 60; i++) {
    await tab.keyboard.press("Tab");
    if ((await tab.locator(":focus").count()) > 0 && (await focused(tab)) === name) return;
  }
  assert.fail(`Tab does not lead to ${name}`);
}

test("the policy of every part of it forbids everything from elsewhere", async () => {
  const front = await fetch(gateway.url);
  const html = await front.text();
  const parts = [...html.matchAll(/"(\/static\/[^"]+)"/g)].map((match) => match[1]);
  assert.ok(parts.length >= 3);
  for (const answer of [front, ...(await Promise.all(parts.map((part) => fetch(new URL(part, gateway.url)))))]) {
    assert.equal(answer.status, 200, answer.url);
    const policy = answer.headers.get("Content-Security-Policy");
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; /);
    assert.equal(answer.headers.get("X-Content-Type-Options"), "nosniff");
    assert.equal(answer.headers.get("Referrer-Policy"), "no-referrer");
  }
  assert.doesNotMatch(html, /style=|<script>|onclick|https?:/);
});

test("its parts are kept for ever, the page itself is asked for again and not sent again", async () => {
  const front = await fetch(gateway.url);
  const [script] = /\/static\/main-[0-9a-f]{16}\.js/.exec(await front.text());
  assert.match((await fetch(new URL(script, gateway.url))).headers.get("Cache-Control"), /immutable/);
  assert.equal(front.headers.get("Cache-Control"), "no-cache");
  const again = await fetch(gateway.url, { headers: { "If-None-Match": front.headers.get("ETag") } });
  assert.equal(again.status, 304);
});

test("the policy is at work: what is injected is not run", async () => {
  const context = await browser.newContext();
  const tab = await context.newPage();
  await tab.goto(gateway.url);
  const ran = await tab.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
    return Boolean(window.injected);
  });
  assert.equal(ran, false);
  const fetched = await tab.evaluate(() => fetch("http://127.0.0.1:9/").catch((error) => String(error)));
  assert.match(fetched, /TypeError/);
  await context.close();
});

test("a screen reader finds a heading, a name and a role for everything", () =>
  visiting({ slow: true }, async (page, tab, links) => {
    await tab.getByText("10 of 10 servers reachable").waitFor();
    await links.ask(`* rate ${MiB / 4}`);
    await page.pick(place.file("story.txt", 3 * MiB));
    const row = page.row("story.txt");
    const sending = await row.locator.ariaSnapshot();
    assert.match(sending, /- '?progressbar "story.txt: received"/);
    assert.match(sending, /- button "Pause"/);
    assert.match(await row.meter().getAttribute("aria-valuetext"), /^received .* of 3.15 MB$/);
    await links.ask("* rate 0");
    await row.cap();
    const tree = await tab.locator("body").ariaSnapshot();
    for (const part of [
      /- banner:/,
      /- main:/,
      /- region "Store files":/,
      /- region "Open a cap":/,
      /- region "This node":/,
      /- heading "Holdfast" \[level=1\]/,
      /- heading "Store files" \[level=2\]/,
      /- button "Choose files"/,
      /- list "Uploads":/,
      /- listitem "story.txt":/,
      /- heading "story.txt" \[level=3\]/,
      /- '?img "stored: 10 of 10 shares"/,
      /- textbox "Cap of story.txt": "?URI:CHK:/,
      /- button "QR code"/,
      /- textbox "Cap, or a link with one"/,
      /- contentinfo:/,
    ]) assert.match(tree, part);
    const nameless = await tab.evaluate(() =>
      [...document.querySelectorAll("button, a[href], input:not([aria-hidden])")]
        .filter((it) => !(it.textContent.trim() || it.getAttribute("aria-label") || it.labels?.length))
        .map((it) => it.outerHTML),
    );
    assert.deepEqual(nameless, []);
    assert.equal(await tab.locator("[aria-live]").first().getAttribute("aria-live"), "polite");
  }));

test("what changes is said once, politely", () =>
  visiting({}, async (page, tab) => {
    await page.pick(place.file("said.txt", MiB));
    await tab.locator("#announcements").getByText("said.txt: Stored.").waitFor();
  }));

test("by keyboard alone: choose, pause, resume, copy, open, check, remove", () =>
  visiting({ slow: true }, async (page, tab, links) => {
    await page.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: page.origin });
    await links.ask(`* rate ${MiB / 4}`);
    const dialog = tab.waitForEvent("filechooser"); // early: dialogs are caught only from some moment after this on
    await tab.keyboard.press("Tab");
    assert.equal(await focused(tab), "To the files");
    await tabTo(tab, "Choose files");
    await tab.keyboard.press("Enter");
    await (await dialog).setFiles(place.file("keys.bin", 12 * MiB));
    const row = page.row("keys.bin");
    await until(async () => (await row.received()) > 0, "it is on its way");
    await tabTo(tab, "Pause");
    await tab.keyboard.press("Enter");
    await row.is("paused");
    assert.equal(await focused(tab), "Resume", "the focus stays where the button was");
    await links.ask("* rate 0");
    await tab.keyboard.press("Space");
    const cap = await row.cap();
    await tabTo(tab, "Copy cap");
    await tab.keyboard.press("Enter");
    await tab.locator("#announcements").getByText("The cap of keys.bin is copied.").waitFor();
    assert.equal(await tab.evaluate(() => navigator.clipboard.readText()), cap);
    await tabTo(tab, "QR code");
    await tab.keyboard.press("Enter");
    await tab.getByRole("img", { name: "The cap of keys.bin as a QR code" }).waitFor();
    await tabTo(tab, "Cap, or a link with one");
    await tab.keyboard.insertText(cap);
    await tab.keyboard.press("Enter");
    await tabTo(tab, "Check health");
    await tab.keyboard.press("Enter");
    await tab.getByText("Healthy: 10 of 10 shares on 10 servers; any 3 give the file back.").waitFor();
    await tab.keyboard.press("Home");
    await tab.locator("h1").click();
    await tabTo(tab, "Remove from list");
    await tab.keyboard.press("Enter");
    await row.locator.waitFor({ state: "detached" });
    assert.equal(await focused(tab), "Choose files", "the focus is not lost");
  }));

test("a cap, or a link with one, is opened, named, downloaded and compared", () =>
  visiting({}, async (page, tab) => {
    const path = place.file("open me.bin", 5 * MiB + 321);
    await page.pick(path);
    const cap = await page.row("open me.bin").cap();
    await tab.getByLabel("Cap, or a link with one").fill(`  ${gateway.url}file/${encodeURIComponent(cap)}/@@named=/film%20one.mp4 `);
    await tab.getByRole("button", { name: "Open", exact: true }).click();
    const opened = tab.getByRole("region", { name: "The file of the cap" });
    await opened.getByText("5.24 MB").waitFor();
    assert.equal(await opened.getByLabel("Name").inputValue(), "film one.mp4");
    await opened.getByLabel("Name").fill("other.bin");
    const downloading = tab.waitForEvent("download");
    await opened.getByRole("link", { name: "Download" }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), "other.bin");
    assert.equal(await sha256(await download.path()), await sha256(path));
    assert.equal(new URL(tab.url()).pathname, "/", "no cap gets into the address of the page");
  }));

test("what is no cap is called that, and what cannot be read too", () =>
  visiting({}, async (_, tab) => {
    const field = tab.getByLabel("Cap, or a link with one");
    for (const [text, said] of [["hello", /cap/], ["URI:DIR2:aaaa:bbbb", /cap/]]) {
      await field.fill(text);
      await tab.getByRole("button", { name: "Open", exact: true }).click();
      await tab.locator("#opened .problem").getByText(said).waitFor();
      await field.and(tab.locator('[aria-invalid="true"]')).waitFor();
    }
    await field.fill(`URI:CHK:${"a".repeat(26)}:${"a".repeat(52)}:3:10:1000`);
    await tab.getByRole("button", { name: "Open", exact: true }).click();
    await tab.getByRole("button", { name: "Check health" }).click();
    await tab.getByText("Not readable now: 0 of 10 shares").waitFor();
  }));

test("the cap of a stored file is there after a reload, and what holding it means", () =>
  visiting({}, async (page, tab) => {
    await page.pick(place.file("kept.bin", MiB));
    const row = page.row("kept.bin");
    const cap = await row.cap();
    await tab.reload();
    assert.equal(await row.cap(), cap);
    await row.locator.getByText("Whoever holds this cap can read the file and nobody else can").waitFor();
    const kept = await tab.evaluate(() => JSON.stringify({ ...localStorage }));
    assert.ok(!kept.includes(cap), "the browser keeps no cap");
  }));

test("files that are dropped are taken", () =>
  visiting({}, async (page, tab) => {
    const data = await tab.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
      return transfer;
    });
    await tab.dispatchEvent("main", "dragenter", { dataTransfer: data });
    await tab.locator("#drop.over").waitFor();
    await tab.dispatchEvent("main", "drop", { dataTransfer: data });
    assert.match(await page.row("dropped.txt").cap(), /^URI:LIT:/);
  }));

test("the node says how it is: servers, helper, uploads of others, what was stored", () =>
  visiting({}, async (page, tab) => {
    const others = await fetch(`${gateway.url}uploads`, { method: "POST", headers: { "Tus-Resumable": "1.0.0", "Upload-Length": "2000000" } });
    assert.equal(others.status, 201);
    const node = tab.getByRole("region", { name: "This node" });
    await tab.reload();
    await node.getByText("reachable ·").first().waitFor();
    await until(async () => (await node.getByText(/^reachable · .* free$/).count()) === 10, "ten are reachable");
    await node.getByText(/^dormant · 0 bytes of 2.00 MB/).waitFor();
    await page.pick(place.file("recent.bin", 2 * MiB));
    await page.row("recent.bin").cap();
    await node.getByText(/^stored · 2.10 MB/).first().waitFor();
    await fetch(others.headers.get("Location"), { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } });
  }));

for (const [device, viewport] of [["phone", phone], ["desktop", desktop]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`pictures: ${device}, ${colorScheme}; nothing wider than the screen`, () => {
      const name = (state) => `${device}-${colorScheme}-${state}`;
      return visiting({ viewport, colorScheme, slow: true }, async (page, tab, links) => {
        await tab.getByText("10 of 10 servers reachable").waitFor();
        await page.picture(name("1-empty"));
        await links.ask(`* rate ${MiB / 2}`);
        const long = `a-very-long-name-${"without-a-blank-".repeat(6)}.tar.zst`;
        await page.pick(place.file("holiday film.mp4", 16 * MiB), place.file(long, 24 * MiB), place.file("third.bin", MiB));
        const row = page.row("holiday film.mp4");
        await until(async () => (await row.received()) > 5, "bytes move");
        await page.row(long).button("Pause").click();
        await page.picture(name("2-sending"));
        await links.ask("* link down");
        await row.is("cut");
        await tab.getByText("This is how it was when the gateway answered last.").waitFor();
        assert.equal(await tab.getByText("servers reachable").count(), 0, "what is not known now is not said");
        await page.picture(name("3-cut"));
        await links.ask("* link up");
        await row.is("sending");
        await tab.getByText("10 of 10 servers reachable").waitFor();
        await links.ask("* rate 0");
        await row.cap();
        await tab.reload();
        await row.cap();
        await row.button("QR code").click();
        await page.picture(name("4-stored-and-unpicked"));
        const [wide, screen] = await tab.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
        assert.ok(wide <= screen, `${wide} pixels on a screen of ${screen}`);
        const small = await tab.evaluate(() =>
          [...document.querySelectorAll("button, .button, input[type=text]")].filter((it) => it.offsetHeight > 0 && it.offsetHeight < 44).map((it) => it.outerHTML),
        );
        assert.deepEqual(small, [], "large enough for thumbs");
      });
    });
  }
}

test("its licenses are in it", async () => {
  const [path] = /\/static\/licenses-[0-9a-f]{16}\.txt/.exec(await (await fetch(gateway.url)).text());
  const text = await (await fetch(new URL(path, gateway.url))).text();
  const { dependencies } = JSON.parse(readFileSync(new URL("../../web/package.json", import.meta.url), "utf8"));
  for (const [name, version] of Object.entries(dependencies)) assert.ok(text.includes(`${name} ${version} (MIT)`), name);
});
