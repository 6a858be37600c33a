# Kuä: build it, see it, prove it. README.md says what for.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -buildid= -X main.version=$(VERSION)
BUILD    = $(GO) build -buildvcs=false -ldflags '$(LDFLAGS)'

# The same for the program, its tests and vet: what one of them has compiled, the others need not.
export CGO_ENABLED = 0
export GOFLAGS = -trimpath
# Debian keeps nginx where the path of who is not root does not lead.
export PATH := $(PATH):/usr/sbin
FUZZTIME ?= 5s

.PHONY: demo demo-tools build builders release web test test-tools test-go test-web test-browser test-browsers lint fuzz fuzz-briefly bench clean
.NOTPARALLEL: # each of them uses every processor

# The main job on this machine: build, install what is missing, walk the whole road, stay up.
demo: demo-tools build
	bin/kua demo

# A tool that is missing is told of before minutes have gone into a build.
demo-tools:
	tools/install.sh demo

build: builders web
	$(BUILD) -o bin/kua ./cmd/kua

# The same bytes from the same commit, wherever it is built: what lies in web/dist may be of another.
release: builders web/node_modules/.installed
	cd web && node build.mjs
	GOOS=linux GOARCH=amd64 $(BUILD) -o bin/kua-linux-amd64 ./cmd/kua
	GOOS=linux GOARCH=arm64 $(BUILD) -o bin/kua-linux-arm64 ./cmd/kua
	GOOS=linux GOARCH=arm GOARM=6 $(BUILD) -o bin/kua-linux-armv6 ./cmd/kua
	cd bin && sha256sum kua-linux-*

builders:
	@tools/install.sh build

# The browser code, built again when something that it is made of has changed.
web: web/dist/manifest.json

web/dist/manifest.json: web/build.mjs web/package.json web/tsconfig.json web/node_modules/.installed $(shell find web/components web/lib)
	cd web && node build.mjs

web/node_modules/.installed: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# Everything that must hold. A tool that is missing is a failure, never a skipped test.
test: test-tools build lint test-web test-go test-browser

test-tools:
	tools/install.sh test

test-web: web
	cd web && npm test

# Three packages at a time on two cores: much of a test is waiting. The longest come
# first, so that none is alone at the end.
LONGEST = ./internal/media ./cmd/kua ./internal/lane/laneweb ./internal/desk ./internal/lane ./internal/desk/deskweb ./internal/node
test-go: web
	tmp=$$(tools/tmpdir.sh) && trap 'rm -rf "$$tmp"' EXIT && TMPDIR=$$tmp $(GO) test -p 3 -vet=off -ldflags='-s -w' -timeout 30m $(LONGEST) ./...

test-browser: build
	cd e2e && node --test --test-concurrency=2 --test-timeout=600000 .

# The same pages in browsers that are not Chromium, and take far longer: Firefox, with what Tor Browser changes too, and WebKitGTK.
test-browsers: build
	tools/install.sh demo
	tools/install.sh browsers
	cd e2e && node --test --test-timeout=900000 browsers.mjs

lint: web
	@fmt=$$(gofmt -l cmd internal web/*.go); test -z "$$fmt" || { echo "not formatted: $$fmt"; exit 1; }
	$(GO) vet ./...
	cd web && npm run --silent check
	@big=$$(git ls-files '*.go' '*.ts' '*.css' '*.mjs' | grep -v _test.go | xargs wc -l | awk '$$2 != "total" && $$1 > 600'); \
		test -z "$$big" || { echo "over 600 lines: $$big"; exit 1; }

# Every parser of strangers' bytes, a little while each. What it found before is
# in testdata/fuzz and runs with the tests; what it finds new, it writes there.
fuzz: web
	tools/fuzz.sh $(FUZZTIME)

# A fourth of them, a second each, as CI does.
fuzz-briefly: web
	tools/fuzz.sh 1s 4

# Ratios against a named peer, all measured in this run.
bench: build
	tools/install.sh bench
	tools/bench.sh

clean:
	rm -rf bin web/node_modules demo-data
	find web/dist -mindepth 1 ! -name .gitkeep -delete
