# The value of an automake variable as Windows has it:
# awk -v name=VARIABLE -f list-sources.awk FILE...
# %D% and %C% stand for the folder of each file.
BEGIN {
    split("PAL_WINDOWS MESH_DEMO MESH_TESTS", names)
    for (i in names)
        holds[names[i]] = 1
}
FNR == 1 {
    folder = FILENAME
    sub(/\/?[^\/]*$/, "", folder)
    sub(/^.*\.\.\//, "", folder)
    depth = off = 0
}
/^if / {
    condition = $2
    result[++depth] = sub(/^!/, "", condition) ? !(condition in holds) : condition in holds
    off += !result[depth]
    next
}
/^else/ {
    off += result[depth] ? 1 : -1
    result[depth] = !result[depth]
    next
}
/^endif/ {
    off -= !result[depth--]
    next
}
off { next }
{
    gsub(/%D%/, folder)
    canonical = folder
    gsub(/[^A-Za-z0-9]/, "_", canonical)
    gsub(/%C%/, canonical)
    if (!goes_on && match($0, /^[A-Za-z0-9_]+ *\+?= */)) {
        wanted = $1
        sub(/\+?=.*/, "", wanted)
        is_wanted = wanted == name
        sub(/^[A-Za-z0-9_]+ *\+?= */, "")
    } else if (!goes_on)
        is_wanted = 0
    goes_on = sub(/\\$/, "")
    if (is_wanted)
        for (i = 1; i <= NF; i++)
            print $i
}
