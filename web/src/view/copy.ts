// A button that copies a text, and says so.
import { announce } from "./announcer.ts";
import { h } from "./dom.ts";

const saidMs = 2_000;

export function copyButton(text: () => string, label: string, said: string): HTMLButtonElement {
  const button = h("button", { type: "button" }, label);
  button.addEventListener("click", async () => {
    const copied = await copy(text());
    announce(copied ? said : "The browser did not allow to copy; select the text instead.");
    button.textContent = copied ? "Copied" : "Not allowed";
    setTimeout(() => (button.textContent = label), saidMs);
  });
  return button;
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // the way without HTTPS
  }
}

function copyBySelection(text: string): boolean {
  const field = h("textarea", { class: "unseen", "aria-hidden": "true", readonly: true });
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}
