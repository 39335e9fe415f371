// The end of an upload that is not wanted any more: it has come when the gateway says so.
import { NoAnswer, Refusal } from "../gateway/request.ts";
import { cancelUpload } from "../gateway/uploads_api.ts";
import type { Link } from "../link.ts";
import { backoff, pause, unless } from "./patience.ts";
import type { Transfer } from "./transfer.ts";

/** Asks until the gateway has dropped it, or does not have it. Throws the reason of `signal` only. */
export async function cancelAtGateway(transfer: Transfer, url: string, link: Link, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; ++attempt) {
    try {
      return await cancelUpload(url, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Refusal && error.gone) return;
      transfer.enter("cancelling", error instanceof NoAnswer ? waitsForLink : `Not yet: ${(error as Error).message}`);
      if (error instanceof NoAnswer) link.suspect();
      await unless(signal, link.up());
      await unless(signal, pause(backoff(attempt)));
    }
  }
}

const waitsForLink = "The gateway is told when it answers again.";
