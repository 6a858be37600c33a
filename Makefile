# Kuä: build, prove, show. See README.md.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -buildid= -X main.version=$(VERSION)
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'

.PHONY: demo build web test lint bench fuzz clean tools

build: web
	$(BUILD) -o bin/kua ./cmd/kua

web: web/node_modules/.installed
	cd web && node build.mjs

web/node_modules/.installed: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

clean:
	rm -rf bin web/dist/* web/node_modules e2e/node_modules
