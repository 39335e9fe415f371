// node build.mjs OUT: bundles the page and writes it as C++ to OUT/page_assets.cc, and as files to OUT/page, to be looked at.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];

/** {script, styles, and the files of node_modules that are in them}. */
async function bundle() {
  const result = await build({
    absWorkingDir: here,
    entryPoints: ["src/main.ts", "style.css"],
    outdir: "out",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none", // whole licenses are in licenses.txt
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  const text = (end) => Buffer.from(result.outputFiles.find((file) => file.path.endsWith(end)).contents);
  return { script: text(".js"), styles: text(".css"), inputs: Object.keys(result.metafile.inputs) };
}

/** The packages that the bundle has code of, each with its license. */
function licenses(inputs) {
  const names = new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path)?.[1]).filter(Boolean));
  const of = (name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((it) => /^licen[cs]e/i.test(it));
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : "It comes without a text of its license."}\n`;
  };
  return Buffer.from([...names].sort().map(of).join(`\n${"-".repeat(78)}\n\n`));
}

function hashed(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
  return name.replace(/\.(?=[^.]*$)/, `-${hash}.`);
}

const types = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

/** A C++ string literal in lines. Octal escapes have three digits, so that they end where they should. */
function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length || at === 0; at += 120) {
    let line = "";
    for (const byte of bytes.subarray(at, at + 120)) {
      const plain = byte >= 0x20 && byte < 0x7f && !'"\\?'.includes(String.fromCharCode(byte));
      line += plain ? String.fromCharCode(byte) : "\\" + byte.toString(8).padStart(3, "0");
    }
    lines.push(`"${line}"`);
  }
  return lines.join("\n    ");
}

function asset(name, content) {
  const type = types[name.split(".").at(-1)];
  const zipped = gzipSync(content, { level: 9 });
  const tag = createHash("sha256").update(content).digest("hex").slice(0, 32);
  return `    {"${name}", "${type}", "${tag}",
    std::string_view(${literal(content)}, ${content.length}),
    std::string_view(${literal(zipped)}, ${zipped.length})}`;
}

const { script, styles, inputs } = await bundle();
const files = new Map();
const names = new Map();
for (const [name, content] of [["main.js", script], ["style.css", styles], ["icon.svg", readFileSync(join(here, "icon.svg"))], ["licenses.txt", licenses(inputs)]]) {
  names.set(name, hashed(name, content));
  files.set(names.get(name), content);
}
/** {{NAME}} is the URL of a file; {{again:TEXT}} is there only for those who have tried already. */
function page(source, again = false) {
  const text = readFileSync(join(here, source), "utf8").replace(/\{\{again:(.*?)\}\}/g, again ? "$1" : "");
  return Buffer.from(text.replace(/\{\{(.*?)\}\}/g, (_, name) => {
    if (!names.has(name)) throw new Error(`${source} wants ${name}, which is not there`);
    return "/static/" + names.get(name);
  }));
}
files.set("index.html", page("index.html"));
files.set("sign-in.html", page("sign-in.html"));
files.set("sign-in-again.html", page("sign-in.html", true));

rmSync(join(out, "page"), { recursive: true, force: true });
mkdirSync(join(out, "page"), { recursive: true });
for (const [name, content] of files) writeFileSync(join(out, "page", name), content);
writeFileSync(
  join(out, "page_assets.cc"),
  `// Made by web/build.mjs.
#include "holdfast/node/gateway/page_assets.h"

// Longer than compilers must take; ours take it.
#pragma GCC diagnostic ignored "-Woverlength-strings"

namespace holdfast::gateway {

const std::vector<PageAsset>& page_assets() {
  static const std::vector<PageAsset> kAssets = {
${[...files].map(([name, content]) => asset(name, content)).join(",\n")},
  };
  return kAssets;
}

}  // namespace holdfast::gateway
`,
);
const total = [...files.values()].reduce((sum, content) => sum + gzipSync(content, { level: 9 }).length, 0);
console.log(`the page: ${[...files].map(([name, content]) => `${name} ${content.length}`).join(", ")}; ${total} bytes with gzip`);
