#!/usr/bin/env python3
"""Every function on this machine, called with each file of events/.

    tests/local.py sam            in Lambda's container, with `sam local invoke`; and over each HTTP
                                  route, with `sam local start-api`
    tests/local.py cargo-lambda   as processes, with `cargo lambda watch` and `invoke`; and packed,
                                  with `cargo lambda build` and `deploy --dry`

Needs Rust and cargo-lambda; Docker for the table (AWS' DynamoDB Local), and, for sam, the SAM CLI. It
looks at answers and at the table, prints a line for each check and ends with 1 if one failed.

    --built             do not build: use what is in .aws-sam/build or target/lambda
    --skip-pull-image   use the image of the runtime that is there, also one of your own making
    --dynamodb-url URL  a DynamoDB that is there already, as this machine reaches it; empty, open to
                        containers, and with tables that do not depend on region and key (DynamoDB
                        Local: -sharedDb). Then Docker is needed for sam only

What it rests on: the runtime's container is AWS' own, unless --skip-pull-image finds another in its
place, and so are DynamoDB Local's answers. `sam local` knows no JWT authorizers: it leaves them out, so
the console's API has to be shut by the function alone. Stream, queue and schedule are not there: the
relay and the clock are called with sample events. tests/deployment has them.
"""

import argparse
import hashlib
import json
import os
import pathlib
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = "ConversationsTable"
CONVERSATION = "67d8db020fa31d1ef64f53dg"
TOKEN = "local-token"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"

failed = []


def check(name, holds, seen=""):
    print(f"{'ok    ' if holds else 'FAILED'}  {name}{': ' if seen else ''}{seen}", flush=True)
    if not holds:
        failed.append(name)


def run(*command, **options):
    return subprocess.run(command, cwd=ROOT, text=True, check=True, **options)


# ---- DynamoDB ------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_dynamodb(port):
    """AWS' DynamoDB Local in a container; its id."""
    made = run(
        "docker", "run", "--detach", "--rm", "--publish", f"{port}:8000", "amazon/dynamodb-local",
        "-jar", "DynamoDBLocal.jar", "-inMemory", "-sharedDb", stdout=subprocess.PIPE,
    )
    return made.stdout.strip()


