//! The TLS endpoint of every host in this network: AWS' hosts lead to the emulator, GPTBots' to the
//! stand-in. Both speak plain HTTP only, and the emulator refuses an AWS call over plain HTTP where
//! a policy of the template asks for TLS; so this says that there was TLS, as AWS' own front does.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::Response;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::emulator;
use crate::error::Error;
use crate::world::{GPTBOTS_HOST, REGION};

/// A certificate authority of this network, and the key of its hosts.
pub(crate) struct Certificates {
    authority: String,
    host: rustls::pki_types::CertificateDer<'static>,
    key: Vec<u8>,
}

// By hand: keys are not shown.
impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    /// A fresh authority with one certificate for all hosts.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Another name than its hosts', or a client takes them for self-signed.
        let name = "Authority of this network";
        authority.distinguished_name.push(DnType::CommonName, name);
        let authority_key = KeyPair::generate()?;
        let certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let names = vec![
            GPTBOTS_HOST.to_owned(),
            format!("*.{REGION}.amazonaws.com"),
            format!("*.execute-api.{REGION}.amazonaws.com"),
            format!("*.auth.{REGION}.amazoncognito.com"),
        ];
        let host = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        Ok(Self {
            authority: certificate.pem(),
            host: host.der().clone(),
            key: key.serialize_der(),
        })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![self.host.clone()], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

#[derive(Clone)]
struct Edge {
    http: reqwest::Client,
    gptbots: Arc<str>,
}

/// Serves in the background for as long as the program runs; `gptbots` is the stand-in's address.
pub(crate) async fn serve(certificates: &Certificates, gptbots: &str) -> Result<(), Error> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let router = Router::new()
        .fallback(forward)
        .layer(DefaultBodyLimit::disable())
        .with_state(Edge {
            http,
            gptbots: gptbots.into(),
        });
    let listener = TlsListener::bind(certificates.acceptor()?).await?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn forward(State(edge): State<Edge>, request: Request<Body>) -> Response {
    passed_on(&edge, request).await.unwrap_or_else(|_| {
        let mut response = Response::new(Body::from("the edge reached nobody"));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

async fn passed_on(edge: &Edge, request: Request<Body>) -> Result<Response, axum::Error> {
    let (mut head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await?;
    let host = head
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let base = if host == GPTBOTS_HOST {
        edge.gptbots.to_string()
    } else {
        // The emulator knows an API under a name of its own.
        if let Some(api) = host.strip_suffix(&format!(".execute-api.{REGION}.amazonaws.com")) {
            let known_as = format!("{api}.execute-api.localhost:{}", emulator::PORT);
            let known_as = HeaderValue::from_str(&known_as).map_err(axum::Error::new)?;
            head.headers.insert(HOST, known_as);
        }
        let tls = HeaderValue::from_static("https");
        head.headers.insert("x-forwarded-proto", tls);
        emulator::url()
    };
    for hop in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        head.headers.remove(hop);
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let answer = edge
        .http
        .request(head.method, format!("{base}{path}"))
        .headers(head.headers)
        .body(body)
        .send()
        .await
        .map_err(axum::Error::new)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    for hop in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        response.headers_mut().remove(hop);
    }
    *response.body_mut() = Body::from(answer.bytes().await.map_err(axum::Error::new)?);
    Ok(response)
}

/// Connections whose TLS handshake is done. Handshakes run side by side: one that hangs holds up
/// no other.
struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    async fn bind(acceptor: TlsAcceptor) -> Result<Self, Error> {
        let listener = TcpListener::bind(("0.0.0.0", 443)).await?;
        let address = listener.local_addr()?;
        let (done, ready) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok((tcp, from)) = listener.accept().await {
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        let _ = done.send((tls, from)).await;
                    }
                });
            }
        });
        Ok(Self { address, ready })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}
