// Waiting between attempts.

const firstBackoffMs = 200;
const backoffMsMax = 30_000;

/** With full jitter, so that many pages do not come back at the same moment. */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(firstBackoffMs * 2 ** attempt, backoffMsMax);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}
