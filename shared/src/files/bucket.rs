//! Files in an S3 bucket, handed out by links that open without credentials for some hours.
//!
//! Three calls of S3 are all that is needed, all by an address that carries its signature (AWS
//! Signature Version 4, query parameters), so that the SDK's client for S3 with its checksums,
//! streams and second HTTP stack stays out of the relay.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use url::Url;

use super::{FileError, Files};
use crate::conversation::{ConversationId, EntryId};
use crate::desk::DeskFile;
use crate::time::SharedClock;

/// How long a link opens its file: no longer than the function's own credentials, which live for
/// some hours, so more would promise too much.
pub const LINK_FOR: Duration = Duration::from_secs(12 * 3_600);
/// How long the address may be used under which a file is stored.
const STORE_WITHIN: Duration = Duration::from_secs(60);
/// How long storing may take.
const PATIENCE: Duration = Duration::from_secs(6);
/// The longest name that a link says; browsers cut longer ones.
const MAX_NAME_CHARS: usize = 120;
/// Media types that a browser may be told; anything else is handed out as mere bytes.
const SHOWN_TYPES: [&str; 9] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "audio/mpeg",
    "video/mp4",
    "application/pdf",
    "application/zip",
    "text/plain",
];

/// A bucket for files.
#[derive(Debug, Clone)]
pub struct Bucket {
    base_url: Url,
    region: String,
    credentials: SharedCredentialsProvider,
    clock: SharedClock,
    http: reqwest::Client,
}

impl Bucket {
    /// The bucket of this name, in AWS, or at an endpoint such as `http://127.0.0.1:4566`.
    ///
    /// # Errors
    /// When the name or the endpoint makes no address, or TLS cannot be set up.
    pub fn new(
        name: &str,
        endpoint: Option<&str>,
        region: &str,
        credentials: SharedCredentialsProvider,
        clock: SharedClock,
    ) -> Result<Self, FileError> {
        let base_url = match endpoint {
            Some(endpoint) => format!("{}/{name}/", endpoint.trim_end_matches('/')),
            None => format!("https://{name}.s3.{region}.amazonaws.com/"),
        };
        let wrong = |what: &str| FileError::Refused(format!("the bucket: {what}"));
        Ok(Self {
            base_url: Url::parse(&base_url).map_err(|_| wrong("its name makes no address"))?,
            region: region.to_owned(),
            credentials,
            clock,
            http: reqwest::Client::builder()
                .tls_backend_preconfigured(crate::tls::config())
                .timeout(PATIENCE)
                .connect_timeout(Duration::from_secs(2))
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|_| wrong("TLS cannot be set up"))?,
        })
    }

    /// An address that may be used once for this method, until `within` is over.
    async fn signed(
        &self,
        method: &str,
        key: &str,
        query: &[(&str, &str)],
        within: Duration,
    ) -> Result<Url, FileError> {
        let unavailable = |what: &str| FileError::Unavailable(format!("The store: {what}"));
        let credentials = self
            .credentials
            .provide_credentials()
            .await
            .map_err(|_| unavailable("no credentials"))?;
        let mut url = self.base_url.clone();
        url.path_segments_mut()
            .map_err(|()| unavailable("its address takes no path"))?
            .pop_if_empty()
            .extend(key.split('/'));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        // What S3 is told it reads with "%20", where forms have "+".
        let plain = url.query().map(|query| query.replace('+', "%20"));
        url.set_query(plain.as_deref());
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(within);
        // As S3 has it: what is in the path is encoded once, and stands as it is.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = credentials.into();
        let now = u64::try_from(self.clock.now()).unwrap_or(0);
        let time: SystemTime = UNIX_EPOCH + Duration::from_millis(now);
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(time)
            .settings(settings)
            .build()
            .map_err(|_| unavailable("its address cannot be signed"))?;
        let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let request = SignableRequest::new(
            method,
            url.as_str(),
            [("host", host.as_str())].into_iter(),
            SignableBody::UnsignedPayload,
        );
        let signed = request
            .and_then(|request| sign(request, &params.into()))
            .map_err(|_| unavailable("its address cannot be signed"))?;
        let (instructions, _) = signed.into_parts();
        for (name, value) in instructions.params() {
            url.query_pairs_mut().append_pair(name, value);
        }
        Ok(url)
    }
}

#[async_trait::async_trait]
impl Files for Bucket {
    async fn keep(
        &self,
        conversation: &ConversationId,
        entry: &EntryId,
        n: usize,
        file: &DeskFile,
        bytes: Vec<u8>,
    ) -> Result<String, FileError> {
        let key = key(conversation, entry, n);
        let address = self.signed("PUT", &key, &[], STORE_WITHIN).await?;
        let stored = self.http.put(address).body(bytes).send().await;
        match stored.map(|answer| answer.status().as_u16()) {
            Ok(200..=299) => {}
            Ok(status) => {
                return Err(FileError::Unavailable(format!(
                    "The store answered HTTP {status}"
                )));
            }
            Err(_) => {
                return Err(FileError::Unavailable(
                    "The store did not answer".to_owned(),
                ));
            }
        }
        let query = [
            ("response-content-disposition", disposition(&file.name)),
            ("response-content-type", shown_type(file).to_owned()),
        ];
        let query = query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect::<Vec<_>>();
        let link = self.signed("GET", &key, &query, LINK_FOR).await?;
        Ok(link.into())
    }

