// Whether the gateway can be reached. One watch for the whole page: whoever had no answer says `suspect()` and awaits `up()`.
import { ask } from "./gateway/request.ts";

const firstProbeMs = 500;
const probeMsMax = 10_000;
const probePatienceMs = 10_000;

export class Link extends EventTarget {
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

  /** A question had no answer. "down" is told at once, "up" when the gateway has answered again. */
  suspect(): void {
    if (this.#down) return;
    this.#down = true;
    this.dispatchEvent(new Event("down"));
    void this.#probe();
  }

  up(): Promise<void> {
    return this.#down ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  async #probe(): Promise<void> {
    for (let pause = firstProbeMs; ; pause = Math.min(pause * 2, probeMsMax)) {
      await this.#pause(pause);
      // Any answer will do, also a refusal: it is the link that is asked about.
      const answered = await ask("/", { method: "HEAD", patience: probePatienceMs }).then(
        () => true,
        (error) => "status" in error,
      );
      if (answered) break;
    }
    this.#down = false;
    this.dispatchEvent(new Event("up"));
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#probeNow = resolve;
      setTimeout(resolve, milliseconds);
    });
  }
}
