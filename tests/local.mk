# Tests: programs run through tests/lib, and scripts that keep the layers.

if MESH_TESTS

# Tests see everything inside the libraries.
AM_CPPFLAGS = -I$(builddir) -I$(builddir)/mesh/proto \
	-I$(builddir)/%D%/conform -I$(srcdir)/%D%/lib -I$(srcdir)/%D%/unix \
	-I$(srcdir)/pal -I$(srcdir)/mesh/core -I$(srcdir)/mesh/payload \
	-I$(srcdir)/mesh/node -I$(srcdir)/mesh/link -I$(srcdir)/mesh/channel \
	-I$(srcdir)/mesh/membership -I$(srcdir)/mesh/host \
	$(MESH_CPPFLAGS) $(PAL_CPPFLAGS) $(CUNIT_CFLAGS)
LDADD = %D%/libtest.la mesh/libmesh.la pal/libpal.la $(CUNIT_LIBS)

check_LTLIBRARIES += %D%/libtest.la
%C%_libtest_la_SOURCES = \
	%D%/lib/harness.c \
	%D%/lib/hex.c \
	%D%/lib/json.c \
	%D%/lib/harness.h \
	%D%/lib/hex.h \
	%D%/lib/json.h \
	%D%/lib/leaks.h \
	%D%/unix/leaks_unix.c

# A program of one file of its own name needs a line here and no more.
test_programs = \
	%D%/unit/test_json \
	%D%/unit/test_pal_log \
	%D%/unit/test_pal_loop \
	%D%/unit/test_pal_status \
	%D%/unit/test_pal_timers \
	%D%/unix/test_harness \
	%D%/unix/test_pal_confine \
	%D%/unix/test_pal_process
check_PROGRAMS += $(test_programs) %D%/unix/faulty

%C%_unix_test_pal_process_SOURCES = \
	%D%/unix/child.c \
	%D%/unix/child.h \
	%D%/unix/test_pal_process.c

test_scripts = \
	%D%/check-core-pure.sh \
	%D%/check-exports.sh \
	%D%/check-headers.sh \
	%D%/check-os-headers.sh \
	%D%/check-readme.sh \
	%D%/check-style.sh

AM_TESTS_ENVIRONMENT = \
	export CC='$(CC)' CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' NM='$(NM)' \
	HEADER_CFLAGS='$(APR_CFLAGS) $(PROTOBUF_C_CFLAGS)' \
	APR_LIBS='$(APR_LIBS)';
TESTS += $(test_programs) $(test_scripts)

# One line for the whole run, once all of it has ended well.
check-local: check-TESTS
	$(AM_V_at)$(SHELL) $(srcdir)/%D%/sum.sh $(TEST_LOGS)

else

check-local:
	@echo 'configure has found no CUnit: no tests' && exit 1

endif

EXTRA_DIST += $(test_scripts) %D%/sum.sh %D%/conform/README.md \
	%D%/vectors/channel.json \
	%D%/vectors/event.json \
	%D%/vectors/inspect.json \
	%D%/vectors/invitation.json \
	%D%/vectors/manifest.json \
	%D%/vectors/protobuf.json \
	%D%/vectors/unix-packet.json
