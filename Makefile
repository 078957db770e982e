# What a person types. `make` alone lists it.
VENV  := .venv
BIN   := $(VENV)/bin
LOCK  := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock"
# The two pyspark packages come as source: what builds them is pinned by hash, too.
PINNED := $(BIN)/uv pip install --quiet -p $(BIN)/python --require-hashes --build-constraints requirements-build.txt --compile-bytecode

# Some machines forbid bytecode: Airflow's command line then starts in 4 s instead of 1.4 s.
unexport PYTHONDONTWRITEBYTECODE
# A slow mirror needs more than the default 30 s for the 400 MB of Spark.
export UV_HTTP_TIMEOUT := 300

# What `make image` builds from and its tag.
BASE    ?= debian:bookworm-slim
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.PHONY: help up down clean image test test-image test-stores test-state test-faults test-landed test-catalogue test-collect test-plain test-upgrade test-browser test-yarn test-masters test-kubernetes test-compose test-delivery fuzz bench bench-peers \
	kubernetes-servers audit release-check dist release drill lint lock install dev
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

up: $(VENV)/.installed ## start the whole stack, deploy error_counts and show its first counts
	@$(BIN)/weir up --live-sample

down: $(VENV)/.installed ## stop everything in the right order; nothing is lost
	@$(BIN)/weir down

clean: $(VENV)/.installed ## stop, and remove the state (asks first)
	@$(BIN)/weir clean

test: $(VENV)/.dev $(VENV)/.moto ## the tests of each push, in two processes: one of them starts the real parts
	@PYTHONHASHSEED=$$$$ $(BIN)/python -m pytest -n 2  # one seed: both processes must collect in one order

fuzz: $(VENV)/.dev ## three parsers on 150,000 spoiled lines of each format, with a new seed (SEED=...)
	@seed=$${SEED:-$$$$}; echo "SEED=$$seed"; WEIR_MUTATIONS=$${MUTATIONS:-150000} WEIR_SEED=$$seed $(BIN)/python -m pytest tests/spark/test_differential.py

test-faults: $(VENV)/.dev ## kill every server of a real stack under load, and compare the counts
	@WEIR_ALL_FAULTS=1 $(BIN)/python -m pytest -m faults

test-stores: $(VENV)/.dev $(VENV)/.moto ## checkpoints, event logs and Parquet on HDFS and S3, each with every kind of kill
	@WEIR_ALL_STORES=1 $(BIN)/python -m pytest tests/stores tests/contract/test_checkpoints.py tests/contract/test_sinks.py

test-landed: $(VENV)/.dev ## landed jobs on real servers: drivers killed at every step, frozen and woken; EVENTS=200000
	@WEIR_TEST_LANDED=1 WEIR_TEST_LANDED_EVENTS=$${EVENTS:-200000} $(BIN)/python -m pytest tests/landed tests/contract/test_sinks_killed.py tests/contract/test_secure_sinks.py tests/contract/test_rows.py

test-state: $(VENV)/.dev ## kill queries with state and continue them in a copy, with every state provider, and with a folder as source
	@WEIR_ALL_STATE=1 $(BIN)/python -m pytest tests/spark/test_state.py tests/spark/test_files_source.py

test-collect: $(VENV)/.dev ## collectors with real brokers (RabbitMQ, mosquitto, Kafka), each killed; apt-get install rabbitmq-server mosquitto
	@WEIR_TEST_COLLECT=1 $(BIN)/python -m pytest tests/collect

test-catalogue: $(VENV)/.dev ## the jobs of spark_jobs/catalogue on real servers, each from its source to its sink with kills in the middle
	@WEIR_TEST_CATALOGUE=1 $(BIN)/python -m pytest tests/catalogue

test-plain: $(VENV)/.dev ## jobs that use nothing of Weir: poison, a broker's outage, a JAR, and a folder made by `weir new`
	@WEIR_TEST_PLAIN=1 $(BIN)/python -m pytest tests/acceptance/test_plain.py

test-upgrade: $(VENV)/.dev ## from an earlier release (FROM=...) to this one and back, while lines come
	@WEIR_TEST_UPGRADE=1 WEIR_TEST_UPGRADE_FROM=$(FROM) $(BIN)/python -m pytest --log-cli-level=INFO tests/acceptance/test_upgrade.py

test-browser: $(VENV)/.browser ## the console in a real Chromium; pictures in tests/browser/shots
	@sh tests/browser/chromium.sh
	@$(BIN)/python -m pytest tests/browser

image: ## build the container image weir:local (BASE=... for another Debian image)
	docker build --build-arg BASE=$(BASE) -f deploy/Dockerfile -t weir:$(VERSION) -t weir:local .

test-image: image $(VENV)/.dev ## what the built image holds, and each role of it started
	@$(BIN)/python -m pytest tests/image

kubernetes-servers: $(VENV)/.dev ## build etcd and Kubernetes' servers from Go modules, once; needs Go. `make test` uses them if they are there
	@PYTHONPATH=plugins:. $(BIN)/python -c "from tests.kubernetes import binaries; binaries.built(*binaries.SERVERS, *binaries.CONTROLLERS)"

