// SHA-256 of a piece. Browsers have WebCrypto on HTTPS and on localhost only; elsewhere it is computed in JavaScript, slower.
import { sha256 as sha256InScript } from "@noble/hashes/sha2.js";

export async function sha256Hex(bytes: ArrayBuffer): Promise<string> {
  const digest = crypto.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)) : sha256InScript(new Uint8Array(bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
