/** Work that was called off. */
export class Dropped extends Error {}

/** Lets messages in that came meanwhile. */
const breath = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/**
 * Requests, answered one after the other in their order. One that is dropped before its turn is never begun;
 * one that is under way ends at its next `pause`.
 */
export class Requests<T extends { number: number }> {
  private readonly waiting: T[] = [];
  private readonly dropped = new Set<number>();
  private current: number | null = null;

  constructor(private readonly answer: (request: T, pause: () => Promise<void>) => Promise<void>) {}

  add(request: T): void {
    this.waiting.push(request);
    if (this.current === null) void this.work();
  }

  drop(number: number): void {
    const place = this.waiting.findIndex((request) => request.number === number);
    if (place >= 0) this.waiting.splice(place, 1);
    else if (this.current === number) this.dropped.add(number);
  }

  private async work(): Promise<void> {
    this.current = -1;
    await breath(); // what was dropped at once is gone then
    for (let request; (request = this.waiting.shift()); ) {
      const { number } = request;
      this.current = number;
      await this.answer(request, async () => {
        await breath();
        if (this.dropped.has(number)) throw new Dropped();
      });
      this.dropped.delete(number);
      await breath();
    }
    this.current = null;
  }
}
