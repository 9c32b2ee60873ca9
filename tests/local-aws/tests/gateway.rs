//! Requests through the gateway into functions and back, over a socket.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, routing::get};
use lambda_http::{Body, Request, RequestExt, Response};
use local_aws::{
    SharedFunction,
    function::{event_function, http_function},
    gateway::Gateway,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// A gateway on a port of its own; it stops with the value.
struct Served {
    address: String,
    _stop: oneshot::Sender<()>,
}

async fn serve(gateway: Gateway) -> Served {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(gateway.serve(listener, async {
        let _ = stopped.await;
    }));
    Served {
        address,
        _stop: stop,
    }
}

/// What came back.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.body));
        })
    }

    fn header(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(own, _)| own == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl Served {
    /// Sends exactly these bytes: a client library would tidy them up.
    async fn send(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let length = match body.len() {
            0 => String::new(),
            length => format!("content-length: {length}\r\n"),
        };
        let head = format!("{head}\r\n{length}connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        let split = received
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(received[..split].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Answer {
            status,
            headers,
            body: received[split + 4..].to_vec(),
        }
    }

    async fn get(&self, target: &str) -> Answer {
        self.send(
            &format!("GET {target} HTTP/1.1\r\nHost: api.example:80"),
            b"",
        )
        .await
    }
}

/// Answers with the event itself.
fn mirror() -> SharedFunction {
    event_function(|event: Value| async move { Ok::<_, Infallible>(event) })
}

#[tokio::test]
async fn an_event_has_the_shape_of_payload_format_2() {
    let gateway = Gateway::new()
        .route("POST /{token}/chat", mirror())
        .unwrap()
        .authorizer(|parts, key| {
            let user = parts.headers.get("user")?.to_str().ok()?;
            Some(json!({"jwt": {"claims": {"sub": user, "key": key}, "scopes": null}}))
        });
    let served = serve(gateway).await;
    let head = "POST /abc/chat?a=1&b=x%20y+z&a=2&c HTTP/1.1\r\nHost: api.example:8787\r\n\
                Content-Type: application/json; charset=utf-8\r\nUser-Agent: test/1\r\n\
                X-Many: one\r\nCookie: a=1; b=2\r\nX-MANY: two\r\nuser: someone";
    let event = served
        .send(head, r#"{"text":"grüß"}"#.as_bytes())
        .await
        .json();
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /{token}/chat");
    assert_eq!(event["rawPath"], "/abc/chat");
    assert_eq!(event["rawQueryString"], "a=1&b=x%20y+z&a=2&c");
    let parameters = json!({"a": "1,2", "b": "x y z", "c": ""});
    assert_eq!(event["queryStringParameters"], parameters);
    assert_eq!(event["pathParameters"], json!({"token": "abc"}));
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["headers"]["x-many"], "one,two");
    assert_eq!(event["headers"]["host"], "api.example:8787");
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["body"], r#"{"text":"grüß"}"#);
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["domainName"], "api.example");
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["path"], "/abc/chat");
    assert_eq!(context["http"]["protocol"], "HTTP/1.1");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "test/1");
    let claims = json!({"sub": "someone", "key": "POST /{token}/chat"});
    assert_eq!(context["authorizer"]["jwt"]["claims"], claims);

    let event = served
        .send("POST /abc/chat HTTP/1.1\r\nHost: h", b"")
        .await
        .json();
    for absent in ["body", "cookies", "queryStringParameters"] {
        assert_eq!(event.get(absent), None, "{absent}");
    }
    assert_eq!(event["requestContext"].get("authorizer"), None);
}

#[tokio::test]
async fn paths_are_decoded_before_they_are_routed() {
    let gateway = Gateway::new()
        .route("GET /one/{id}", mirror())
        .unwrap()
        .route("GET /all/{rest+}", mirror())
        .unwrap();
    let served = serve(gateway).await;
    for (target, path, parameters) in [
        ("/one/a%20b", "/one/a b", json!({"id": "a b"})),
        ("/one/%C3%BC", "/one/ü", json!({"id": "ü"})),
        ("/one/a%252Fb", "/one/a%2Fb", json!({"id": "a%2Fb"})),
        ("/one/a+b", "/one/a+b", json!({"id": "a+b"})),
        ("/one/a%3Fb?c=d", "/one/a", json!({"id": "a"})),
        ("/all/a%2Fb/c", "/all/a/b/c", json!({"rest": "a/b/c"})),
        ("/all//x", "/all//x", json!({"rest": "/x"})),
    ] {
        let event = served.get(target).await.json();
        assert_eq!(event["rawPath"], path, "{target}");
        assert_eq!(event["pathParameters"], parameters, "{target}");
    }
    for target in ["/one/a%2Fb", "/one/", "/one", "/one/a/", "/all/", "/"] {
        let answer = served.get(target).await;
        assert_eq!(answer.status, 404, "{target}");
        assert_eq!(answer.json(), json!({"message": "Not Found"}));
    }
}

