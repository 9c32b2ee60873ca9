//! The key that tokens are signed with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use rsa::pkcs1v15::SigningKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};

const BITS: usize = 2048;

/// An RSA key with its name.
pub(crate) struct Key {
    kid: String,
    signing: SigningKey<Sha256>,
    public: RsaPublicKey,
}

impl Key {
    /// A new key.
    ///
    /// # Panics
    /// When the operating system has no random numbers.
    pub(crate) fn new() -> Self {
        let private = RsaPrivateKey::new(&mut rand_core::OsRng, BITS)
            .expect("2048 bits are enough for an RSA key");
        Self {
            kid: secret(),
            public: private.to_public_key(),
            signing: SigningKey::new(private),
        }
    }

    /// A JSON Web Token with these claims, signed with RS256.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": self.kid, "typ": "JWT"});
        let part = |value: &Value| BASE64URL.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = self.signing.sign(message.as_bytes()).to_bytes();
        format!("{message}.{}", BASE64URL.encode(signature))
    }

    /// What a verifier needs, as JSON Web Key Set.
    pub(crate) fn public(&self) -> Value {
        let number = |bytes: Vec<u8>| BASE64URL.encode(bytes);
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": number(self.public.n().to_bytes_be()), "e": number(self.public.e().to_bytes_be()),
        }]})
    }
}

/// 192 random bits, as text.
pub(crate) fn secret() -> String {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    BASE64URL.encode(bytes)
}
