dnl What pal needs. Used by the configure.ac of pal alone and of the whole tree.

dnl PAL_WARNINGS: WARN_CFLAGS, with --enable-werror.
AC_DEFUN([PAL_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
    [], [enable_werror=no])
  WARN_CFLAGS="-Wall -Wextra -Wshadow -Wstrict-prototypes"
  WARN_CFLAGS="$WARN_CFLAGS -Wmissing-prototypes -Wvla"
  AS_IF([test "x$enable_werror" = xyes],
    [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
])

dnl PAL_SECCOMP: the table of allowed system calls is computed when pal is
dnl built, by a program that runs on the build machine, so that no process
dnl has to load libseccomp.
AC_DEFUN([PAL_SECCOMP], [
  AC_ARG_VAR([CC_FOR_BUILD], [C compiler for programs run during the build])
  AC_ARG_VAR([SECCOMP_FOR_BUILD_LIBS],
    [libseccomp of the build machine (default: -lseccomp)])
  AS_IF([test -z "$CC_FOR_BUILD"],
    [AS_IF([test "x$cross_compiling" = xyes],
      [CC_FOR_BUILD=cc], [CC_FOR_BUILD=$CC])])
  AS_IF([test -z "$SECCOMP_FOR_BUILD_LIBS"],
    [SECCOMP_FOR_BUILD_LIBS=-lseccomp])
  AC_CACHE_CHECK([for libseccomp on the build machine], [pal_cv_seccomp], [
    AC_LANG_CONFTEST([AC_LANG_SOURCE([[
#include <seccomp.h>
int main(void) { return seccomp_init(SCMP_ACT_ALLOW) == 0; }
]])])
    AS_IF([$CC_FOR_BUILD conftest.c -o conftest.build \
        $SECCOMP_FOR_BUILD_LIBS >&AS_MESSAGE_LOG_FD 2>&1],
      [pal_cv_seccomp=yes], [pal_cv_seccomp=no])
    rm -f conftest.c conftest.build])
  dnl The target in the words of libseccomp.
  AS_CASE([$host_cpu],
    [i?86], [SECCOMP_ARCH=x86],
    [arm*], [SECCOMP_ARCH=arm],
    [powerpc64le], [SECCOMP_ARCH=ppc64le],
    [SECCOMP_ARCH=$host_cpu])
  AC_SUBST([SECCOMP_ARCH])
  AS_IF([test "x$pal_cv_seccomp" = xyes],
    [AC_DEFINE([HAVE_SYSCALL_FILTERS], [1],
      [Define to 1 if filters of system calls are built in.])])
])

dnl PAL_KEEPER: where the library looks for the keeper of jobs, and how that is
dnl linked: it starts faster without a loader.
AC_DEFUN([PAL_KEEPER], [
  AC_ARG_WITH([keeper],
    [AS_HELP_STRING([--with-keeper=PATH],
      [where jobs find pal-keeper (default: LIBEXECDIR/pal-keeper)])],
    [], [with_keeper='$(libexecdir)/pal-keeper'])
  AC_SUBST([PAL_KEEPER_PATH], [$with_keeper])
  AC_CACHE_CHECK([whether static programs can be linked], [pal_cv_static], [
    pal_save_LDFLAGS=$LDFLAGS
    LDFLAGS="$LDFLAGS -static"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdlib.h>]],
        [[return malloc(1) == 0;]])],
      [pal_cv_static=yes], [pal_cv_static=no])
    LDFLAGS=$pal_save_LDFLAGS])
  AS_IF([test "x$pal_cv_static" = xyes],
    [PAL_STATIC=-all-static], [PAL_STATIC=])
  AC_SUBST([PAL_STATIC])
])

dnl PAL_LINUX_NATIVE: how processes are made, followed and held, events
dnl waited for, and memory shared.
AC_DEFUN([PAL_LINUX_NATIVE], [
  AC_ARG_ENABLE([linux-native],
    [AS_HELP_STRING([--disable-linux-native],
      [start processes and wait for them and for events by portable calls only
       (vfork, waitpid, apr_pollset), and share memory by shm_open; jobs,
       confinement and most of <pal/privilege.h> are not available then])],
    [], [enable_linux_native=yes])
  AS_IF([test "x$enable_linux_native" = xyes],
    [AC_DEFINE([HAVE_LINUX_NATIVE], [1],
      [Define to 1 if processes are made and confined by what only Linux has.])
     AC_CHECK_FUNCS([epoll_create1 eventfd memfd_create timerfd_create], [],
      [AC_MSG_ERROR([this system lacks $ac_func: use --disable-linux-native])])])
])

dnl PAL_UNIX: what the files in unix/ need.
AC_DEFUN([PAL_UNIX], [
  AC_SEARCH_LIBS([pthread_create], [pthread])
  AC_SYS_LARGEFILE
  AC_SEARCH_LIBS([shm_open], [rt])
  for pal_lib in "$ac_cv_search_pthread_create" "$ac_cv_search_shm_open"; do
    AS_CASE([$pal_lib],
      [-l*], [PAL_PRIVATE_LIBS="$PAL_PRIVATE_LIBS $pal_lib"])
  done
  AC_CHECK_FUNCS([close_range memfd_create pidfd_open])
  AC_CHECK_HEADERS([linux/landlock.h linux/magic.h linux/openat2.h])
  PAL_LINUX_NATIVE
  PAL_SECCOMP
  PAL_KEEPER
])

dnl PAL_CONFIGURE([FOLDER]): all that pal's local.mk takes, which is in FOLDER.
dnl PAL_OS_CPPFLAGS are for all that includes a header of the system. Windows
dnl is 10 and later. PAL_PRIVATE_LIBS are what the static library takes, beside
dnl APR.
AC_DEFUN([PAL_CONFIGURE], [
  AC_REQUIRE([AC_CANONICAL_HOST])
  PAL_WARNINGS
  PKG_CHECK_MODULES([APR], [apr-1 >= 1.7])
  AS_CASE([$host_os],
    [mingw*], [pal_windows=yes],
    [pal_windows=no])
  AM_CONDITIONAL([PAL_WINDOWS], [test "x$pal_windows" = xyes])
  AS_IF([test "x$pal_windows" = xyes],
    [PAL_OS_CPPFLAGS="-D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN"],
    [PAL_OS_CPPFLAGS=])
  AC_SUBST([PAL_OS_CPPFLAGS])
  AS_IF([test "x$pal_windows" = xyes], [PAL_OS_LIBS=-lntdll], [PAL_OS_LIBS=])
  AC_SUBST([PAL_OS_LIBS])
  PAL_PRIVATE_LIBS=
  AS_IF([test "x$pal_windows" = xno], [PAL_UNIX])
  AC_SUBST([PAL_PRIVATE_LIBS])
  AM_CONDITIONAL([PAL_SECCOMP],
    [test "x$enable_linux_native$pal_cv_seccomp" = xyesyes])
  AM_CONDITIONAL([PAL_LINUX_NATIVE], [test "x$enable_linux_native" = xyes])
  AC_CONFIG_FILES(m4_ifval([$1], [$1/])[pal-1.pc])
  AC_CONFIG_FILES(m4_ifval([$1], [$1/])[pal-1-config.cmake])
  AC_CONFIG_FILES(m4_ifval([$1], [$1/])[pal-1-config-version.cmake])
])

AC_DEFUN([PAL_SUMMARY], [
  AS_IF([test "x$enable_linux_native$pal_cv_seccomp" = xyesno],
    [AC_MSG_WARN([no libseccomp to build with: the system call profile will
  be unavailable (strict confinement fails, best effort reports it)])])
])