def dynamodb(url, operation, **parameters):
    request = urllib.request.Request(
        url,
        data=json.dumps({"TableName": TABLE, **parameters}).encode(),
        headers={
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            # It wants to see a signature and does not look at it.
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20250101/us-east-1/dynamodb/"
            "aws4_request, SignedHeaders=host, Signature=0",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_for(url):
    for _ in range(120):
        try:
            urllib.request.urlopen(url, timeout=2)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
        else:
            return
    sys.exit(f"nothing answers at {url}")


def entries(url):
    """The conversation's entries as the table has them: text (or kind) -> delivery."""
    found = dynamodb(
        url, "Query",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :entry)",
        ExpressionAttributeValues={":pk": {"S": f"C#{CONVERSATION}"}, ":entry": {"S": "E#"}},
    )
    return [
        {name: next(iter(value.values())) for name, value in item.items()}
        for item in found["Items"]
    ]


def status(url):
    found = dynamodb(url, "GetItem", Key={"pk": {"S": f"C#{CONVERSATION}"}, "sk": {"S": "META"}})
    return found.get("Item", {}).get("status", {}).get("S")


# ---- sam local -----------------------------------------------------------------------------------


# GPTBots is nobody here, at an address that refuses: what the relay cannot deliver waits.
SECRETS = json.dumps({"bots": {"*": {"api_key": "local", "base_url": "http://127.0.0.1:9"}}})
TOKEN_SHA256 = hashlib.sha256(TOKEN.encode()).hexdigest()


def shell():
    """This shell's environment without its AWS settings, which would reach the functions."""
    return {
        name: value for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.startswith("SSL_CERT")
    } | {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }


def last_line_as_json(done):
    lines = [line for line in done.stdout.strip().splitlines() if line.strip()]
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        print(done.stdout, done.stderr, file=sys.stderr)
        return {"errorMessage": f"no answer, exit code {done.returncode}"}


class Sam:
    """`sam local`."""

    def __init__(self, options, dynamodb_url, scratch):
        dynamodb_port = urllib.parse.urlsplit(dynamodb_url).port
        variables = {"AWS_ENDPOINT_URL_DYNAMODB": f"http://host.docker.internal:{dynamodb_port}"}
        # SAM hands a variable on only where the template declares it.
        secrets = {"SECRETS_JSON": SECRETS}
        self.env_vars = scratch / "env.json"
        self.env_vars.write_text(json.dumps({"Parameters": variables, "RelayFunction": {**variables, **secrets}, "DeskFunction": {**variables, **secrets}}))
        self.common = [
            "--env-vars", str(self.env_vars),
            "--region", "us-east-1",
            "--parameter-overrides", f"WebhookTokenSha256={TOKEN_SHA256}",
            f"Architecture={ARCHITECTURE}",
            f"LocalDynamoDbEndpoint=http://host.docker.internal:{dynamodb_port}",
            # Linux knows no host.docker.internal by itself; elsewhere it is the same.
            "--add-host", "host.docker.internal:host-gateway",
            *(["--skip-pull-image"] if options.skip_pull_image else []),
        ]
        self.environment = shell()

    def invoke(self, function, event):
        return last_line_as_json(subprocess.run(
            ["sam", "local", "invoke", function, "--event", str(event), *self.common],
            cwd=ROOT, env=self.environment, text=True, capture_output=True,
        ))

    def start_api(self, port, log):
        return subprocess.Popen(
            ["sam", "local", "start-api", "--port", str(port), "--warm-containers", "EAGER", *self.common],
            cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT,
        )


class CargoLambda:
    """`cargo lambda`."""

    def __init__(self, dynamodb_url, log):
        self.port = free_port()
        variables = {
            "TABLE_NAME": TABLE,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
            "WEBHOOK_TOKEN_SHA256": TOKEN_SHA256,
            "SECRETS_JSON": SECRETS,
        }
        self.watching = subprocess.Popen(
            ["cargo", "lambda", "watch", "--ignore-changes", "--wait",
             "--invoke-address", "127.0.0.1", "--invoke-port", str(self.port)],
            cwd=ROOT, env=shell() | variables, stdout=log, stderr=subprocess.STDOUT,
        )

    def invoke(self, function, event):
        return last_line_as_json(subprocess.run(
            ["cargo", "lambda", "invoke", package(function), "--data-file", str(event),
             "--invoke-address", "127.0.0.1", "--invoke-port", str(self.port)],
            cwd=ROOT, env=shell(), text=True, capture_output=True,
        ))


def package(function):
    """The name of a function's folder, package and binary, from its name in the template."""
    return function.removesuffix("Function").lower()


def packed(functions):
    for name in functions:
        done = subprocess.run(
            ["cargo", "lambda", "deploy", name, "--dry", "--output-format", "json"],
            cwd=ROOT, env=shell(), text=True, capture_output=True,
        )
        seen = (done.stdout + done.stderr).strip()
        check(f"cargo lambda deploy {name} --dry", done.returncode == 0 and "bootstrap" in seen, " ".join(seen.split())[:160])


def invocations(sam, url):
    events = ROOT / "events"
    answered = {"code": 200, "message": "success"}

    for function, event in (("EstablishFunction", "establish"), ("ChatFunction", "chat")):
        answer = sam.invoke(function, events / f"{event}.json")
        body = json.loads(answer.get("body", "{}"))
        check(f"invoke {function} with {event}.json", answer.get("statusCode") == 200 and body == answered, str(body))
    stored = entries(url)
    check("the table has the conversation and its lines",
          status(url) == "waiting" and any(one.get("text") == "Hello, is anyone there?" for one in stored),
          f"{len(stored)} entries, status {status(url)}")

    for event in ("relay-stream", "relay-queue"):
        answer = sam.invoke("RelayFunction", events / f"{event}.json")
        check(f"invoke RelayFunction with {event}.json", answer == {"batchItemFailures": []}, str(answer))
    delivery = {one["kind"] + " to " + one.get("to", "nobody"): one["delivery"] for one in entries(url)}
    check("the relay has carried the user's line to the desk", delivery.get("message to desk") == "delivered", str(delivery))
    check("the relay has tried the greeting, and keeps it for later",
          "retrying" in delivery.values(), str(delivery))

    answer = sam.invoke("ClockFunction", events / "clock.json")
    check("invoke ClockFunction with clock.json", "errorMessage" not in answer, str(answer))

    for event in ("desk-events", "desk-interactions"):
        answer = sam.invoke("DeskFunction", events / f"{event}.json")
        check(f"invoke DeskFunction with {event}.json: no such desk here", answer.get("statusCode") == 404, str(answer))

    answer = sam.invoke("ConsoleFunction", events / "console-page.json")
    check("invoke ConsoleFunction with console-page.json",
          answer.get("statusCode") == 200 and "<!doctype html>" in answer.get("body", ""), str(answer.get("statusCode")))
    answer = sam.invoke("ConsoleFunction", events / "console-list.json")
    check("invoke ConsoleFunction with console-list.json",
          answer.get("statusCode") == 200 and CONVERSATION in answer.get("body", ""), str(answer.get("statusCode")))
    answer = sam.invoke("ConsoleFunction", events / "console-message.json")
    check("invoke ConsoleFunction with console-message.json", answer.get("statusCode") == 200, str(answer.get("statusCode")))
    check("the table has the agent's line",
          any(one["author"] == "agent" for one in entries(url)) and status(url) == "connected", f"status {status(url)}")

    answer = sam.invoke("CloseFunction", events / "close.json")
    check("invoke CloseFunction with close.json", json.loads(answer.get("body", "{}")) == answered, answer.get("body", ""))
    check("the table has the end", status(url) == "closed", f"status {status(url)}")


def call(base, method, path, body=None):
    request = urllib.request.Request(
        base + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def routes(base, url):
    establish = {"conversation_id": "api-1", "timestamp": 1742265090895, "bot_id": "b1",
                 "email": "bob@gmail.com", "body": [{"message_type": "QUESTION", "text": "human service"}],
                 "user_info": {"user_id": "u1"}}
    chat = {"conversation_id": "api-1", "timestamp": 1742265090896, "body": "Hello 你好"}
    close = {"conversation_id": "api-1", "timestamp": 1742265090897, "type": "USER_CLOSED"}
    for path, body in (("conversation/establish", establish), ("chat", chat), ("conversation/close", close)):
        code, answer = call(base, "POST", f"/{TOKEN}/{path}", body)
        check(f"start-api: POST /{{token}}/{path}", code == 200 and json.loads(answer)["message"] == "success", f"{code} {answer}")
        code, answer = call(base, "POST", f"/wrong/{path}", body)
        check(f"start-api: POST /wrong/{path}", code == 401, str(code))
    code, answer = call(base, "POST", f"/{TOKEN}/chat", {"timestamp": 1})
    check("start-api: a chat without conversation_id", code == 400 and "conversation_id" in answer, f"{code} {answer}")
    found = dynamodb(url, "GetItem", Key={"pk": {"S": "C#api-1"}, "sk": {"S": "META"}})
    check("the table has the conversation of start-api", found["Item"]["status"]["S"] == "closed", found["Item"]["status"]["S"])

    for path in ("events", "interactions", "token/events", "token/interactions"):
        code, _ = call(base, "POST", f"/desks/slack/{path}", {})
        check(f"start-api: POST /desks/slack/{path}: no such desk here", code == 404, str(code))

    code, answer = call(base, "GET", "/console")
    check("start-api: GET /console", code == 200 and "<!doctype html>" in answer, str(code))
    for file in ("app.js", "style.css", "icon.svg"):
        code, answer = call(base, "GET", f"/console/{file}")
        check(f"start-api: GET /console/{file}", code == 200 and len(answer) > 100, f"{code}, {len(answer)} characters")
    code, _ = call(base, "GET", "/console/nothing")
    check("start-api: GET /console/nothing", code == 404, str(code))
    # Nobody has signed in, and no authorizer is in front: the function refuses by itself.
    for method, path in (
        ("GET", "me"), ("GET", "conversations?status=open"), ("GET", "conversations/YXBpLTE"),
        ("POST", "conversations/YXBpLTE/messages"), ("POST", "conversations/YXBpLTE/claim"),
        ("POST", "conversations/YXBpLTE/close"), ("POST", "conversations/YXBpLTE/entries/e/replay"),
    ):
        code, _ = call(base, method, f"/console/api/{path}", {} if method == "POST" else None)
        check(f"start-api: {method} /console/api/{path} without signing in", code == 401, str(code))


def functions():
    """The packages of all functions."""
    return sorted(path.parent.name for path in ROOT.glob("functions/*/Cargo.toml"))


def with_sam(options, url, scratch):
    if not options.built:
        run("sam", "build", "--parameter-overrides", f"Architecture={ARCHITECTURE}", env=shell())
    sam = Sam(options, url, scratch)
    invocations(sam, url)
    port = free_port()
    with open(scratch / "api.log", "w") as log:
        api = sam.start_api(port, log)
        try:
            wait_for(f"http://127.0.0.1:{port}/console")
            routes(f"http://127.0.0.1:{port}", url)
        finally:
            api.terminate()
            api.wait(timeout=60)
    if failed:
        print((scratch / "api.log").read_text()[-4000:], file=sys.stderr)


def with_cargo_lambda(options, url, scratch):
    if not options.built:
        run("cargo", "lambda", "build", "--release")
    packed(functions())
    with open(scratch / "watch.log", "w") as log:
        cargo = CargoLambda(url, log)
        try:
            wait_for(f"http://127.0.0.1:{cargo.port}")
            invocations(cargo, url)
        finally:
            cargo.watching.terminate()
            cargo.watching.wait(timeout=60)
    if failed:
        print((scratch / "watch.log").read_text()[-4000:], file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("way", choices=["sam", "cargo-lambda"])
    parser.add_argument("--built", action="store_true")
    parser.add_argument("--skip-pull-image", action="store_true")
    parser.add_argument("--dynamodb-url")
    options = parser.parse_args()
    container = None
    with tempfile.TemporaryDirectory() as scratch:
        try:
            url = options.dynamodb_url
            if url is None:
                port = free_port()
                container, url = start_dynamodb(port), f"http://127.0.0.1:{port}"
            wait_for(url)
            run("cargo", "run", "--quiet", "-p", "sandbox", "--", "create-table", "--dynamodb-url", url, "--table", TABLE)
            by = with_sam if options.way == "sam" else with_cargo_lambda
            by(options, url, pathlib.Path(scratch))
        finally:
            if container:
                subprocess.run(["docker", "stop", container], stdout=subprocess.DEVNULL, check=False)
    print(f"\n{len(failed)} checks failed" if failed else "\nall checks passed")
    sys.exit(1 if failed else 0)


main()
