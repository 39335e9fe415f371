// Numbers as people read them.

const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/** Three significant digits, in powers of 1000 as disks and links are sold. */
export function bytes(count: number): string {
  if (count === 1) return "1 byte";
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** Named so that the total is in the same unit: "1.20 of 3.10 GB". */
export function bytesOf(part: number, whole: number): string {
  const [partText, wholeText] = [bytes(part), bytes(whole)];
  const [value, unit] = partText.split(" ");
  return wholeText.endsWith(` ${unit}`) ? `${value} of ${wholeText}` : `${partText} of ${wholeText}`;
}

export function duration(seconds: number): string {
  if (seconds < 1.5) return "a second";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  const minutes = Math.round((seconds % 3600) / 60);
  return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
