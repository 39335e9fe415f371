// What the gateway says of uploads while they go on: bytes that are durable, shares that are stored. One question at a time for
// all of them: a browser opens six connections to a host, and the bytes need some.
import { NoAnswer, Refusal } from "../gateway/request.ts";
import { uploadStatus, type UploadStatus } from "../gateway/uploads_api.ts";
import type { Link } from "../link.ts";
import { stages } from "./stages.ts";
import type { Transfer } from "./transfer.ts";

const roundMs = 1_000;
const roundsBetweenRare = 10;
const waitSeconds = 20;

export interface Listener {
  learned(transfer: Transfer, status: UploadStatus): void;
  /** The gateway has forgotten it. */
  lost(transfer: Transfer): void;
}

export class Follower {
  #interrupt = new AbortController();

  constructor(
    private readonly transfers: readonly Transfer[],
    private readonly link: Link,
    private readonly listener: Listener,
  ) {
    void this.#run();
  }

  /** There is something new to follow: long questions end now. */
  nudge(): void {
    this.#interrupt.abort();
  }

  async #run(): Promise<never> {
    for (let round = 0; ; ++round) {
      await this.link.up();
      if (this.#interrupt.signal.aborted) {
        this.#interrupt = new AbortController();
        round = 0;
      }
      const { signal } = this.#interrupt;
      const rare = round % roundsBetweenRare === 0;
      const followed = this.transfers.filter((it) => it.url && (stages[it.stage].follow === "soon" || (rare && stages[it.stage].follow === "rarely")));
      for (const transfer of followed) await this.#ask(transfer, followed.length === 1, signal);
      await pause(roundMs, signal);
    }
  }

  async #ask(transfer: Transfer, alone: boolean, signal: AbortSignal): Promise<void> {
    const url = transfer.url;
    if (!url) return;
    // While bytes arrive the answer changes all the time, and a long question would not tell.
    const wait = alone && stages[transfer.stage].received ? waitSeconds : 0;
    try {
      const status = await uploadStatus(url, wait, signal);
      if (transfer.url === url) this.listener.learned(transfer, status);
    } catch (error) {
      if (error instanceof Refusal && error.gone && transfer.url === url) this.listener.lost(transfer);
      else if (error instanceof NoAnswer) this.link.suspect();
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
