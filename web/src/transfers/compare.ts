// Is what the gateway has a part of this file? Piece by piece, before a byte of it is skipped.
import { replacePiece, takeOver, uploadDigests } from "../gateway/uploads_api.ts";
import { sha256Hex } from "./sha256.ts";

const piecesPerQuestion = 1024;
const readAhead = 4;

export interface Comparison {
  /** Of pieces that are not the file's. */
  wrong: number[];
  compared: number;
  pieceBytes: number;
}

type Progress = (compared: number, of: number) => void;

/** Throws what reading the file throws (it is gone, or has changed on disk), and what asking throws. */
export async function compare(file: File, url: string, progress: Progress, signal: AbortSignal): Promise<Comparison> {
  // Bytes that were on their way before a reload may still arrive, and they would not have been compared.
  for (let offset = await takeOver(url, signal); ; ) {
    const found = await compareWhatIsThere(file, url, progress, signal);
    const now = await takeOver(url, signal);
    if (now === offset) return found;
    offset = now;
  }
}

async function compareWhatIsThere(file: File, url: string, progress: Progress, signal: AbortSignal): Promise<Comparison> {
  const out: Comparison = { wrong: [], compared: 0, pieceBytes: 0 };
  for (let first = 0; ; ) {
    const told = await uploadDigests(url, first, piecesPerQuestion, signal);
    out.pieceBytes = told.piece_bytes;
    const check = async (index: number) => {
      const piece = pieceOf(file, first + index, told.piece_bytes, told.offset);
      if ((await sha256Hex(await piece.arrayBuffer())) !== told.digests[index]) out.wrong.push(first + index);
      out.compared += piece.size;
      progress(out.compared, told.offset);
    };
    for (let index = 0; index < told.digests.length; index += readAhead) {
      signal.throwIfAborted();
      const group = Array.from({ length: Math.min(readAhead, told.digests.length - index) }, (_, i) => check(index + i));
      await Promise.all(group);
    }
    first += told.digests.length;
    if (first * told.piece_bytes >= told.offset) return out;
    if (told.digests.length === 0) throw new Error("The gateway does not say what it has of this file.");
  }
}

/** Puts the file's bytes in the place of what the gateway has instead. */
export async function replace(file: File, url: string, comparison: Comparison, signal: AbortSignal): Promise<void> {
  const { compared, pieceBytes } = comparison;
  for (const piece of comparison.wrong) await replacePiece(url, piece, pieceOf(file, piece, pieceBytes, compared), signal);
}

/** The last one that the gateway has may be short. */
function pieceOf(file: File, piece: number, pieceBytes: number, offset: number): Blob {
  return file.slice(piece * pieceBytes, Math.min((piece + 1) * pieceBytes, offset));
}