#[tokio::test]
async fn only_known_text_types_stay_text() {
    let served = serve(Gateway::new().route("POST /b", mirror()).unwrap()).await;
    for (content_type, text) in [
        ("text/plain", true),
        ("application/json", true),
        ("Application/JSON;charset=utf-8", true),
        ("application/xml", true),
        ("application/javascript", true),
        ("application/octet-stream", false),
        ("application/x-www-form-urlencoded", false),
        ("application/problem+json", false),
        ("multipart/form-data; boundary=x", false),
        ("", false),
    ] {
        let content_type = match content_type {
            "" => String::new(),
            content_type => format!("\r\nContent-Type: {content_type}"),
        };
        let head = format!("POST /b HTTP/1.1\r\nHost: h{content_type}");
        let event = served.send(&head, b"a=1").await.json();
        assert_eq!(event["isBase64Encoded"], !text, "{content_type}");
        assert_eq!(
            event["body"],
            if text { "a=1" } else { "YT0x" },
            "{content_type}"
        );
    }
}

/// The same through `lambda_http`, as a function is written.
#[tokio::test]
async fn a_lambda_http_handler_sees_the_request_and_is_seen() {
    let handler = |request: Request| async move {
        let token = request.path_parameters().first("token").unwrap().to_owned();
        let mut response = Response::builder()
            .status(201)
            .header("content-type", "application/octet-stream")
            .header("x-token", token)
            .header("set-cookie", "a=1; Secure")
            .header("set-cookie", "b=2");
        response = response.header("x-query", request.uri().query().unwrap_or("none"));
        Ok::<_, Infallible>(
            response
                .body(Body::Binary(request.body().to_vec()))
                .unwrap(),
        )
    };
    let gateway = Gateway::new()
        .route("PUT /{token}/x", http_function(handler))
        .unwrap();
    let served = serve(gateway).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let head = "PUT /t%20o/x?q=%7B%22a%22%7D HTTP/1.1\r\nHost: h\r\nContent-Type: image/png";
    let answer = served.send(head, &bytes).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body, bytes);
    assert_eq!(answer.header("x-token"), ["t o"]);
    assert_eq!(answer.header("x-query"), ["q=%7B%22a%22%7D"]);
    assert_eq!(answer.header("set-cookie"), ["a=1; Secure", "b=2"]);
    assert_eq!(answer.header("content-type"), ["application/octet-stream"]);
    assert_eq!(answer.header("content-length"), ["256"]);
}

#[tokio::test]
async fn an_answer_becomes_a_response_by_the_format() {
    let answers = json!({
        "inferred": {"any": ["thing"]},
        "string": "text",
        "plain": {"statusCode": 200, "body": "hello"},
        "empty": {"statusCode": 204},
        "base64": {"statusCode": 200, "isBase64Encoded": true, "body": "/+8="},
        "headers": {"statusCode": "302", "headers": {"Location": "/x", "x-n": 1},
                    "multiValueHeaders": {"x-m": ["1"]}, "cookies": ["c=d"]},
        "status": {"statusCode": "ok"},
        "broken": {"statusCode": 200, "isBase64Encoded": true, "body": "%"},
        "object": {"statusCode": 200, "body": {"a": 1}},
        "smuggle": {"statusCode": 200, "headers": {"x": "a\r\nb: c"}},
    });
    let lookup = move |event: Value| {
        let which = event["pathParameters"]["which"]
            .as_str()
            .unwrap_or_default();
        let answer = answers[which].clone();
        async move { Ok::<_, Infallible>(answer) }
    };
    let gateway = Gateway::new()
        .route("GET /{which}", event_function(lookup))
        .unwrap();
    let served = serve(gateway).await;

    let answer = served.get("/inferred").await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"any": ["thing"]}))
    );
    assert_eq!(answer.header("content-type"), ["application/json"]);
    assert_eq!(served.get("/string").await.body, b"\"text\"");
    let answer = served.get("/plain").await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, &b"hello"[..])
    );
    assert_eq!(answer.header("content-type"), ["text/plain;charset=utf-8"]);
    assert_eq!(answer.header("apigw-requestid").len(), 1);
    assert_eq!(served.get("/empty").await.status, 204);
    assert_eq!(served.get("/base64").await.body, [0xff, 0xef]);
    let answer = served.get("/headers").await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), ["/x"]);
    assert_eq!(answer.header("x-n"), ["1"]);
    assert_eq!(answer.header("set-cookie"), ["c=d"]);
    assert!(answer.header("x-m").is_empty());
    for broken in ["/status", "/broken", "/object", "/smuggle"] {
        let answer = served.get(broken).await;
        assert_eq!(answer.status, 500, "{broken}");
        assert_eq!(answer.json(), json!({"message": "Internal Server Error"}));
    }
}

