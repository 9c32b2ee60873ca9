//! A stand-in for an OpenID Connect provider: discovery, a sign-in page without passwords, the
//! token endpoint with PKCE and rotating refresh tokens, revocation, sign-out and the public keys.
//!
//! It behaves like a Cognito user pool where providers differ: ID tokens with `token_use` and
//! `cognito:groups`, access tokens without `aud`, RS256 (API Gateway knows only RSA), no
//! `offline_access`, and a sign-out that wants `logout_uri`. It listens on loopback and signs
//! whoever asks in as whom they choose: it is for tests and for trying things out.

mod authorize;
mod end;
mod form;
mod keys;
mod provider;
mod state;
mod token;

pub use provider::{Options, Provider, User};
