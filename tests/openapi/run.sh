#!/usr/bin/env bash
# The description of the API, looked at from outside: it is OpenAPI 3.1; schemathesis calls a fresh local stack as it says, and
# nothing fails or answers otherwise.
#
# Usage: run.sh [more options of `st run`], or `run.sh types`: the published TypeScript types fit the description; needs node and npm.
# It installs what it needs below target/openapi.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools=$(realpath -m "${CARGO_TARGET_DIR:-target}/openapi")
mkdir -p "$tools"
cargo build --quiet --locked
program=${CARGO_TARGET_DIR:-target}/debug/lead-export
data=$(mktemp -d)
"$program" up --port 0 --data "$data" --leads 60 >"$data/up.out" 2>"$data/up.err" &
stack=$!
stop() {
    kill "$stack" 2>/dev/null && wait "$stack" || true
    rm -rf "$data"
}
trap stop EXIT
url=
for _ in $(seq 600); do
    url=$(sed -n 's/^ready //p' "$data/up.out")
    [[ -z $url ]] || break
    kill -0 "$stack" 2>/dev/null || { cat "$data/up.err" >&2; exit 1; }
    sleep 0.1
done
[[ -n $url ]] || { echo "the local stack did not start" >&2; exit 1; }

document=$tools/openapi.json
python3 - "$url" "$document" <<'PYTHON'
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1] + "/openapi.json") as answer, open(sys.argv[2], "wb") as file:
    file.write(answer.read())
PYTHON

if [[ ${1:-} == types ]]; then
    mkdir -p "$tools/types"
    cp tests/openapi/types/* "$tools/types"
    cd "$tools/types"
    npm ci --silent --no-audit --no-fund
    npx --no-install openapi-typescript "$document" --output document.ts
    npx --no-install tsc --project .
    echo "the published types fit"
    exit
fi

[[ -x $tools/venv/bin/python ]] || python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/openapi/requirements.txt
"$tools/venv/bin/openapi-spec-validator" --schema 3.1 "$document"

# adam may do everything. The seed makes a run one that can be repeated. A link leads to another host, which is not of the document.
"$tools/venv/bin/st" --config-file tests/openapi/schemathesis.toml run "$document" --url "$url" \
    --header "Authorization: Bearer $("$program" token --user adam --data "$data")" \
    --max-redirects 0 --max-examples "${EXAMPLES:-100}" --seed "${SEED:-1}" "$@"
