// Says when the gateway cannot be reached, and when it can again.
import type { Link } from "../link.ts";
import { announce } from "./announcer.ts";
import { byId } from "./dom.ts";

export function showLink(link: Link): void {
  const banner = byId("link");
  link.addEventListener("down", () => {
    banner.hidden = false;
    announce("The gateway cannot be reached. Uploads go on by themselves when it answers again.");
  });
  link.addEventListener("up", () => {
    banner.hidden = true;
    announce("The gateway answers again.");
  });
}
