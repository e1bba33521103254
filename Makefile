# vpnc-ike: see README.md. Every .c file under src/ is part of the program; nothing is listed by hand.
#
#   make            the program, as build/release/vpnc-ike
#   make demo       install what is missing, start a real gateway, connect to it
#   make check      install what is missing and run everything
#   make check-next the same as far as it goes in Debian's next release, in a root of its own
#   make bench      what it costs, beside its peers; make bench-routes: what 5 000 routes and 500
#                   selectors cost; make bench-data: the userspace data plane against its
#                   peers, and new keys under load
#   make soak-kill  200 kill -9 at random moments; make soak-stop: SIGSTOP for a minute;
#                   make soak-rekey: 10 000 rekeys, 1 000 reconnects
#   make check-unit the unit and pair tests: seconds, no root
#   make stress     random lives of both IKE engines: SEEDS=n of them; SEED=n one, with a trace

VERSION   := 0.1.0
PREFIX    ?= /usr/local
DESTDIR   ?=
CC        ?= gcc
BUILD     ?= release

# libssl, libsystemd and libedit are opened when they are needed (include/base/late.h); libssl's headers come
# with libcrypto's.
PKGS      := libcrypto libedit libnl-3.0 libnl-route-3.0 libsystemd libcap-ng libcares expat jansson
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
# What a program does not call it does not load.
PKG_LIBS   := -Wl,--as-needed $(shell pkg-config --libs $(PKGS) 2>/dev/null) -liniparser -ldl

WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# A warning that a later compiler thinks of must not keep a user from building; here it is an error:
# make WERROR=-Werror, as `make check` does.
WERROR    ?=
HARDEN    := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection
CFLAGS.release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $(HARDEN)
# valgrind takes a fortified memmove for a memcpy that overlaps
CFLAGS.plain   := -O1 -g -fPIE
CFLAGS.asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fPIE
CFLAGS.fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS.release := -pie -Wl,-z,relro,-z,now
LDFLAGS.plain   := -pie
LDFLAGS.asan    := -pie -fsanitize=address,undefined
LDFLAGS.fuzz    := -fsanitize=fuzzer,address,undefined

OUT       := build/$(BUILD)
# Hidden: a library with a function of the same name (jansson has a json_null, too) keeps to its own.
ALL_CFLAGS = -std=gnu11 -fvisibility=hidden $(WARN) $(WERROR) $(CFLAGS.$(BUILD)) -Iinclude \
             -DVPNC_IKE_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CFLAGS) -MMD -MP
ALL_LDFLAGS = $(LDFLAGS.$(BUILD)) $(LDFLAGS)

SRC       := $(filter-out src/main.c,$(wildcard src/*.c src/*/*.c))
LIB_OBJ   := $(SRC:%.c=$(OUT)/%.o)
LIB       := $(OUT)/libvpnc-ike.a
BIN       := $(OUT)/vpnc-ike

