// The health of the node, as GET /status?t=json tells it. No cap, no file name and no upload URL is in it.
import { askJson } from "./request.ts";

export interface ServerStatus {
  nodeid: string;
  nickname: string;
  version: string;
  connection_status: string;
  available_space: number | null;
  last_received_data: number | null;
}

export interface HelperStatus {
  name: string;
  connection_status: string;
}

export interface UploadLine {
  id: string;
  state: string;
  offset: number;
  length: number | null;
  shares_stored: number;
  shares_total: number;
  age_seconds: number;
}

export interface RecentLine {
  id: string;
  state: string;
  size: number;
  age_seconds: number;
  seconds: number;
}

export interface NodeStatus {
  servers: ServerStatus[];
  helpers: HelperStatus[];
  uploads: UploadLine[];
  recent: RecentLine[];
  version: string;
}

export async function nodeStatus(signal: AbortSignal): Promise<NodeStatus> {
  const status = await askJson<Partial<NodeStatus>>("/status?t=json", { signal });
  return { servers: [], helpers: [], uploads: [], recent: [], version: "", ...status };
}

/** Tahoe-LAFS has no field for it but this sentence. */
export function isConnected(status: string): boolean {
  return status.startsWith("Connected");
}