#[tokio::test]
async fn failures_and_limits_answer_as_the_service_does() {
    let fail = event_function(|_: Value| async { Err::<Value, _>("no".to_owned()) });
    let panic = event_function(|event: Value| async move {
        assert!(event.is_null(), "on purpose");
        Ok::<_, Infallible>(())
    });
    let slow = event_function(|_: Value| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok::<_, Infallible>(())
    });
    let gateway = Gateway::new()
        .integration_timeout(Duration::from_millis(200))
        .route("GET /fail", fail)
        .and_then(|gateway| gateway.route("GET /panic", panic))
        .and_then(|gateway| gateway.route("GET /slow", slow))
        .and_then(|gateway| gateway.route("POST /size", mirror()))
        .unwrap();
    let served = serve(gateway).await;
    for (target, status, message) in [
        ("/fail", 500, "Internal Server Error"),
        ("/panic", 500, "Internal Server Error"),
        ("/slow", 503, "Service Unavailable"),
    ] {
        let answer = served.get(target).await;
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.json(), json!({"message": message}));
    }
    let head = "POST /size HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain";
    for (length, status) in [(1 << 20, 200), (7 << 20, 413), (11 << 20, 413)] {
        let answer = served.send(head, &vec![b'x'; length]).await;
        assert_eq!(answer.status, status, "{length}");
    }
}

#[tokio::test]
async fn the_guard_stands_before_routes_and_pages() {
    let gateway = Gateway::new()
        .route("GET /{any+}", mirror())
        .unwrap()
        .merge(Router::new().route("/own/page", get(|| async { "own" })))
        .guard(|parts| match parts.headers.get("host") {
            Some(host) if host == "evil" => Err((StatusCode::FORBIDDEN, "not here".to_owned())),
            _ => Ok(()),
        });
    let served = serve(gateway).await;
    assert_eq!(served.get("/own/page").await.body, b"own");
    assert_eq!(served.get("/other").await.json()["rawPath"], "/other");
    for target in ["/own/page", "/other"] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: evil");
        let answer = served.send(&head, b"").await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.json(), json!({"message": "not here"}));
    }
}

#[tokio::test]
async fn shutdown_finishes_what_is_under_way() {
    let (entered, mut was_entered) = tokio::sync::mpsc::channel(1);
    let release = Arc::new(tokio::sync::Notify::new());
    let function = event_function({
        let release = Arc::clone(&release);
        move |_: Value| {
            let (entered, release) = (entered.clone(), Arc::clone(&release));
            async move {
                entered.send(()).await.unwrap();
                release.notified().await;
                Ok::<_, Infallible>("finished")
            }
        }
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let gateway = Gateway::new().route("GET /x", function).unwrap();
    let server = tokio::spawn(gateway.serve(listener, async {
        let _ = stopped.await;
    }));
    let client = Served {
        address,
        _stop: oneshot::channel().0,
    };
    let request = tokio::spawn(async move { client.get("/x").await.json() });
    was_entered.recv().await.unwrap();
    stop.send(()).unwrap();
    release.notify_one();
    assert_eq!(request.await.unwrap(), "finished");
    server.await.unwrap().unwrap();
}
