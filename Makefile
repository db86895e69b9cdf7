# The two commands of a new user: `make demo` shows the main job, `make test` runs every test.
.DEFAULT_GOAL := help
.PHONY: help demo test tools lint bless bench bench-http deny clean

CARGO ?= cargo
# Tools that are not Rust's own go here; git ignores it.
TOOLS := .tools
DENY_VERSION := 0.20.2
DENY := $(TOOLS)/bin/cargo-deny
# Stands in for DynamoDB. cargo's own record in $(TOOLS) tells which version is there.
DYNOXIDE_VERSION := 3.2.0
DYNOXIDE_FEATURES := native-sqlite,http-server,cli
# Holds moto, which stands in for Secrets Manager and STS. The copy of the list in it tells what is there.
PYTHON ?= python3
VENV := $(TOOLS)/python
REQUIREMENTS := crates/tenantry-emulators/requirements.txt
# Carries types that are generated of Weaviate's OpenAPI document; nothing of it is run.
NPM ?= npm
WEAVIATE_CLIENT_VERSION := 3.14.0
WEAVIATE_CLIENT := $(TOOLS)/npm/weaviate-client
# An identity provider, which tests of tokens start; it needs node.
OIDC_PROVIDER_VERSION := 9.13.3
OIDC_PROVIDER := $(TOOLS)/npm/oidc-provider

help: ## Lists these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## Builds, makes a demo store of three companies, and serves it on loopback until Ctrl-C
	@echo "Building (the first time takes a minute or two) …"
	@$(CARGO) build --quiet --locked --package tenantry-cli
	@target/debug/tenantry demo

test: tools ## Runs all tests of all crates, the documentation's examples among them
	$(CARGO) test --locked --workspace --no-fail-fast

tools: ## Installs what tests need and is not Rust into .tools, once
	@if ! { test -x $(TOOLS)/bin/dynoxide && grep -q '^"dynoxide-rs $(DYNOXIDE_VERSION) ' $(TOOLS)/.crates.toml; }; then \
		echo "Installing dynoxide $(DYNOXIDE_VERSION), which stands in for DynamoDB: once, 4 to 8 minutes …"; \
		$(CARGO) install dynoxide-rs --version $(DYNOXIDE_VERSION) --locked --no-default-features \
			--features $(DYNOXIDE_FEATURES) --root $(TOOLS) --force --quiet; \
	fi
	@if ! cmp -s $(REQUIREMENTS) $(VENV)/requirements.txt; then \
		echo "Installing moto, cfn-lint, schemathesis and clients of Python: once, about a minute …"; \
		$(PYTHON) -m venv --clear $(VENV) && \
		$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(REQUIREMENTS) && \
		cp $(REQUIREMENTS) $(VENV)/requirements.txt; \
	fi
	@if ! grep -qs '"version": "$(WEAVIATE_CLIENT_VERSION)"' $(WEAVIATE_CLIENT)/package.json; then \
		echo "Fetching the types of Weaviate's API: once, some seconds …"; \
		rm -rf $(WEAVIATE_CLIENT) && mkdir -p $(WEAVIATE_CLIENT) && \
		$(NPM) pack --silent --pack-destination $(TOOLS)/npm weaviate-client@$(WEAVIATE_CLIENT_VERSION) >/dev/null && \
		tar -xzf $(TOOLS)/npm/weaviate-client-$(WEAVIATE_CLIENT_VERSION).tgz -C $(WEAVIATE_CLIENT) --strip-components=1; \
	fi
	@if ! grep -qs '"version": "$(OIDC_PROVIDER_VERSION)"' $(OIDC_PROVIDER)/node_modules/oidc-provider/package.json; then \
		echo "Installing an identity provider: once, some seconds …"; \
		rm -rf $(OIDC_PROVIDER) && mkdir -p $(OIDC_PROVIDER) && \
		$(NPM) install --silent --no-audit --no-fund --prefix $(OIDC_PROVIDER) oidc-provider@$(OIDC_PROVIDER_VERSION); \
	fi

lint: ## Checks the format, the lints and the documentation; any warning is an error
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet

bless: ## Rewrites what is generated: the parameter reference, the schema, the snapshots of what people read
	TENANTRY_BLESS=1 INSTA_UPDATE=always INSTA_FORCE_PASS=1 $(CARGO) test --locked --workspace --quiet

bench: ## Runs the benchmarks and prints each beside its comparison (bench/README.md); takes half an hour
	cd bench && $(CARGO) bench --locked

bench-http: ## Measures configurations over HTTP beside a bare server; some minutes
	cd bench && $(CARGO) bench --locked --bench http

deny: $(DENY) ## Checks the licences and sources of all dependencies
	$(DENY) --locked check licenses bans sources

$(DENY):
	$(CARGO) install cargo-deny --locked --version $(DENY_VERSION) --root $(TOOLS)

clean: ## Removes what was built and the demo store
	$(CARGO) clean
	rm -rf .demo $(TOOLS)
