// Several tabs of one browser remember the same uploads. The one in which the file was picked last goes on; two that both did
// would end each other's requests again and again.

export class Tabs {
  readonly #channel = new BroadcastChannel("holdfast.uploads");

  /** Of an upload with which another tab goes on now. */
  onTaken(listener: (url: string) => void): void {
    this.#channel.addEventListener("message", (event) => listener(String(event.data)));
  }

  take(url: string): void {
    this.#channel.postMessage(url);
  }
}
