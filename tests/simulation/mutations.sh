#!/usr/bin/env bash
# Proves that the simulation bites: breaks the code on purpose, one mistake at a time, in a copy, and
# expects the simulation to find each. Prints which seed did, after how many histories.
#
#   tests/simulation/mutations.sh [histories a mistake at most, 2000]
#
# All mistakes go into one build, each behind a variable of the environment. Not part of the gate,
# since the build takes minutes. A mistake that no longer fits the code is an error.
set -euo pipefail
cd "$(dirname "$0")/../.."
histories=${1:-2000}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
git ls-files -z | xargs -0 cp --parents --preserve=timestamps -t "$copy"

# $1: file, $2: what stands there, $3: what takes its place.
replace() {
    python3 - "$copy/$1" "$2" "$3" <<'PY'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
if text.count(old) != 1:
    sys.exit(f"{path}: the mistake no longer fits: {text.count(old)} times {old!r}")
open(path, "w").write(text.replace(old, new))
PY
}
made() { echo "(std::env::var(\"MISTAKE\").as_deref() == Ok(\"$1\"))"; }

together=shared/src/store/together.rs
lane=shared/src/conversation/lane.rs
drain=functions/relay/src/drain.rs
to_user=functions/relay/src/user_side.rs

replace $together '-> Change {
    Change::new()
        .set("delivery", s(Delivery::Sending.as_str()))' '-> Change {
    let change = Change::new()
        .set("delivery", s(Delivery::Sending.as_str()))'
replace $together '        .set("lease_token", n(token))
        .require_present(OUT)' "        .set(\"lease_token\", n(token));
    if $(made claim_without_condition) {
        return change;
    }
    change
        .require_present(OUT)"
replace $to_user '        let called = if self.too_late(&lines) {' "        if $(made mark_before_sending) {
            for line in &lines {
                self.store
                    .mark(line, &delivered(None), Some(conversation), settings.retention_days)
                    .await?;
            }
        }
        let called = if self.too_late(&lines) {"
replace $drain '                    Step::NotDue(at) => {' "                    Step::NotDue(_) if $(made send_past_a_retrying_head) => continue,
                    Step::NotDue(at) => {"
replace $lane 'Some(until) if until > now =>' "Some(until) if until > now && !$(made ignore_the_lease) =>"
replace $lane '            Kind::Closing => 3,' "            Kind::Closing => 3 - 2 * u8::from($(made end_before_the_last_lines)),"
replace $lane '        by_timestamp(part, of_user);' "        if !$(made ignore_gptbots_times) {
            by_timestamp(part, of_user);
        }"

(cd "$copy" && cargo build --quiet --profile simulation -p simulation)
binary=$copy/simulation-with-mistakes
cp "$CARGO_TARGET_DIR/simulation/simulation" "$binary"

missed=0
for mistake in claim_without_condition mark_before_sending send_past_a_retrying_head ignore_the_lease ignore_gptbots_times end_before_the_last_lines; do
    if found=$(MISTAKE=$mistake "$binary" --histories "$histories" --no-shrink); then
        echo "$mistake: NOT FOUND in $histories histories"
        missed=1
    else
        after=$(awk '$1 == "histories" { print $2 }' <<<"$found")
        echo "$mistake: $(grep -m1 BROKEN <<<"$found") (after $after histories)"
    fi
done
exit $missed
