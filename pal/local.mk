# pal: the one source list, for the whole tree and for pal built alone.

PAL_CPPFLAGS = -I$(srcdir)/%D%/include $(PAL_OS_CPPFLAGS) $(APR_CFLAGS)

lib_LTLIBRARIES += %D%/libpal-1.la
noinst_LTLIBRARIES += %D%/libpal.la

palincludedir = $(includedir)/pal-1/pal
palinclude_HEADERS = \
	%D%/include/pal/channel.h \
	%D%/include/pal/confine.h \
	%D%/include/pal/file.h \
	%D%/include/pal/handle.h \
	%D%/include/pal/job.h \
	%D%/include/pal/listener.h \
	%D%/include/pal/log.h \
	%D%/include/pal/loop.h \
	%D%/include/pal/pal.h \
	%D%/include/pal/privilege.h \
	%D%/include/pal/process.h \
	%D%/include/pal/region.h \
	%D%/include/pal/self.h \
	%D%/include/pal/status.h \
	%D%/include/pal/stream.h \
	%D%/include/pal/version.h

# Everything, internal names included: what programs of this tree link.
%C%_libpal_la_CPPFLAGS = -I$(builddir) -I$(builddir)/%D% -I$(srcdir)/%D% \
	-DPAL_KEEPER_PATH='"$(PAL_KEEPER_PATH)"' $(PAL_CPPFLAGS)
%C%_libpal_la_LIBADD = $(APR_LIBS) $(PAL_OS_LIBS)
%C%_libpal_la_SOURCES = \
	%D%/busy.c \
	%D%/busy.h \
	%D%/command.c \
	%D%/confine.c \
	%D%/confine_private.h \
	%D%/environment.c \
	%D%/job.c \
	%D%/job_private.h \
	%D%/log.c \
	%D%/loop.c \
	%D%/pal.c \
	%D%/pal_compiler.h \
	%D%/pal_private.h \
	%D%/privilege.c \
	%D%/process.c \
	%D%/process_private.h \
	%D%/quote.c \
	%D%/quote.h \
	%D%/status.c \
	%D%/timers.c \
	%D%/timers.h \
	%D%/version.c

if PAL_WINDOWS
%C%_libpal_la_SOURCES += \
	%D%/win32/basics_win32.c \
	%D%/win32/block_win32.h \
	%D%/win32/channel_win32.c \
	%D%/win32/confine_win32.c \
	%D%/win32/endpoint_win32.c \
	%D%/win32/endpoint_win32.h \
	%D%/win32/environment_win32.c \
	%D%/win32/file_win32.c \
	%D%/win32/handle_win32.c \
	%D%/win32/inherit_win32.c \
	%D%/win32/inherit_win32.h \
	%D%/win32/job_win32.c \
	%D%/win32/job_win32.h \
	%D%/win32/launch_win32.c \
	%D%/win32/listener_win32.c \
	%D%/win32/loop_iocp.c \
	%D%/win32/pipe_win32.c \
	%D%/win32/pipe_win32.h \
	%D%/win32/poller_iocp.h \
	%D%/win32/process_win32.c \
	%D%/win32/process_win32.h \
	%D%/win32/program_win32.c \
	%D%/win32/program_win32.h \
	%D%/win32/region_win32.c \
	%D%/win32/section_win32.h \
	%D%/win32/self_win32.c \
	%D%/win32/signal_win32.c \
	%D%/win32/stream_win32.c \
	%D%/win32/token_win32.c \
	%D%/win32/token_win32.h \
	%D%/win32/transit_win32.c \
	%D%/win32/transit_win32.h \
	%D%/win32/watch_win32.c \
	%D%/win32/wide_win32.c \
	%D%/win32/wide_win32.h
else
%C%_libpal_la_SOURCES += \
	%D%/unix/basics_unix.c \
	%D%/unix/channel_unix.c \
	%D%/unix/connect_unix.c \
	%D%/unix/endpoint_unix.c \
	%D%/unix/endpoint_unix.h \
	%D%/unix/fd.h \
	%D%/unix/file_unix.c \
	%D%/unix/frame.c \
	%D%/unix/frame.h \
	%D%/unix/handle_unix.c \
	%D%/unix/launch_unix.c \
	%D%/unix/launcher_unix.c \
	%D%/unix/launcher_unix.h \
	%D%/unix/listener_unix.c \
	%D%/unix/message_unix.c \
	%D%/unix/message_unix.h \
	%D%/unix/peer_unix.c \
	%D%/unix/peer_unix.h \
	%D%/unix/pidfd.h \
	%D%/unix/place_unix.c \
	%D%/unix/place_unix.h \
	%D%/unix/plant.h \
	%D%/unix/process_unix.c \
	%D%/unix/process_unix.h \
	%D%/unix/region_unix.c \
	%D%/unix/region_unix.h \
	%D%/unix/self_unix.c \
	%D%/unix/signal_unix.c \
	%D%/unix/spawn_unix.h \
	%D%/unix/stream_unix.c

