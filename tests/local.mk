# Tests: programs run through tests/lib, and scripts that keep the layers.

if MESH_TESTS

# Tests see everything inside the libraries.
TEST_CPPFLAGS = -I$(builddir) -I$(builddir)/mesh/proto \
	-I$(builddir)/%D%/conform -I$(srcdir)/%D%/lib -I$(srcdir)/pal \
	-I$(srcdir)/mesh/core -I$(srcdir)/mesh/payload -I$(srcdir)/mesh/node \
	-I$(srcdir)/mesh/link -I$(srcdir)/mesh/channel \
	-I$(srcdir)/mesh/membership -I$(srcdir)/mesh/host \
	$(MESH_CPPFLAGS) $(PAL_CPPFLAGS) $(CUNIT_CFLAGS)
AM_CPPFLAGS = $(TEST_CPPFLAGS)
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

test_programs = \
	%D%/unit/test_pal_log \
	%D%/unit/test_pal_status \
	%D%/unit/test_pal_timers \
	%D%/unix/test_pal_process
check_PROGRAMS += $(test_programs)

endif
