// Every text the page itself says. Nothing else in the page holds words for people, so a further
// language is a further table like this one.

const en = {
  product: 'Handoff',
  conversations: 'Conversations',
  tabOpen: 'Open',
  tabClosed: 'Closed',
  tabFailed: 'Failed',
  showMore: 'Show more',
  loading: 'Loading…',
  noOpen: 'Nobody is waiting. New conversations appear here by themselves.',
  noClosed: 'No closed conversations yet.',
  listFailed: 'The list cannot be loaded right now. Trying again…',
  nothingSelected: 'Choose a conversation to read and answer it.',
  threadFailed: 'This conversation cannot be loaded right now. Trying again…',
  notFound: 'This conversation does not exist, or it is no longer kept.',
  noMessages: 'No messages yet.',
  back: 'Back to the list',
  signedIn: (name) => `Signed in as ${name}`,
  titleWaiting: (n) => `(${n}) Handoff`,
  openCount: (n, more) => (more ? `${n}+` : `${n}`),

  waiting: 'Waiting',
  connected: 'Connected',
  closed: 'Closed',
  closedBy: { user: 'Closed by the user', timeout: 'Closed: timed out', agent: 'Closed by an agent', bridge: 'Closed automatically' },
  waitingFor: (time) => `for ${time}`,
  withAgent: (name) => `with ${name}`,
  wasWithAgent: (name) => `was with ${name}`,
  needsAnswer: 'Needs an answer',
  lastBy: { agent: 'Agent: ', system: 'Automatic: ', user: '' },

  claim: 'Take over',
  close: 'Close',
  closeAsk: 'Close this conversation? The user goes back to the bot and gets nothing more from here.',
  closeReason: 'Reason (optional)',
  closeConfirm: 'Close conversation',
  cancel: 'Cancel',
  details: 'Details',
  facts: {
    name: 'Name', email: 'E-mail', placeholderEmail: 'not known', phone: 'Phone', user_id: 'User ID', anonymous_id: 'Anonymous ID',
    channel: 'Channel', conversation_type: 'Channel type', bot: 'Bot', desk: 'Desk', id: 'Conversation', opened: 'Opened',
    connected: 'Connected', closed: 'Closed', reason: 'Closing reason', episode: 'Handoff no.',
  },

  messages: 'Messages',
  history: (n) => (n === 1 ? 'Before the handoff · 1 message' : `Before the handoff · ${n} messages`),
  noText: '(no text)',
  file: (type) => (type ? `File (${type})` : 'File'),
  newMessages: 'New messages ↓',
  newMessageFrom: (who, text) => `${who}: ${text}`,

  user: 'User',
  bot: 'Bot',
  agent: 'Agent',
  other: 'Other',
  you: 'You',
  automatic: 'Automatic message',
  note: 'Note',
  opening: 'User asked for a human',
  closing: 'Conversation closed',
  late: 'arrived after the end',
  today: 'Today',
  yesterday: 'Yesterday',

  sending: 'Sending…',
  delivered: 'Delivered ✓',
  retrying: (attempts, error) => `Not delivered yet, retrying (attempt ${attempts})${error ? `: ${error}` : ''}`,
  failed: (error) => (error ? `Not delivered: ${error}` : 'Not delivered'),
  unsent: 'Not sent, retrying…',
  refusedClosed: 'The user has left and will not see this',
  refused: (error) => (error ? `Refused: ${error}` : 'Refused'),
  replay: 'Send again',
  replayAll: 'Send all again',
  discard: 'Remove',
  reuse: 'Edit',

  answerLabel: 'Your answer',
  answerHint: 'Write an answer…',
  answerHelp: 'Enter sends, Shift + Enter starts a new line',
  send: 'Send',
  composerClosed: 'This conversation is closed. The user will not see new messages.',
  composerOther: (name) => `${name} is answering this conversation.`,

  dismiss: 'Dismiss',
  alertIn: (who, message) => `${who}: ${message}`,
  claimFailed: (error) => `Not taken over: ${error}`,
  closeFailed: (error) => `Not closed: ${error}`,
  replayFailed: (error) => `Not sent again: ${error}`,
  replayLeft: (n) => (n === 1 ? 'One line was not sent again: the user has left since.' : `${n} lines were not sent again: the user has left since.`),
  failedSince: 'Not delivered',
  lastHours: (hours) => (hours === 1 ? 'in the last hour' : hours % 24 ? `in the last ${hours} hours` : hours === 24 ? 'in the last day' : `in the last ${hours / 24} days`),
  failedLines: (n) => (n === 1 ? '1 line' : `${n} lines`),
  noFailed: 'Everything was delivered.',
  sendingAgain: 'Sending again…',
  sentAgain: (n, left) => `${n === 1 ? '1 line is' : `${n} lines are`} being sent again.${left ? ` ${text.replayLeft(left)}` : ''}`,
  connectionLost: 'Connection lost. Trying again… Nothing you write is lost.',
  signOut: 'Sign out',
  signInAgain: 'Sign in again',
  signOutUnsent: 'What you have written is not sent yet and will be lost. Sign out?',
  signIn: {
    working: 'Signing in…',
    button: 'Sign in',
    again: 'Try again',
    signedOut: 'You are signed out.',
    ended: 'Your sign-in has ended. Nothing you wrote is lost: it is here again when you have signed in.',
    denied: 'Signing in was cancelled, or the sign-in provider does not let you in.',
    state: 'This sign-in was not begun in this tab, or it was used before.',
    unreachable: (host) => `The sign-in provider cannot be reached (${host}).`,
    offline: 'The console cannot be reached.',
    refused: (why) => `The sign-in provider refuses: ${why}`,
    answer: (what) => `The sign-in provider's answer cannot be used: ${what}.`,
    hosts: (origin) => `The console may not connect to ${origin}, where the sign-in provider has its tokens. SIGN_IN_HOSTS has to name it.`,
    storage: 'Signing in needs the browser to keep a few words for this tab (session storage), which is switched off or full.',
    insecure: 'Signing in works over https only.',
    notAccepted: (minutes) => 'The console does not accept a sign-in made a moment ago: its API may expect another issuer or client.'
      + (Math.abs(minutes) > 1 ? ` The clocks of the sign-in provider and of this computer differ by ${Math.abs(minutes)} minutes.` : ''),
    none: 'This console has no sign-in, so it lets nobody in. Whoever runs it has to set SIGN_IN_ISSUER and SIGN_IN_CLIENT_ID.',
  },
  network: 'no connection to the server',
  server: (status) => `the server answered with an error (${status})`,
};

/** The texts in the language of the page. */
export const text = en;

/**
 * Fills the texts of the static page.
 * @param {ParentNode} root
 */
export function fillTexts(root) {
  for (const node of root.querySelectorAll('[data-text]')) node.textContent = text[node.dataset.text];
  for (const node of root.querySelectorAll('[data-label]')) node.setAttribute('aria-label', text[node.dataset.label]);
  for (const node of root.querySelectorAll('[data-hint]')) node.setAttribute('placeholder', text[node.dataset.hint]);
}
