# Benchmarks: built by make check, so that they keep compiling, and run by
# make bench, which leaves bench.json beside the table it prints.

if !PAL_WINDOWS
bench_programs = %D%/loop_bench %D%/process_bench
check_PROGRAMS += $(bench_programs)

%C%_loop_bench_CPPFLAGS = -I$(builddir) -I$(srcdir)/%D% $(PAL_CPPFLAGS) \
	$(LIBUV_CFLAGS)
%C%_loop_bench_LDADD = pal/libpal.la $(APR_LIBS) $(LIBUV_LIBS)
%C%_loop_bench_SOURCES = \
	%D%/bench.c \
	%D%/bench.h \
	%D%/loop_bench.c \
	%D%/loop_bench.h \
	%D%/loop_pal.c \
	%D%/loop_raw.c \
	%D%/loop_uv.c

%C%_process_bench_CPPFLAGS = -I$(builddir) -I$(srcdir)/%D% $(PAL_CPPFLAGS) \
	$(LIBUV_CFLAGS)
%C%_process_bench_LDADD = pal/libpal.la $(APR_LIBS) $(LIBUV_LIBS)
%C%_process_bench_SOURCES = \
	%D%/bench.c \
	%D%/bench.h \
	%D%/process_bench.c
endif

# The child: static where that can be linked, so that loading libraries does
# not hide what a launch costs.
%D%/tiny: $(srcdir)/%D%/tiny.c
	$(AM_V_CC)$(MKDIR_P) %D% && { \
		$(CC) -O2 -static -o $@ $(srcdir)/%D%/tiny.c 2>/dev/null || \
		$(CC) -O2 -o $@ $(srcdir)/%D%/tiny.c; }
CLEANFILES += %D%/tiny %D%/*.rows bench.json

bench: $(bench_programs) $(libexec_PROGRAMS) %D%/tiny
	@for b in $(bench_programs); do \
		KEEPER=pal/pal-keeper TINY=%D%/tiny ./$$b -o $$b.rows $(BENCH) || exit; \
	done
	@{ echo '['; cat $(bench_programs:=.rows) | sed '$$!s/$$/,/'; \
		echo ']'; } >bench.json
.PHONY: bench

EXTRA_DIST += %D%/demo.sh %D%/tiny.c
