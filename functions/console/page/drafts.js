// Answers begun and not sent, kept while the browser is at the sign-in provider: in this tab and
// for this agent only, and until they are read.

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
        if (owner && store.drafts.size) sessionStorage.setItem(KEPT_AS, JSON.stringify({ agent: owner, drafts: [...store.drafts] }));
      } catch {
        // Storage is full: signing in needs it as well and says so before anything is left.
      }
    },

    /** Takes up what was kept. */
    restore() {
      try {
        const kept = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? 'null');
        sessionStorage.removeItem(KEPT_AS);
        if (kept && kept.agent === owner) for (const [id, draft] of kept.drafts) store.drafts.set(id, draft);
      } catch {
        // Nothing usable was kept.
      }
    },
  };
}
