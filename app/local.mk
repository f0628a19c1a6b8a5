# meshdemo is its own host: all but the system's libraries is linked into it,
# because each shared library makes every worker start later.

if MESH_DEMO
bin_PROGRAMS += %D%/meshdemo
%C%_meshdemo_CPPFLAGS = -I$(builddir) -I$(builddir)/%D% \
	-I$(builddir)/mesh/proto $(MESH_CPPFLAGS) $(PAL_CPPFLAGS) \
	$(APU_CFLAGS) $(EXPAT_CFLAGS)
%C%_meshdemo_LDADD = mesh/libmesh.la pal/libpal.la $(APU_LIBS) $(EXPAT_LIBS)
%C%_meshdemo_SOURCES = \
	%D%/check.c \
	%D%/check.h \
	%D%/complaints.c \
	%D%/complaints.h \
	%D%/crew.c \
	%D%/crew.h \
	%D%/document.c \
	%D%/document.h \
	%D%/escape.c \
	%D%/escape.h \
	%D%/meshdemo.c \
	%D%/options.c \
	%D%/options.h \
	%D%/report.c \
	%D%/report.h \
	%D%/run.c \
	%D%/run.h \
	%D%/walk.c \
	%D%/walk.h \
	%D%/worker.c \
	%D%/worker.h
nodist_%C%_meshdemo_SOURCES = %D%/demo.pb-c.c %D%/demo.pb-c.h
BUILT_SOURCES += $(nodist_%C%_meshdemo_SOURCES)
CLEANFILES += $(nodist_%C%_meshdemo_SOURCES)
%D%/demo.pb-c.c: $(srcdir)/%D%/demo.proto
	$(PROTO)
%D%/demo.pb-c.h: %D%/demo.pb-c.c
endif

EXTRA_DIST += %D%/demo.proto
