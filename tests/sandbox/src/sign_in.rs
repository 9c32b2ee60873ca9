//! Where agents sign in: a stand-in for the provider, and API Gateway's authorizer for its tokens.

use std::sync::Arc;

use local_aws::gateway::JwtAuthorizer;
use oidc_stand_in::Provider;
use tokio::net::TcpListener;

use crate::{Error, SignInOptions};

const CLIENT_ID: &str = "handoff-console";

/// The provider and the authorizer.
#[derive(Debug)]
pub struct SignIn {
    /// The provider, to look at it and to disturb it.
    pub provider: Provider,
    authorizer: Arc<JwtAuthorizer>,
}

impl SignIn {
    /// Starts the provider for a console on this port.
    pub(crate) async fn start(
        listener: TcpListener,
        how: &SignInOptions,
        console_port: u16,
    ) -> Result<Self, Error> {
        let console = |host: &str| format!("http://{host}:{console_port}/console");
        let consoles = vec![console("127.0.0.1"), console("localhost")];
        let mut options = oidc_stand_in::Options::new(CLIENT_ID, consoles);
        options.token_lifetime = how.token_lifetime;
        options.names_offline_access = how.names_offline_access;
        let provider = Provider::start(listener, options).await?;
        let authorizer = JwtAuthorizer::new(provider.issuer(), &[CLIENT_ID], &provider.jwks());
        Ok(Self {
            provider,
            authorizer: Arc::new(authorizer),
        })
    }

    /// What the console's function is told by its environment.
    pub(crate) fn config(&self) -> Result<console::SignIn, console::SignInError> {
        let parsed = console::SignIn::parse(self.provider.issuer(), CLIENT_ID, "")?;
        parsed.ok_or(console::SignInError::Half {
            missing: "SIGN_IN_ISSUER",
            set: "SIGN_IN_CLIENT_ID",
        })
    }

    pub(crate) fn authorizer(&self) -> Arc<JwtAuthorizer> {
        self.authorizer.clone()
    }

    /// Signs with a new key from now on: the API refuses all tokens made before.
    pub async fn rotate_key(&self) {
        self.provider.rotate_key().await;
        self.authorizer.set_keys(&self.provider.jwks());
    }
}
