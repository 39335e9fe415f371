// The result of an upload: the cap, ways to take it along, and what holding it means.
import { downloadUrl } from "../gateway/files_api.ts";
import { copyButton } from "./copy.ts";
import { h } from "./dom.ts";
import { qrCode } from "./qr.ts";

export const meaning =
  "Whoever holds this cap can read the file and nobody else can, not even the servers, so keep it as you would a key: it cannot be taken back, and without it the file is lost.";

export function capCard(cap: string, name: string): HTMLElement {
  const code = h("div", { class: "qr-frame" });
  const shown = h("details", { class: "qr-details" }, h("summary", {}, "QR code"), code);
  shown.addEventListener("toggle", () => {
    if (shown.open && !code.firstChild) code.append(qrCode(cap, `The cap of ${name} as a QR code`));
  });
  return h(
    "div",
    { class: "cap-card" },
    h("p", { class: "cap", tabindex: "0", role: "textbox", "aria-readonly": "true", "aria-label": `Cap of ${name}` }, cap),
    h(
      "div",
      { class: "actions" },
      copyButton(() => cap, "Copy cap", `The cap of ${name} is copied.`),
      h("a", { class: "button quiet", href: downloadUrl(cap, name), download: name }, "Download"),
    ),
    shown,
    h("p", { class: "meaning" }, meaning),
  );
}
