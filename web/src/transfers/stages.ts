// The life of an upload as a person sees it, as a table: what each stage is called, and what can be done in it.
//
//   queued -> comparing -> sending -> storing -> stored
//                |  ^      |  ^  |       |  ^
//                v  |      v  |  v       v  |
//               paused, cut, delayed     short            (go on by themselves, but for paused)
//   recalled: known from before a reload; the gateway is asked for it.      failed: nothing goes on.
//   cancelling: until the gateway says that it has dropped it.
//   unpicked: and the gateway lacks a part of it: the file is to be picked again.

export type Stage =
  | "recalled"
  | "queued"
  | "comparing"
  | "sending"
  | "paused"
  | "cut"
  | "delayed"
  | "unpicked"
  | "storing"
  | "short"
  | "stored"
  | "cancelling"
  | "failed";

export type Action = "pause" | "resume" | "pick" | "retry" | "cancel" | "remove";

interface StageFacts {
  label: string;
  actions: Action[];
  /** The gateway has every byte, durably. */
  received: boolean;
  /** How soon its word is asked for again. */
  follow: "soon" | "rarely" | "never";
}

export const stages: Record<Stage, StageFacts> = {
  recalled: { label: "Asking the gateway", actions: ["cancel"], received: false, follow: "soon" },
  queued: { label: "Next in line", actions: ["pause", "cancel"], received: false, follow: "never" },
  comparing: { label: "Comparing", actions: ["pause", "cancel"], received: false, follow: "soon" },
  sending: { label: "Sending", actions: ["pause", "cancel"], received: false, follow: "soon" },
  paused: { label: "Paused", actions: ["resume", "cancel"], received: false, follow: "rarely" },
  cut: { label: "Waiting for the network", actions: ["pause", "cancel"], received: false, follow: "never" },
  delayed: { label: "Waiting for the gateway", actions: ["retry", "cancel"], received: false, follow: "rarely" },
  unpicked: { label: "Choose the file again", actions: ["pick", "cancel"], received: false, follow: "rarely" },
  storing: { label: "Received, being stored", actions: ["cancel"], received: true, follow: "soon" },
  short: { label: "Received, waiting for servers", actions: ["cancel"], received: true, follow: "soon" },
  stored: { label: "Stored", actions: ["remove"], received: true, follow: "never" },
  cancelling: { label: "Being cancelled", actions: ["remove"], received: false, follow: "never" },
  failed: { label: "Failed", actions: ["retry", "remove"], received: false, follow: "never" },
};
