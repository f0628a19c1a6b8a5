# Tests: programs run through tests/lib, and scripts that keep the layers.

if MESH_TESTS

# Tests see everything inside the libraries.
AM_CPPFLAGS = -I$(builddir) -I$(builddir)/mesh/proto \
	-I$(builddir)/%D%/conform -I$(builddir)/%D%/unit \
	-I$(srcdir)/%D%/conform -I$(srcdir)/%D%/lib -I$(srcdir)/%D%/process \
	-I$(srcdir)/%D%/unit -I$(srcdir)/%D%/unix \
	-I$(srcdir)/pal -I$(srcdir)/mesh/core -I$(srcdir)/mesh/payload \
	-I$(srcdir)/mesh/node -I$(srcdir)/mesh/link -I$(srcdir)/mesh/channel \
	-I$(srcdir)/mesh/membership -I$(srcdir)/mesh/host \
	$(MESH_CPPFLAGS) $(PAL_CPPFLAGS) $(CUNIT_CFLAGS)
LDADD = %D%/libtest.la mesh/libmesh.la pal/libpal.la $(CUNIT_LIBS)

# The harness, and what several programs share.
check_LTLIBRARIES += %D%/libtest.la
%C%_libtest_la_SOURCES = \
	%D%/lib/core_wire.c \
	%D%/lib/core_wire.h \
	%D%/lib/harness.c \
	%D%/lib/harness.h \
	%D%/lib/hex.c \
	%D%/lib/hex.h \
	%D%/lib/json.c \
	%D%/lib/json.h \
	%D%/lib/leaks.h \
	%D%/lib/lone_core.c \
	%D%/lib/lone_core.h \
	%D%/lib/machine.h \
	%D%/lib/raw_peer.c \
	%D%/lib/raw_peer.h \
	%D%/lib/scratch_file.c \
	%D%/lib/scratch_file.h \
	%D%/lib/two_nodes.c \
	%D%/lib/two_nodes.h \
	%D%/conform/proc.h \
	%D%/process/demo.c \
	%D%/process/demo.h \
	%D%/process/host_modes.c \
	%D%/process/host_modes.h \
	%D%/unit/payload_lib.c \
	%D%/unit/payload_lib.h
if PAL_WINDOWS
%C%_libtest_la_SOURCES += \
	%D%/win32/leaks_win32.c \
	%D%/win32/machine_win32.c \
	%D%/win32/proc_win32.c
else
%C%_libtest_la_SOURCES += \
	%D%/unix/child.c \
	%D%/unix/child.h \
	%D%/unix/ends.c \
	%D%/unix/ends.h \
	%D%/unix/filter.c \
	%D%/unix/filter.h \
	%D%/unix/job_rig.c \
	%D%/unix/job_rig.h \
	%D%/unix/job_tree.c \
	%D%/unix/job_tree.h \
	%D%/unix/launch.c \
	%D%/unix/launch.h \
	%D%/unix/leaks_unix.c \
	%D%/unix/machine_unix.c \
	%D%/unix/proc_linux.c
endif
nodist_%C%_libtest_la_SOURCES = \
	%D%/conform/box.pb-c.c \
	%D%/conform/box.pb-c.h \
	%D%/conform/conform.pb-c.c \
	%D%/conform/conform.pb-c.h \
	%D%/unit/channels.pb-c.c \
	%D%/unit/channels.pb-c.h \
	%D%/unit/payload_optional.pb-c.c \
	%D%/unit/payload_optional.pb-c.h \
	%D%/unit/payload_vectors.pb-c.c \
	%D%/unit/payload_vectors.pb-c.h
BUILT_SOURCES += $(nodist_%C%_libtest_la_SOURCES)
CLEANFILES += $(nodist_%C%_libtest_la_SOURCES)
%D%/conform/box.pb-c.c: $(srcdir)/%D%/conform/box.proto
	$(PROTO)
%D%/conform/box.pb-c.h: %D%/conform/box.pb-c.c
%D%/conform/conform.pb-c.c: $(srcdir)/%D%/conform/conform.proto
	$(PROTO)
%D%/conform/conform.pb-c.h: %D%/conform/conform.pb-c.c
%D%/unit/channels.pb-c.c: $(srcdir)/%D%/unit/channels.proto
	$(PROTO)
