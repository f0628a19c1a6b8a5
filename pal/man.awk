# Manual pages from public headers.
#
#   awk -v dir=OUT -v version=1.0.0 -v date='January 1, 2026' \
#       -f man.awk HEADER...
#
# A header LIB/NAME.h becomes OUT/LIB_NAME.3 (LIB/LIB.h: OUT/LIB.3), and each
# of its functions a page that sources this one. What it relies on, beside the
# layout that clang-format gives: the header starts with a comment about the
# module; a comment and the declarations that follow it without an empty line
# belong together; indented lines in comments are literal.

function finish_page(    i, n) {
    if (!page)
        return
    finish_block()
    out = dir "/" page ".3"
    print ".Dd " date "\n.Dt " toupper(page) " 3" > out
    print ".Os " library " " version "\n.Sh NAME" > out
    if (!n_functions)
        functions[++n_functions] = page
    for (i = 1; i <= n_functions; i++)
        print ".Nm " functions[i] (i < n_functions ? " ," : "") > out
    print ".Nd " title > out
    print ".Sh LIBRARY\n" library "\n.Pq pkg-config " library "-1" > out
    print ".Sh SYNOPSIS\n.In " library "/" header > out
    printf "%s", synopsis > out
    printf ".Sh DESCRIPTION\n%s", description > out
    if (n_related) {
        print ".Sh SEE ALSO" > out
        for (i = 1; i <= n_related; i++)
            print ".Xr " related[i] " 3" (i < n_related ? " ," : "") > out
    }
    close(out)
    for (i = 1; i <= n_functions; i++)
        if (functions[i] != page) {
            print ".so man3/" page ".3" > (dir "/" functions[i] ".3")
            close(dir "/" functions[i] ".3")
        }
}

function start_page(    part, n) {
    n = split(FILENAME, part, "/")
    header = part[n]
    library = part[n - 1]
    page = page_of(library, header)
    title = synopsis = description = text = code = ""
    n_functions = n_related = open = depth = 0
    place = "lead" # then "top", "body", "end"
}

function page_of(library, header) {
    sub(/\.h$/, "", header)
    return header == library ? library : library "_" header
}

