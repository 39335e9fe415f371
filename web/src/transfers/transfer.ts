// One upload as this page knows it. Whoever changes it says so; the view listens.
import type { UploadStatus } from "../gateway/uploads_api.ts";
import { Speed } from "./speed.ts";
import type { Stage } from "./stages.ts";

/** What tells files apart before a byte of them is read. The browser gives no path. */
export interface FileIdentity {
  name: string;
  size: number;
  modified: number;
}

export function identityOf(file: File): FileIdentity {
  return { name: file.name, size: file.size, modified: file.lastModified };
}

export class Transfer extends EventTarget {
  static #count = 0;
  readonly id = `transfer-${++Transfer.#count}`;

  file: File | null = null;
  /** Where the gateway has it; a secret. */
  url: string | null = null;
  /** What the gateway has of it is this file's up to here: compared, or confirmed to this page, which sent it. */
  proven = 0;
  /** The end of what this page has begun to send; all of it, or some, may have arrived. */
  offered = 0;
  stage: Stage = "queued";
  /** Of the file: compared with what the gateway has; given to the network; durable at the gateway. */
  compared = 0;
  toCompare = 0;
  sent = 0;
  received = 0;
  /** The gateway's last word. */
  status: UploadStatus | null = null;
  /** One sentence: what is waited for, what went wrong; of this stage. */
  note = "";
  /** One that stays: what was found when the file was picked again. */
  remark = "";
  readonly speed = new Speed();

  constructor(public identity: FileIdentity) {
    super();
  }

  get name(): string {
    return this.identity.name;
  }

  get size(): number {
    return this.identity.size;
  }

  enter(stage: Stage, note = ""): void {
    if (stage !== this.stage) this.speed.restart();
    this.stage = stage;
    this.note = note;
    this.dispatchEvent(new Event("stage"));
    this.changed();
  }

  /** If the gateway has all of it: then the last of it came from here. Its answer to that may have been lost, and a whole upload
      tells no digests any more. */
  get broughtHere(): boolean {
    return Math.max(this.proven, this.offered) === this.size;
  }

  /** Somebody else may have written there meanwhile, or it is another file: everything is to be compared. */
  doubt(): void {
    this.proven = this.offered = 0;
  }

  changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
