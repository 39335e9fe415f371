// Is what the gateway has a part of this file? Piece by piece, before a byte of it is skipped.
import { pieceBytes, replacePiece, uploadDigests } from "../gateway/uploads_api.ts";
import { sha256Hex } from "./sha256.ts";

const piecesPerQuestion = 1024;
const readAhead = 4;

export interface Comparison {
  /** Of pieces that are not the file's. */
  wrong: number[];
  /** So much the gateway had, and all of it was looked at. */
  end: number;
}

type Progress = (compared: number, of: number) => void;

/** Of what is there behind `from`. Bytes that were on their way may still arrive after it: whoever goes on has to look (sender.ts).
    Throws what reading the file throws (it is gone, or has changed on disk), and what asking throws. */
export async function compare(file: File, url: string, from: number, progress: Progress, signal: AbortSignal): Promise<Comparison> {
  const wrong: number[] = [];
  let first = Math.floor(from / pieceBytes);
  for (let compared = first * pieceBytes; ; ) {
    const told = await uploadDigests(url, first, piecesPerQuestion, signal);
    if (told.piece_bytes !== pieceBytes) throw new Error("The gateway speaks of pieces of another size.");
    const check = async (index: number) => {
      const piece = pieceOf(file, first + index, told.offset);
      if ((await sha256Hex(await piece.arrayBuffer())) !== told.digests[index]) wrong.push(first + index);
      compared += piece.size;
      progress(compared, told.offset);
    };
    for (let index = 0; index < told.digests.length; index += readAhead) {
      signal.throwIfAborted();
      const group = Array.from({ length: Math.min(readAhead, told.digests.length - index) }, (_, i) => check(index + i));
      await Promise.all(group);
    }
    first += told.digests.length;
    if (first * pieceBytes >= told.offset) return { wrong, end: told.offset };
    if (told.digests.length === 0) throw new Error("The gateway does not say what it has of this file.");
  }
}

/** Puts the file's bytes in the place of what the gateway has instead. */
export async function replace(file: File, url: string, comparison: Comparison, signal: AbortSignal): Promise<void> {
  for (const piece of comparison.wrong) await replacePiece(url, piece, pieceOf(file, piece, comparison.end), signal);
}

/** The last one that the gateway has may be short. */
function pieceOf(file: File, piece: number, offset: number): Blob {
  return file.slice(piece * pieceBytes, Math.min((piece + 1) * pieceBytes, offset));
}
