// One upload, from a picked file until the gateway has every byte of it: begin or compare, send, and after each failure what
// that failure asks for.
import { NoAnswer, Refusal } from "../gateway/request.ts";
import { cancelUpload, createUpload } from "../gateway/uploads_api.ts";
import type { Link } from "../link.ts";
import { compare, replace } from "./compare.ts";
import { backoff, pause, unless } from "./patience.ts";
import { forget, remember } from "./remembered.ts";
import { type Sender, Unproven } from "./sender.ts";
import { identityOf, type Transfer } from "./transfer.ts";

/** The file on this disk is not the one that was picked any more, or is gone: it has to be picked again. */
export class Unreadable extends Error {}

/** Throws Unreadable, Unproven when somebody else has brought the last of it, a Refusal that waiting does not help, or the reason of `signal`. */
export async function bringAcross(transfer: Transfer, link: Link, sender: Sender, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; ++attempt) {
    const before = transfer.received;
    try {
      await makeReady(transfer, signal);
      signal.throwIfAborted();
      transfer.enter("sending");
      await sender.send(transfer);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (transfer.received > before) attempt = 0;
      await recover(transfer, error, attempt, link, signal);
    }
  }
}

/** Until what the gateway has of this upload is nothing, or a part of this file. */
async function makeReady(transfer: Transfer, signal: AbortSignal): Promise<void> {
  const doubtful = transfer.received > transfer.proven && transfer.received < transfer.size;
  if (transfer.url && doubtful && !(await isSameFile(transfer, transfer.url, signal))) {
    // Bytes of two files must not come together.
    await cancelUpload(transfer.url, signal);
    abandon(transfer);
    transfer.remark = "This is not the same file as before; it starts anew.";
  }
  if (transfer.url) return;
  const file = transfer.file!;
  transfer.url = await createUpload(file, signal);
  transfer.identity = identityOf(file);
  remember(transfer.url, transfer.identity);
}

/** Then what the gateway has of it is right afterwards. */
async function isSameFile(transfer: Transfer, url: string, signal: AbortSignal): Promise<boolean> {
  const file = transfer.file!;
  transfer.enter("comparing");
  const progress = (compared: number, of: number) => {
    transfer.compared = compared;
    transfer.toCompare = of;
    transfer.changed();
  };
  const found = await compare(file, url, transfer.proven, progress, signal);
  // The file has not changed since, so it is the gateway's copy that is wrong there.
  const repairable = file.lastModified === transfer.identity.modified;
  if (found.wrong.length > 0 && !repairable) return false;
  await replace(file, url, found, signal);
  signal.throwIfAborted(); // what was found counts no more when another tab goes on
  transfer.proven = transfer.received = transfer.sent = found.end;
  if (found.wrong.length === 1) transfer.remark = "One damaged piece was replaced.";
  if (found.wrong.length > 1) transfer.remark = `${found.wrong.length} damaged pieces were replaced.`;
  return true;
}

/** Returns when it may be tried again. */
async function recover(transfer: Transfer, error: unknown, attempt: number, link: Link, signal: AbortSignal): Promise<void> {
  // To the network stack a file that changed while it was sent is a connection that broke.
  await assertReadable(transfer.file!);
  if (error instanceof NoAnswer) {
    transfer.enter("cut", "It goes on by itself when the gateway answers again.");
    link.suspect();
    await unless(signal, link.up());
    await unless(signal, pause(backoff(attempt)));
  } else if (error instanceof Unproven && error.offset < transfer.size) {
    transfer.received = error.offset;
    await unless(signal, pause(backoff(attempt)));
  } else if (error instanceof Refusal && error.gone && transfer.url) {
    abandon(transfer);
    transfer.remark = "The gateway no longer had the first part; it starts anew.";
    await unless(signal, pause(backoff(attempt)));
  } else if (error instanceof Refusal && error.temporary) {
    transfer.enter("delayed", error.message);
    await unless(signal, pause(error.retryAfter !== null ? error.retryAfter * 1000 : backoff(attempt)));
  } else {
    throw error;
  }
}

/** The next attempt makes a new upload. */
export function abandon(transfer: Transfer): void {
  if (transfer.url) forget(transfer.url);
  transfer.url = null;
  transfer.status = null;
  transfer.doubt();
  transfer.sent = transfer.received = 0;
}

async function assertReadable(file: File): Promise<void> {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Unreadable("The file has changed, or cannot be read any more.");
  }
}
