// Asking again and again: never twice at once, slower while nobody looks, with growing pauses
// while it fails.

import { config } from './config.js';

/**
 * The pause before the next try after so many failures; jittered, so that after an outage not all
 * pages come back in the same moment.
 * @param {number} failures
 * @returns {number}
 */
export function backOff(failures) {
  const pause = Math.min(config.backOffMostMs, config.backOffFirstMs * 2 ** (failures - 1));
  return pause * (0.8 + 0.4 * Math.random());
}

export class Poller {
  /**
   * @param {object} how
   * @param {(signal: AbortSignal) => Promise<void>} how.run one look
   * @param {() => number} how.every the pause between two looks
   * @param {() => number} [how.everyHidden] the same while the page is hidden
   * @param {() => void} how.worked
   * @param {(error: any) => void} how.failed
   */
  constructor(how) {
    this.how = how;
    this.failures = 0;
    this.again = false;
    this.stopped = true;
    this.timer = 0;
    /** @type {AbortController | null} */
    this.inFlight = null;
  }

  start() {
    this.stopped = false;
    this.restart();
  }

  stop() {
    this.stopped = true;
    this.again = false;
    clearTimeout(this.timer);
    this.inFlight?.abort();
  }

  /** Looks now, unless it is looking already. */
  wake() {
    if (!this.inFlight && !this.stopped) this.look();
  }

  /** Looks now; a look under way is dropped, since what it brings is out of date. */
  restart() {
    if (this.stopped) return;
    if (this.inFlight) {
      this.again = true;
      this.inFlight.abort();
    } else {
      this.look();
    }
  }

  leastPause() {
    if (!document.hidden) return 0;
    return this.how.everyHidden?.() ?? config.hiddenEveryMs;
  }

  async look() {
    clearTimeout(this.timer);
    const controller = new AbortController();
    this.inFlight = controller;
    let pause = 0;
    try {
      await this.how.run(controller.signal);
      if (!controller.signal.aborted) {
        this.failures = 0;
        this.how.worked();
      }
      pause = Math.max(this.how.every(), this.leastPause());
    } catch (error) {
      if (!controller.signal.aborted) {
        this.failures += 1;
        this.how.failed(error);
        pause = Math.max(backOff(this.failures), this.leastPause());
      }
    }
    this.inFlight = null;
    if (this.again) {
      this.again = false;
      this.look();
    } else if (!this.stopped) {
      this.timer = setTimeout(() => this.look(), pause);
    }
  }
}
