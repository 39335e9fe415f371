// A phone that goes to sleep stops what it sends. While something is sent its screen stays on, where the browser can do that.

export async function keepAwakeWhile(busy: () => boolean): Promise<never> {
  let lock: WakeLockSentinel | null = null;
  for (;;) {
    const wanted = busy() && !document.hidden;
    if (!wanted && lock) await lock.release();
    if (!wanted || lock?.released) lock = null;
    if (wanted && !lock) lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}
