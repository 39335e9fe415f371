// What a screen reader is told: changes of state, one polite sentence each; never every percent.
import { byId } from "./dom.ts";

const keptMs = 4_000;

export function announce(sentence: string): void {
  const line = document.createElement("p");
  line.textContent = sentence;
  byId("announcements").append(line);
  setTimeout(() => line.remove(), keptMs);
}
