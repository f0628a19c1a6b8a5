# Examples: they see what an installed library offers, and no more. Run by
# tests/check-examples.sh; those of foreign loops are tests themselves.

if !PAL_WINDOWS
check_PROGRAMS += %D%/job %D%/listener %D%/process %D%/region
%C%_job_CPPFLAGS = $(PAL_CPPFLAGS)
%C%_job_LDADD = pal/libpal-1.la $(APR_LIBS)
%C%_listener_CPPFLAGS = $(PAL_CPPFLAGS)
%C%_listener_LDADD = pal/libpal-1.la $(APR_LIBS)
%C%_process_CPPFLAGS = $(PAL_CPPFLAGS)
%C%_process_LDADD = pal/libpal-1.la $(APR_LIBS)
%C%_region_CPPFLAGS = $(PAL_CPPFLAGS)
%C%_region_LDADD = pal/libpal-1.la $(APR_LIBS)

hosting_examples = %D%/loop_glib %D%/loop_poll %D%/loop_uv
check_PROGRAMS += $(hosting_examples)
TESTS += $(hosting_examples)
guest_sources = %D%/loop_guest.c %D%/loop_guest.h

%C%_loop_glib_CPPFLAGS = $(PAL_CPPFLAGS) $(GLIB_CFLAGS)
%C%_loop_glib_LDADD = pal/libpal-1.la $(APR_LIBS) $(GLIB_LIBS)
if MESH_GLIB
%C%_loop_glib_SOURCES = %D%/loop_glib.c $(guest_sources)
else
%C%_loop_glib_SOURCES = %D%/absent.c
endif

%C%_loop_poll_CPPFLAGS = $(PAL_CPPFLAGS)
%C%_loop_poll_LDADD = pal/libpal-1.la $(APR_LIBS)
%C%_loop_poll_SOURCES = %D%/loop_poll.c $(guest_sources)

%C%_loop_uv_CPPFLAGS = $(PAL_CPPFLAGS) $(LIBUV_CFLAGS)
%C%_loop_uv_LDADD = pal/libpal-1.la $(APR_LIBS) $(LIBUV_LIBS)
if MESH_LIBUV
%C%_loop_uv_SOURCES = %D%/loop_uv.c $(guest_sources)
else
%C%_loop_uv_SOURCES = %D%/absent.c
endif
endif
