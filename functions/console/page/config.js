// Every number that sets the page's pace, in one place.

export const config = Object.freeze({
  /**
   * Pause between two looks at the selected conversation, page in view: while there is something
   * going on in it …
   */
  threadEveryMs: 700,
  /** … and when nothing has changed for `threadQuietAfterMs`. docs/live.md has the reasons. */
  threadQuietEveryMs: 1400,
  threadQuietAfterMs: 120000,
  /** Pause between two looks at the open conversations, page in view. */
  listEveryMs: 1400,
  /** What was looked for, and what is closed. */
  foundEveryMs: 4000,
  /** While one types, what is looked for has to stand still for this long. */
  typingMs: 250,
  /** The same person's other conversations are not asked for again within this. */
  othersFreshMs: 30000,
  /** How often colleagues are told that somebody is here. */
  meEveryMs: 4 * 60 * 1000,
  /** Seen this lately, a colleague counts as being here. */
  hereMs: 10 * 60 * 1000,
  /** The filters of those who wait, in minutes. */
  waitingMinutes: [1, 5, 15, 60],
  /** What was not delivered, while it is shown … */
  failedEveryMs: 2000,
  /** … and while it is not: for its count. */
  failedCountEveryMs: 30000,
  /** How far back one can look for it, in hours; the first is where the page begins. */
  failedHours: [24, 1, 24 * 7],
  /** All of them, while the page is hidden … */
  hiddenEveryMs: 15000,
  /** … but the open conversations, where the agent wants to be told of what comes. */
  hiddenListEveryMs: 4000,
  /** For this long it is said that the connection is back. */
  backSaidMs: 4000,
  /** Of so many conversations the page remembers what has been read. */
  seenKept: 500,
  /** A request without an answer is given up after this. */
  requestTimeoutMs: 10000,
  /** A sign-in is renewed this long before it expires, a short one when a fifth of it is left. */
  renewBeforeMs: 60000,
  /** Where a sign-in has ended, the page goes to sign in again when nobody has touched it for this long. */
  signInIdleMs: 10000,
  /** First pause after a failed request, doubled each time … */
  backOffFirstMs: 1000,
  /** … up to this. */
  backOffMostMs: 15000,
  /** How often waiting times tick. */
  tickMs: 1000,
  /** Lines of one author within this time stand together under one name. */
  togetherMs: 3 * 60 * 1000,
  /** Conversations kept in memory, so that going back to one is instant. */
  threadsKept: 20,
  /** So near the end, the reader counts as being at the end. */
  atEndPx: 48,
  /** Below this difference the server's clock and ours count as the same. */
  clockSkewMs: 5000,
});
