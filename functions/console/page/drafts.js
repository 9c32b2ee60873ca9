// Answers and notes begun and not sent, kept while the page is away (a reload, the way to the
// sign-in provider and back): in this tab and for this agent only, and until they are read.

const KEPT_AS = 'handoff-drafts';

/**
 * @param {import('./store.js').Store} store
 * @param {() => string | null} agent who is signed in
 */
export function createDrafts(store, agent) {
  let owner = agent();
  return {
    /** To be called before the page is left. */
    keep() {
      owner = agent() ?? owner;
      try {
        sessionStorage.removeItem(KEPT_AS);
        // What was begun as a note must not come back as an answer.
        const drafts = [...store.drafts].map(([id, draft]) => [id, draft, store.noting.has(id)]);
        if (drafts.length) sessionStorage.setItem(KEPT_AS, JSON.stringify({ agent: owner, drafts }));
      } catch {
        // Storage is full: signing in needs it as well and says so before anything is left.
      }
    },

    /** Takes up what was kept. */
    restore() {
      try {
        const kept = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? 'null');
        sessionStorage.removeItem(KEPT_AS);
        if (!kept || kept.agent !== owner) return;
        for (const [id, draft, note] of kept.drafts) {
          store.drafts.set(id, draft);
          if (note) store.noting.add(id);
        }
      } catch {
        // Nothing usable was kept.
      }
    },
  };
}