test-kubernetes: $(VENV)/.dev ## a real Kubernetes API server with pods as processes: every fault, and the counts; needs Go, kubectl and root
	@WEIR_TEST_KUBERNETES=1 $(BIN)/python -m pytest -s tests/kubernetes

test-yarn: $(VENV)/.dev ## every fault of YARN on real ResourceManagers and nodes, one row each
	@WEIR_TEST_YARN=1 $(BIN)/python -m pytest tests/yarn

test-masters: $(VENV)/.dev ## two masters of a standalone cluster, elected by ZooKeeper, killed in turn
	@WEIR_TEST_MASTERS=1 $(BIN)/python -m pytest tests/masters

test-compose: $(VENV)/.dev ## docker-compose.yml brought up, used, broken, scaled and exchanged; needs root, or DOCKER_HOST; ARGS=--help
	@PYTHONPATH=plugins:. $(BIN)/python -m tests.compose $(ARGS)

test-delivery: $(VENV)/.dev ## the wheel in an Airflow as a user has it, in a virtual environment and in an image (WEIR_TEST_BASE=...)
	@WEIR_TEST_DELIVERY=1 $(BIN)/python -m pytest tests/delivery

audit: $(VENV)/.dev ## known vulnerabilities of the pinned packages: by PyPI, another service (ARGS="-s osv"), or files (ADVISORIES=...)
	@$(if $(ADVISORIES),$(BIN)/python deploy/release/audit.py "$(ADVISORIES)",$(BIN)/pip-audit) --strict --disable-pip \
		-r requirements.txt -r requirements-build.txt -r requirements-image.txt $(ARGS)

release-check: $(BIN)/uv ## compare the version everywhere, and with TAG if that is set
	@$(BIN)/python deploy/release/release.py check $(TAG)

dist: release-check $(VENV)/.installed ## dist/: wheel, sdist and release notes
	@rm -rf dist build spark_jobs/native/*.jar
	@PYTHONPATH=plugins:. $(BIN)/python -m weir.local.native ship
	@$(BIN)/uv build --quiet --build-constraints requirements-build.txt --require-hashes --out-dir dist
	@$(BIN)/python deploy/release/release.py notes > dist/NOTES.md

release: dist image ## dist/ with the image, its SBOM and SHA256SUMS, too
	@docker run --rm weir:$(VERSION) cat sbom.cdx.json > dist/weir-$(VERSION).cdx.json
	@docker save weir:$(VERSION) | gzip -n > dist/weir-$(VERSION)-image.tar.gz
	@cd dist && sha256sum weir-* > SHA256SUMS

bench: $(VENV)/.dev ## measure every figure of docs/figures.md, about two hours; ARGS=--quick takes fifteen minutes
	@$(BIN)/python -m bench $(ARGS)

bench-peers: $(VENV)/.dev ## the drain compared with Flink SQL, Kafka Streams and Spark's stateful windows; ARGS=--quick
	@$(BIN)/python -m bench --peers $(ARGS)

drill: $(VENV)/.installed ## every fault on a stack of its own: three to four hours
	@$(BIN)/python -m drill

lint: $(VENV)/.dev ## style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

lock: $(VENV)/.installed ## pin requirements*.in anew, with hashes, and the brokers' jars
	$(LOCK) requirements-build.in -o requirements-build.txt
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) -c requirements.txt requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements-browser.in -o requirements-browser.txt
	$(LOCK) requirements-moto.in -o requirements-moto.txt
	$(LOCK) requirements-peers.in -o requirements-peers.txt
	$(LOCK) requirements-image.in -o requirements-image.txt
	$(BIN)/python -m weir.local.jars

install: $(VENV)/.installed ## only install into .venv
dev: $(VENV)/.dev ## install what the tests and checks need, too

# A .venv that runs is kept: clearing it would pull the files from under a running stack.
$(BIN)/uv: requirements-build.txt
	@python=$$(sh plugins/weir/local/find_python.sh) && "$$python" -I plugins/weir/local/preflight.py && \
	{ $(BIN)/python -c "" 2>/dev/null || { echo "creating $(VENV) with $$python" && "$$python" -m venv --clear $(VENV); }; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.txt
	@touch $@

$(VENV)/.installed: $(BIN)/uv requirements.txt pyproject.toml
	@echo "installing what Weir runs on: about a minute, 1.5 GB"
	@$(PINNED) -r requirements.txt
	@$(BIN)/uv pip install --quiet -p $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.txt
	@echo "installing what the tests run on"
	@$(PINNED) -r requirements-dev.txt
	@touch $@

$(VENV)/.moto: $(VENV)/.dev requirements-moto.txt
	@$(BIN)/python -m venv --without-pip $(VENV)/moto
	@$(BIN)/uv pip install --quiet -p $(VENV)/moto/bin/python --require-hashes -r requirements-moto.txt
	@touch $@

$(VENV)/.browser: $(VENV)/.dev requirements-browser.txt
	@$(PINNED) -r requirements-browser.txt
	@touch $@
