// A cap in; name, size, download and health out.
import { checkHealth, downloadUrl, fileFacts, type Health } from "../gateway/files_api.ts";
import { NoAnswer } from "../gateway/request.ts";
import { copyButton } from "./copy.ts";
import { byId, h } from "./dom.ts";
import { bytes, plural } from "./words.ts";

export function listenForCaps(): void {
  const form = byId<HTMLFormElement>("open-form");
  const input = byId<HTMLInputElement>("cap");
  const result = byId("opened");
  let asking = new AbortController();
  form.addEventListener("submit", async (event) => {
    event.preventDefault(); // without this script the form asks /uri?uri=CAP
    asking.abort();
    asking = new AbortController();
    const { cap, name } = understand(input.value);
    input.toggleAttribute("aria-invalid", false);
    try {
      const facts = await fileFacts(cap, asking.signal);
      result.replaceChildren(opened(facts.cap, name, facts.size));
    } catch (error) {
      if (asking.signal.aborted) return;
      input.setAttribute("aria-invalid", "true");
      result.replaceChildren(h("p", { class: "problem" }, problem(error)));
    }
  });
}

/** A cap, or a link with one in it, and the name in the link. */
export function understand(text: string): { cap: string; name: string } {
  const trimmed = text.trim();
  const [, tail] = /\/(?:uri|cap|file|named)\/(.*)$/.exec(trimmed) ?? [];
  if (tail === undefined) return { cap: trimmed, name: "" };
  const [path = "", query = ""] = tail.split("?");
  const [cap = "", ...names] = path.split("/").map(decode);
  return { cap, name: new URLSearchParams(query).get("filename") ?? names.at(-1) ?? "" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function opened(cap: string, name: string, size: number): HTMLElement {
  const nameInput = h("input", { id: "save-as", type: "text", value: name, placeholder: "unknown", autocomplete: "off" });
  const link = h("a", { class: "button" }, "Download");
  const command = h("code", { class: "command" });
  const point = () => {
    const saved = nameInput.value.trim() || "unknown";
    link.href = downloadUrl(cap, saved);
    link.download = saved;
    command.textContent = `curl -C - -o ${quoted(saved)} ${quoted(new URL(downloadUrl(cap, saved), location.href).href)}`;
  };
  nameInput.addEventListener("input", point);
  point();
  const health = h("p", { class: "health", role: "status" });
  const check = h("button", { type: "button", class: "quiet", onclick: () => void showHealth(cap, check, health) }, "Check health");
  return h(
    "div",
    { class: "opened" },
    h("div", { class: "field" }, h("label", { for: "save-as" }, "Name"), nameInput),
    h("p", { class: "fact" }, h("span", { class: "leg-name" }, "Size"), h("span", {}, bytes(size))),
    h("div", { class: "actions" }, link, check),
    health,
    h(
      "details",
      {},
      h("summary", {}, "If the download breaks"),
      h("p", { class: "note" }, "Choose “Resume” in the browser's list of downloads: it goes on where it was. So does this command, however often it is broken off:"),
      h("p", { class: "command-line" }, command),
      h("div", { class: "actions" }, copyButton(() => command.textContent ?? "", "Copy command", "The command is copied.")),
    ),
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function showHealth(cap: string, button: HTMLButtonElement, out: HTMLElement): Promise<void> {
  button.disabled = true;
  out.textContent = "Asking the servers…";
  out.dataset["health"] = "asking";
  try {
    const health = await checkHealth(cap, new AbortController().signal);
    out.dataset["health"] = health.healthy ? "good" : health.recoverable ? "weak" : "lost";
    out.textContent = healthText(health);
  } catch (error) {
    out.dataset["health"] = "unknown";
    out.textContent = problem(error);
  }
  button.disabled = false;
}

function healthText(health: Health): string {
  if (health.literal) return "Healthy: the file is so small that it is in the cap itself.";
  const found = `${health.sharesGood} of ${plural(health.sharesExpected, "share")} on ${plural(health.serversWithShares, "server")}`;
  if (health.healthy) return `Healthy: ${found}; any ${health.sharesNeeded} give the file back.`;
  if (health.recoverable) return `Readable, but not healthy: ${found}; ${health.sharesNeeded} are needed. A repair makes the missing ones again.`;
  return `Not readable now: ${found}, and ${health.sharesNeeded} are needed.`;
}

function problem(error: unknown): string {
  return error instanceof NoAnswer ? "The gateway does not answer." : (error as Error).message;
}
