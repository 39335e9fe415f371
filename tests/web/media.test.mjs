// A recording that Chromium plays out of the gateway, as people do who open a link: it seeks by ranges, while servers go and come behind
// the gateway and the link before it breaks. Each second of the recording is one level, so that what is heard says where it is from.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./browser.mjs";
import { deadlineMs, Place, until } from "./rig.mjs";

const MiB = 1 << 20;
const rate = 44_100;
const seconds = 240;
const frameBytes = 4; // 16 bits, twice
const levelOf = (second) => (second + 1) / (seconds + 2);

let place, browser, gateway, site, servers, links, port, target;

before(async () => {
  place = new Place();
  browser = await openBrowser(place);
  site = await otherSite();
  servers = place.links();
  const grid = await place.grid();
  gateway = await place.gateway(await servers.toServers(grid.nurls), `origins = ${site}\ncache = 2MiB\n`);
  links = place.links();
  port = await links.to(gateway.port);
  const cap = await (await fetch(`${gateway.url}uri`, { method: "PUT", body: readFileSync(recording()) })).text();
  target = `/file/${cap.trim()}/@@named=/tide.wav`;
});

after(() => place.end());

function recording() {
  const head = Buffer.alloc(44);
  const length = rate * seconds * frameBytes;
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(2, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * frameBytes, 28);
  head.writeUInt16LE(frameBytes, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(length, 40);
  const sound = new Int16Array((rate * seconds * frameBytes) / 2);
  for (let second = 0; second < seconds; second++) sound.fill(Math.round(levelOf(second) * 32_767), second * rate * 2, (second + 1) * rate * 2);
  const path = join(place.path, "tide.wav");
  writeFileSync(path, Buffer.concat([head, Buffer.from(sound.buffer)]));
  return path;
}

async function otherSite() {
  const server = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><button>Play</button><audio crossorigin controls></audio>"));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  place.defer(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

/** A tab, and the ranges that it is answered with: where each begins. */
async function visit(url) {
  const context = await browser.newContext();
  context.setDefaultTimeout(deadlineMs);
  const tab = await context.newPage();
  const begins = [];
  tab.on("response", (response) => {
    const range = /^bytes (\d+)-/.exec(response.headers()["content-range"] ?? "");
    if (response.status() === 206 && range) begins.push(Number(range[1]));
  });
  await tab.goto(url);
  return { tab, begins };
}

/** Seeks, and looks on until the browser has what is there. (Looks on: in the sandbox of a file no listener is called.) */
async function seek(media, to) {
  await media.evaluate((element, time) => {
    element.currentTime = time;
  }, to);
  await until(async () => {
    const now = await media.evaluate((element) => ({ error: element.error?.message, there: !element.seeking && element.readyState >= 2 }));
    assert.equal(now.error, undefined);
    return now.there;
  }, `it is at ${to} s`);
}

async function sentDown() {
  return (await links.ask("stats")).targets[0].bytes_down;
}

test("a link to it is played by the browser itself: it knows how long it is, and seeks without loading all", async () => {
  const { tab, begins } = await visit(`http://127.0.0.1:${port}${target}`);
  const media = tab.locator("video, audio");
  await until(() => media.evaluate((element) => element.readyState >= 1), "its head is read");
  assert.equal(await media.evaluate((element) => element.duration), seconds);
  for (const time of [200.5, 30.25]) {
    await seek(media, time);
    const now = await media.evaluate((element) => element.currentTime);
    assert.ok(now >= time && now < time + 20, `it is at ${now}`); // it may be playing
  }
  assert.ok(begins.some((begin) => begin > 190 * rate * frameBytes), `a range behind the seek: ${begins}`);
  assert.ok((await sentDown()) < 30 * MiB, "not all of it was loaded");
  await tab.context().close();
});

test("a page of a listed site plays it: what is heard is what lies there, while servers go and come and the link breaks", async () => {
  const { tab, begins } = await visit(site);
  const media = tab.locator("audio");
  await media.evaluate((element, url) => (element.src = url), `http://127.0.0.1:${port}${target}`);
  await tab.evaluate(() => {
    document.querySelector("button").onclick = () => {
      const audio = document.querySelector("audio");
      const context = new AudioContext();
      const ear = context.createAnalyser();
      context.createMediaElementSource(audio).connect(ear).connect(context.destination);
      window.heard = () => {
        const samples = new Float32Array(ear.fftSize);
        ear.getFloatTimeDomainData(samples);
        return { least: Math.min(...samples), most: Math.max(...samples), time: audio.currentTime, error: audio.error?.message };
      };
      return audio.play();
    };
  });
  await tab.getByRole("button", { name: "Play" }).click();
  /** Listens until two seconds of it are heard, each at its level. */
  const listen = async (from) => {
    const heard = new Set();
    await until(async () => {
      const { least, most, time, error } = await tab.evaluate(() => window.heard());
      assert.equal(error, undefined);
      const second = Math.round(most * (seconds + 2)) - 1;
      if (most - least < 1e-4 && second >= Math.floor(from)) {
        assert.ok(Math.abs(most - levelOf(second)) < 1e-3, `${most} is no level`);
        const there = Math.abs(time - second) < 10; // clock and sound part when either stands still for a while
        assert.ok(there || heard.size === 0, `${second} is heard at ${time}`); // at first what was played before may still sound
        if (there) heard.add(second);
      }
      return heard.size >= 2;
    }, `it is heard from ${from} on`);
  };
  await listen(0);
  const gone = async (which, state) => {
    for (const each of which) await servers.ask(`${each} link ${state}`);
  };
  await gone([0, 1, 2, 3, 4, 5, 6], "down");
  await seek(media, 200.5);
  await listen(200.5);
  await gone([0, 1, 2, 3, 4, 5, 6], "up");
  await gone([3, 4, 5, 6, 7, 8, 9], "down");
  await links.ask("* reset");
  await seek(media, 100.5);
  await listen(100.5);
  await gone([3, 4, 5, 6, 7, 8, 9], "up");
  for (const second of [200, 100]) {
    const at = second * rate * frameBytes;
    assert.ok(begins.some((begin) => Math.abs(begin - at) < 2 * MiB), `a range at second ${second}: ${begins}`);
  }
  await tab.context().close();
});
