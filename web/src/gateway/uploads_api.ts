// Upload handles as the gateway has them: docs/gateway.md, "Uploads". The bytes themselves go by tus (transfers/sender.ts).
import { askFields, askJson, NoAnswer, type Question } from "./request.ts";

const tus = { "Tus-Resumable": "1.0.0" };

/** What the gateway says of an upload. `receiving` ends when all bytes are durable there; `committed` is stored and proven. */
export interface UploadStatus {
  state: "receiving" | "committing" | "waiting" | "committed" | "failed" | "cancelled";
  offset: number;
  length: number | null;
  name: string;
  type: string;
  shares_stored: number;
  shares_total: number;
  happy: number;
  servers_answering: number;
  servers_known: number;
  pushed_bytes: number;
  push_bytes_total: number;
  note: string;
  cap?: string;
  error?: string;
  retry_in?: number;
  expires_in?: number;
}

/** docs/gateway.md, "Is it the right file?" */
export const pieceBytes = 1_048_576;

/** SHA-256 of each whole piece of what the gateway holds durably, and of its tail. */
export interface Digests {
  piece_bytes: number;
  offset: number;
  first: number;
  digests: string[];
}

/** A new upload; its URL on this origin, which is a secret: who has it may go on with it. */
export async function createUpload(file: File, signal: AbortSignal): Promise<string> {
  const metadata = [`filename ${base64(file.name)}`];
  if (file.type) metadata.push(`filetype ${base64(file.type)}`);
  const headers = { ...tus, "Upload-Length": String(file.size), "Upload-Metadata": metadata.join(",") };
  const told = await askTus("/uploads", { method: "POST", headers, signal });
  const location = told.get("Location");
  if (!location) throw new NoAnswer("the answer has no Location");
  // By path alone: a proxy in front may not know by which scheme and name it was called.
  return new URL(location, window.location.href).pathname;
}

/** With `wait`, answers when something changes, so many seconds later at the latest. */
export async function uploadStatus(url: string, wait: number, signal: AbortSignal): Promise<UploadStatus> {
  const query = wait > 0 ? `?t=status&wait=${wait}` : "?t=status";
  // With 410 comes the status of an upload that has ended.
  const status = await askJson<UploadStatus>(url + query, { signal, patience: (wait + 15) * 1000, also: 410 });
  if (typeof status?.state !== "string") throw new NoAnswer("that is not the status of an upload");
  return status;
}

export async function uploadDigests(url: string, first: number, count: number, signal: AbortSignal): Promise<Digests> {
  const told = await askJson<Digests>(`${url}?digests&first=${first}&count=${count}`, { signal, patience: 60_000 });
  if (!Array.isArray(told?.digests)) throw new NoAnswer("these are not the digests of an upload");
  return told;
}

export async function replacePiece(url: string, piece: number, bytes: Blob, signal: AbortSignal): Promise<void> {
  const told = await askFields(`${url}?piece=${piece}`, { method: "PUT", body: bytes, signal, patience: 60_000 });
  if (!told.has("Upload-Offset")) throw new NoAnswer("the answer has no Upload-Offset");
}

export async function cancelUpload(url: string, signal: AbortSignal): Promise<void> {
  await askTus(url, { method: "DELETE", headers: tus, signal });
}

/** What a portal on the way answers to everything, with 200 even, does not count. */
async function askTus(url: string, question: Question): Promise<Headers> {
  const told = await askFields(url, question);
  if (!told.has("Tus-Resumable")) throw new NoAnswer("the answer has no Tus-Resumable");
  return told;
}

/** Of the UTF-8 of a text. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