%D%/unit/channels.pb-c.h: %D%/unit/channels.pb-c.c
%D%/unit/payload_optional.pb-c.c: $(srcdir)/%D%/unit/payload_optional.proto
	$(PROTO)
%D%/unit/payload_optional.pb-c.h: %D%/unit/payload_optional.pb-c.c
%D%/unit/payload_vectors.pb-c.c: $(srcdir)/%D%/unit/payload_vectors.proto
	$(PROTO)
%D%/unit/payload_vectors.pb-c.h: %D%/unit/payload_vectors.pb-c.c

# A program of one file of its own name needs a line here and no more.
test_programs = \
	%D%/process/test_conform_host \
	%D%/process/test_host \
	%D%/unit/test_channel_vectors \
	%D%/unit/test_channels \
	%D%/unit/test_core \
	%D%/unit/test_core_move \
	%D%/unit/test_core_nomem \
	%D%/unit/test_core_peer \
	%D%/unit/test_event_vectors \
	%D%/unit/test_invitation \
	%D%/unit/test_json \
	%D%/unit/test_link \
	%D%/unit/test_membership \
	%D%/unit/test_mesh_status \
	%D%/unit/test_node \
	%D%/unit/test_packet_vectors \
	%D%/unit/test_pal_busy \
	%D%/unit/test_pal_channel \
	%D%/unit/test_pal_log \
	%D%/unit/test_pal_loop \
	%D%/unit/test_pal_loop_host \
	%D%/unit/test_pal_loop_threads \
	%D%/unit/test_pal_quote \
	%D%/unit/test_pal_status \
	%D%/unit/test_pal_timers \
	%D%/unit/test_payload \
	%D%/unit/test_payload_limits \
	%D%/unit/test_payload_vectors
if PAL_WINDOWS
test_programs += \
	%D%/win32/test_win32_files \
	%D%/win32/test_win32_pipe \
	%D%/win32/test_win32_process \
	%D%/win32/test_win32_watch
endif
if !PAL_WINDOWS
test_programs += \
	%D%/unit/test_pal_loop_host_pollset \
	%D%/unit/test_pal_loop_poll \
	%D%/unit/test_pal_loop_pollset \
	%D%/unix/test_confined \
	%D%/unix/test_demo_faults \
	%D%/unix/test_harness \
	%D%/unix/test_link_emfile \
	%D%/unix/test_pal_builder \
	%D%/unix/test_pal_channel \
	%D%/unix/test_pal_channel_framed \
	%D%/unix/test_pal_confine \
	%D%/unix/test_pal_connect \
	%D%/unix/test_pal_crowd \
	%D%/unix/test_pal_file \
	%D%/unix/test_pal_framing \
	%D%/unix/test_pal_handle \
	%D%/unix/test_pal_job \
	%D%/unix/test_pal_job_faults \
	%D%/unix/test_pal_job_namespaces \
	%D%/unix/test_pal_launch \
	%D%/unix/test_pal_loop_close \
	%D%/unix/test_pal_listener \
	%D%/unix/test_pal_privilege \
	%D%/unix/test_pal_process \
	%D%/unix/test_pal_queue \
	%D%/unix/test_pal_race \
	%D%/unix/test_pal_region \
	%D%/unix/test_pal_self \
	%D%/unix/test_pal_signal \
	%D%/unix/test_pal_stream \
	%D%/unix/stress_job \
	%D%/sim/sim_core \
	%D%/process/test_demo \
	%D%/process/test_host_start
if PAL_LINUX_NATIVE
test_programs += %D%/unix/test_pal_filtered %D%/unix/test_pal_steps
endif
check_PROGRAMS += %D%/unix/faulty
endif
check_PROGRAMS += $(test_programs)

# A child of the shortest life, without sanitizers.
if !PAL_WINDOWS
check_DATA = %D%/unix/brief
endif
%D%/unix/brief: $(srcdir)/%D%/unix/brief.c
	$(AM_V_CC)$(MKDIR_P) %D%/unix && { \
		$(CC) -O1 -static -o $@ $(srcdir)/%D%/unix/brief.c 2>/dev/null || \
		$(CC) -O1 -o $@ $(srcdir)/%D%/unix/brief.c; }
