// Files in: by the file dialog, or dropped anywhere on the page.
import type { Uploads } from "../transfers/uploads.ts";
import { byId } from "./dom.ts";

export function listenForFiles(uploads: Uploads): void {
  const input = byId<HTMLInputElement>("pick");
  input.addEventListener("change", () => {
    take(uploads, Array.from(input.files ?? []));
    input.value = ""; // so that the same file can be picked again
  });
  const zone = byId("drop");
  let depth = 0; // enter and leave come for each element that is crossed
  const over = (by: number) => {
    depth = Math.max(0, depth + by);
    zone.classList.toggle("over", depth > 0);
  };
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragenter", (event) => hasFiles(event) && over(1));
  document.addEventListener("dragleave", (event) => hasFiles(event) && over(-1));
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over(-depth);
    const folders = foldersIn(event.dataTransfer!);
    take(uploads, Array.from(event.dataTransfer!.files).filter((file) => !folders.includes(file.name)));
    if (folders.length > 0) byId("said").textContent = `Folders cannot be stored yet: ${folders.join(", ")}.`;
  });
}

function take(uploads: Uploads, files: Iterable<File>): void {
  byId("said").textContent = "";
  uploads.pick(files);
}

/** Among files they look like files that cannot be read. */
function foldersIn(dropped: DataTransfer): string[] {
  const entries = Array.from(dropped.items, (item) => item.webkitGetAsEntry?.());
  return entries.filter((entry) => entry?.isDirectory).map((entry) => entry!.name);
}
