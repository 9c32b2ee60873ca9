//! As much HTTP/1.1 as the functions speak: bodies with a length, connections that stay open.
//!
//! Blocking and by hand around `httparse`, so that the measuring side adds microseconds and no
//! scheduler of its own.

use std::io::{self, Read, Write};

/// A request or an answer.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The request's method and path, or the answer's status line: what stands first.
    pub(crate) start: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// As it came, head and body.
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(own, _)| own == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

/// Reads a request, or an answer; `None` where the other side has closed the connection before.
pub(crate) fn read(from: &mut impl Read, answer: bool) -> io::Result<Option<Message>> {
    let mut bytes = Vec::with_capacity(4_096);
    let mut chunk = [0; 16_384];
    loop {
        let count = from.read(&mut chunk)?;
        if count == 0 && bytes.is_empty() {
            return Ok(None);
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..count]);
        let Some((head, start, headers)) = head(&bytes, answer)? else {
            continue;
        };
        let length = match headers.iter().find(|(name, _)| name == "content-length") {
            Some((_, length)) => length.parse::<usize>().map_err(invalid)?,
            None if headers.iter().any(|(name, _)| name == "transfer-encoding") => {
                return Err(invalid("a body without a length"));
            }
            None => 0,
        };
        let missing = (head + length).saturating_sub(bytes.len());
        let at = bytes.len();
        bytes.resize(at + missing, 0);
        from.read_exact(&mut bytes[at..])?;
        return Ok(Some(Message {
            start,
            headers,
            body: bytes[head..].to_vec(),
            bytes,
        }));
    }
}

type Head = (usize, String, Vec<(String, String)>);

fn head(bytes: &[u8], answer: bool) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let (length, start, headers) = if answer {
        let mut response = httparse::Response::new(&mut headers);
        let status = response.parse(bytes).map_err(invalid)?;
        let start = response.code.unwrap_or_default().to_string();
        (status, start, response.headers)
    } else {
        let mut request = httparse::Request::new(&mut headers);
        let status = request.parse(bytes).map_err(invalid)?;
        let method = request.method.unwrap_or_default();
        let start = format!("{method} {}", request.path.unwrap_or_default());
        (status, start, request.headers)
    };
    let httparse::Status::Complete(length) = length else {
        return Ok(None);
    };
    let headers = headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    });
    Ok(Some((length, start, headers.collect())))
}

fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

/// Writes an answer with a JSON body.
pub(crate) fn answer(
    to: &mut impl Write,
    status: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<()> {
    let length = body.len();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    to.write_all(&bytes)?;
    to.flush()
}
