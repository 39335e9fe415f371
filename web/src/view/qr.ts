// A QR code as one path of SVG: sharp at any size, black on white in dark mode too, as scanners want it.
import { generate } from "lean-qr";

const svg = "http://www.w3.org/2000/svg";
const quiet = 4; // modules of white around it, as ISO/IEC 18004 demands

export function qrCode(text: string, label: string): SVGSVGElement {
  const code = generate(text);
  const side = code.size + 2 * quiet;
  const image = document.createElementNS(svg, "svg");
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${side} ${side}`, class: "qr", role: "img", "aria-label": label })) {
    image.setAttribute(name, value);
  }
  const path = document.createElementNS(svg, "path");
  path.setAttribute("d", rows(code));
  image.append(path);
  return image;
}

function rows(code: { size: number; get(x: number, y: number): boolean }): string {
  let out = "";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) out += `M${x + quiet} ${y + quiet}h1v1h-1z`;
  }
  return out;
}
