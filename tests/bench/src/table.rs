//! Stands between a function and the embedded DynamoDB: counts and times its calls, and speaks TLS
//! where that is asked for. And a server that answers every call the same.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::error::BenchError;
use crate::http;

/// A call that a function made.
#[derive(Debug, Clone)]
pub(crate) struct TableCall {
    /// Such as `PutItem`.
    pub(crate) operation: String,
    /// When its last byte was here.
    begun: Instant,
    /// When the answer was.
    ended: Instant,
}

/// The time in which at least one of these calls waited for its answer. A function that makes several
/// at once waits for them together.
pub(crate) fn waited(calls: &[TableCall]) -> Duration {
    let mut spans: Vec<_> = calls.iter().map(|call| (call.begun, call.ended)).collect();
    spans.sort_unstable();
    let mut sum = Duration::ZERO;
    let mut until = None;
    for (begun, ended) in spans {
        let from = until.map_or(begun, |until| begun.max(until));
        sum += ended.saturating_duration_since(from);
        until = until.max(Some(ended));
    }
    sum
}

/// The calls since the last look.
pub(crate) type Calls = Arc<Mutex<Vec<TableCall>>>;

/// What the functions take for DynamoDB.
pub(crate) struct Table {
    endpoint: String,
    calls: Calls,
    /// Holds the certificate that is to be trusted, where TLS is spoken.
    authority: Option<TempDir>,
}

impl Table {
    /// In front of this endpoint (`http://127.0.0.1:1234`).
    pub(crate) fn before(upstream: &str, tls: bool) -> Result<Self, BenchError> {
        let address = upstream.trim_start_matches("http://");
        let upstream = address.to_socket_addrs()?.next();
        let upstream = upstream.ok_or_else(|| io::Error::other("no address"))?;
        let calls = Calls::default();
        let seen = calls.clone();
        if !tls {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            let endpoint = format!("http://{}", listener.local_addr()?);
            accept(listener, move |connection| {
                forward(connection, upstream, &seen)
            });
            return Ok(Self {
                endpoint,
                calls,
                authority: None,
            });
        }
        let (config, authority) = certificates()?;
        // By a name, which has to be looked up, as in AWS.
        let listener = TcpListener::bind(("localhost", 0))?;
        let endpoint = format!("https://localhost:{}", listener.local_addr()?.port());
        accept(listener, move |connection| {
            if let Ok(tls) = ServerConnection::new(config.clone()) {
                forward(StreamOwned::new(tls, connection), upstream, &seen);
            }
        });
        Ok(Self {
            endpoint,
            calls,
            authority: Some(authority),
        })
    }

    /// What a function has to know to find it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut environment = vec![(
            "AWS_ENDPOINT_URL_DYNAMODB".to_owned(),
            self.endpoint.clone(),
        )];
        if let Some(folder) = &self.authority {
            let file = authority_file(folder).display().to_string();
            environment.push(("SSL_CERT_FILE".to_owned(), file));
        }
        environment
    }

    /// The calls since the last time this was asked.
    pub(crate) fn take_calls(&self) -> Vec<TableCall> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn authority_file(folder: &TempDir) -> PathBuf {
    folder.path().join("authority.pem")
}

/// A certificate for `localhost`, by an authority of its own.
fn certificates() -> Result<(Arc<ServerConfig>, TempDir), BenchError> {
    let made = || -> Result<_, rcgen::Error> {
        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate()?;
        let own = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
        Ok((authority, own, key))
    };
    let (authority, own, key) = made().map_err(|error| BenchError::Tls(error.to_string()))?;
    let folder = tempfile::tempdir()?;
    std::fs::write(authority_file(&folder), authority)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config
                .with_no_client_auth()
                .with_single_cert(vec![own.der().clone()], key)
        })
        .map_err(|error| BenchError::Tls(error.to_string()))?;
    Ok((Arc::new(config), folder))
}

fn accept(listener: TcpListener, serve: impl Fn(TcpStream) + Clone + Send + 'static) {
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || {
                // Some connections are only opened; a function that ends closes the others.
                let _ = connection.set_nodelay(true);
                serve(connection);
            });
        }
    });
}

fn forward(mut function: impl Read + Write, upstream: SocketAddr, calls: &Calls) {
    let Ok(mut table) = TcpStream::connect(upstream) else {
        return;
    };
    let _ = table.set_nodelay(true);
    while let Ok(Some(request)) = http::read(&mut function, false) {
        let begun = Instant::now();
        if table.write_all(&request.bytes).is_err() {
            return;
        }
        let Ok(Some(answer)) = http::read(&mut table, true) else {
            return;
        };
        let target = request.header("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let call = TableCall {
            operation,
            begun,
            ended: Instant::now(),
        };
        calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        if function
            .write_all(&answer.bytes)
            .and_then(|()| function.flush())
            .is_err()
        {
            return;
        }
    }
}

/// A server that takes everything and answers this; its address.
pub(crate) fn that_takes_all(answer: &'static str) -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("http://{}", listener.local_addr()?);
    accept(listener, move |mut connection| {
        while let Ok(Some(_)) = http::read(&mut connection, false) {
            if http::answer(&mut connection, "200 OK", "", answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_at_the_same_time_are_waited_for_together() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let call = |begun, ended| TableCall {
            operation: "Query".to_owned(),
            begun: at(begun),
            ended: at(ended),
        };
        let waited = |calls: &[(u64, u64)]| {
            let calls: Vec<_> = calls.iter().map(|(a, b)| call(*a, *b)).collect();
            super::waited(&calls).as_millis()
        };
        assert_eq!(waited(&[]), 0);
        assert_eq!(waited(&[(1, 3), (5, 9)]), 6);
        assert_eq!(waited(&[(5, 9), (1, 3), (2, 6), (6, 7)]), 8);
    }
}
