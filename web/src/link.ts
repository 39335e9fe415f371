// Whether the gateway can be reached. One watch for the whole page: whoever had no answer says `suspect()` and awaits `up()`.
import { askFields, Refusal } from "./gateway/request.ts";

const firstPatienceMs = 3_000;
const firstPauseMs = 500;
const pauseMsMax = 10_000;
const patienceMs = 10_000;

export class Link extends EventTarget {
  #suspected = false;
  #down = false;
  #probeNow: (() => void) | null = null;
  #waiting: (() => void)[] = [];

  constructor() {
    super();
    window.addEventListener("online", () => this.#probeNow?.());
    // A laptop that wakes up should not wait for the timer of before.
    document.addEventListener("visibilitychange", () => this.#probeNow?.());
  }

  get isDown(): boolean {
    return this.#down;
  }

  /** A question had no answer. When the next one has none either, "down" is told, and "up" when there is one again: a single
      connection that breaks is no news to others. */
  suspect(): void {
    if (this.#suspected) return;
    this.#suspected = true;
    void this.#watch();
  }

  up(): Promise<void> {
    return this.#suspected ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  async #watch(): Promise<void> {
    if (!(await answers(firstPatienceMs))) await this.#outage();
    this.#suspected = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #outage(): Promise<void> {
    this.#down = true;
    this.dispatchEvent(new Event("down"));
    for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, pauseMsMax)) {
      await this.#pause(pause);
      if (await answers(patienceMs)) break;
    }
    this.#down = false;
    this.dispatchEvent(new Event("up"));
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#probeNow = resolve;
      setTimeout(resolve, milliseconds);
    });
  }
}

/** Any answer will do, also a refusal: it is the link that is asked about. */
function answers(patience: number): Promise<boolean> {
  return askFields("/", { method: "HEAD", patience }).then(
    () => true,
    (error) => error instanceof Refusal,
  );
}
