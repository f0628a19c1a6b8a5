#!/bin/sh
# Makes what Visual Studio reads from the lists of the makefiles:
# gen-projects.sh [FOLDER], by default into this one.
set -eu
srcdir=$(cd "$(dirname "$0")/.." && pwd)
out=$(cd "${1:-$srcdir/win32}" && pwd)
cd "$srcdir"

# list VARIABLE FILE...
list() {
    variable=$1
    shift
    awk -v name="$variable" -f win32/list-sources.awk "$@"
}

# guid NAME: always the same one
guid() {
    printf 'palmesh %s' "$1" | sha256sum | tr a-f A-F |
        sed 's/^\(.\{8\}\)\(....\)\(....\)\(....\)\(.\{12\}\).*/{\1-\2-\3-\4-\5}/'
}

windows_path() {
    printf '%s' "$1" | tr / '\\'
}

# items KIND PATH...: those with the right ending
items() {
    kind=$1
    shift
    for f in "$@"; do
        case $kind$f in
        ClCompile*.pb-c.c)
            path=$(windows_path "$f")
            cat <<END
    <ClCompile Include="\$(GeneratedDir)$path">
      <TreatWarningAsError>false</TreatWarningAsError>
    </ClCompile>
END
            ;;
        ClCompile*.c | ClInclude*.h)
            case $f in
            *.pb-c.h) ;;
            *) printf '    <%s Include="..\\%s" />\n' $kind "$(windows_path "$f")" ;;
            esac
            ;;
        esac
    done
}

# protos FILE...: compiled by protoc-c to where items looks for them
protos() {
    for f in "$@"; do
        case $f in
        mesh/include/*) to=mesh/proto base=mesh/proto/mesh/mesh.pb-c ;;
        *) to=$(dirname "$f") base=${f%.proto}.pb-c ;;
        esac
        w=$(windows_path "$base")
        cat <<END
    <CustomBuild Include="..\\$(windows_path "$f")">
      <Command>if not exist "\$(GeneratedDir)$(windows_path "$to")" mkdir "\$(GeneratedDir)$(windows_path "$to")"
"\$(ProtocC)" --c_out="\$(GeneratedDir)$(windows_path "$to")" -I..\\mesh\\include -I..\\$(windows_path "$(dirname "$f")") "%(FullPath)"</Command>
      <Message>%(Filename).proto</Message>
      <Outputs>\$(GeneratedDir)$w.c;\$(GeneratedDir)$w.h</Outputs>
    </CustomBuild>
END
    done
}

# project NAME TYPE INCLUDES LIBRARIES PROTOS SOURCES
project() {
    name=$1 type=$2 includes=$3 libraries=$4 protos=$5 sources=$6
    {
        cat <<END
<?xml version="1.0" encoding="utf-8"?>
<Project DefaultTargets="Build" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
  <ItemGroup Label="ProjectConfigurations">
    <ProjectConfiguration Include="Debug|x64">
      <Configuration>Debug</Configuration>
      <Platform>x64</Platform>
    </ProjectConfiguration>
    <ProjectConfiguration Include="Release|x64">
      <Configuration>Release</Configuration>
      <Platform>x64</Platform>
    </ProjectConfiguration>
  </ItemGroup>
  <PropertyGroup Label="Globals">
    <ProjectGuid>$(guid "$name")</ProjectGuid>
    <RootNamespace>$name</RootNamespace>
  </PropertyGroup>
  <Import Project="\$(VCTargetsPath)\\Microsoft.Cpp.Default.props" />
  <PropertyGroup Label="Configuration">
    <ConfigurationType>$type</ConfigurationType>
    <UseDebugLibraries Condition="'\$(Configuration)' == 'Debug'">true</UseDebugLibraries>
  </PropertyGroup>
  <Import Project="\$(VCTargetsPath)\\Microsoft.Cpp.props" />
  <ItemDefinitionGroup>
    <ClCompile>
      <AdditionalIncludeDirectories>$includes;%(AdditionalIncludeDirectories)</AdditionalIncludeDirectories>
    </ClCompile>
  </ItemDefinitionGroup>
  <ItemGroup>
$(protos $protos)
$(items ClCompile $sources)
$(items ClInclude $sources)
  </ItemGroup>
  <ItemGroup>
END
        for l in $libraries; do
            cat <<END
    <ProjectReference Include="$l.vcxproj">
      <Project>$(guid "$l")</Project>
    </ProjectReference>
END
        done
        cat <<END
  </ItemGroup>
  <Import Project="\$(VCTargetsPath)\\Microsoft.Cpp.targets" />
</Project>
END
    } | sed '/^$/d' >"$out/$name.vcxproj"
    projects="$projects $name"
}

solution() {
    cat <<END
Microsoft Visual Studio Solution File, Format Version 12.00
# Visual Studio Version 17
END
    for p in $projects; do
        cat <<END
Project("{8BC9CEB8-8B4A-11D0-8D11-00A0C91BC942}") = "$p", "$p.vcxproj", "$(guid "$p")"
EndProject
END
    done
    cat <<END
Global
	GlobalSection(SolutionConfigurationPlatforms) = preSolution
		Debug|x64 = Debug|x64
		Release|x64 = Release|x64
	EndGlobalSection
	GlobalSection(ProjectConfigurationPlatforms) = postSolution
END
    for p in $projects; do
        for c in Debug Release; do
            echo "		$(guid "$p").$c|x64.ActiveCfg = $c|x64"
            echo "		$(guid "$p").$c|x64.Build.0 = $c|x64"
        done
    done
    printf '\tEndGlobalSection\nEndGlobal\n'
}

# definitions LIBRARY
definitions() {
    echo "LIBRARY $1-1"
    echo EXPORTS
    sed 's/^/    /' "$1/$1.sym"
}

projects=
layers='..\mesh\core;..\mesh\payload;..\mesh\node;..\mesh\link;..\mesh\channel;..\mesh\membership;..\mesh\host'
project pal StaticLibrary '..\pal' '' '' \
    "$(list pal_libpal_la_SOURCES pal/local.mk)"
project mesh StaticLibrary "$layers" pal \
    "mesh/include/mesh/mesh.proto $(list mesh_proto_private mesh/local.mk)" \
    "$(list mesh_libcore_la_SOURCES mesh/local.mk)
    $(list mesh_libpayload_la_SOURCES mesh/local.mk)
    $(list mesh_libmesh_la_SOURCES mesh/local.mk)
    $(list mesh_proto_made mesh/local.mk)"
project meshdemo Application "..\\app;\$(GeneratedDir)app" 'pal mesh' \
    app/demo.proto "$(list app_meshdemo_SOURCES app/local.mk)
    $(list nodist_app_meshdemo_SOURCES app/local.mk)"
solution >"$out/mesh.sln"
definitions pal >"$out/pal.def"
definitions mesh >"$out/mesh.def"
