PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check
ENGINE ?= openvino
POSTCARD ?= build/postcard
STEPS ?= 100
COUNT ?= 200
MODEL ?= postcard
STACK ?= local
NEEDED_BY_local = .venv/demo.stamp
NEEDED_BY_aws-local = .venv/aws-local.stamp .venv-aws-local/done.stamp
SCENARIO ?= smoke
NAME ?= darkroom
CODE = bench darkroom infra loadtest models shared status_fn submit_fn tests upkeep_fn worker_fn
HERE = $(wildcard $(CODE))

.PHONY: help demo serve test check fix extras train-postcard eval-postcard
TEMPLATES = $(wildcard infra/*.yaml)

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

demo: $(NEEDED_BY_$(STACK)) ## Draw six pictures into demo/, from nothing in minutes; STACK=aws-local
	.venv/bin/python -m infra.demo --out demo --engine $(ENGINE) --stack $(STACK)

serve: .venv/demo.stamp ## Serve on http://127.0.0.1:8000 until Ctrl-C; MODEL=… draws with another
	.venv/bin/python -m infra.local --engine $(ENGINE) --model $(MODEL)

.PHONY: keys
keys: .venv/demo.stamp ## Make, list and end API keys: DO="create TENANT", DO=list, DO="revoke ID"
	@.venv/bin/python -m infra.keys $(or $(DO),--help)

.PHONY: webhook-secret
webhook-secret: .venv/demo.stamp ## Show what a tenant's webhooks are signed with: OF=local, OF="acme --bucket BUCKET"
	@.venv/bin/python -m infra.webhook_secret $(or $(OF),--help)

.PHONY: load
load: .venv/load.stamp ## Put HOST=… (or a service of its own) under load: SCENARIO=smoke SCALE=1
	.venv/bin/python -m loadtest --scenario $(SCENARIO) --out load/$(SCENARIO) \
	  $(if $(HOST),--host $(HOST)) $(if $(SCALE),--scale $(SCALE)) $(LOAD)

test: .venv/dev.stamp .venv-aws-local/done.stamp ## Run every test
	.venv/bin/python -m pytest -n 2

check: check-style check-types check-imports check-templates ## Look for faults; writes nothing

.PHONY: check-style check-types check-imports check-templates
check-style: .venv/dev.stamp
	.venv/bin/ruff format --check $(HERE)
	.venv/bin/ruff check $(HERE)

check-types: .venv/dev.stamp
	.venv/bin/mypy $(HERE)

check-imports: .venv/dev.stamp
	.venv/bin/lint-imports

check-templates: .venv-lint/done.stamp
	.venv-lint/bin/cfn-lint $(TEMPLATES)
	.venv-lint/bin/checkov $(addprefix --file ,$(TEMPLATES) worker_fn/Dockerfile) \
	  --framework cloudformation dockerfile --skip-download --compact --quiet

# What check and test need, so that `make -j3` can set it up side by side.
.PHONY: environments
environments: .venv/dev.stamp .venv-lint/done.stamp .venv-aws-local/done.stamp

fix: .venv/dev.stamp ## Mend what can be mended by itself
	.venv/bin/ruff check --fix $(HERE)
	.venv/bin/ruff format $(HERE)

.PHONY: package deploy outputs destroy
package: .venv/made.stamp ## Build what AWS runs of the light units, into build/; REFUSED_TERMS=file
	.venv/bin/python -m infra.zips --out build --model $(MODEL) $(if $(REFUSED_TERMS),--refused-terms '$(REFUSED_TERMS)') $(ZIPS)

deploy: package ## Deploy into your AWS account: NAME=darkroom PARAMETERS="MaximumConcurrency=7" IMAGE=…
	NAME='$(NAME)' MODEL='$(MODEL)' PARAMETERS='$(PARAMETERS)' IMAGE='$(IMAGE)' infra/deploy.sh

outputs: ## Print what was deployed as shell variables
	@aws cloudformation describe-stacks --stack-name '$(NAME)' --output text \
	  --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' | awk -F '\t' -v q="'" '{print $$1 "=" q $$2 q}'

destroy: ## Delete what was deployed, jobs and pictures too: CONFIRM=darkroom
	@NAME='$(NAME)' CONFIRM='$(CONFIRM)' infra/destroy.sh

.PHONY: worker-size check-avx2 check-wheels
worker-size: .venv/demo.stamp ## Install a worker without torch into an empty environment and weigh it
	.venv/bin/python -m bench.sections.installed_size

check-avx2: .venv/demo.stamp ## Draw under QEMU as a processor with AVX2 alone; minutes, needs qemu-user, so no part of test
	.venv/bin/python -m bench.avx2

check-wheels: .venv/demo.stamp ## Show that all a worker needs exists as wheels for x86-64 and arm64; asks the package index
	.venv/bin/python -m infra.wheels

extras: .venv/demo.stamp ## Prove, in empty environments, that each install extra is enough
	.venv/bin/python -m infra.extras

train-postcard: .venv/dev.stamp ## Train a small postcard from nothing, in minutes; STEPS=… for more
	.venv/bin/python -m models.postcard.train all --out $(POSTCARD) --steps $(STEPS) --resume \
	  --size 64 --pictures 4000

eval-postcard: .venv/dev.stamp ## Measure how well postcard follows prompts, fp32 and int8
	.venv/bin/python -m models.postcard.evaluate --count $(COUNT)

.venv/made.stamp:
	$(PYTHON) -m venv .venv
	touch $@

.venv/demo.stamp: .venv/made.stamp pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[demo]'
	touch $@

.venv/aws-local.stamp: .venv/demo.stamp
	$(PIP) -c constraints.txt -e '.[aws-local]'
	touch $@

.venv/load.stamp: .venv/demo.stamp
	$(PIP) -c constraints.txt -e '.[demo,loadtest]'
	touch $@

# torch first and by its exact version: anything looser would pull in gigabytes for GPUs.
.venv/dev.stamp: .venv/demo.stamp
	$(PIP) -c constraints.txt torch==2.13.0
	$(PIP) -c constraints.txt -e '.[dev]'
	touch $@

.PHONY: .venv-aws-local
.venv-aws-local: .venv-aws-local/done.stamp

.venv-aws-local/done.stamp: constraints-aws-local.txt
	$(PYTHON) -m venv .venv-aws-local
	.venv-aws-local/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints-aws-local.txt ministack==1.5.33 aws-sam-translator awscli
	.venv-aws-local/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints-aws-local.txt --target .venv-aws-local/runtime --upgrade awslambdaric
	touch $@

.PHONY: bench-engine
bench-engine: .venv-engine-peers/done.stamp .venv-fastsd/done.stamp ## The picture against every other engine: 10 GB of models, 30 minutes
	PYTHONPATH=$(CURDIR)/.venv-engine-peers .venv/bin/python -m bench.engine \
	  --python fastsd=.venv-fastsd/bin/python $(BENCH)

.venv-engine-peers/done.stamp: .venv/dev.stamp bench/requirements.txt
	$(PIP) --no-deps --upgrade --target .venv-engine-peers -r bench/requirements.txt
	touch $@

# Over the dev environment's packages, so that only what differs is there twice.
.venv-fastsd/done.stamp: .venv/dev.stamp bench/requirements-fastsd.txt
	$(PYTHON) -m venv .venv-fastsd
	.venv-fastsd/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  -r bench/requirements-fastsd.txt
	ls -d $(CURDIR)/.venv/lib/python*/site-packages > \
	  $$(ls -d .venv-fastsd/lib/python*/site-packages)/dev.pth
	touch $@

.PHONY: bench-pipeline
bench-pipeline: .venv/dev.stamp .venv-peers/done.stamp ## What a job costs around its picture, beside Celery with Redis
	.venv/bin/python -m bench.pipeline $(BENCH)

.PHONY: .venv-peers
.venv-peers: .venv-peers/done.stamp

.venv-peers/done.stamp: bench/requirements-pipeline.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.PHONY: .venv-lint
.venv-lint: .venv-lint/done.stamp

.venv-lint/done.stamp: constraints-lint.txt
	$(PYTHON) -m venv .venv-lint
	.venv-lint/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints-lint.txt cfn-lint==1.58.0 checkov==3.3.30
	touch $@
