// OpenID Connect as a page speaks it: authorization code with PKCE (S256), refresh, revocation,
// sign-out. It keeps nothing; session.js does.
//
// Written here instead of taken from a library: what is needed is this file over fetch and
// crypto.subtle. Libraries for it bring several times as much (other flows, storage, iframes), and
// would have to be copied into a page that is served without a build.

import { config } from './config.js';

/**
 * @typedef {{issuer: string, client_id: string, hosts: string[]}} Provider as the page brings it along
 * @typedef {object} Metadata what the provider publishes of itself
 * @property {string} authorization_endpoint @property {string} token_endpoint
 * @property {string} [end_session_endpoint] @property {string} [revocation_endpoint]
 * @property {string[]} [scopes_supported]
 */

/** Something that keeps an agent from being signed in; text.signIn has the words for each kind. */
export class SignInError extends Error {
  /** @param {string} kind @param {string | number} [detail] */
  constructor(kind, detail) {
    super(detail ? `${kind}: ${detail}` : kind);
    this.kind = kind;
    this.detail = detail;
  }

  /** Whether the same can work a moment later. */
  get temporary() {
    return this.kind === 'unreachable';
  }
}

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

/** 256 random bits, as text. @returns {string} */
export const secret = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** What is shown of a secret first, so that it proves itself later. @param {string} verifier */
async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
}

/**
 * @param {string} url @param {RequestInit} [options] @param {string} [host] who is asked, for the words
 * @returns {Promise<Response>}
 */
async function ask(url, options = {}, host = new URL(url).host) {
  let response;
  try {
    response = await fetch(url, {
      cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(config.requestTimeoutMs), ...options,
    });
  } catch {
    throw new SignInError('unreachable', host);
  }
  if (response.status === 429 || response.status >= 500) throw new SignInError('unreachable', host);
  return response;
}

const json = (response) => response.json().catch(() => ({}));

/**
 * What the provider publishes of itself. @see https://openid.net/specs/openid-connect-discovery-1_0.html
 * @param {Provider} provider
 * @returns {Promise<Metadata>}
 */
export async function discover(provider) {
  const response = await ask(`${provider.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const metadata = await json(response);
  if (!response.ok) throw new SignInError('answer', `status ${response.status} for its configuration`);
  if (metadata.issuer !== provider.issuer) throw new SignInError('answer', `its issuer is ${metadata.issuer}, SIGN_IN_ISSUER is ${provider.issuer}`);
  for (const name of ['authorization_endpoint', 'token_endpoint']) {
    if (!isSafe(metadata[name])) throw new SignInError('answer', `no usable ${name}`);
  }
  const { origin } = new URL(metadata.token_endpoint);
  if (!provider.hosts.includes(origin)) throw new SignInError('hosts', origin);
  return metadata;
}

/** Whether an address of the provider's may be called: https, or this machine. */
function isSafe(address) {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
}

/**
 * The address that the browser is sent to.
 * @param {Metadata} metadata @param {Provider} provider
 * @param {{state: string, nonce: string, verifier: string, redirect: string, offline: boolean}} flow
 * @returns {Promise<string>}
 */
export async function authorizeUrl(metadata, provider, flow) {
  const url = new URL(metadata.authorization_endpoint);
  const parameters = {
    response_type: 'code', client_id: provider.client_id, redirect_uri: flow.redirect,
    scope: `openid profile email${flow.offline ? ' offline_access' : ''}`,
    state: flow.state, nonce: flow.nonce,
    code_challenge: await challengeOf(flow.verifier), code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Asks for tokens.
 * @param {Metadata} metadata @param {Provider} provider @param {Record<string, string>} grant
 * @returns {Promise<{id_token?: string, refresh_token?: string}>}
 */
export async function askForTokens(metadata, provider, grant) {
  const body = new URLSearchParams({ client_id: provider.client_id, ...grant });
  const response = await ask(metadata.token_endpoint, { method: 'POST', body });
  const answer = await json(response);
  if (!response.ok) throw new SignInError('refused', [answer.error, answer.error_description].filter(Boolean).join(': ') || `status ${response.status}`);
  return answer;
}

/**
 * The claims of an ID token. It comes from the provider itself over TLS, so its signature is not
 * checked here (OpenID Connect Core, 3.1.3.7); the API checks it with every call. Nor is its expiry
 * compared with this computer's clock, which may be wrong: a token counts for as long as it says.
 * @param {string | undefined} token @param {Provider} provider
 * @param {{nonce?: string, sub?: string}} expected
 * @returns {{sub: string, iat: number, exp: number}}
 */
export function claimsOf(token, provider, expected) {
  const wrong = (what) => new SignInError('answer', what);
  let claims;
  try {
    const [, payload] = token.split('.');
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    claims = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw wrong('no ID token');
  }
  const audience = [claims.aud].flat();
  if (claims.iss !== provider.issuer) throw wrong('the ID token is from another issuer');
  if (!audience.includes(provider.client_id)) throw wrong('the ID token is for another client');
  if (audience.length > 1 && claims.azp !== provider.client_id) throw wrong('the ID token is for another client');
  if (!claims.sub || !(claims.exp > claims.iat)) throw wrong('the ID token has no sub, exp or iat');
  if (expected.nonce && claims.nonce !== expected.nonce) throw wrong('the ID token is for another sign-in');
  if (expected.sub && claims.sub !== expected.sub) throw wrong('the ID token is for somebody else');
  return claims;
}

/**
 * Makes a refresh token worthless, if the provider has a way. Never fails: the agent leaves anyway.
 * @param {Metadata} metadata @param {Provider} provider @param {string} token
 */
export async function revoke(metadata, provider, token) {
  if (!isSafe(metadata.revocation_endpoint)) return;
  const body = new URLSearchParams({ client_id: provider.client_id, token, token_type_hint: 'refresh_token' });
  await ask(metadata.revocation_endpoint, { method: 'POST', body }).catch(() => {});
}

/**
 * Where the browser goes to end the session at the provider; null where there is no such place.
 *
 * Without id_token_hint: a token has no place in an address. Cognito does not follow the standard's
 * names (post_logout_redirect_uri) and wants logout_uri; each ignores the other's.
 * @param {Metadata} metadata @param {Provider} provider @param {string} back
 * @returns {string | null}
 */
export function endUrl(metadata, provider, back) {
  if (!isSafe(metadata.end_session_endpoint)) return null;
  const url = new URL(metadata.end_session_endpoint);
  for (const [name, value] of Object.entries({ client_id: provider.client_id, post_logout_redirect_uri: back, logout_uri: back })) {
    url.searchParams.set(name, value);
  }
  return url.href;
}
