# `make` lists the targets. `make test` is the gate for every change; `make test-all` is the slow one.

GO       ?= go
VERSION  ?=
FUZZTIME ?= 2000x
IMAGE    ?= vmmesh
BUILDAH  ?= buildah
HELM     := helm.sh/helm/v3/cmd/helm@v3.22.0

# The benchmark lives under testdata, where ./... does not look.
PACKAGES := ./... ./testdata/bench/... ./testdata/gate/...

# As in the Dockerfile: static, and the same bytes wherever it is built.
RELEASE = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# One sentence on a machine without Go, with one that is too old, or without a way to the modules.
.PHONY: go
go:
	@.ci/go.sh $(GO)

.PHONY: build
build: go ## compile bin/vmmesh (VERSION=v1.2.3 for a release)
	$(RELEASE) -o bin/vmmesh ./cmd/vmmesh

.PHONY: test
test: go ## the gate: format, vet, every test; needs nothing but Go and the modules, and skips what it lacks a tool for
	@unformatted=$$(gofmt -l .) && if [ -n "$$unformatted" ]; then \
		echo "gofmt -w is due on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) run ./testdata/gate $(PACKAGES)

.PHONY: test-all
test-all: export VMMESH_TEST_ALL = 1
test-all: test race fuzz e2e ## the slow gate: with the race detector, fuzzing, and the real servers (an hour; root)

.PHONY: release
release: go ## archives, deb, rpm, image, SBOMs and sums in dist/ (VERSION=v1.2.3; needs buildah)
	.ci/release/release.sh "$(VERSION)"

# One way of compiling for the servers and the tests: what they share is compiled once.
.PHONY: e2e
e2e: export CGO_ENABLED = 0
e2e: ## every output on the real API server, istiod and agent (root; a quarter of an hour the first time; E2EFLAGS=-run=…)
	@programs=$$(e2e/build.sh) && cd e2e && VMMESH_E2E=$$programs REPO_ROOT=$$($(GO) list -m -f '{{.Dir}}' istio.io/istio) \
		$(GO) test -trimpath -count=1 -timeout 30m $(E2EFLAGS) ./...

.PHONY: mutants
mutants: export CGO_ENABLED = 0
mutants: ## vmmesh broken in every way of e2e/testdata/mutants.yaml: some test of e2e must notice (root; MUTANTS=12@SEED for some)
	@programs=$$(e2e/build.sh) && cd e2e && VMMESH_E2E=$$programs VMMESH_E2E_MUTANTS=$(MUTANTS) \
		$(GO) test -trimpath -count=1 -timeout 60m -tags mutants -v -run '^TestMutants$$' .

.PHONY: lab lab-down
lab: ## starts the payments example with real Envoys in namespaces, and prints what to try (root)
	@e2e/lab.sh up
lab-down: ## ends what `make lab` has started
	@e2e/lab.sh down

.PHONY: race
race: ## every test under the race detector; needs a C compiler
	CGO_ENABLED=1 $(GO) test -race -timeout 30m $(PACKAGES)

.PHONY: fuzz
fuzz: ## every fuzz target, FUZZTIME each: 2000x runs of it, or a time such as 1m
	@listed=$$($(GO) test -list '^Fuzz' ./...) || { echo "$$listed"; exit 1; }; \
	targets=$$(echo "$$listed" | awk '/^Fuzz/ { t[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2 "=" t[i]; n = 0 }'); \
	if [ -z "$$targets" ]; then echo "there is no fuzz target"; exit 1; fi; \
	for target in $$targets; do \
		echo "fuzz $$target"; \
		$(GO) test "$${target%=*}" -run '^$$' -fuzz "^$${target#*=}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x || exit 1; \
	done

.PHONY: bench
bench: ## measure vmmesh beside a floor and helm, 10 to 100,000 VMs (some minutes; BENCHFLAGS=-sizes=1000 …)
	$(GO) run ./testdata/bench $(BENCHFLAGS)

.PHONY: bench-tools
bench-tools: ## install helm, for the benchmark's comparison with it
	$(GO) install $(HELM)

.PHONY: generate
generate: ## make the generated files again
	$(GO) generate ./...

.PHONY: golden
golden: ## rewrite the expected outputs of the tests; read the diff before you keep it
	@files=$$(grep -rlE --include='*_test.go' 'flag\.Bool(Var)?\(.*"update"' .) || { echo "no test has a flag -update"; exit 1; }; \
	packages=$$(for f in $$files; do dirname "$$f"; done | sort -u); \
	echo $(GO) test $$packages -update; \
	$(GO) test $$packages -update

.PHONY: image
image: ## build the container image vmmesh (IMAGE=name), with docker or buildah; needs no registry
	GOOS=linux $(RELEASE) -o bin/image/vmmesh ./cmd/vmmesh
	bash .ci/release/licenses.sh bin/image/licenses
	mkdir -p bin/image/etc && echo 'nobody:x:65534:65534:nobody:/:/sbin/nologin' >bin/image/etc/passwd
	@if docker info >/dev/null 2>&1; then \
		set -x; docker build --target local --file Dockerfile --tag $(IMAGE) bin/image; \
	elif command -v $(firstword $(BUILDAH)) >/dev/null; then \
		set -x; $(BUILDAH) bud --target local --file Dockerfile --tag $(IMAGE) bin/image; \
	else \
		echo "neither a docker engine nor buildah is here"; exit 1; \
	fi

.PHONY: clean
clean: ## remove what the other targets leave
	rm -rf bin build dist
