# Manual pages: one for each group of calls, held against the headers by
# tests/check-man.sh.

dist_man3_MANS = \
	%D%/man/pal_command.3 \
	%D%/man/pal_job.3 \
	%D%/man/pal_privilege.3 \
	%D%/man/pal_process.3
