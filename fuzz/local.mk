# Entry points for libFuzzer (configure --enable-fuzz CC=clang). Without it
# each has driver.c for a main and runs its corpus in make check.

if MESH_TESTS
if !PAL_WINDOWS
fuzz_programs = \
	%D%/fuzz_event \
	%D%/fuzz_frame \
	%D%/fuzz_invitation \
	%D%/fuzz_packet \
	%D%/fuzz_payload
check_PROGRAMS += $(fuzz_programs)
TESTS += $(fuzz_programs)

if MESH_FUZZ
AM_CFLAGS += -fsanitize=fuzzer-no-link
fuzz_link = -fsanitize=fuzzer
else
check_LTLIBRARIES += %D%/libdriver.la
%C%_libdriver_la_SOURCES = %D%/driver.c
fuzz_libs = %D%/libdriver.la
endif

%C%_fuzz_event_SOURCES = %D%/fuzz_event.c %D%/fuzz.h
%C%_fuzz_event_LDFLAGS = $(fuzz_link)
%C%_fuzz_event_LDADD = $(fuzz_libs) $(LDADD)
%C%_fuzz_frame_SOURCES = %D%/fuzz_frame.c %D%/fuzz.h
%C%_fuzz_frame_LDFLAGS = $(fuzz_link)
%C%_fuzz_frame_LDADD = $(fuzz_libs) $(LDADD)
%C%_fuzz_invitation_SOURCES = %D%/fuzz_invitation.c %D%/fuzz.h
%C%_fuzz_invitation_LDFLAGS = $(fuzz_link)
%C%_fuzz_invitation_LDADD = $(fuzz_libs) $(LDADD)
%C%_fuzz_packet_SOURCES = %D%/fuzz_packet.c %D%/fuzz.h
%C%_fuzz_packet_LDFLAGS = $(fuzz_link)
%C%_fuzz_packet_LDADD = $(fuzz_libs) $(LDADD)
%C%_fuzz_payload_SOURCES = %D%/fuzz_payload.c %D%/fuzz.h
%C%_fuzz_payload_LDFLAGS = $(fuzz_link)
%C%_fuzz_payload_LDADD = $(fuzz_libs) $(LDADD)
endif
endif

EXTRA_DIST += %D%/corpus