CLEANFILES += %D%/unix/brief
EXTRA_DIST += %D%/unix/brief.c

# With places for faults, in its own copies.
%C%_unix_test_pal_race_CPPFLAGS = $(AM_CPPFLAGS) -DPAL_WITH_PLANTS
%C%_unix_test_pal_race_SOURCES = %D%/unix/test_pal_race.c
if PAL_LINUX_NATIVE
%C%_unix_test_pal_race_SOURCES += pal/unix/spawn_linux.c pal/unix/table_linux.c
else
%C%_unix_test_pal_race_SOURCES += pal/unix/spawn_posix.c
endif

# The same over a byte stream.
%C%_unix_test_pal_channel_framed_CPPFLAGS = $(AM_CPPFLAGS) -DTYPE=SOCK_STREAM
%C%_unix_test_pal_channel_framed_SOURCES = %D%/unix/test_pal_channel.c

# The loop on an apr_pollset, by what APR prefers here and by poll(2).
pollset_sources = \
	pal/unix/lookout_unix.c \
	pal/unix/lookout_unix.h \
	pal/unix/loop_pollset.c
%C%_unit_test_pal_loop_pollset_SOURCES = \
	%D%/unit/test_pal_loop.c \
	$(pollset_sources)
%C%_unit_test_pal_loop_host_pollset_SOURCES = \
	%D%/unit/test_pal_loop_host.c \
	$(pollset_sources)
%C%_unit_test_pal_loop_poll_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPAL__POLLSET_METHOD=APR_POLLSET_POLL
%C%_unit_test_pal_loop_poll_SOURCES = \
	$(%C%_unit_test_pal_loop_pollset_SOURCES)

# Memory runs out at will.
%C%_unit_test_core_nomem_LDFLAGS = -Wl,--wrap=malloc -Wl,--wrap=calloc \
	-Wl,--wrap=realloc
%C%_unit_test_payload_limits_LDFLAGS = -Wl,--wrap=malloc

test_scripts = \
	%D%/check-core-pure.sh \
	%D%/check-examples.sh \
	%D%/check-exercised.sh \
	%D%/check-exports.sh \
	%D%/check-globals.sh \
	%D%/check-headers.sh \
	%D%/check-man.sh \
	%D%/check-os-headers.sh \
	%D%/check-projects.sh \
	%D%/check-readme.sh \
	%D%/check-style.sh

# The conformance service, both sides of it ours.
check_PROGRAMS += %D%/conform/conform-host %D%/conform/conform-parent
%C%_conform_conform_host_SOURCES = \
	%D%/conform/conform-host.c \
	%D%/conform/host.h \
	%D%/conform/host_forward.c \
	%D%/conform/host_requests.c
%C%_conform_conform_parent_SOURCES = \
	%D%/conform/conform-parent.c \
	%D%/conform/parent.h \
	%D%/conform/parent_calls.c \
	%D%/conform/parent_channels.c \
	%D%/conform/parent_hosts.c \
	%D%/conform/parent_scalars.c \
	%D%/conform/parent_support.c
TESTS += %D%/conform/run.sh

AM_TESTS_ENVIRONMENT = \
	export CC='$(CC)' CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' NM='$(NM)' \
	HEADER_CFLAGS='$(APR_CFLAGS) $(PROTOBUF_C_CFLAGS)' \
	APR_LIBS='$(APR_LIBS)' KILLS='$(KILLS)' \
	PAL_KEEPER='$(abs_builddir)/pal/pal-keeper';
TESTS += $(test_programs) $(test_scripts)

# One line for the whole run, once all of it has ended well.
check-local: check-TESTS
	$(AM_V_at)$(SHELL) $(srcdir)/%D%/sum.sh $(TEST_LOGS)

else

check-local:
	@echo 'configure has found no CUnit: no tests' && exit 1

endif

EXTRA_DIST += $(test_scripts) %D%/check-embed.sh %D%/libraries.sh \
	%D%/sum.sh %D%/vectors \
	%D%/conform/README.md %D%/conform/run.sh \
	%D%/conform/box.proto \
	%D%/conform/conform.proto \
	%D%/unit/channels.proto \
	%D%/unit/payload_optional.proto \
	%D%/unit/payload_vectors.proto
