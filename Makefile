# Two commands are all a person needs: `go run ./hub demo` and `make test`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
TOOLS := $(CURDIR)/.tools
BIN := $(TOOLS)/bin
export CGO_ENABLED ?= 0

# Debian packages of the real peers that the tests run against.
DEBIAN := ffmpeg age jq openssl poppler-utils chromium gstreamer1.0-rtsp gstreamer1.0-plugins-good \
	gstreamer1.0-plugins-bad gstreamer1.0-libav gstreamer1.0-tools gstreamer1.0-plugins-base-apps \
	gir1.2-gst-rtsp-server-1.0 glib-networking python3-gi python3-venv gcc libc6-dev procps curl iproute2 openssh-server nginx-light apache2-bin rclone

.PHONY: all build test tools lint unit e2e gallery screens trace fuzz bench bench-check bench-console bench-tools clean

all: build

build:
	go build -trimpath -o dist/gatehouse ./hub

## test: install what the tests need, then run everything
test: tools lint unit e2e

tools:
	images/tools.sh "$(TOOLS)" $(DEBIAN)

lint:
	@out=$$($(BIN)/gofumpt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not gofumpt-ed:"; echo "$$out"; exit 1; }
	go vet ./...
	go vet -tags trace ./hub
	$(BIN)/staticcheck ./...
	PATH="$(TOOLS)/node:$$PATH" node ui/e2e/node_modules/typescript/bin/tsc -p ui/e2e/jsconfig.json

# The race detector needs cgo; the product is built without. Whole hubs, cameras and browsers
# run side by side on what may be a small, busy machine: a test that fails runs once more on
# its own, and its first failure is printed all the same. More than five are no accident.
unit:
	PATH="$(BIN):$(TOOLS)/node:$$PATH" CGO_ENABLED=1 $(BIN)/gotestsum --format pkgname --rerun-fails=1 --rerun-fails-max-failures=5 \
		--rerun-fails-report "$(TOOLS)/flaky.txt" --packages ./... -- -race -timeout 20m
	@test ! -s "$(TOOLS)/flaky.txt" || { echo "failed once, then passed:"; cat "$(TOOLS)/flaky.txt"; }

# A browser walks the console of a real hub.
e2e: build
	go test -c -o dist/console.test ./ui
	PATH="$(TOOLS)/node:$(BIN):$$PATH" CONSOLE_TEST="$(CURDIR)/dist/console.test" node ui/e2e/run.mjs "$(CURDIR)/dist/gatehouse"

## gallery: serve every screen of the console on fixtures; GALLERY is the address
GALLERY ?= 127.0.0.1:8090
gallery:
	go test -c -o dist/console.test ./ui
	@echo "open http://$(GALLERY)/_gallery"
	GATEHOUSE_CONSOLE_FIXTURE=$(GALLERY) dist/console.test

## screens: photograph every screen of the console into docs/screens
screens: build
	go test -c -o dist/console.test ./ui
	PATH="$(TOOLS)/node:$(BIN):$$PATH" CONSOLE_TEST="$(CURDIR)/dist/console.test" node ui/e2e/screens.mjs "$(CURDIR)/dist/gatehouse" "$(CURDIR)/docs/screens"

## trace: what leaves the program is the same whatever became of a request (part of unit)
trace:
	PATH="$(BIN):$$PATH" go test -v -count 1 -timeout 5m -run TestTraceOfTheProcess ./hub

## soak: kill a recording hub two hundred times, and an approval a hundred times at each step; record ten minutes on a disk that is always full; HomeKit for half an hour at fifty times its usual rate
soak: tools
	PATH="$(BIN):$$PATH" GATEHOUSE_SOAK=1 go test -v -count 1 -timeout 90m -run 'TestKilledAgainAndAgain|TestDiskStaysFull|TestFaultsAtEveryOperation|TestKilledAtEveryStep|TestSoak' ./hub ./hub/recording ./hub/sqlite ./bridge/homekit

## fuzz: every fuzz target for FUZZTIME
FUZZTIME ?= 20s
fuzz:
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep ^Fuzz || true); do \
			echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
		done; \
	done

## bench: the hub beside MediaMTX and ffmpeg on the same streams, and its parts; prints the tables of docs/benchmarks.md
# BENCH are flags of hub/internal/bench, such as -time 20s -rounds 3 for a shorter run.
BENCH ?=
bench: tools bench-tools
	PATH="$(BIN):$$PATH" go run ./hub/internal/bench $(BENCH)
	go test -run '^$$' -bench BesideCurl -benchtime 1x ./hub/delivery
	go test -run '^$$' -bench 'FirstKeyFrame|Snapshots|EightStreams' -benchtime 1x ./bridge/homekit ./bridge/homekit/stream
	PATH="$(BIN):$(TOOLS)/node:$$PATH" BARS=1 go test -v -count 1 -run "TestLiveInChromium|TestSeekInChromium" ./hub
	$(MAKE) bench-console

## bench-console: how fast the console's pages are in a browser; fails if a bar is missed
bench-console:
	go test -c -o dist/console.test ./ui
	PATH="$(TOOLS)/node:$$PATH" CONSOLE_TEST="$(CURDIR)/dist/console.test" node ui/e2e/timeline.bench.mjs
	PATH="$(TOOLS)/node:$$PATH" CONSOLE_TEST="$(CURDIR)/dist/console.test" node ui/e2e/pages.bench.mjs

## bench-check: bench, and fail if a bar is missed
bench-check: tools bench-tools
	PATH="$(BIN):$$PATH" go run ./hub/internal/bench -check $(BENCH)

bench-tools:
	images/mediamtx.sh "$(TOOLS)"

clean:
	rm -rf dist .tools
