// One upload in the list: what is received, what is stored, what can be done.
import { type Action, stages } from "../transfers/stages.ts";
import type { Transfer } from "../transfers/transfer.ts";
import type { Uploads } from "../transfers/uploads.ts";
import { announce } from "./announcer.ts";
import { capCard } from "./cap_card.ts";
import { h, setText } from "./dom.ts";
import { Meter } from "./meter.ts";
import { ShareMarks } from "./share_marks.ts";
import { noteText, paceText, receivedText, storedText } from "./transfer_text.ts";
import { bytes } from "./words.ts";

const words: Record<Action, string> = {
  pause: "Pause",
  resume: "Resume",
  pick: "Choose the file",
  retry: "Try again",
  cancel: "Cancel",
  remove: "Remove from list",
};

export class TransferRow {
  readonly element: HTMLElement;
  readonly #stage = h("p", { class: "stage" });
  readonly #pace = h("p", { class: "pace" });
  readonly #note = h("p", { class: "note" });
  readonly #actions = h("div", { class: "actions" });
  readonly #result = h("div");
  readonly #received = h("span", { class: "value" });
  readonly #stored = h("span", { class: "value" });
  readonly #meter: Meter;
  readonly #marks = new ShareMarks();
  readonly #fileInput = h("input", { type: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  #frame = 0;

  constructor(
    private readonly transfer: Transfer,
    private readonly uploads: Uploads,
  ) {
    const { id, name, size } = transfer;
    this.#meter = new Meter(`${name}: received`);
    this.element = h(
      "li",
      { class: "transfer", "aria-labelledby": `${id}-name` },
      h("div", { class: "title" }, h("h3", { id: `${id}-name`, tabindex: "-1" }, name), h("span", { class: "size" }, bytes(size))),
      h("div", { class: "state" }, this.#stage, this.#pace),
      h("div", { class: "leg" }, h("span", { class: "leg-name" }, "Received"), this.#meter.element, this.#received),
      h("div", { class: "leg" }, h("span", { class: "leg-name" }, "Stored"), this.#marks.element, this.#stored),
      this.#note,
      this.#result,
      this.#actions,
      this.#fileInput,
    );
    this.#fileInput.addEventListener("change", () => {
      const file = this.#fileInput.files?.[0];
      if (file) this.uploads.pickFor(transfer, file);
    });
    transfer.addEventListener("stage", () => this.#enter());
    // Many events a second; a person sees one picture a frame.
    transfer.addEventListener("change", () => (this.#frame ||= requestAnimationFrame(() => this.#draw())));
    this.#enter();
    this.#draw();
  }

  focus(): void {
    this.element.querySelector<HTMLElement>("h3")?.focus();
  }

  #enter(): void {
    const { transfer } = this;
    const { stage, status } = transfer;
    if (this.element.dataset["stage"] === stage) return;
    if (this.element.dataset["stage"]) announce(`${transfer.name}: ${stages[stage].label}.`);
    this.element.dataset["stage"] = stage;
    this.#drawActions();
    if (stage === "stored" && status?.cap) this.#result.replaceChildren(capCard(status.cap, transfer.name));
  }

  /** Focus must not be lost when its button goes. */
  #drawActions(): void {
    const hadFocus = this.#actions.contains(document.activeElement);
    const buttons = stages[this.transfer.stage].actions.map((action, i) => {
      const attributes = { type: "button", class: i === 0 ? "" : "quiet", "aria-describedby": `${this.transfer.id}-name` };
      return h("button", { ...attributes, onclick: () => this.#act(action) }, words[action]);
    });
    this.#actions.replaceChildren(...buttons);
    if (hadFocus) buttons[0]?.focus();
  }

  #act(action: Action): void {
    if (action === "pick") this.#fileInput.click();
    else this.uploads.act(this.transfer, action);
  }

  #draw(): void {
    this.#frame = 0;
    const { transfer } = this;
    const { status, size } = transfer;
    const share = (count: number) => (size === 0 ? Number(stages[transfer.stage].received) : count / size);
    setText(this.#stage, stages[transfer.stage].label);
    setText(this.#pace, paceText(transfer));
    setText(this.#note, noteText(transfer));
    this.#note.hidden = this.#note.textContent === "";
    setText(this.#received, receivedText(transfer));
    this.#meter.set(share(transfer.received), share(transfer.sent), `received ${receivedText(transfer)}`);
    setText(this.#stored, storedText(transfer));
    this.#marks.set(status?.shares_stored ?? 0, status?.shares_total ?? 0, status?.happy ?? 0, `stored: ${storedText(transfer)}`);
  }
}
