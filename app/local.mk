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
nodist_%C%_meshdemo_SOURCES = $(app_proto_made)

app_proto_made = %D%/demo.pb-c.c %D%/demo.pb-c.h
BUILT_SOURCES += $(app_proto_made)
CLEANFILES += $(app_proto_made)

%D%/demo.pb-c.c: $(srcdir)/%D%/demo.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC_C) --c_out=%D% \
		-I$(srcdir)/%D% -I$(srcdir)/mesh/include $(srcdir)/%D%/demo.proto
%D%/demo.pb-c.h: %D%/demo.pb-c.c
endif

EXTRA_DIST += %D%/demo.proto \
	bench/demo.sh \
	examples/documents/README.md \
	examples/documents/bombs/exponential.xml \
	examples/documents/bombs/quadratic.xml \
	examples/documents/failed/unknown-encoding.xml \
	examples/documents/malformed/attribute-twice.svg \
	examples/documents/malformed/bad-character.xml \
	examples/documents/malformed/bad-utf8.xml \
	examples/documents/malformed/bare-ampersand.xhtml \
	examples/documents/malformed/empty.xml \
	examples/documents/malformed/late-declaration.xml \
	examples/documents/malformed/mismatch.xml \
	examples/documents/malformed/no-quotes.xml \
	examples/documents/malformed/no-such-entity.xml \
	examples/documents/malformed/recursive-entity.xml \
	examples/documents/malformed/truncated.xml \
	examples/documents/malformed/two-roots.xml \
	examples/documents/malformed/unclosed.xml \
	examples/documents/well-formed/drawing.svg \
	examples/documents/well-formed/latin1.xml \
	examples/documents/well-formed/letter.rng \
	examples/documents/well-formed/letter.xml \
	examples/documents/well-formed/letter.xsd \
	examples/documents/well-formed/letter.xsl \
	examples/documents/well-formed/notes.txt \
	examples/documents/well-formed/outside.xml \
	examples/documents/well-formed/page.xhtml \
	examples/documents/well-formed/utf16.xml
