// Headless Chromium, and the page as a person has it: rows with names, buttons with labels. What must never happen on it is
// watched in every test: requests to anywhere else, breaches of its policy, uncaught errors.
import { chromium } from "playwright-core";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { deadlineMs } from "./rig.mjs";

const pictures = process.env.HF_PICTURES ?? "build/page-pictures";
export const desktop = { width: 1280, height: 900 };
export const phone = { width: 360, height: 740 };

export async function openBrowser(place) {
  // Its sandbox wants user namespaces, which containers and root do not have.
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  place.defer(() => browser.close());
  return browser;
}

export class Page {
  #broken = [];

  /** A visitor with a browser profile of their own. */
  static async visit(browser, url, { viewport = desktop, colorScheme = "light" } = {}) {
    const context = await browser.newContext({ viewport, colorScheme, acceptDownloads: true });
    context.setDefaultTimeout(deadlineMs);
    const it = new Page();
    it.context = context;
    it.url = url;
    it.origin = new URL(url).origin;
    await it.open();
    return it;
  }

  /** A tab, also after the one before has crashed. */
  async open() {
    this.tab = await this.context.newPage();
    this.tab.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== this.origin) this.#broken.push(`a request to ${origin}`);
    });
    this.tab.on("pageerror", (error) => this.#broken.push(String(error.stack ?? error)));
    this.tab.on("console", (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) this.#broken.push(message.text());
    });
    await this.tab.goto(this.url);
    await this.tab.evaluate(() => document.addEventListener("securitypolicyviolation", (event) => console.error("Content-Security-Policy", event.violatedDirective)));
  }

  async close() {
    await this.context.close();
    assert.deepEqual(this.#broken, [], "what must never happen on the page");
  }

  async pick(...paths) {
    await this.tab.getByLabel("Choose files").setInputFiles(paths);
  }

  row(name) {
    return new Row(this.tab.getByRole("listitem", { name, exact: true }));
  }

  /** For people to look at, in the build directory. */
  async picture(name) {
    mkdirSync(pictures, { recursive: true });
    await this.tab.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  }
}

class Row {
  constructor(locator) {
    this.locator = locator;
  }

  button(label) {
    return this.locator.getByRole("button", { name: label, exact: true });
  }

  /** Its state, when it is (one of) these. */
  async is(...stages) {
    const of = (stage) => this.locator.and(this.locator.page().locator(`[data-stage="${stage}"]`));
    await stages.map(of).reduce((all, each) => all.or(each)).waitFor();
    return this.locator.getAttribute("data-stage");
  }

  meter() {
    return this.locator.getByRole("progressbar");
  }

  /** Per cent that the gateway has, durably. */
  async received() {
    return Number(await this.meter().getAttribute("aria-valuenow"));
  }

  async cap() {
    await this.is("stored");
    return this.locator.getByRole("textbox", { name: /^Cap of / }).innerText();
  }
}
