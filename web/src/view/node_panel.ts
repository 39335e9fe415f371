// The health of this node: servers, helper, uploads of any client, what was stored lately. Asked for while somebody looks.
import { NoAnswer } from "../gateway/request.ts";
import { isConnected, nodeStatus, type NodeStatus, type RecentLine, type ServerStatus, type UploadLine } from "../gateway/status_api.ts";
import type { Link } from "../link.ts";
import { byId, h, setText } from "./dom.ts";
import { bytes, bytesOf, duration, plural } from "./words.ts";

const lookMs = 5_000;
const latelyMax = 8;
const stateWords: Record<string, string> = { committing: "being stored", waiting: "waiting for servers", committed: "stored" };

export async function showNode(link: Link): Promise<never> {
  link.addEventListener("down", sayThatItIsOld);
  for (;;) {
    await Promise.all([link.up(), visible()]);
    try {
      draw(await nodeStatus(new AbortController().signal));
    } catch (error) {
      if (error instanceof NoAnswer) link.suspect();
      else setText(byId("grid-line"), "");
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

function visible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", () => resolve(), { once: true }));
}

function sayThatItIsOld(): void {
  setText(byId("grid-line"), "");
  if (byId("node").hidden) return;
  setText(byId("node-unknown"), "This is how it was when the gateway answered last.");
  byId("node-unknown").hidden = false;
}

/** A line of a group: who, and what there is to say. */
interface Line {
  mark: "good" | "received" | "ended" | "bad";
  name: string;
  facts: string[];
}

function draw(status: NodeStatus): void {
  const reachable = status.servers.filter((it) => isConnected(it.connection_status)).length;
  setText(byId("grid-line"), `${reachable} of ${plural(status.servers.length, "server")} reachable`);
  setText(byId("version"), "Holdfast " + status.version.replace(/^holdfast\//, ""));
  byId("node-unknown").hidden = true;
  byId("node").hidden = false;
  drawGroup("node-servers", status.servers.map(serverLine));
  drawGroup("node-helpers", status.helpers.map(({ name, connection_status }) => peerLine(name, connection_status, "")));
  drawGroup("node-uploads", status.uploads.map(uploadLine));
  drawGroup("node-recent", lately(status.recent).map(recentLine));
}

/** Elements stay and only texts change, so that reading and selecting are not disturbed every few seconds. */
function drawGroup(id: string, lines: Line[]): void {
  const list = byId(id);
  while (list.children.length > lines.length) list.lastChild!.remove();
  while (list.children.length < lines.length) list.append(h("li", {}, h("span", { class: "line-name" }), h("span", { class: "line-facts" })));
  for (const [i, line] of lines.entries()) {
    const item = list.children[i] as HTMLElement;
    item.dataset["mark"] = line.mark;
    setText(item.children[0]!, line.name);
    setText(item.children[1]!, line.facts.filter(Boolean).join(" · "));
  }
}

function peerLine(name: string, connection: string, space: string): Line {
  const good = isConnected(connection);
  return { mark: good ? "good" : "bad", name, facts: [good ? "reachable" : "not reachable", space] };
}

function serverLine(server: ServerStatus): Line {
  const space = server.available_space === null ? "" : `${bytes(server.available_space)} free`;
  return peerLine(server.nickname || server.nodeid.slice(0, 8), server.connection_status, space);
}

function uploadLine(upload: UploadLine): Line {
  const whole = upload.length ?? upload.offset;
  const received = upload.offset < whole ? bytesOf(upload.offset, whole) : bytes(whole);
  const stored = upload.shares_total > 0 && upload.state !== "receiving" ? `${upload.shares_stored} of ${upload.shares_total} shares` : "";
  const state = upload.state === "receiving" && upload.sending === false ? "dormant" : (stateWords[upload.state] ?? upload.state);
  return { mark: "received", name: upload.id, facts: [state, received, stored, duration(upload.age_seconds)] };
}

function lately(recent: RecentLine[]): RecentLine[] {
  return [...recent].sort((a, b) => a.age_seconds - b.age_seconds).slice(0, latelyMax);
}

function recentLine(recent: RecentLine): Line {
  const state = stateWords[recent.state] ?? recent.state;
  const size = recent.size === undefined ? "" : bytes(recent.size);
  const mark = recent.state === "committed" ? "good" : recent.state === "failed" ? "bad" : "ended";
  return { mark, name: recent.id, facts: [state, size, `${duration(recent.age_seconds)} ago`] };
}
