/** Work of which only the latest counts: what was asked before is dropped, and never heard of. */
export class Latest {
  private number = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private controller: AbortController | null = null;

  /** `wait`: milliseconds without another call before the work begins. */
  constructor(private readonly wait: number) {}

  /** Does the work, unless it is called again or dropped before that is done. */
  run<T>(
    work: (signal: AbortSignal) => Promise<T>,
    done: (result: T) => void,
    failed: (error: unknown) => void,
  ): void {
    this.drop();
    const number = this.number;
    this.timer = setTimeout(async () => {
      const controller = (this.controller = new AbortController());
      try {
        const result = await work(controller.signal);
        if (number === this.number) done(result);
      } catch (error) {
        if (number === this.number) failed(error);
      }
    }, this.wait);
  }

  /** Forgets what was asked. */
  drop(): void {
    this.number++;
    if (this.timer !== null) clearTimeout(this.timer);
    this.controller?.abort();
    this.timer = this.controller = null;
  }
}
