// Who is signed in. Tokens are in this module's memory and nowhere else: a reload signs in anew,
// which takes no click while the provider remembers the browser. Only what has to outlive the way
// to the provider and back (state, nonce, PKCE verifier) is in sessionStorage, until it is read.
//
// Each tab signs in by itself, so tabs share no refresh token and cannot use up each other's. Only
// signing out is for all of them.

import { config } from './config.js';
import { SignInError, askForTokens, authorizeUrl, claimsOf, discover, endUrl, revoke, secret } from './oidc.js';

/** The way to the provider and back. */
const FLOW = 'handoff-sign-in';
/** Left by a sign-out, so that the page that comes after it does not sign in again by itself. */
const SIGNED_OUT = 'handoff-signed-out';

// First of all, before anything can wait or fail: a code has no business in the address.
const answer = takeAnswer();

/** @type {import('./oidc.js').Provider | null} null: this console has no sign-in */
let provider = null;
/** @type {import('./oidc.js').Metadata | null} */
let metadata = null;
/** @type {{id: string, refresh: string | null, sub: string, since: number, until: number, skew: number, worked: boolean} | null} */
let tokens = null;
/** @type {Promise<string> | null} */
let renewing = null;
/** @type {SignInError | null} why there is no token */
let trouble = null;
let left = false;

/** Takes the provider's answer out of the address. */
function takeAnswer() {
  const parameters = new URLSearchParams(location.search);
  if (!parameters.has('state') || !(parameters.has('code') || parameters.has('error'))) return null;
  history.replaceState(null, '', location.pathname + location.hash);
  return Object.fromEntries(parameters);
}

const here = () => location.origin + location.pathname;

function store(name, value) {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    throw new SignInError('storage');
  }
}

function take(name) {
  try {
    const value = sessionStorage.getItem(name);
    sessionStorage.removeItem(name);
    return value;
  } catch {
    return null;
  }
}

/**
 * Signs in, if this console has a sign-in. Settles when the page can begin; where the browser has
 * to go to the provider first, never.
 * @returns {Promise<void>}
 * @throws {SignInError}
 */
export async function start() {
  provider = learnProvider();
  if (!provider) return;
  listen();
  if (answer) await finish(answer);
  else if (take(SIGNED_OUT)) throw new SignInError('signedOut');
  else await leave();
}

/** The provider, which the page brings along. */
const learnProvider = () => JSON.parse(document.querySelector('meta[name="sign-in"]').content);

/**
 * Sends the browser to the provider; the address bar's conversation is shown again after it.
 * Settles only when that fails.
 * @param {{offline?: boolean}} [options] whether to ask for a refresh token by scope
 * @returns {Promise<never>}
 */
export async function leave({ offline = true } = {}) {
  if (!crypto.subtle) throw new SignInError('insecure');
  provider ??= learnProvider();
  metadata ??= await discover(provider);
  const flow = {
    state: secret(), nonce: secret(), verifier: secret(), redirect: here(), hash: location.hash,
    // Where the provider knows this scope, a refresh token may hang on it; Cognito does not know it.
    offline: offline && Boolean(metadata.scopes_supported?.includes('offline_access')),
  };
  const url = await authorizeUrl(metadata, provider, flow);
  store(FLOW, JSON.stringify(flow));
  left = true;
  location.assign(url);
  return new Promise(() => {});
}

/** Makes tokens of the provider's answer. */
async function finish({ code, state, error, error_description: description, iss }) {
  const flow = JSON.parse(take(FLOW) ?? 'null');
  // What does not belong to a sign-in of this tab says nothing here, its error text included.
  if (!flow || flow.state !== state) throw new SignInError('state');
  if (flow.hash) history.replaceState(null, '', location.pathname + flow.hash);
  if (error === 'invalid_scope' && flow.offline) return leave({ offline: false });
  if (error === 'access_denied') throw new SignInError('denied');
  if (error) throw new SignInError('refused', [error, description].filter(Boolean).join(': '));
  if (iss && iss !== provider.issuer) throw new SignInError('state');
  metadata ??= await discover(provider);
  keep(await askForTokens(metadata, provider, {
    grant_type: 'authorization_code', code, redirect_uri: flow.redirect, code_verifier: flow.verifier,
  }), { nonce: flow.nonce });
}

