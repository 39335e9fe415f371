// Bytes per second over the last seconds: steady enough to be read, quick enough to be true.

const windowMs = 8_000;
const leastMs = 1_000;

export class Speed {
  #samples: { at: number; bytes: number }[] = [];

  restart(): void {
    this.#samples = [];
  }

  /** So many bytes in all, by now. */
  note(bytes: number, now = performance.now()): void {
    const last = this.#samples.at(-1);
    if (last && bytes < last.bytes) this.restart(); // sent again after a cut
    this.#samples.push({ at: now, bytes });
    while (this.#samples.length > 2 && now - this.#samples[0]!.at > windowMs) this.#samples.shift();
  }

  /** Nothing while it is too early to say. */
  perSecond(now = performance.now()): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || now - first.at < leastMs) return null;
    return ((last.bytes - first.bytes) * 1000) / (now - first.at);
  }

  secondsFor(bytes: number): number | null {
    const rate = this.perSecond();
    return rate && rate > 0 ? bytes / rate : null;
  }
}