    async fn remove(
        &self,
        conversation: &ConversationId,
        entry: &EntryId,
        n: usize,
    ) -> Result<(), FileError> {
        let key = key(conversation, entry, n);
        let address = self.signed("DELETE", &key, &[], STORE_WITHIN).await?;
        // S3 answers 204 whether there was one or not; others say 404.
        match self.http.delete(address).send().await {
            Ok(answer) if matches!(answer.status().as_u16(), 200..=299 | 404) => Ok(()),
            Ok(answer) => Err(FileError::Unavailable(format!(
                "The store answered HTTP {}",
                answer.status().as_u16()
            ))),
            Err(_) => Err(FileError::Unavailable(
                "The store did not answer".to_owned(),
            )),
        }
    }
}

/// Where a file is. All of a conversation lies together, so that it can be removed together.
fn key(conversation: &ConversationId, entry: &EntryId, n: usize) -> String {
    format!("{}/{entry}/{n}", conversation.to_path())
}

/// What a browser is told of a file's type: nothing that it would run.
fn shown_type(file: &DeskFile) -> &'static str {
    let kind = file.content_type.as_deref().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let known = SHOWN_TYPES
        .iter()
        .find(|shown| kind.eq_ignore_ascii_case(shown));
    known.copied().unwrap_or("application/octet-stream")
}

/// Saved under its own name, and never opened in place: `attachment` with the name as UTF-8 (RFC
/// 6266, RFC 8187).
fn disposition(name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '/' | '\\'))
        .take(MAX_NAME_CHARS)
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    format!("attachment; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::Credentials;

    #[derive(Debug)]
    struct At(i64);

    impl crate::time::Clock for At {
        fn now(&self) -> crate::time::Millis {
            self.0
        }
    }

    fn bucket(name: &str, endpoint: Option<&str>) -> Bucket {
        // The credentials of AWS's documentation.
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
            None,
            "example",
        );
        let credentials = SharedCredentialsProvider::new(credentials);
        // 2013-05-24T00:00:00Z
        let clock = std::sync::Arc::new(At(1_369_353_600_000));
        Bucket::new(name, endpoint, "us-east-1", credentials, clock).unwrap()
    }

    #[tokio::test]
    async fn the_example_of_the_documentation_has_the_published_signature() {
        // "Authenticating Requests: Using Query Parameters", Amazon S3 API reference. Its address
        // is of the older form without a region.
        let mut bucket = bucket("examplebucket", None);
        bucket.base_url = Url::parse("https://examplebucket.s3.amazonaws.com/").unwrap();
        let day = Duration::from_secs(86_400);
        let url = bucket.signed("GET", "test.txt", &[], day).await.unwrap();
        let signature = url
            .query_pairs()
            .find(|(name, _)| name == "X-Amz-Signature");
        assert_eq!(
            signature.unwrap().1,
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
        let names: Vec<_> = url
            .query_pairs()
            .map(|(name, _)| name.into_owned())
            .collect();
        assert!(names.contains(&"X-Amz-Expires".to_owned()), "{names:?}");
    }

    #[tokio::test]
    async fn addresses_are_the_buckets_own() {
        let at = |url: Url| url[..url::Position::AfterPath].to_owned();
        let minute = Duration::from_secs(60);
        let in_aws = bucket("files", None)
            .signed("PUT", "a/b", &[], minute)
            .await;
        assert_eq!(
            at(in_aws.unwrap()),
            "https://files.s3.us-east-1.amazonaws.com/a/b"
        );
        let local = bucket("files", Some("http://127.0.0.1:4566/"));
        let local = local.signed("PUT", "a/b", &[], minute).await;
        assert_eq!(at(local.unwrap()), "http://127.0.0.1:4566/files/a/b");
    }

    #[test]
    fn a_name_cannot_break_out_of_its_header_and_nothing_is_opened_in_place() {
        assert_eq!(
            disposition("a\"b\r\nSet-Cookie: x/../é.png"),
            "attachment; filename*=UTF-8''a%22bSet-Cookie%3A%20x..%C3%A9.png"
        );
        let file = |content_type: &str| DeskFile {
            name: "x".into(),
            content_type: Some(content_type.into()),
            bytes: None,
            url: "https://desk.example/x".into(),
            public: false,
        };
        assert_eq!(shown_type(&file("Image/PNG; x=y")), "image/png");
        assert_eq!(shown_type(&file("text/html")), "application/octet-stream");
    }
}
