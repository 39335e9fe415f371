// A mark for each share, filled when a server has confirmed it; a line where the file counts as stored.
import { h } from "./dom.ts";

export class ShareMarks {
  readonly element = h("div", { class: "marks", role: "img" });
  #shown = "";

  set(stored: number, total: number, happy: number, text: string): void {
    this.element.setAttribute("aria-label", text);
    const wanted = `${stored} ${total} ${happy}`;
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const markClass = (i: number) => "mark" + (i < stored ? " mark-full" : "") + (i === happy - 1 && happy < total ? " mark-happy" : "");
    this.element.replaceChildren(...Array.from({ length: total }, (_, i) => h("span", { class: markClass(i) })));
  }
}
