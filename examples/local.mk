# Examples: they see what an installed library offers, and no more. Run by
# tests/check-examples.sh.

check_PROGRAMS += %D%/job %D%/process
%C%_job_CPPFLAGS = $(PAL_CPPFLAGS)
%C%_job_LDADD = pal/libpal-1.la $(APR_LIBS)
%C%_process_CPPFLAGS = $(PAL_CPPFLAGS)
%C%_process_LDADD = pal/libpal-1.la $(APR_LIBS)
