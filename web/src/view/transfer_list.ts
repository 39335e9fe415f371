// The rows of all uploads, newest last, and where the focus goes when one is removed.
import type { Transfer } from "../transfers/transfer.ts";
import type { Said, Uploads } from "../transfers/uploads.ts";
import { announce } from "./announcer.ts";
import { byId, h } from "./dom.ts";
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
    const { sentence, offer } = (event as CustomEvent<Said>).detail;
    announce(sentence);
    byId("said").replaceChildren(sentence);
    if (offer) byId("said").append(" ", offerButton(offer));
  });
}

function offerButton({ label, accept }: NonNullable<Said["offer"]>): HTMLElement {
  const onclick = () => {
    byId("said").textContent = "";
    byId("pick").focus(); // the focus must not be lost when its button goes
    accept();
  };
  return h("button", { type: "button", class: "quiet", onclick }, label);
}
