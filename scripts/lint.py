#!/usr/bin/env python3
"""What another compiler and clang-tidy say of the sources; exit code 1 where either finds something.

  lint.py [--build FOLDER] [--since REVISION] [--compile-only | --tidy-only] [FILE]...

Compiles every source with clang and -Werror, without making objects, then runs clang-tidy (.clang-tidy) on the sources
that differ from REVISION: those named, or whose header is. By default REVISION is where the branch left origin/main, or
the commit before where that is here. With FILEs: these alone, for both. The flags are those of the build folder's
compile_commands.json (default build/release), less what only g++ takes.

Packages: scripts/setup.sh lint.
"""
import argparse
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLANG = "clang++-19"
TIDY = "clang-tidy-19"
FOLDERS = ("framework/", "ipc/", "services/", "tests/")
# Flags that clang does not know.
GCC_ONLY = ("-Wno-restrict", "-Wno-stringop-overflow", "-Wno-maybe-uninitialized", "-Winvalid-pch", "-fno-plt",
            "-femit-class-debug-always")
# What g++ does not mean by the same flags (-Wconversion, -Wshadow), and what libstdc++ itself does.
NOT_ASKED = ("-Wno-sign-conversion", "-Wno-shadow", "-Wno-deprecated-declarations")
MOST_TIDIED = 60  # five seconds each
# Read once for all: they are most of what a source includes.
COMMON = ("algorithm", "array", "chrono", "functional", "map", "memory", "optional", "string", "string_view",
          "system_error", "utility", "vector", "fmt/format.h")
COMMON_OF_TESTS = COMMON + ("gmock/gmock.h", "gtest/gtest.h")


def commands(build):
    """source, relative to the tree -> its compiler's arguments, without the compiler, the source and the object."""
    found = {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        for entry in json.load(file):
            source = os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT)
            if source.startswith(FOLDERS) and source.endswith(".cpp"):
                found.setdefault(source, arguments_of(shlex.split(entry["command"])))
    return found


def arguments_of(words):
    kept, skip = [], 0
    start = next(i for i, word in enumerate(words) if word.startswith("-"))
    for word in words[start:]:
        if skip:
            skip -= 1
        elif word in ("-o", "-c", "-include", "-MF", "-MT"):
            skip = 1
        elif word not in GCC_ONLY and not word.startswith(("-MD", "-fsanitize", "-O")):
            kept.append(word)
    return kept


def precompile(folder, name, headers, flags):
    header, compiled = os.path.join(folder, name + ".hpp"), os.path.join(folder, name + ".pch")
    with open(header, "w", encoding="utf-8") as file:
        file.write("".join(f"#include <{include}>\n" for include in headers))
    subprocess.run([CLANG, *flags, "-x", "c++-header", header, "-o", compiled], check=True)
    return compiled


def compile_with_clang(sources, flags):
    """-> [what clang says of a source], for each that it refuses."""
    plain = ["-std=c++20", "-DNDEBUG", "-fPIC", "-DFMT_SHARED", "-DBOOST_ALL_NO_LIB", "-DGTEST_HAS_PTHREAD=1"]
    with tempfile.TemporaryDirectory() as folder:
        headers = {False: precompile(folder, "common", COMMON, plain),
                   True: precompile(folder, "common_of_tests", COMMON_OF_TESTS, plain)}

        def one(source):
            command = [CLANG, *flags[source], *NOT_ASKED, "-fsyntax-only", "-Werror", "-Xclang", "-include-pch", "-Xclang",
                       headers[source.startswith("tests/")], "-Xclang", "-fno-validate-pch",
                       os.path.join(ROOT, source)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.stderr if done.returncode else None
        return in_parallel(one, sources)


def tidy(sources, build):
    def one(source):
        done = subprocess.run([TIDY, "--quiet", "--warnings-as-errors=*", "-p", build, os.path.join(ROOT, source),
                               *(f"--extra-arg={flag}" for flag in ("-Wno-unknown-warning-option", "-Wno-everything"))],
                              capture_output=True, text=True, check=False)
        return done.stdout if done.returncode else None
    return in_parallel(one, sources)


def in_parallel(one, sources):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [text for text in pool.map(one, sources) if text is not None]


def git(*words):
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", ROOT, *words], capture_output=True, text=True,
                          check=False)
    return done.stdout.split("\n") if done.returncode == 0 else None


def changed(since, known):
    """The sources that differ from a revision, and those beside a header that does."""
    if since is None:
        base = git("merge-base", "HEAD", "origin/main")
        head = git("rev-parse", "HEAD")
        since = base[0] if base and base != head else "HEAD^"
    names = git("diff", "--name-only", "--diff-filter=d", "-M", since)
    if names is None:
        print(f"lint: git does not know {since}: nothing is taken for changed")
        return []
    untracked = git("ls-files", "--others", "--exclude-standard") or []
    stems = {os.path.splitext(name)[0] for name in names + untracked if name.endswith((".hpp", ".cpp"))}
    found = [source for source in known if os.path.splitext(source)[0] in stems]
    if len(found) > MOST_TIDIED:
        found.sort(key=lambda source: source.startswith("tests/"))
        print(f"lint: {len(found)} sources have changed, of which clang-tidy reads {MOST_TIDIED}; the rest by hand:\n"
              "  scripts/lint.py --tidy-only FILE...")
    return found[:MOST_TIDIED]


def report(title, sources, faults, began):
    for text in faults:
        print(text, end="" if text.endswith("\n") else "\n")
    verdict = f"{len(faults)} refused" if faults else "all is well"
    print(f"lint: {title}: {len(sources)} sources, {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
    return not faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--since")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--compile-only", action="store_true")
    which.add_argument("--tidy-only", action="store_true")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()

    flags = commands(options.build)
    named = [os.path.relpath(os.path.abspath(file), ROOT) for file in options.files]
    unknown = [file for file in named if file not in flags]
    if unknown:
        sys.exit(f"lint: {unknown[0]} is not compiled in {options.build}")
    well = True
    if not options.tidy_only:
        began, sources = time.monotonic(), named or sorted(flags)
        well &= report("clang -Werror", sources, compile_with_clang(sources, flags), began)
    if not options.compile_only:
        began, sources = time.monotonic(), named or changed(options.since, sorted(flags))
        well &= report("clang-tidy", sources, tidy(sources, options.build), began)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