# How processes are made, held and confined, and events waited for: by what
# Linux has for it, or by what there is everywhere (configure
# --disable-linux-native).
if PAL_LINUX_NATIVE
%C%_libpal_la_SOURCES += \
	%D%/unix/cgroup_linux.c \
	%D%/unix/cgroup_linux.h \
	%D%/unix/child_linux.c \
	%D%/unix/child_linux.h \
	%D%/unix/clone_linux.c \
	%D%/unix/confine_linux.c \
	%D%/unix/hold_linux.c \
	%D%/unix/hold_linux.h \
	%D%/unix/job_linux.c \
	%D%/unix/landlock_linux.c \
	%D%/unix/loop_epoll.c \
	%D%/unix/pidfd_linux.c \
	%D%/unix/region_linux.c \
	%D%/unix/spawn_linux.c \
	%D%/unix/table_linux.c
else
%C%_libpal_la_SOURCES += \
	%D%/unix/confine_none.c \
	%D%/unix/job_none.c \
	%D%/unix/lookout_unix.c \
	%D%/unix/lookout_unix.h \
	%D%/unix/loop_pollset.c \
	%D%/unix/pidfd_none.c \
	%D%/unix/region_shm.c \
	%D%/unix/spawn_posix.c
endif
endif

%C%_libpal_1_la_SOURCES =
%C%_libpal_1_la_LIBADD = %D%/libpal.la
%C%_libpal_1_la_LDFLAGS = -no-undefined -version-info 1:0:0 \
	-export-symbols $(srcdir)/%D%/pal.sym
EXTRA_%C%_libpal_1_la_DEPENDENCIES = $(srcdir)/%D%/pal.sym

# The keeper of jobs: without any library, so that it starts at once.
if PAL_LINUX_NATIVE
libexec_PROGRAMS += %D%/pal-keeper
%C%_pal_keeper_CPPFLAGS = -I$(builddir)
%C%_pal_keeper_LDFLAGS = $(PAL_STATIC)
%C%_pal_keeper_LDADD =
%C%_pal_keeper_SOURCES = \
	%D%/unix/hold_linux.c \
	%D%/unix/hold_linux.h \
	%D%/unix/keeper.c
endif

# Filters of system calls: made by a program of the build machine.
if PAL_SECCOMP
pal_filters = \
	%D%/unix/syscalls_worker.h \
	%D%/unix/syscalls_sanitizer.h
BUILT_SOURCES += $(pal_filters)
CLEANFILES += $(pal_filters) %D%/unix/gen_syscalls

%D%/unix/gen_syscalls: $(srcdir)/%D%/unix/gen_syscalls.c
	$(AM_V_CC)$(MKDIR_P) %D%/unix && $(CC_FOR_BUILD) -o $@ \
		$(srcdir)/%D%/unix/gen_syscalls.c $(SECCOMP_FOR_BUILD_LIBS)
%D%/unix/syscalls_worker.h: %D%/unix/gen_syscalls $(pal_lists)
	$(AM_V_GEN)%D%/unix/gen_syscalls $(SECCOMP_ARCH) \
		$(srcdir)/%D%/unix/syscalls_worker.list > $@.tmp && mv $@.tmp $@
%D%/unix/syscalls_sanitizer.h: %D%/unix/gen_syscalls $(pal_lists)
	$(AM_V_GEN)%D%/unix/gen_syscalls $(SECCOMP_ARCH) $(pal_lists) \
		> $@.tmp && mv $@.tmp $@
endif
pal_lists = \
	$(srcdir)/%D%/unix/syscalls_worker.list \
	$(srcdir)/%D%/unix/syscalls_sanitizer.list

pkgconfig_DATA += %D%/pal-1.pc
palcmakedir = $(libdir)/cmake/pal-1
palcmake_DATA = %D%/pal-1-config.cmake %D%/pal-1-config-version.cmake
EXTRA_DIST += %D%/README.md %D%/pal.sym %D%/unix/gen_syscalls.c $(pal_lists)
