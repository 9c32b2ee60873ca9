#!/usr/bin/env python3
"""What the functions cost on real Lambda: reads REPORT lines.

Lambda writes one for every call, as text or (with a JSON log format) as a platform.report object.
Get them, for every function (establish, chat, close, relay, desk, console, clock), with

    aws logs filter-log-events --log-group-name /aws/lambda/STACK-FUNCTION --filter-pattern REPORT \
        --output json --query 'events[].message' >lines.json        (text)
    aws logs filter-log-events --log-group-name /aws/lambda/STACK-FUNCTION \
        --filter-pattern '{ $.type = "platform.report" }' \
        --output json --query 'events[].message' >lines.json        (JSON, as the template sets it)

and hand the files over, or pipe the lines in:

    report-lines.py chat=chat.json relay=relay.json

It says for each: how many calls and cold starts, median and 99th percentile of the start, of the
first call and of the others, the most memory used, and what a million calls cost.
"""

import argparse
import json
import re
import sys

# us-east-1, arm64: docs/operations.md, "The unit prices".
GB_SECOND = 0.0000133334
MILLION_CALLS = 0.20

TEXT = re.compile(
    r"\bDuration: (?P<duration>[\d.]+) ms"
    r".*?Billed Duration: (?P<billed>[\d.]+) ms"
    r".*?Memory Size: (?P<size>\d+) MB"
    r".*?Max Memory Used: (?P<used>\d+) MB"
    r"(?:.*?Init Duration: (?P<init>[\d.]+) ms)?",
    re.DOTALL,
)


def read(line):
    """The figures of one line, or None where it is no report."""
    if not isinstance(line, str):
        return None
    line = line.strip()
    if line.startswith("{"):
        try:
            event = json.loads(line)
            if event.get("type") != "platform.report":
                return None
            metrics = event["record"]["metrics"]
            return {
                "duration": metrics["durationMs"],
                "billed": metrics["billedDurationMs"],
                "size": metrics["memorySizeMB"],
                "used": metrics["maxMemoryUsedMB"],
                "init": metrics.get("initDurationMs"),
            }
        except (ValueError, KeyError, TypeError):
            return None
    found = TEXT.search(line) if "REPORT" in line else None
    if not found:
        return None
    return {name: value and float(value) for name, value in found.groupdict().items()}


def lines_of(text):
    """The log lines in a file: a JSON list of them, or one a line."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return text.splitlines()
    return parsed if isinstance(parsed, list) else text.splitlines()


def quantile(values, share):
    ordered = sorted(values)
    return ordered[round((len(ordered) - 1) * share)] if ordered else float("nan")


def row(name, reports):
    cold = [report for report in reports if report["init"] is not None]
    warm = [report for report in reports if report["init"] is None]
    shown = [
        name,
        "/".join(f"{size:.0f}" for size in sorted({report["size"] for report in reports})),
        str(len(reports)),
        str(len(cold)),
    ]
    for values in (
        [report["init"] for report in cold],
        [report["duration"] for report in cold],
        [report["duration"] for report in warm],
    ):
        shown += [f"{quantile(values, share):.1f}" for share in (0.5, 0.99)] if values else ["", ""]
    # Billed Duration has the start of a custom runtime in it.
    gb_seconds = sum(r["billed"] / 1000 * r["size"] / 1024 for r in reports) / len(reports)
    shown.append(f"{max(report['used'] for report in reports):.0f}")
    shown.append(f"{gb_seconds * GB_SECOND * 1e6 + MILLION_CALLS:.2f}")
    return "| " + " | ".join(shown) + " |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="[NAME=]FILE", help="stdin where there is none")
    arguments = parser.parse_args().files
    sources = {}
    for argument in arguments:
        name, _, path = argument.rpartition("=")
        try:
            with open(path, encoding="utf-8") as file:
                sources[name or path] = lines_of(file.read())
        except (OSError, UnicodeDecodeError) as error:
            parser.error(f"{path}: {error}")
    if not arguments:
        sources["stdin"] = lines_of(sys.stdin.read())
    print("| | MB | calls | cold | start ms | p99 | first call ms | p99 | others ms | p99 "
          "| memory used MB | $ a million calls |")
    print("|---|" + "---:|" * 11)
    found_all = True
    for name, lines in sources.items():
        reports = [report for report in map(read, lines) if report]
        if reports:
            print(row(name, reports))
        else:
            print(f"{name}: no REPORT lines", file=sys.stderr)
            found_all = False
    return 0 if found_all else 1


if __name__ == "__main__":
    sys.exit(main())