function escape(line) {
    gsub(/\\/, "\\e", line)
    while (match(line, /`[^`]*`/))
        line = substr(line, 1, RSTART - 1) "\\fI" \
            substr(line, RSTART + 1, RLENGTH - 2) "\\fP" \
            substr(line, RSTART + RLENGTH)
    return line ~ /^[.']/ ? "\\&" line : line
}

# One line of text: a sentence starts a line, and what has a keyword in front
# is a paragraph of its own.
function sentences(line, paragraph,    piece, n, i, made) {
    sub(/^ +/, "", line)
    gsub(/[.] +/, ".\n", line)
    gsub(/[.][)] +/, ".)\n", line)
    gsub(/[?] +/, "?\n", line)
    n = split(line, piece, "\n")
    for (i = 1; i <= n; i++) {
        if (paragraph || i > 1 && piece[i] ~ keyword)
            made = made ".Pp\n"
        paragraph = 0
        made = made escape(piece[i]) "\n"
    }
    return made
}

# Text of a comment, its marks taken off, as paragraphs and displays.
function formatted(text, first,    line, n, i, made, literal, gap) {
    n = split(text, line, "\n")
    for (i = 1; i <= n; i++) {
        if (line[i] ~ /^ *$/) {
            gap = 1
            continue
        }
        if (literal && line[i] !~ /^  /) {
            made = made ".Ed\n"
            literal = 0
            gap = 1
        }
        if (line[i] ~ /^  /) {
            if (!literal)
                made = made ".Bd -literal\n"
            else if (gap)
                made = made "\n"
            literal = 1
            made = made escape(line[i]) "\n"
        } else if (made == "")
            made = sentences(line[i], !first)
        else
            made = made sentences(line[i], gap || line[i] ~ keyword)
        gap = 0
    }
    return made (literal ? ".Ed\n" : "")
}

# A declaration of a function, on one line.
function add_function(line,    name, type, argument, n, i, c, level, rest) {
    match(line, /[a-z0-9_]+\(/)
    name = substr(line, RSTART, RLENGTH - 1)
    type = substr(line, 1, RSTART - 1)
    sub(/ $/, "", type)
    rest = substr(line, RSTART + RLENGTH)
    sub(/\);$/, "", rest)
    n = 1
    argument[1] = ""
    for (i = 1; i <= length(rest); i++) {
        c = substr(rest, i, 1)
        level += (c == "(") - (c == ")")
        if (c == "," && !level)
            argument[++n] = ""
        else if (c != " " || argument[n] != "")
            argument[n] = argument[n] c
    }
    functions[++n_functions] = name
    synopsis = synopsis ".Ft " type "\n.Fo " name "\n"
    for (i = 1; i <= n; i++)
        synopsis = synopsis ".Fa \"" argument[i] "\"\n"
    synopsis = synopsis ".Fc\n"
    items = items ".It Fn " name "\n"
}

# One line of code: of a function, or of anything else.
function add_code(line,    remark) {
    if (declaration == "" && (other != "" && depth > 0 ||
            line ~ /^(#|typedef|enum|struct|[ \t}])/ || line !~ /\(/)) {
        other = other line "\n"
        depth += gsub(/[{]/, "{", line) - gsub(/[}]/, "}", line)
        return
    }
    if (match(line, /\/\*.*\*\/$/)) {
        remark = substr(line, RSTART + 3, RLENGTH - 6)
        line = substr(line, 1, RSTART - 1)
        match(line, /[a-z0-9_]+\(/)
        text = text "\n" substr(line, RSTART, RLENGTH - 1) ": " remark "\n"
    }
    gsub(/^ +| +$/, "", line)
    declaration = declaration (declaration == "" || declaration ~ /\($/ ? \
        "" : " ") line
    if (line ~ /;$/) {
        add_function(declaration)
        declaration = ""
    }
}

function finish_block(    n, i, line) {
    if (code == "" && text == "")
        return
    items = other = declaration = ""
    depth = 0
    n = split(code, line, "\n")
    for (i = 1; i < n; i++)
        add_code(line[i])
    if (other != "") {
        gsub(/\\/, "\\e", other)
        description = description ".Bd -literal\n" other ".Ed\n"
    }
    if (items != "")
        description = description ".Pp\n.Bl -tag -width Ds -compact\n" items \
            (text != "" ? formatted(text, 1) : "") ".El\n"
    else
        description = description formatted(text, 0)
    text = code = ""
}

BEGIN {
    keyword = "^ *(Ownership|Errors|Threads): "
}

FNR == 1 {
    finish_page()
    start_page()
}

# Comments at the margin; those of members are code.
place != "end" && (open || /^\/\*/ && !open) && place != "top" {
    line = $0
    if (!open && place == "body" && code != "")
        finish_block()
    if (!open)
        text = text == "" ? "" : text "\n"
    open = line !~ /\*\/[ \t]*$/
    sub(/ *\*\/[ \t]*$/, "", line)
    sub(/^ ?\/?\* ?/, "", line)
    text = text line "\n"
    if (place == "lead" && !open) {
        title = text
        gsub(/\n/, " ", title)
        sub(/\. .*|\. *$/, "", title)
        description = formatted(text, 1)
        text = ""
        place = "top"
    }
    next
}

place == "top" {
    if (match($0, /^#include <[a-z]+\/[a-z]+\.h>/)) {
        name = substr($0, 11, RLENGTH - 11)
        split(name, part, "/")
        related[++n_related] = page_of(part[1], part[2])
    }
    if (/^extern "C"/)
        seen = 1
    else if (/^#endif/ && seen) {
        seen = 0
        place = "body"
    }
    next
}

place == "body" {
    if (/^#ifdef __cplusplus/) {
        place = "end"
        next
    }
    if (/^$/ && code !~ /{[^}]*$/)
        finish_block()
    else
        code = code $0 "\n"
}

END {
    finish_page()
}
