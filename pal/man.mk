# Manual pages from the headers `manual_of`: one of each header, and for each
# of its functions one that leads there.

man3/stamp: $(manual_of) $(srcdir)/%D%/man.awk
	$(AM_V_GEN)rm -rf man3 && $(MKDIR_P) man3 && cd $(srcdir) && \
		LC_ALL=C $(AWK) -v dir=$(abs_builddir)/man3 \
		-v version=$(PACKAGE_VERSION) -v date='November 24, 2026' \
		-f %D%/man.awk $(manual_of) && touch $(abs_builddir)/$@
all-local: man3/stamp
install-data-local: man3/stamp
	$(MKDIR_P) "$(DESTDIR)$(mandir)/man3"
	$(INSTALL_DATA) man3/*.3 "$(DESTDIR)$(mandir)/man3"
uninstall-local: man3/stamp
	cd man3 && for page in *.3; do \
		rm -f "$(DESTDIR)$(mandir)/man3/$$page"; done
mostlyclean-local:
	rm -rf man3

EXTRA_DIST += %D%/man.awk