/** Takes tokens over. A provider that rotates refresh tokens sends a new one each time. */
function keep({ id_token: id, refresh_token: refresh }, expected) {
  const { sub, iat, exp } = claimsOf(id, provider, expected);
  const since = Date.now();
  tokens = { id, sub, since, refresh: refresh ?? tokens?.refresh ?? null, until: since + (exp - iat) * 1000, skew: iat * 1000 - since, worked: false };
  trouble = null;
}

/**
 * The token for a call: the one there is, or a new one shortly before that expires.
 * @returns {Promise<string | null>} null where this console has no sign-in
 * @throws {SignInError}
 */
export async function token() {
  if (!provider) return null;
  if (!tokens) throw ended();
  const early = Math.min(config.renewBeforeMs, (tokens.until - tokens.since) / 5);
  if (Date.now() < tokens.until - early) return tokens.id;
  try {
    return await renew();
  } catch (error) {
    // As long as the old one counts, there is no hurry.
    if (tokens && Date.now() < tokens.until) return tokens.id;
    throw error;
  }
}

/**
 * Another token, since the API has refused this one.
 * @param {string} refused
 * @returns {Promise<string>}
 * @throws {SignInError}
 */
export async function another(refused) {
  if (!tokens) throw ended();
  if (tokens.id !== refused) return tokens.id;
  if (!tokens.worked) {
    // A further one would fare no better.
    trouble = new SignInError('notAccepted', Math.round(tokens.skew / 60_000));
    throw trouble;
  }
  return renew();
}

/** The API has taken this token. @param {string | null} accepted */
export function worked(accepted) {
  if (tokens?.id === accepted) tokens.worked = true;
}

/** Renews the tokens; all who ask meanwhile wait for the same answer. */
function renew() {
  renewing ??= refresh().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function refresh() {
  if (!tokens?.refresh) throw ended();
  try {
    metadata ??= await discover(provider);
    const answered = await askForTokens(metadata, provider, { grant_type: 'refresh_token', refresh_token: tokens.refresh });
    // Signed out meanwhile.
    if (!tokens) throw ended();
    keep(answered, { sub: tokens.sub });
    return tokens.id;
  } catch (error) {
    if (error instanceof SignInError && error.temporary) throw error;
    if (tokens) tokens.refresh = null;
    throw ended();
  }
}

function ended() {
  trouble = new SignInError('ended');
  return trouble;
}

/** Signs out: here, in all other tabs, and at the provider. */
export async function signOut() {
  const token = tokens?.refresh;
  forget();
  tell?.postMessage(SIGNED_OUT);
  if (metadata && token) await revoke(metadata, provider, token);
  location.assign((metadata && endUrl(metadata, provider, here())) ?? location.pathname);
}

function forget() {
  tokens = null;
  left = true;
  try {
    sessionStorage.setItem(SIGNED_OUT, '1');
  } catch {
    // Then the next page signs in by itself, if the provider lets it.
  }
}

/** @type {BroadcastChannel | null} */
let tell = null;
/** @type {(() => void)[]} */
const before = [];

/** Hears of a sign-out in another tab. */
function listen() {
  if (tell) return;
  tell = new BroadcastChannel(SIGNED_OUT);
  tell.addEventListener('message', () => {
    for (const listener of before) listener();
    forget();
    location.reload();
  });
}

/** @param {() => void} listener called before another tab's sign-out clears this page */
export const beforeClearing = (listener) => before.push(listener);

// A page that the browser has put aside comes back as it was, with everything on it.
window.addEventListener('pageshow', (event) => {
  if (event.persisted && left) location.reload();
});

/** Whether this console has a sign-in. */
export const exists = () => provider !== null;
/** Who is signed in, by the provider's id. @returns {string | null} */
export const subject = () => tokens?.sub ?? null;
/** Why calls are refused. @returns {SignInError | null} */
export const problem = () => trouble;
/** Whether the page is on its way elsewhere. */
export const leaving = () => left;
