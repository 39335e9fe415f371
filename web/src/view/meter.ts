// How far the bytes are: solid for what the gateway has durably, pale for what is on its way there.
import { h } from "./dom.ts";

export class Meter {
  readonly #sent = h("span", { class: "meter-sent" });
  readonly #held = h("span", { class: "meter-held" });
  readonly element: HTMLElement;

  constructor(label: string) {
    const attributes = { class: "meter", role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" };
    this.element = h("div", attributes, this.#sent, this.#held);
  }

  /** Shares of one; `text` is what a screen reader says instead of a percentage. */
  set(held: number, sent: number, text: string): void {
    this.#held.style.width = `${held * 100}%`;
    this.#sent.style.width = `${Math.max(held, sent) * 100}%`;
    this.element.setAttribute("aria-valuenow", String(Math.floor(held * 100)));
    this.element.setAttribute("aria-valuetext", text);
  }
}
