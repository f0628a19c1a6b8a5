dnl What mesh, its demo and its tests need beside pal.

dnl MESH_PROTOC: PROTOC_C is the command that compiles a .proto file to C.
AC_DEFUN([MESH_PROTOC], [
  AC_ARG_VAR([PROTOC_C], [protobuf-c compiler: protoc-c or protoc])
  AC_CHECK_PROGS([PROTOC_C], [protoc-c protoc])
  AS_IF([test -z "$PROTOC_C"],
    [AC_MSG_ERROR([no protoc-c and no protoc with the protobuf-c plugin])])
])

AC_DEFUN([MESH_CONFIGURE], [
  PKG_CHECK_MODULES([PROTOBUF_C], [libprotobuf-c >= 1.3])
  MESH_PROTOC

  mesh_demo=yes
  PKG_CHECK_MODULES([APU], [apr-util-1], [], [mesh_demo=no])
  PKG_CHECK_MODULES([EXPAT], [expat], [], [mesh_demo=no])
  AM_CONDITIONAL([MESH_DEMO], [test "x$mesh_demo" = xyes])

  PKG_CHECK_MODULES([CUNIT], [cunit], [mesh_tests=yes], [mesh_tests=no])
  AM_CONDITIONAL([MESH_TESTS], [test "x$mesh_tests" = xyes])

  dnl For benchmarks to compare with, and for examples of foreign loops.
  mesh_libuv=yes
  PKG_CHECK_MODULES([LIBUV], [libuv],
    [AC_DEFINE([HAVE_LIBUV], [1],
      [Define to 1 if benchmarks can compare with libuv.])], [mesh_libuv=no])
  AM_CONDITIONAL([MESH_LIBUV], [test "x$mesh_libuv" = xyes])
  PKG_CHECK_MODULES([GLIB], [glib-2.0], [mesh_glib=yes], [mesh_glib=no])
  AM_CONDITIONAL([MESH_GLIB], [test "x$mesh_glib" = xyes])

  AC_ARG_ENABLE([fuzz],
    [AS_HELP_STRING([--enable-fuzz],
      [link the fuzz programs with libFuzzer (needs clang)])],
    [], [enable_fuzz=no])
  AM_CONDITIONAL([MESH_FUZZ], [test "x$enable_fuzz" = xyes])
])

AC_DEFUN([MESH_SUMMARY], [
  AS_IF([test "x$mesh_demo" != xyes],
    [AC_MSG_WARN([meshdemo will not be built: it needs apr-util and expat])])
  AS_IF([test "x$mesh_tests" != xyes],
    [AC_MSG_WARN([make check will not work: it needs CUnit])])
])
