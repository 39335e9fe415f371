// The health of this node: servers, helper, uploads of any client, what was stored lately. Asked for while somebody looks.
import { NoAnswer } from "../gateway/request.ts";
import { isConnected, nodeStatus, type NodeStatus, type RecentLine, type ServerStatus, type UploadLine } from "../gateway/status_api.ts";
import type { Link } from "../link.ts";
import { byId, h } from "./dom.ts";
import { bytes, bytesOf, duration, plural } from "./words.ts";

const lookMs = 5_000;

export async function showNode(link: Link): Promise<never> {
  for (;;) {
    await Promise.all([link.up(), visible()]);
    try {
      draw(await nodeStatus(new AbortController().signal));
    } catch (error) {
      if (error instanceof NoAnswer) link.suspect();
      else byId("grid-line").textContent = "";
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

function visible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", () => resolve(), { once: true }));
}

let drawn = "";

function draw(status: NodeStatus): void {
  const reachable = status.servers.filter((it) => isConnected(it.connection_status)).length;
  byId("grid-line").textContent = `${reachable} of ${plural(status.servers.length, "server")} reachable`;
  byId("version").textContent = status.version ? `Holdfast ${status.version}` : "Holdfast";
  const now = JSON.stringify(status);
  if (now === drawn) return;
  drawn = now;
  byId("node").replaceChildren(
    group("Servers", status.servers.map(serverLine), "This node knows no servers."),
    group("Upload helper", status.helpers.map((it) => line(it.connection_status, it.name, [reachability(it.connection_status)])), "None: this node sends to the servers itself."),
    group("Uploads in progress", status.uploads.map(uploadLine), "None."),
    group("Lately", status.recent.map(recentLine), "Nothing yet."),
  );
}

function group(title: string, lines: HTMLElement[], otherwise: string): HTMLElement {
  return h("div", { class: "group" }, h("h3", {}, title), lines.length > 0 ? h("ul", { class: "lines" }, ...lines) : h("p", { class: "note" }, otherwise));
}

function line(health: string, name: string, facts: string[]): HTMLElement {
  return h("li", { "data-connected": String(isConnected(health)) }, h("span", { class: "line-name" }, name), h("span", { class: "line-facts" }, facts.filter(Boolean).join(" · ")));
}

function reachability(status: string): string {
  return isConnected(status) ? "reachable" : "not reachable";
}

function serverLine(server: ServerStatus): HTMLElement {
  const space = server.available_space === null ? "" : `${bytes(server.available_space)} free`;
  const name = server.nickname || server.nodeid.slice(0, 8);
  return line(server.connection_status, name, [reachability(server.connection_status), space]);
}

function uploadLine(upload: UploadLine): HTMLElement {
  const whole = upload.length ?? upload.offset;
  const received = upload.offset < whole ? bytesOf(upload.offset, whole) : bytes(whole);
  const stored = upload.shares_total > 0 && upload.state !== "receiving" ? `${upload.shares_stored} of ${upload.shares_total} shares` : "";
  return line("Connected", upload.id, [upload.state, received, stored, duration(upload.age_seconds)]);
}

function recentLine(recent: RecentLine): HTMLElement {
  const health = recent.state === "failed" ? "" : "Connected";
  return line(health, recent.id, [recent.state === "committed" ? "stored" : recent.state, bytes(recent.size), `in ${duration(recent.seconds)}`, `${duration(recent.age_seconds)} ago`]);
}
