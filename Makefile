# The everyday tasks by their short names; each is an npm script, a script of scripts/ or a command of the service.
.DEFAULT_GOAL := help
.PHONY: help dev-install test test-unit test-faults coverage mutants matrix lint format audit docs bench demo install uninstall release deb tgz run
CONFIG ?= etc/atd-ingestion.yaml
PREFIX ?= /opt/atd-ingestion

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev-install: ## install the dependencies, those of development included, and build
	npm ci

test: ## build and run all tests against a real Kafka and a real ClickHouse engine on this machine
	npm test

test-unit: ## build and run the tests that need neither Kafka nor ClickHouse, in seconds
	npm run test:unit

test-faults: ## build and run the fault tests at full size
	npm run test:faults

coverage: ## measure what the tests reach, with a floor for each folder
	npm run coverage

mutants: ## break the code in small ways and show what no test notices
	npm run mutants

matrix: ## run all tests with each version of Node and Kafka that the docs promise; an hour
	node scripts/ci-matrix.mjs

lint: ## check style and types
	npm run lint

format: ## format and fix what can be fixed
	npm run format

audit: ## ask the registry for advisories about what runs in production
	node scripts/audit.mjs

docs: ## write the documents that are made from the lists of settings, metrics and commands
	npm run docs

bench: ## measure the service beside what one would use instead of it
	npm run bench

demo: ## show it at work with a Kafka and a ClickHouse on this machine
	npm run demo

install: ## install what is built here as a service of systemd, also over an earlier version; PREFIX=/opt/atd-ingestion
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/install.sh install

uninstall: ## remove it again; settings, logs and the user stay
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/install.sh uninstall

release: ## make the release VERSION=1.2.3 of what is committed, and tag it; DRY_RUN=1 to look at it first
	node scripts/release.mjs $(VERSION) $(if $(DRY_RUN),--dry-run)

deb: ## make a package for Debian of what is built here, in release/
	node scripts/packages.mjs deb release

tgz: ## make a package for npm of what is built here, in release/, that installs without a network
	node scripts/packages.mjs npm release

run: ## build and run the service; CONFIG=FILE for other settings than etc/atd-ingestion.yaml
	npm run build
	@# Not by npm, which hands on a Ctrl-C that the service has had already: two of them hasten the stop.
	bin/atd-ingestion run --config $(CONFIG)