# tests/<dir>/test_*.c is one cmocka program each; other .c files beside it are helpers linked into
# all programs of that folder; tests/lib is linked into every one.
TEST_SRC  := $(wildcard tests/*/test_*.c)
TEST_BIN  := $(TEST_SRC:%.c=$(OUT)/%)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN  := $(FUZZ_SRC:%.c=$(OUT)/%)
TEST_LIB_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/lib/*.c))
helpers    = $(patsubst %.c,$(OUT)/%.o,$(filter-out $(1)/test_% $(1)/fuzz_%,$(wildcard $(1)/*.c)))

# The folder of a test program, without $(OUT): a rule with a pattern would take the % as its own.
folder     = $(patsubst $(OUT)/%/,%,$(dir $(1)))

.PHONY: soak-kill soak-stop soak-rekey bench-routes bench-data stress all install uninstall demo check check-unit \
        check-net check-next check-vm check-asan check-valgrind check-arrows \
        check-man fuzz fuzz-smoke bench format lint clean packages tests
.SECONDARY:
.DELETE_ON_ERROR:
.SECONDEXPANSION:

all: $(BIN)

$(BIN): $(OUT)/src/main.o $(LIB)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	@echo "  AR $@"
	@$(AR) rcs $@ $^

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(OUT)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(ALL_CFLAGS) -Itests -c -o $@ $<

$(TEST_BIN): $(OUT)/%: $(OUT)/%.o $$(call helpers,$$(call folder,$$@)) $(TEST_LIB_OBJ) $(LIB)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS)

$(FUZZ_BIN): $(OUT)/%: $(OUT)/%.o $$(call helpers,tests/fuzz) $$(call helpers,tests/pair) $(TEST_LIB_OBJ) $(LIB)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS)

tests: $(TEST_BIN)

STRESS := $(OUT)/tests/stress/stress
$(STRESS): $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/stress/*.c)) $(call helpers,tests/pair) $(TEST_LIB_OBJ) $(LIB)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS)

# tests/bench/bench_*.c: programs that measure; what runs them is the script beside them.
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(OUT)/%)
$(BENCH_BIN): $(OUT)/%: $(OUT)/%.o $(LIB)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB) -lcmocka $(PKG_LIBS)

# These play with the scripted gateway, those have a data plane.
BENCH_PAIR := $(addprefix $(OUT)/tests/bench/bench_,fleet soak growth rekey)
$(BENCH_PAIR): $(call helpers,tests/pair) $(TEST_LIB_OBJ)
$(addprefix $(OUT)/tests/bench/bench_,data rekey): $(OUT)/tests/bench/plane.o
$(addprefix $(OUT)/tests/bench/bench_,data esp): $(OUT)/tests/bench/suites.o
$(OUT)/tests/bench/bench_fleet: $(OUT)/tests/bench/happenings.o

# --- checks -----------------------------------------------------------------------------------
check-unit: tests check-arrows
	@tests/run-unit $(OUT)
	@PYTHONDONTWRITEBYTECODE=1 python3 tests/bench/report_test.py -q

check-arrows:
	@tests/check-arrows

check-asan:
	@$(MAKE) --no-print-directory BUILD=asan check-unit

check-valgrind:
	@$(MAKE) --no-print-directory BUILD=plain tests
	@VALGRIND=1 tests/run-unit build/plain

check-net: all
	@tests/unpack-peers || echo "gateways of other makers cannot be had"
	@tests/net/run

soak-kill: all
	@tests/net/soak_kill 200

soak-stop: all
	@STOPPED_SECONDS=60 tests/net/run stopped_process

bench-data: all $(addprefix $(OUT)/tests/bench/bench_,data esp rekey)
	@tests/install-packages gateway bench
	@OUT=$(OUT) tests/bench/data

bench-routes: $(OUT)/tests/bench/bench_routes
	@tests/bench/routes $(OUT)

benches: $(BENCH_BIN) $(STRESS)

# QUICK=--quick for a few minutes; PARTS="connect fleet" for some of it
bench:
	@tests/install-packages build gateway vm bench
	@$(MAKE) --no-print-directory all benches
	@tests/bench/bench $(QUICK) $(PARTS)

soak-rekey: all $(OUT)/tests/bench/bench_soak
	@$(OUT)/tests/bench/bench_soak 10000 1000
	@tests/bench/soak 1000 100

check-vm: all $(OUT)/tests/host/test_netns $(OUT)/tests/host/test_xfrm
	@tests/install-packages gateway vm
	@tests/net/vm/run

# A failing seed prints its number; SEED=number plays it again and shows every datagram.
SEEDS ?= 3000
stress: $(STRESS)
	@$(if $(SEED),PAIR_TRACE=1 $(STRESS) $(SEED) 1,$(STRESS) 1 $(SEEDS))

fuzz:
	@$(MAKE) --no-print-directory BUILD=fuzz CC=clang fuzz-build
fuzz-build: $(FUZZ_BIN)
.PHONY: fuzz-build benches
fuzz-smoke: fuzz
	@tests/fuzz/smoke

check-man:
	@tests/check-man

packages:
	@tests/install-packages build gateway vm test

check: packages
	@tests/check

# STAGES="build unit" of check, NEXT=another release; these meet what is another there
NEXT_STAGES := build unit net demo
check-next:
	@tests/in-next sh -euc 'tests/install-packages build gateway vm test && exec tests/check $(or $(STAGES),$(NEXT_STAGES))'

demo:
	@tests/install-packages build gateway
	@$(MAKE) --no-print-directory all
	@tests/net/demo

# --- installation, care ------------------------------------------------------------------------
install: all
	install -D -m 0755 $(BIN) $(DESTDIR)$(PREFIX)/bin/vpnc-ike
	install -D -m 0644 man/vpnc-ike.1 $(DESTDIR)$(PREFIX)/share/man/man1/vpnc-ike.1
	install -D -m 0644 man/vpnc-ike.profile.5 $(DESTDIR)$(PREFIX)/share/man/man5/vpnc-ike.profile.5
	install -D -m 0644 completions/vpnc-ike.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vpnc-ike
	install -D -m 0644 completions/vpnc-ike.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_vpnc-ike
	install -D -m 0644 completions/vpnc-ike.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/vpnc-ike.fish
	install -d $(DESTDIR)$(PREFIX)/share/doc/vpnc-ike/profiles
	install -m 0644 profiles/*.conf $(DESTDIR)$(PREFIX)/share/doc/vpnc-ike/profiles/

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/vpnc-ike \
	      $(DESTDIR)$(PREFIX)/share/man/man1/vpnc-ike.1 \
	      $(DESTDIR)$(PREFIX)/share/man/man5/vpnc-ike.profile.5 \
	      $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vpnc-ike \
	      $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_vpnc-ike \
	      $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/vpnc-ike.fish
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/vpnc-ike

C_FILES = $(wildcard src/*.c src/*/*.[ch] include/*/*.h tests/*/*.[ch])
format:
	clang-format -i $(C_FILES)

lint:
	@tests/lint

clean:
	rm -rf build

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
