# The everyday tasks by their short names; each is an npm script or a command of the service.
.DEFAULT_GOAL := help
.PHONY: help dev-install test lint format run
CONFIG ?= etc/atd-ingestion.yaml

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev-install: ## install the dependencies, those of development included, and build
	npm ci

test: ## build and run all tests against a real Kafka and a real ClickHouse engine on this machine
	npm test

lint: ## check style and types
	npm run lint

format: ## format and fix what can be fixed
	npm run format

run: ## build and run the service; CONFIG=FILE for other settings than etc/atd-ingestion.yaml
	npm run build
	@# Not by npm, which hands on a Ctrl-C that the service has had already: two of them hasten the stop.
	bin/atd-ingestion run --config $(CONFIG)
