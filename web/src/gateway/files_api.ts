// Files by their caps: what is known of one, whether it is healthy, where it can be had. No cap is ever put in the URL of the page.
import { askJson, Refusal } from "./request.ts";

export interface FileFacts {
  cap: string;
  size: number;
}

/** Of one check: how many shares there are, and on how many servers. */
export interface Health {
  healthy: boolean;
  recoverable: boolean;
  sharesGood: number;
  sharesNeeded: number;
  sharesExpected: number;
  serversWithShares: number;
  serversAnswering: number;
  /** The file is in the cap itself: no server has a part in it. */
  literal: boolean;
}

interface CheckAnswer {
  results: {
    healthy: boolean;
    recoverable?: boolean;
    "count-shares-good"?: number;
    "count-shares-needed"?: number;
    "count-shares-expected"?: number;
    "count-good-share-hosts"?: number;
    "servers-responding"?: string[];
  };
}

export async function fileFacts(cap: string, signal: AbortSignal): Promise<FileFacts> {
  const [kind, facts] = await askJson<[string, { ro_uri?: string; size?: number }]>(`${capPath(cap)}?t=json`, { signal });
  if (kind !== "filenode" || typeof facts.size !== "number") throw new Refusal(400, "That is not the cap of a file.");
  return { cap: facts.ro_uri ?? cap, size: facts.size };
}

export async function checkHealth(cap: string, signal: AbortSignal): Promise<Health> {
  const question = { method: "POST", signal, patience: 180_000 };
  const { results } = await askJson<CheckAnswer>(`${capPath(cap)}?t=check&output=JSON`, question);
  return {
    healthy: results.healthy,
    recoverable: results.recoverable ?? results.healthy,
    sharesGood: results["count-shares-good"] ?? 0,
    sharesNeeded: results["count-shares-needed"] ?? 0,
    sharesExpected: results["count-shares-expected"] ?? 0,
    serversWithShares: results["count-good-share-hosts"] ?? 0,
    serversAnswering: results["servers-responding"]?.length ?? 0,
    literal: results["count-shares-good"] === undefined,
  };
}

/** Answers with ranges and a strong ETag, so that whatever downloads it can go on where it was cut. */
export function downloadUrl(cap: string, name: string): string {
  return `${capPath(cap)}?filename=${encodeURIComponent(name)}&save=true`;
}

function capPath(cap: string): string {
  return "/uri/" + encodeURIComponent(cap).replaceAll("%3A", ":");
}
