// What a row says about an upload, as text: pure functions of its state.
import type { Transfer } from "../transfers/transfer.ts";
import { bytes, bytesOf, duration } from "./words.ts";

/** "1.20 of 3.10 GB". Received is what the gateway holds durably, no more. */
export function receivedText(transfer: Transfer): string {
  return transfer.received >= transfer.size ? `all ${bytes(transfer.size)}` : bytesOf(transfer.received, transfer.size);
}

export function storedText({ status, stage }: Transfer): string {
  if (!status || status.shares_total === 0) return stage === "stored" ? "stored" : "not yet";
  return `${status.shares_stored} of ${status.shares_total} shares`;
}

/** "12.0 MB/s, 3 min left", while something moves. */
export function paceText(transfer: Transfer): string {
  const { stage, status, speed } = transfer;
  if (stage === "comparing" && transfer.toCompare > 0) return bytesOf(transfer.compared, transfer.toCompare);
  let left: number;
  if (stage === "sending") left = transfer.size - transfer.received;
  else if (stage === "storing" && status) left = status.push_bytes_total - status.pushed_bytes;
  else return "";
  const rate = speed.perSecond();
  if (rate === null || left <= 0) return "";
  const seconds = speed.secondsFor(left);
  return `${bytes(rate)}/s` + (seconds === null ? "" : `, ${duration(seconds)} left`);
}

export function noteText({ stage, note, remark, status }: Transfer): string {
  if (note) return note;
  if (stage === "sending") return remark;
  if (stage === "comparing") return "Each piece that the gateway has is compared with this file before it is skipped.";
  if (stage === "unpicked") return "A page may not keep hold of a file: choose the same one, and it goes on where it was.";
  if (stage === "storing") return "You may close this page: the gateway has all of it and stores it by itself.";
  if (stage === "short" && status) return `${status.servers_answering} of ${status.servers_known} servers answer, and ${status.happy} are needed. The gateway goes on by itself; you may close this page.`;
  if (stage === "stored" && status?.expires_in) return `Keep the cap now: this page can show it for another ${duration(status.expires_in)}.`;
  return "";
}
