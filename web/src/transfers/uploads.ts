// All uploads of this page: what is picked, what waits its turn, what a person wants done with it.
import type { UploadStatus } from "../gateway/uploads_api.ts";
import type { Link } from "../link.ts";
import { abandon, bringAcross, Unreadable } from "./bring_across.ts";
import { cancelAtGateway } from "./cancel.ts";
import { Follower, type Listener } from "./follower.ts";
import { allRemembered, forget } from "./remembered.ts";
import { Sender, Unproven } from "./sender.ts";
import { type Action, stages } from "./stages.ts";
import { Tabs } from "./tabs.ts";
import { identityOf, Transfer } from "./transfer.ts";

// More do not make one link faster, and browsers keep to six connections.
const atOnceMax = 2;

/** A sentence for people, and perhaps what they may want all the same. */
export interface Said {
  sentence: string;
  offer?: { label: string; accept: () => void };
}

/** Tells "added" (a Transfer), "removed" (a Transfer), "said" (Said). */
export class Uploads extends EventTarget implements Listener {
  readonly #list: Transfer[] = [];
  readonly #running = new Map<Transfer, AbortController>();
  readonly #sender = new Sender();
  readonly #tabs = new Tabs();
  readonly #follower: Follower;

  constructor(private readonly link: Link) {
    super();
    this.#follower = new Follower(this.#list, link, this);
    // Requests into a silence may stay open for minutes; these ended when the link was found down.
    link.addEventListener("down", () => this.#eachSending((it) => (this.#sender.pause(it), it.enter("cut", waitsForLink))));
    link.addEventListener("up", () => this.#eachSending((it) => it.stage === "cut" && (this.#sender.resume(it), it.enter("sending"))));
    this.#tabs.onTaken((url) => this.#yield(url));
  }

  get sendingAny(): boolean {
    return this.#list.some((it) => it.stage === "sending" || it.stage === "comparing");
  }

  /** What an earlier visit left. */
  restore(): void {
    for (const { url, name, size, modified } of allRemembered()) {
      const transfer = new Transfer({ name, size, modified });
      transfer.url = url;
      transfer.stage = "recalled";
      this.#add(transfer);
    }
    this.#follower.nudge();
  }

  /** Picked or dropped. A file that an earlier visit left unfinished goes on; that is proven before a byte is skipped. */
  pick(files: Iterable<File>): void {
    const doubles: File[] = [];
    for (const file of files) {
      const unfinished = this.#unfinishedOf(file);
      if (unfinished) this.pickFor(unfinished, file);
      else if (this.#hasAlready(file)) doubles.push(file);
      else this.#begin(file);
    }
    this.#startNext();
    if (doubles.length > 0) this.#sayDoubles(doubles);
  }

  /** Another folder may have another file of that name, size and time: the browser does not say which one it is. */
  #sayDoubles(files: File[]): void {
    const accept = () => {
      for (const file of files) this.#begin(file);
      this.#startNext();
    };
    const names = files.map((file) => file.name).join(", ");
    this.#say(`In the list already, by name, size and time: ${names}.`, { label: "Add all the same", accept });
  }

  #begin(file: File): void {
    const transfer = new Transfer(identityOf(file));
    transfer.file = file;
    this.#add(transfer);
  }

  /** The same, for a transfer that the person pointed to. */
  pickFor(transfer: Transfer, file: File): void {
    if (file.size !== transfer.size) {
      this.#say(`${file.name} is not the file that was begun: its size is another one.`);
      return;
    }
    transfer.file = file;
    transfer.doubt();
    transfer.enter("queued");
    this.#startNext();
  }

  act(transfer: Transfer, action: Action): void {
    if (action === "pause") this.#pause(transfer);
    if (action === "resume") this.#resume(transfer);
    if (action === "retry") this.#retry(transfer);
    if (action === "cancel") void this.#cancel(transfer);
    if (action === "remove") this.#remove(transfer);
    this.#startNext();
  }

  learned(transfer: Transfer, status: UploadStatus): void {
    const ended = status.state === "failed" || status.state === "cancelled";
    if (ended && this.#running.has(transfer)) return; // whose own request finds out too
    transfer.status = status;
    transfer.received = status.offset;
    if (transfer.stage === "sending") transfer.speed.note(status.offset);
    if (status.state === "receiving" && transfer.stage === "recalled") transfer.enter("unpicked");
    else if (status.state === "receiving") transfer.changed();
    // All is there, but the last answer was lost or a pause came in between: tus finds out by one question.
    else if (this.#running.has(transfer)) this.#sender.resume(transfer);
    else this.#settle(transfer, status);
  }

  lost(transfer: Transfer): void {
    if (this.#running.has(transfer)) return; // whose own request finds out too
    // Its URL is kept until the person has read this and removes it: whoever said so may be wrong.
    transfer.enter("failed", "The gateway no longer has this upload; it may have been waiting for too long.");
  }

  #settle(transfer: Transfer, status: UploadStatus): void {
    // A note says what is waited for; between two attempts and in the middle of one.
    const waits = status.state === "waiting" || (status.state === "committing" && status.note !== "");
    if (waits) transfer.enter("short", status.servers_answering >= status.happy ? status.note : "");
    else if (status.state === "committing") transfer.enter("storing");
    const elsewhere = transfer.file !== null && !transfer.broughtHere;
    if (status.state === "committed") transfer.enter("stored", elsewhere ? finishedElsewhere : status.note);
    if (status.state === "failed") transfer.enter("failed", status.error || status.note || "The gateway has given it up.");
    if (status.state === "cancelled") this.#remove(transfer);
    if (stages[transfer.stage].received) transfer.speed.note(status.pushed_bytes);
  }

  #add(transfer: Transfer): void {
    this.#list.push(transfer);
    this.dispatchEvent(new CustomEvent("added", { detail: transfer }));
  }

  #remove(transfer: Transfer): void {
    if (!this.#list.includes(transfer)) return;
    this.#halt(transfer, "removed");
    if (transfer.url) forget(transfer.url);
    this.#list.splice(this.#list.indexOf(transfer), 1);
    this.dispatchEvent(new CustomEvent("removed", { detail: transfer }));
  }

  #startNext(): void {
    const busy = [...this.#running.keys()].filter((it) => it.stage !== "paused" && it.stage !== "cancelling").length;
    for (const transfer of this.#list.filter((it) => it.stage === "queued").slice(0, Math.max(0, atOnceMax - busy))) void this.#start(transfer);
  }

  async #start(transfer: Transfer): Promise<void> {
    const stop = new AbortController();
    this.#running.set(transfer, stop);
    transfer.enter(transfer.url ? "comparing" : "sending");
    if (transfer.url) this.#tabs.take(transfer.url);
    this.#follower.nudge();
    try {
      await bringAcross(transfer, this.link, this.#sender, stop.signal);
      transfer.proven = transfer.received = transfer.sent = transfer.size;
      transfer.enter("storing");
    } catch (error) {
      if (error instanceof Unreadable) transfer.enter("unpicked", error.message);
      else if (error instanceof Unproven) transfer.enter("recalled");
      else if (!stop.signal.aborted) transfer.enter("failed", (error as Error).message);
    } finally {
      if (this.#running.get(transfer) === stop) this.#running.delete(transfer);
      this.#follower.nudge();
      this.#startNext();
    }
  }

  /** What the gateway has by the time that it is resumed here may be of the file that was picked there. */
  #yield(url: string): void {
    const transfer = this.#list.find((it) => it.url === url);
    if (!transfer || transfer.stage === "cancelling") return;
    transfer.doubt();
    if (!this.#running.has(transfer) && transfer.stage !== "queued") return;
    this.#halt(transfer, "another tab goes on with it");
    transfer.enter("paused", "Another tab goes on with it.");
    this.#startNext();
  }

  #pause(transfer: Transfer): void {
    if (this.#sender.isSending(transfer)) this.#sender.pause(transfer);
    else this.#stop(transfer);
    transfer.enter("paused");
  }

  #resume(transfer: Transfer): void {
    if (!this.#sender.isSending(transfer)) return transfer.enter("queued");
    if (this.link.isDown) return transfer.enter("cut", waitsForLink);
    if (transfer.url) this.#tabs.take(transfer.url);
    transfer.enter("sending");
    this.#sender.resume(transfer);
  }

  #retry(transfer: Transfer): void {
    this.#stop(transfer);
    if (transfer.status?.state === "failed") abandon(transfer);
    transfer.enter(transfer.file ? "queued" : transfer.url ? "recalled" : "unpicked");
  }

  /** The row goes when the gateway has dropped the upload, or when the person does not want to see that. */
  async #cancel(transfer: Transfer): Promise<void> {
    const { url } = transfer;
    this.#halt(transfer, "cancelled");
    if (!url) return this.#remove(transfer);
    const stop = new AbortController();
    this.#running.set(transfer, stop);
    transfer.enter("cancelling");
    try {
      await cancelAtGateway(transfer, url, this.link, stop.signal);
      this.#remove(transfer);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  }

  /** Whatever goes on for it, without a word to the gateway. */
  #halt(transfer: Transfer, why: string): void {
    this.#stop(transfer);
    this.#sender.drop(transfer, new Error(why));
  }

  #stop(transfer: Transfer): void {
    this.#running.get(transfer)?.abort(new Error("stopped"));
    this.#running.delete(transfer);
  }

  #eachSending(what: (transfer: Transfer) => void): void {
    for (const it of this.#list) if (it.stage !== "paused" && this.#sender.isSending(it)) what(it);
  }

  #unfinishedOf(file: File): Transfer | undefined {
    const unfinished = (stage: string) => stage === "unpicked" || stage === "recalled";
    const same = this.#list.filter((it) => unfinished(it.stage) && it.name === file.name && it.size === file.size);
    return same.find((it) => it.identity.modified === file.lastModified) ?? same[0];
  }

  #hasAlready({ name, size, lastModified }: File): boolean {
    return this.#list.some(
      (it) => it.stage !== "stored" && it.stage !== "failed" && it.name === name && it.size === size && it.identity.modified === lastModified,
    );
  }

  #say(sentence: string, offer?: Said["offer"]): void {
    this.dispatchEvent(new CustomEvent<Said>("said", { detail: { sentence, offer } }));
  }
}

const finishedElsewhere = "Somebody else brought the last of it, another tab perhaps: this is the file that was chosen there.";
const waitsForLink = "It goes on by itself when the gateway answers again.";
