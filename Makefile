# What a person runs here, and what CI runs: CI calls `make check` and nothing else.

CARGO ?= cargo

.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench bench-detectors bench-kafka bench-plain bench-servicenow run

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## half a minute of suppliers with planted thefts, watched by the real daemon; nothing to install
	$(CARGO) build --release --locked
	target/release/rosterwatch demo

test: ## every test, those on a real broker included where Java and Maven are there
	sh tests/broker/fetch.sh
	$(CARGO) test --locked

check: ## all that CI runs: format, lints, documentation, the example configuration, tests
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --locked
	$(CARGO) run --locked --quiet -- check-config config/example.toml
	$(MAKE) --no-print-directory test

fix: ## format, and apply what clippy can
	$(CARGO) clippy --all-targets --fix --allow-dirty --allow-staged
	$(CARGO) fmt

bench: ## measure every stage, and what accounts weigh (about 7 GB of memory)
	$(CARGO) bench --locked --bench decode --bench detect --bench headroom --bench replay
	$(CARGO) bench --locked --bench memory

bench-kafka: ## drain a real broker beside bare loops; needs Java 17 and Maven, or ROSTERWATCH_TEST_KAFKA=host:port
	sh tests/broker/fetch.sh
	$(CARGO) bench --locked --bench kafka

bench-detectors: ## our detector and others on simulated worlds; JUDGE='--seeds 1,2 --rates 0.5' and the like
	$(CARGO) bench --locked --bench detectors -- $(JUDGE)

bench-plain: ## our detector on worlds of another make; JUDGE as above
	$(CARGO) bench --locked --bench plain -- $(JUDGE)

bench-servicenow: ## our detector on a real log with planted thefts; JUDGE as above
	$(CARGO) bench --locked --bench servicenow -- $(JUDGE)

run: ## the daemon with the example configuration
	$(CARGO) run --release --locked -- run --config config/example.toml
