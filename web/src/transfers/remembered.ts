// What this browser remembers of its uploads, so that they go on after a reload or a crash: their URLs and what file it was.
// One key for each, so that tabs do not overwrite each other's. No cap is kept: the gateway is asked for it.
import type { FileIdentity } from "./transfer.ts";

export interface Remembered extends FileIdentity {
  url: string;
  since: number;
}

const prefix = "holdfast.upload.";

export function remember(url: string, identity: FileIdentity): void {
  try {
    localStorage.setItem(prefix + tokenOf(url), JSON.stringify({ ...identity, url, since: Date.now() }));
  } catch {
    // Storage is full or forbidden: the upload works, and does not survive this page.
  }
}

export function forget(url: string): void {
  try {
    localStorage.removeItem(prefix + tokenOf(url));
  } catch {
    // As above.
  }
}

/** Oldest first. */
export function allRemembered(): Remembered[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .map((key) => JSON.parse(localStorage.getItem(key) ?? "null"))
      .filter(isRemembered)
      .sort((a, b) => a.since - b.since);
  } catch {
    return [];
  }
}

function isRemembered(value: unknown): value is Remembered {
  const it = value as Remembered | null;
  return typeof it?.url === "string" && it.url.startsWith("/uploads/") && typeof it.name === "string" && typeof it.size === "number";
}

function tokenOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}
