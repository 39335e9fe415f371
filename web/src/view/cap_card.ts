// The result of an upload: the cap, ways to take it along, and what holding it means.
import { downloadUrl } from "../gateway/files_api.ts";
import { copyButton } from "./copy.ts";
import { h } from "./dom.ts";
import { qrCode } from "./qr.ts";

const meaning =
  "Whoever holds this cap can read the file and nobody else can, not even the servers, so keep it as you would a key: it cannot be taken back, and without it the file is lost.";

export function capCard(cap: string, name: string): HTMLElement {
  const field = h("textarea", { class: "cap", readonly: true, rows: "2", spellcheck: "false", "aria-label": `Cap of ${name}` });
  field.value = cap;
  field.addEventListener("focus", () => field.select());
  const copy = copyButton(() => cap, "Copy cap", `The cap of ${name} is copied.`);
  copy.classList.add("main");
  const frame = h("div", { class: "qr-frame", hidden: true });
  const link = h("a", { class: "button quiet", href: downloadUrl(cap, name), download: name }, "Download");
  return h(
    "div",
    { class: "cap-card" },
    field,
    h("p", { class: "meaning" }, meaning),
    h("div", { class: "actions" }, copy, link, qrButton(frame, cap, name)),
    frame,
  );
}

/** Drawn when it is first asked for. */
function qrButton(frame: HTMLElement, cap: string, name: string): HTMLButtonElement {
  const button = h("button", { type: "button", class: "quiet", "aria-expanded": "false" }, "QR code");
  button.addEventListener("click", () => {
    if (!frame.firstChild) frame.append(qrCode(cap, `The cap of ${name} as a QR code`));
    frame.hidden = !frame.hidden;
    button.setAttribute("aria-expanded", String(!frame.hidden));
  });
  return button;
}
