#!/usr/bin/env python3
"""Lets the vendors' own specifications judge every request that the connectors send.

    tests/desk-stand-ins/judge.py SPECIFICATIONS

SPECIFICATIONS is a folder with OpenAPI files named <desk>*.prism.json (or .json, .yaml). For each, Prism
(https://github.com/stoplightio/prism) plays the vendor's server from it, and the requests recorded in
fixtures/<desk>.json are sent there: what the specification does not allow is answered 4xx. That the
connectors still send these requests, the tests check (`cargo test -p desk-stand-ins`).

A request whose operation is not in the file cannot be judged and is named. For each body that is judged
a damaged copy is sent, too, which has to be refused: Prism says nothing where it cannot read a schema.

Needs Node.js and npm; Prism is put into target/ci-prism. Ends with 1 if a request is not valid.
"""

import glob
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

PRISM = "@stoplight/prism-cli@5"
HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(HERE, "..", "..", "target", "ci-prism")
DESKS = ("slack", "chatwoot", "intercom")
# What stands for an id in a recorded path.
SAMPLES = {"id": "17", "source_id": "3f2c9a"}
# How a vendor wants to see who calls.
CREDENTIALS = {"Authorization": "Bearer x", "api_access_token": "x"}


def prism():
    """The program, installed where it is missing."""
    main = os.path.join(TOOLS, "node_modules", "@stoplight", "prism-cli", "dist", "index.js")
    if not os.path.exists(main):
        os.makedirs(TOOLS, exist_ok=True)
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", TOOLS, PRISM]
        subprocess.run(install, check=True, stdout=sys.stderr)
    return main


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def serve(specification):
    """Starts Prism; answers its process and address."""
    port = free_port()
    command = ["node", prism(), "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", specification]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    for _ in range(600):
        if server.poll() is not None:
            sys.exit(f"{specification}: Prism ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server, f"http://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.1)
    server.kill()
    sys.exit(f"{specification}: Prism did not start")


def send(base, request, body):
    """Answers the status, and what kind of error it was."""
    path = re.sub(r"\{(\w+)\}", lambda name: SAMPLES[name.group(1)], request["path"])
    headers = dict(CREDENTIALS)
    data = None
    if body is not None:
        headers["Content-Type"] = request["content_type"]
        data = json.dumps(body).encode()
    call = urllib.request.Request(base + path, data=data, headers=headers, method=request["method"])
    try:
        with urllib.request.urlopen(call, timeout=30) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        try:
            told = json.load(error)
        except ValueError:
            told = {}
        return error.code, f"{told.get('type', '')} {json.dumps(told.get('validation', ''))}"


def damaged(body):
    """Bodies that no specification allows: members of a type that none has, a list for an object."""
    return [{name: {"damaged": [True]} for name in body}, [True]]


def judge(desk, specification):
    with open(os.path.join(HERE, "fixtures", f"{desk}.json"), encoding="utf-8") as file:
        requests = json.load(file)
    server, base = serve(specification)
    valid, refused, unknown, wrong = 0, 0, [], []
    try:
        for request in requests:
            name = f"{request['method']} {request['path']}"
            status, told = send(base, request, request["body"])
            if "NO_PATH_MATCHED" in told or "NO_METHOD_MATCHED" in told:
                unknown.append(name)
            elif 200 <= status < 300:
                valid += 1
                if request["body"]:
                    told = [send(base, request, body)[0] for body in damaged(request["body"])]
                    if any(status in (400, 422) for status in told):
                        refused += 1
                    else:
                        wrong.append(f"{name}: damaged bodies were answered {told}: not judged at all")
            else:
                wrong.append(f"{name}: {status} {told}")
    finally:
        server.terminate()
        server.wait()
    print(f"{desk}: {valid} of {len(requests)} requests valid, {refused} damaged ones refused, "
          f"{len(unknown)} not in the specification")
    for name in unknown:
        print(f"  not in the specification: {name}")
    for what in wrong:
        print(f"  WRONG: {what}")
    return not wrong and valid > 0


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    fine = True
    for desk in DESKS:
        found = sorted(glob.glob(os.path.join(sys.argv[1], f"{desk}*")))
        if not found:
            sys.exit(f"no specification of {desk} in {sys.argv[1]}")
        fine &= judge(desk, found[0])
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
