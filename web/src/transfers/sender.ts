// Bytes to the gateway: Uppy with tus. The upload is there already (gateway/uploads_api.ts), also for a file that is new, so
// tus only ever goes on at a URL. Left to itself, tus-js-client would begin a new upload when the gateway answers 503.
import { Uppy } from "@uppy/core";
import Tus from "@uppy/tus";
import type { DetailedError, HttpRequest, HttpResponse, Upload } from "tus-js-client";
import { NoAnswer, refusal } from "../gateway/request.ts";
import type { Transfer } from "./transfer.ts";

// A proxy that collects a whole request before it passes it on then holds back this much, and no more.
const chunkBytes = 8 * 1_048_576;
// Neither accepted nor given to the network: that connection is dead, though the gateway may answer on another.
const stallMs = 20_000;

/** The gateway has more than is known to be of this file: up to `offset`. To go on behind it would bring two files together. */
export class Unproven extends Error {
  constructor(readonly offset: number) {
    super("The gateway has more of it than this page has sent.");
  }
}

interface Sending {
  transfer: Transfer;
  resolve: () => void;
  reject: (error: unknown) => void;
  movedAt: number;
  paused: boolean;
}

export class Sender {
  readonly #uppy = new Uppy({ autoProceed: false });
  readonly #sending = new Map<string, Sending>();

  constructor() {
    this.#uppy.use(Tus, {
      limit: 0, // who may send is decided in desk.ts
      chunkSize: chunkBytes,
      retryDelays: [], // and so is when to try again
      onShouldRetry: () => false,
      storeFingerprintForResuming: false,
    });
    this.#uppy.on("upload-success", (file) => this.#end(file?.id)?.resolve());
    this.#uppy.on("upload-error", (file, error) => this.#end(file?.id)?.reject(translate(error)));
    this.#uppy.on("upload-progress", (file, progress) => this.#moved(file?.id, Number(progress.bytesUploaded)));
    setInterval(() => this.#restartStalled(), stallMs / 4);
  }

  /** Resolves when the gateway has every byte. Throws NoAnswer, Refusal, Unproven, or what reading the file throws. */
  send(transfer: Transfer): Promise<void> {
    return new Promise((resolve, reject) => {
      // A name of its own: two files may have the same name, size and time.
      const data = transfer.file!;
      const meta = { relativePath: transfer.id };
      const id = this.#uppy.addFile({ name: transfer.name, type: data.type, data, source: transfer.id, meta });
      const onBeforeRequest = (request: HttpRequest) => this.#offer(id, request);
      const onAfterResponse = (request: HttpRequest, response: HttpResponse) => this.#judge(id, request, response);
      this.#uppy.setFileState(id, { tus: { uploadUrl: transfer.url, endpoint: "", onBeforeRequest, onAfterResponse } } as object);
      this.#sending.set(id, { transfer, resolve, reject, movedAt: performance.now(), paused: false });
      // Its outcome is told by the events; Uppy's own promise is for all files of a batch.
      this.#uppy.upload().catch(() => {});
    });
  }

  /** The promise of `send` stays open. What the gateway has by then stays there. */
  pause(transfer: Transfer): void {
    this.#toggle(transfer, true);
  }

  resume(transfer: Transfer): void {
    this.#toggle(transfer, false);
  }

  isSending(transfer: Transfer): boolean {
    return this.#idOf(transfer) !== null;
  }

  /** Gives this attempt up. What the gateway has by then stays there. The promise of `send` is rejected with `reason`. */
  drop(transfer: Transfer, reason: unknown): void {
    const id = this.#idOf(transfer);
    if (id === null) return;
    // An upload that Uppy knows when its file is removed is deleted at the gateway too.
    const { uploaders } = this.#uppy.getPlugin("Tus") as unknown as { uploaders: Record<string, Upload | null> };
    void uploaders[id]?.abort(false);
    uploaders[id] = null;
    const sending = this.#sending.get(id)!;
    this.#sending.delete(id);
    this.#uppy.removeFile(id);
    sending.reject(reason);
  }

  #toggle(transfer: Transfer, paused: boolean): void {
    const id = this.#idOf(transfer);
    const sending = id === null ? null : this.#sending.get(id)!;
    if (!sending || sending.paused === paused) return;
    sending.paused = paused;
    sending.movedAt = performance.now();
    this.#uppy.pauseResume(id!);
  }

  #idOf(transfer: Transfer): string | null {
    for (const [id, sending] of this.#sending) if (sending.transfer === transfer) return id;
    return null;
  }

  /** No request of an attempt that was given up leaves any more. */
  #offer(id: string, request: HttpRequest): void {
    const transfer = this.#sending.get(id)?.transfer;
    if (!transfer) throw new Error("given up");
    if (request.getMethod() === "PATCH") transfer.offered = Math.max(transfer.offered, endOf(request, transfer));
  }

  /** Before tus goes on where an answer says: what is there must be of this file. The question for it has ended whoever else sent. */
  #judge(id: string, request: HttpRequest, response: HttpResponse): void {
    const transfer = this.#sending.get(id)?.transfer;
    if (!transfer) throw new Error("given up");
    const offset = Number(response.getHeader("Upload-Offset") ?? NaN);
    if (response.getStatus() >= 300 || !Number.isInteger(offset)) return; // tus makes an error of it
    const ours = request.getMethod() === "PATCH" ? endOf(request, transfer) : transfer.proven;
    if (offset > ours && !(offset === transfer.size && transfer.broughtHere)) throw new Unproven(offset);
    transfer.proven = offset;
  }

  #moved(id: string | undefined, bytes: number): void {
    const sending = this.#sending.get(id ?? "");
    if (!sending) return;
    sending.movedAt = performance.now();
    sending.transfer.sent = bytes;
    sending.transfer.changed();
  }

  /** Each attempt is a file of its own to Uppy, which would try a failed one again whenever another begins. */
  #end(id: string | undefined): Sending | undefined {
    const sending = this.#sending.get(id ?? "");
    if (!sending) return undefined;
    this.#sending.delete(id!);
    queueMicrotask(() => this.#uppy.removeFile(id!));
    return sending;
  }

  #restartStalled(): void {
    const now = performance.now();
    for (const [id, sending] of this.#sending) {
      if (sending.paused || now - sending.movedAt < stallMs) continue;
      sending.movedAt = now;
      this.#uppy.pauseResume(id);
      this.#uppy.pauseResume(id);
    }
  }
}

/** Of the bytes of the file that are in this request. */
function endOf(request: HttpRequest, transfer: Transfer): number {
  return Math.min(Number(request.getHeader("Upload-Offset")) + chunkBytes, transfer.size);
}

/** What went wrong, by what it asks for. */
function translate(error: unknown): unknown {
  const cause = (error as { cause?: unknown }).cause ?? error;
  const { causingError, originalRequest, originalResponse } = cause as Partial<DetailedError>;
  if (causingError instanceof Unproven) return causingError;
  const status = originalResponse?.getStatus() ?? 0;
  if (originalResponse && status >= 400) return refusal(status, (name) => originalResponse.getHeader(name) ?? null, originalResponse.getBody());
  // Who answers well, but without what an answer of the gateway has, is not the gateway.
  return originalRequest ? new NoAnswer(String(error)) : error;
}
