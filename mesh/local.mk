# mesh: layers as libraries of their own where the include path is the rule.

MESH_CPPFLAGS = -I$(srcdir)/%D%/include $(PROTOBUF_C_CFLAGS)

lib_LTLIBRARIES += %D%/libmesh-1.la
noinst_LTLIBRARIES += \
	%D%/libcore.la \
	%D%/libpayload.la \
	%D%/libmesh.la

meshincludedir = $(includedir)/mesh-1/mesh
meshinclude_HEADERS = \
	%D%/include/mesh/channel.h \
	%D%/include/mesh/host.h \
	%D%/include/mesh/mesh.h \
	%D%/include/mesh/message.h \
	%D%/include/mesh/node.h \
	%D%/include/mesh/port.h \
	%D%/include/mesh/rpc.h \
	%D%/include/mesh/status.h \
	%D%/include/mesh/types.h \
	%D%/include/mesh/version.h

dist_meshinclude_DATA = %D%/include/mesh/mesh.proto

# The core reaches neither pal nor anything above it.
%C%_libcore_la_CPPFLAGS = -I$(builddir) -I$(srcdir)/%D%/include \
	$(APR_CFLAGS)
%C%_libcore_la_SOURCES = \
	%D%/core/core.c \
	%D%/core/core.h \
	%D%/core/event.c \
	%D%/core/event.h \
	%D%/core/id.c \
	%D%/core/id.h \
	%D%/core/message.c \
	%D%/core/message.h \
	%D%/core/move.c \
	%D%/core/port.c \
	%D%/core/port.h \
	%D%/core/queue.c \
	%D%/core/queue.h \
	%D%/core/table.c \
	%D%/core/table.h

# The payload layer reaches the core and protobuf-c.
%C%_libpayload_la_CPPFLAGS = -I$(builddir) -I$(builddir)/%D%/proto \
	-I$(srcdir)/%D%/core $(MESH_CPPFLAGS) $(APR_CFLAGS)
%C%_libpayload_la_SOURCES = \
	%D%/payload/arena.c \
	%D%/payload/arena.h \
	%D%/payload/descriptor.c \
	%D%/payload/descriptor.h \
	%D%/payload/pack.c \
	%D%/payload/payload.h \
	%D%/payload/unpack.c \
	%D%/payload/value.c \
	%D%/payload/wire.c \
	%D%/payload/wire.h

%C%_libmesh_la_CPPFLAGS = -I$(builddir) -I$(builddir)/%D%/proto \
	-I$(srcdir)/%D%/core -I$(srcdir)/%D%/payload \
	-I$(srcdir)/%D%/node -I$(srcdir)/%D%/link -I$(srcdir)/%D%/channel \
	-I$(srcdir)/%D%/membership -I$(srcdir)/%D%/host \
	$(MESH_CPPFLAGS) $(PAL_CPPFLAGS)
%C%_libmesh_la_LIBADD = %D%/libcore.la %D%/libpayload.la \
	$(PROTOBUF_C_LIBS) $(APR_LIBS)
%C%_libmesh_la_SOURCES = \
	%D%/status.c \
	%D%/node/links.c \
	%D%/node/messages.c \
	%D%/node/node.c \
	%D%/node/node.h \
	%D%/node/node_private.h \
	%D%/node/ports.c \
	%D%/node/wait.c \
	%D%/link/link.c \
	%D%/link/link.h \
	%D%/link/packet.c \
	%D%/link/packet.h \
	%D%/channel/channel.c \
	%D%/channel/generic.c \
	%D%/channel/generic.h \
	%D%/channel/rpc.c \
	%D%/membership/follower.c \
	%D%/membership/follower.h \
	%D%/membership/invitation.c \
	%D%/membership/invitation.h \
	%D%/membership/leader.c \
	%D%/membership/leader.h \
	%D%/host/config.c \
	%D%/host/host_private.h \
	%D%/host/launch.c \
	%D%/host/life.c \
	%D%/host/self.c \
	%D%/host/slab.c
nodist_%C%_libmesh_la_SOURCES = $(mesh_proto_made)

%C%_libmesh_1_la_SOURCES =
%C%_libmesh_1_la_LIBADD = %D%/libmesh.la pal/libpal-1.la
%C%_libmesh_1_la_LDFLAGS = -no-undefined -version-info 1:0:0 \
	-export-symbols $(srcdir)/%D%/mesh.sym
EXTRA_%C%_libmesh_1_la_DEPENDENCIES = $(srcdir)/%D%/mesh.sym

# Messages: mesh.proto is public, the others are our own.
mesh_proto_private = \
	%D%/proto/host.proto \
	%D%/proto/membership.proto
mesh_proto_made = \
	%D%/proto/mesh/mesh.pb-c.c \
	%D%/proto/mesh/mesh.pb-c.h \
	%D%/proto/host.pb-c.c \
	%D%/proto/host.pb-c.h \
	%D%/proto/membership.pb-c.c \
	%D%/proto/membership.pb-c.h
BUILT_SOURCES += $(mesh_proto_made)
CLEANFILES += $(mesh_proto_made)

# FOLDER/NAME.pb-c.c from FOLDER/NAME.proto.
PROTO = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(PROTOC_C) --c_out=$(@D) \
	-I$(srcdir)/mesh/include -I$(srcdir)/$(@D) \
	$(srcdir)/$(@D)/`basename $@ .pb-c.c`.proto

# Included as "mesh/mesh.pb-c.h", as by messages that import it.
%D%/proto/mesh/mesh.pb-c.c: $(srcdir)/%D%/include/mesh/mesh.proto
	$(AM_V_GEN)$(MKDIR_P) %D%/proto && $(PROTOC_C) --c_out=%D%/proto \
		-I$(srcdir)/%D%/include $(srcdir)/%D%/include/mesh/mesh.proto
%D%/proto/mesh/mesh.pb-c.h: %D%/proto/mesh/mesh.pb-c.c
%D%/proto/host.pb-c.c: $(srcdir)/%D%/proto/host.proto
	$(PROTO)
%D%/proto/host.pb-c.h: %D%/proto/host.pb-c.c
%D%/proto/membership.pb-c.c: $(srcdir)/%D%/proto/membership.proto
	$(PROTO)
%D%/proto/membership.pb-c.h: %D%/proto/membership.pb-c.c

pkgconfig_DATA += %D%/mesh-1.pc
EXTRA_DIST += %D%/mesh.sym $(mesh_proto_private)
