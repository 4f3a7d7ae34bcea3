# make check: what a commit must pass. make test: the tests. make run: the whole system on this machine.
# make bench: how fast it is. make gate: whether it is fast enough.

PYTHON ?= python3
export CARGO_TERM_PROGRESS_WHEN ?= never

.PHONY: check fmt clippy doc purity spelling crates template test schemathesis types replay search mutations deaths run measure screenshots programs bench \
	bench-peers bench-page scale calls sizes instructions gate plot build deploy deploy-test audit security fuzz sheets dependencies

check: fmt clippy doc purity spelling crates template

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked

# The core knows no cloud, no network and no clock. Without the assignment a failing `cargo tree` would look pure.
purity:
	@tree=$$(cargo tree --locked -p lead-export-core -e normal --prefix none) || exit 1; \
	if echo "$$tree" | grep -E '^(aws[-_]|tokio|hyper|lambda_)'; then \
		echo "lead-export-core must not depend on these"; exit 1; \
	else echo "lead-export-core is pure"; fi

spelling:
	@if command -v typos >/dev/null; then typos; \
	else echo "skipped the spelling: typos is not installed (pip install typos)"; fi

# Advisories need their database from the network: make audit.
crates:
	@if command -v cargo-deny >/dev/null; then cargo deny --offline --log-level error check bans licenses sources; \
	else echo "skipped bans, licences and sources of crates: cargo-deny is not installed (cargo install --locked cargo-deny)"; fi

# Exit 2: the tools are not installed. That template and code agree is a test: cargo test -p e2e template.
template:
	@if ! command -v $(PYTHON) >/dev/null; then echo "skipped the template: $(PYTHON) is not installed"; \
	else $(PYTHON) tests/deploy/check_template.py template.yaml && $(PYTHON) tests/deploy/mutations.py template.yaml || { code=$$?; [ $$code -eq 2 ] || exit $$code; \
	echo "skipped the template (pip install -r tests/deploy/requirements.txt)"; }; fi

test:
	cargo test --workspace

# One run of the simulator, told step by step: make replay SIM=r7, or SIM=P-4,r7,14:F2,20:F7.3 as a failure prints it.
SIM ?= r7
replay:
	@SIM='$(SIM)' cargo test -q -p lead-export-core --lib a_run_comes_again -- --nocapture

# The long searches. Each tells how far it is and where to go on: make search SEARCH=no_random_run_of_a_million FROM=50000 COUNT=20000.
SEARCH ?= no_random_run_of_a_million no_order_of_two_workers_with_four no_pair_of_faults none_of_a_million
search:
	cargo test --release -p lead-export-core --lib -- --ignored --nocapture --test-threads 1 $(SEARCH)

# Takes each guard of the protocol away and sees that a test goes red and names the invariant.
mutations:
	$(PYTHON) tests/mutations/run.py $(GUARDS)

# 200 workers killed at random moments, by real processes: make deaths KILLS=50.
deaths:
	cargo test -p e2e --test it -- --ignored --nocapture two_hundred_killed

# The API's description against the API, from outside; needs python3. EXAMPLES and SEED say how many calls, and which.
schemathesis:
	tests/openapi/run.sh

# The published TypeScript types against those made of the description; needs node and npm.
types:
	tests/openapi/run.sh types

run:
	cargo run

# How long 100 000 leads take to load into the local stack.
measure:
	cargo test --release -p lead-export --lib -- --ignored --nocapture hundred_thousand

# The README's pictures of the page; with chromium and chromedriver.
screenshots:
	cargo test -p e2e --test it -- --ignored pictures_of_the_readme

# What the benches run: the functions as they are deployed but for the linker, the canned endpoints, and what is compared with.
programs:
	cargo build --release --locked -p request-export -p run-export -p download-export -p sweep-exports -p benches

# CPU and memory of a whole export, beside the SDK's way and the floor, on canned endpoints. BIG=--big for ten million leads.
bench: programs
	$(PYTHON) tests/benches/bench.py table $(BIG)

# The same with Node and boto3, installed below target/ in the versions written down in tests/benches/peers.
bench-peers: programs
	$(PYTHON) tests/benches/bench.py table --peers $(BIG)

# One page to CSV, by criterion.
bench-page:
	cargo bench -p benches

# An export of ten million leads in a hundred slices and more: the bytes of one slice. LEADS=1000000 for fewer.
LEADS ?= 10000000
scale: programs
	$(PYTHON) tests/benches/bench.py scale --leads $(LEADS)

# CPU of a cold start of each function, and of one request and one download.
calls: programs
	$(PYTHON) tests/benches/bench.py calls

sizes: programs
	$(PYTHON) tests/benches/bench.py sizes

# Instructions a lead, by valgrind: the same to the digit each time. CI runs this.
instructions:
	cargo build --release --locked -p benches --bin page-to-csv
	$(PYTHON) tests/benches/bench.py instructions --gate

# What must hold on any machine: instruction counts (valgrind), and ratios taken side by side.
gate: programs instructions
	$(PYTHON) tests/benches/bench.py table --gate
	$(PYTHON) tests/benches/bench.py calls --gate

# Time and memory over size, as the README shows them.
plot: programs
	$(PYTHON) tests/benches/bench.py plot

# cargo-lambda, zig and sam: pip install cargo-lambda ziglang aws-sam-cli
build:
	sam build

# The first time it asks for the parameters, and keeps them in samconfig.toml.
deploy: build
	@if grep -q parameter_overrides samconfig.toml; then sam deploy; else sam deploy --guided; fi

# What `make build` made, in an emulator with IAM enforced, driven by callers and by the operator's commands:
# pip install -r tests/deploy/requirements-emulator.txt. CI gives the programs of the tests instead, so as not to compile twice.
BUILD ?= .aws-sam/build
deploy-test:
	@test -n "$(LEAD_EXPORT)" || cargo build --locked
	$(PYTHON) tests/deploy/deploy_test.py $(BUILD) --cli "$(or $(LEAD_EXPORT),target/debug/lead-export)"

audit:
	cargo deny check

# The security tests of the suite with ten times the cases, ten million cells against the guard's model, and the memory of a
# real process under hostile bodies.
security:
	SECURITY_CASES=$(or $(SECURITY_CASES),10) cargo test -p e2e --test security -- --nocapture
	CELLS=10000000 cargo test -p lead-export-core --lib -- --nocapture guard_equals_its_model
	cargo test -p e2e --test it -- --ignored --nocapture memory_stays_flat

# Coverage-guided: FUZZ_SECONDS (20) for each target; needs a C++ compiler. `tests/fuzz/guided/run page` fuzzes one.
fuzz:
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),20) tests/fuzz/guided/run

# What LibreOffice makes of hostile files; installs it, as root, on a Debian-like machine.
sheets:
	@command -v soffice >/dev/null || { apt-get update -qq && apt-get install -qq -y --no-install-recommends libreoffice-calc-nogui; }
	cargo test -p e2e --test security -- --ignored --nocapture no_cell_of_a_guarded_file

# The crates in each deployed binary. Those that our code names are explained in SECURITY.md, which a test holds to the manifests.
dependencies:
	@for name in request-export run-export download-export sweep-exports; do \
		printf '%s: ' "$$name"; cargo tree --locked -p "$$name" -e normal,no-proc-macro --prefix none --no-dedupe | sort -u | wc -l; \
	done
	@cargo tree --locked -p request-export -p run-export -p download-export -p sweep-exports -e normal,no-proc-macro --depth 2
