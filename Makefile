# SPDX-License-Identifier: Apache-2.0
#
# The front door. Each target sets up what it needs, then asks meson and ninja.
# `make help` lists the targets. BUILD=dir builds elsewhere; JOBS=n limits the processes.

BUILD ?= build
JOBS  ?= $(shell nproc 2>/dev/null || echo 2)
export BUILD JOBS

NINJA      = ninja -C $(BUILD) -j$(JOBS)
CONFIGURED = $(BUILD)/build.ninja
# what a program needs to run on the vGPU
STACK      = vgpu vgpu-worker lib/libcuda.so.1 lib/libvgpu-soft.so
# what needs downloads is asked for by name (make check-clients)
SUITES     = --no-suite clients

all: $(CONFIGURED)
	@$(NINJA) || { tools/explain build; exit 1; }

$(CONFIGURED):
	@tools/setup build
	@meson setup $(BUILD)

setup:
	@tools/setup build

check: all
	@meson test -C $(BUILD) --no-rebuild --num-processes $(JOBS) --print-errorlogs $(SUITES); \
	status=$$?; tools/test-summary $(BUILD)/meson-logs/testlog.json && exit $$status

check-clients: all
	@tools/setup clients
	@tools/check-clients

check-ollama: all
	@tools/setup ollama
	@tools/check-ollama

package:
	@tools/setup package
	@tools/package

demo:
	@tools/setup clients
	@[ -f $(CONFIGURED) ] || meson setup $(BUILD)
	@$(NINJA) $(STACK) || { tools/explain build; exit 1; }
	@demo/demo.sh

# sanitizer builds run our own programs; stock programs run the plain build
asan:
	@tools/setup build
	@tools/sanitized $(BUILD)-asan address,undefined

tsan:
	@tools/setup build
	@tools/sanitized $(BUILD)-tsan thread

check-all: check asan tsan

lint: all
	@tools/setup lint
	@tools/lint

format:
	@tools/setup lint
	@tools/format

bench: all
	@bench/run

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan

help:
	@echo "make                build into $(BUILD)/ (as root installs what is missing)"
	@echo "make check          our own tests; Debian packages only, no GPU, no network"
	@echo "make check-clients  stock CUDA programs on the vGPU; downloads them once"
	@echo "make check-ollama   real Ollama on the vGPU; fetches and builds it once"
	@echo "make demo           a language model answers a question on the vGPU"
	@echo "make package        a Debian package of what is committed, tried in a scratch root"
	@echo "make lint           clang-format, clang-tidy, cppcheck"
	@echo "make format         apply clang-format"
	@echo "make asan | tsan    make check in a sanitizer build; make check-all does all three"
	@echo "make bench          measurements"
	@echo "make setup          only install what the build needs"
	@echo "make clean          remove the build folders; downloads stay in the cache"

.PHONY: all setup check check-clients check-ollama package demo asan tsan check-all lint format bench clean help
