#!/usr/bin/env bash
# The same functions with the default features of the AWS SDK and of reqwest, and with the SDK's own
# loader and HTTP client: what `cargo add` and the SDK's guide lead to. For a comparison:
#
#   tests/bench/default-features.sh                 # builds into target/default-features
#   cargo run --profile simulation -p bench -- --beside target/default-features/release
#
# Takes the working tree as it is. The crates that come along are resolved anew (no --locked), which
# needs the network.
set -euo pipefail
target=$(realpath -m "${CARGO_TARGET_DIR:-$(dirname "$0")/../../target}")/default-features
cd "$(dirname "$0")/../.."
copy="$target/source"
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    xargs -0 cp --parents --target-directory "$copy"
cd "$copy"

# Each replacement has to find what it replaces: otherwise this would compare nothing.
replace() {
    local file=$1 old=$2 new=$3
    grep -qE "$old" "$file" || { echo "$file: no line with $old" >&2; exit 1; }
    sed -i -E "s|$old|$new|" "$file"
}
for crate in aws-config aws-sdk-dynamodb aws-sdk-dynamodbstreams aws-sdk-secretsmanager aws-sdk-sqs; do
    replace Cargo.toml "^($crate = \{ version = \"[^\"]*\"), default-features = false, features = [^}]*" '\1 '
done
replace Cargo.toml '^(reqwest = \{ version = "[^"]*"), default-features = false, features = .*' '\1, features = ["json"] }'
replace shared/src/config.rs 'crate::aws::sdk_config\(\)' \
    'aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12()).timeout_config(crate::aws::timeouts()).retry_config(crate::aws::retries()).load().await'

env -u CARGO_BUILD_TARGET cargo build --release --target-dir "$target" \
    -p establish -p chat -p close -p relay -p desk -p console -p clock
echo "$target/release"
