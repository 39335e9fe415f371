// The rows of all uploads, newest last, and where the focus goes when one is removed.
import type { Transfer } from "../transfers/transfer.ts";
import type { Uploads } from "../transfers/uploads.ts";
import { announce } from "./announcer.ts";
import { byId } from "./dom.ts";
import { TransferRow } from "./transfer_row.ts";

export function showTransfers(uploads: Uploads): void {
  const list = byId<HTMLUListElement>("transfers");
  const rows = new Map<Transfer, TransferRow>();

  uploads.addEventListener("added", (event) => {
    const transfer = (event as CustomEvent<Transfer>).detail;
    const row = new TransferRow(transfer, uploads);
    rows.set(transfer, row);
    list.append(row.element);
  });

  uploads.addEventListener("removed", (event) => {
    const transfer = (event as CustomEvent<Transfer>).detail;
    const row = rows.get(transfer);
    if (!row) return;
    const hadFocus = row.element.contains(document.activeElement);
    const neighbour = [...rows.values()].find((it) => it.element === (row.element.nextElementSibling ?? row.element.previousElementSibling));
    row.element.remove();
    rows.delete(transfer);
    announce(`${transfer.name} is off the list.`);
    if (!hadFocus) return;
    if (neighbour) neighbour.focus();
    else byId("pick").focus();
  });

  uploads.addEventListener("said", (event) => {
    const sentence = (event as CustomEvent<string>).detail;
    announce(sentence);
    byId("said").textContent = sentence;
  });
}
