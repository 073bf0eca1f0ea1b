#!/usr/bin/env python3
"""Checks all includes against the rooms of the source tree; one line per violation, exit code 1.

  check_includes.py [--root FOLDER]     check the tree
  check_includes.py --self-test         check this program

Project headers are included by their path from the top ("ipc/posix/unique_fd.hpp"), public ones as
<prefork/service.hpp>. docs/architecture.md says why the rooms are as they are.
"""
import argparse
import os
import re
import sys

PUBLIC = "framework/include/prefork/"
LIBRARIES = ("boost/", "fmt/", "nlohmann/", "gtest/", "gmock/", "benchmark/", "openssl/", "nghttp2/", "wslay/",
             "hiredis/", "zlib.h", "seccomp.h")

# The first room whose folder contains a file counts: (folder, project headers, libraries). A project header
# or library is allowed if it starts with one of the names.
ROOMS = (
    ("ipc/", ("ipc/",), ("boost/",)),
    (PUBLIC, ("prefork/",), ()),
    ("framework/base/", ("framework/base/", "ipc/posix/"), ("fmt/",)),
    ("framework/json/", ("framework/json/", "framework/base/", "prefork/json.hpp"), ("nlohmann/",)),
    ("framework/worker/", ("framework/worker/", "framework/base/", "prefork/", "ipc/"), ("fmt/", "seccomp.h")),
    ("framework/http/", ("framework/http/", "framework/worker/", "framework/base/", "prefork/", "ipc/"),
     ("fmt/", "openssl/", "wslay/")),
    ("framework/config/", ("framework/config/", "framework/base/", "ipc/posix/", "prefork/manifest.hpp"),
     ("boost/program_options", "boost/any.hpp", "fmt/")),
    ("framework/master/", ("framework/master/", "framework/config/", "framework/base/", "prefork/log_level.hpp", "ipc/"),
     ("fmt/",)),
    ("framework/cli/", ("framework/", "prefork/", "ipc/"), ("boost/program_options", "fmt/", "nlohmann/")),
    ("framework/testing/", ("framework/", "prefork/", "ipc/"), ()),
    ("services/", ("prefork/",), ("openssl/", "nghttp2/", "wslay/", "hiredis/", "zlib.h")),
    ("docs/", ("prefork/",), ()),
    ("tests/", ("framework/", "prefork/", "ipc/", "services/", "tests/"), LIBRARIES),
)
FOLDERS = ("framework", "ipc", "services", "tests", "docs")
PROJECT = ("framework/", "ipc/", "services/", "tests/", "prefork/")

# The rooms within a library, floor by floor from the ground: a file includes what is in its own room and on lower
# floors. Files at the library's door stand on the roof.
FLOORS = {
    "ipc/": (("posix",), ("memory",), ("objects",), ("contract",)),
    "framework/worker/": (("loop", "isolation", "plugin"), ("service",), ("net",), ("shared",)),
    "framework/http/": (("wire",), ("message",), ("body",), ("routing",), ("server",), ("web_socket", "events")),
    "framework/master/": (("loop",), ("policy",), ("report",), ("log",), ("generation",), ("control",), ("upgrade",),
                          ("workforce",)),
}

# Only those parts of Boost.Interprocess that no killed process can leave locked.
SAFE_INTERPROCESS = ("mapped_region.hpp", "offset_ptr.hpp", "anonymous_shared_memory.hpp", "file_handle.hpp",
                     "creation_tags.hpp", "interprocess_fwd.hpp", "exceptions.hpp", "errors.hpp", "detail/")
UNSAFE_NAMES = re.compile(r"\b(interprocess_(?:recursive_|sharable_|upgradable_)?mutex|interprocess_condition(?:_any)?|"
                          r"interprocess_semaphore|named_(?:\w+_)?(?:mutex|condition|semaphore)|"
                          r"(?:interprocess|bip)::message_queue(?:_t)?)\b")
UNSAFE_ALLOWED = ("tests/",)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)


def own_folder(path):
    for rooms in ("services/", "docs/examples/"):
        if path.startswith(rooms):
            return path[:path.index("/", len(rooms)) + 1]
    return ""


def place_of(path):
    """A file's library, room and floor in FLOORS; the room of a file at the door is ""."""
    for library, floors in FLOORS.items():
        if path.startswith(library):
            room = path[len(library):].rpartition("/")[0]
            for floor, rooms in enumerate(floors):
                if room in rooms:
                    return library, room, floor
            return library, room, len(floors)
    return None


def floor_fault(path, header):
    """What is wrong with an include between rooms of one library, or None."""
    here, there = place_of(path), place_of(header)
    if not here or not there or here[0] != there[0] or here[1] == there[1]:
        return None
    return None if there[2] < here[2] else f"is not on a floor below {here[0]}{here[1]}"


def include_fault(path, quote, header, exists):
    """What is wrong with one include, or None."""
    folder, project, libraries = next(room for room in ROOMS if path.startswith(room[0]))
    if header.startswith("prefork/"):
        if quote == '"':
            return "is a public header: include it with <>"
        return None if header.startswith(project) else f"is not for {folder}"
    if quote == '"':
        own = own_folder(path)
        if own and (header.startswith(own) or exists(own + header)):
            return None
        if not header.startswith(PROJECT):
            return "is not a path from the top of the tree"
        if header.startswith(PUBLIC):
            return "is a public header: include it as <prefork/...>"
        if not header.startswith(project):
            return f"is not for {folder}"
        return floor_fault(path, header) or (None if exists(header) else "does not exist")
    if header.startswith(PROJECT):
        return 'is a project header: include it with ""'
    if header.startswith(LIBRARIES) and not header.startswith(libraries):
        return f"is a library that {folder} does without"
    if folder == PUBLIC and not re.fullmatch(r"[a-z_]+", header):
        return "is not of the standard library: public headers need nothing else"
    if (header.startswith("boost/interprocess/") and not path.startswith(UNSAFE_ALLOWED)
            and not header[len("boost/interprocess/"):].startswith(SAFE_INTERPROCESS)):
        return "holds what a killed process can leave locked for good"
    return None


def without_comments(text):
    return COMMENT.sub(lambda m: "\n" * m.group().count("\n"), text)


def faults(path, text, exists=lambda header: True):
    """Every violation in a file, as 'path:line: sentence'."""
    found = []
    for match in INCLUDE.finditer(text):
        fault = include_fault(path, match.group(1), match.group(2), exists)
        if fault:
            found.append((text.count("\n", 0, match.start()) + 1, f"{match.group(2)} {fault}"))
    if not path.startswith(UNSAFE_ALLOWED):
        code = without_comments(text)
        for match in UNSAFE_NAMES.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            found.append((line, f"{match.group()} can be left locked for good by a killed process"))
    return [f"{path}:{line}: {sentence}" for line, sentence in sorted(set(found))]


def sources(root):
    for folder in FOLDERS:
        for where, folders, files in os.walk(os.path.join(root, folder)):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".hpp", ".cpp")):
                    yield os.path.relpath(os.path.join(where, name), root)


def check_tree(root):
    found, count = [], 0
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            found += faults(path, file.read(), lambda header: os.path.exists(os.path.join(root, header)))
        count += 1
    if count == 0:
        found.append(f"{root}: no source file is here")
    return found, count


GOOD = (
    ("ipc/a.cpp", '#include "ipc/b.hpp"\n#include <sys/mman.h>\n#include <boost/interprocess/mapped_region.hpp>'),
    (PUBLIC + "a.hpp", "#include <vector>\n#include <prefork/task.hpp>"),
    ("framework/worker/a.cpp", '#include "ipc/b.hpp"\n#include <prefork/task.hpp>\n#include <fmt/format.h>'),
    ("framework/worker/a.cpp", "#include <seccomp.h>"),
    ("framework/http/a.cpp", '#include "framework/worker/b.hpp"\n#include "ipc/posix/unique_fd.hpp"'),
    ("framework/json/a.cpp", '#include "framework/base/b.hpp"\n#include <nlohmann/json.hpp>'),
    ("framework/http/server/a.cpp", '#include "framework/http/wire/b.hpp"\n#include "framework/http/server/c.hpp"'),
    ("framework/master/a.cpp", '#include "framework/master/workforce/b.hpp"\n#include "framework/master/c.hpp"'),
    ("framework/http/a.cpp", "#include <wslay/wslay.h>\n#include <openssl/evp.h>"),
    ("framework/config/a.cpp", "#include <prefork/manifest.hpp>\n#include <boost/program_options.hpp>"),
    ("framework/config/a.cpp", '#include "ipc/posix/b.hpp"'),
    ("framework/master/a.cpp", '#include "framework/config/b.hpp"\n#include "ipc/b.hpp"'),
    ("framework/master/a.cpp", "#include <prefork/log_level.hpp>"),
    ("framework/cli/a.cpp", '#include "framework/worker/b.hpp"\n#include <nlohmann/json.hpp>'),
    ("framework/testing/a.cpp", '#include "framework/master/b.hpp"\n#include "framework/worker/c.hpp"'),
    ("services/x/a.cpp", '#include <prefork/http.hpp>\n#include "services/x/b.hpp"\n#include <string>'),
    ("tests/ipc/a_test.cpp", '#include "ipc/b.hpp"\n#include <boost/interprocess/ipc/message_queue.hpp>'),
    ("tests/bench/a.cpp", "#include <sys/epoll.h>\nboost::interprocess::interprocess_mutex m;"),
    ("docs/examples/plugin/a.cpp", "#include <prefork/service.hpp>"),
    ("ipc/a.hpp", "// unlike interprocess_mutex\nint x;"),
)
BAD = (
    ("ipc/a.cpp", '#include "framework/worker/b.hpp"'),
    ("ipc/a.cpp", "#include <prefork/task.hpp>"),
    ("ipc/a.cpp", "#include <fmt/format.h>"),
    ("ipc/a.cpp", "#include <seccomp.h>"),
    ("ipc/a.cpp", '#include "services/x/b.hpp"'),
    ("ipc/a.cpp", "#include <boost/interprocess/sync/interprocess_mutex.hpp>"),
    ("ipc/a.cpp", "#include <boost/interprocess/ipc/message_queue.hpp>"),
    ("ipc/a.cpp", "boost::interprocess::interprocess_condition c;"),
    ("ipc/a.cpp", '#include "b.hpp"'),
    ("ipc/a.cpp", "#include <ipc/b.hpp>"),
    (PUBLIC + "a.hpp", "#include <fmt/format.h>"),
    (PUBLIC + "a.hpp", "#include <boost/optional.hpp>"),
    (PUBLIC + "a.hpp", "#include <nlohmann/json.hpp>"),
    (PUBLIC + "a.hpp", "#include <sys/socket.h>"),
    (PUBLIC + "a.hpp", '#include "ipc/b.hpp"'),
    ("framework/worker/a.cpp", '#include "framework/http/b.hpp"'),
    ("framework/worker/a.cpp", '#include "framework/master/b.hpp"'),
    ("framework/worker/a.cpp", '#include "framework/include/prefork/task.hpp"'),
    ("framework/http/a.cpp", '#include "framework/master/b.hpp"'),
    ("framework/http/a.cpp", "#include <boost/any.hpp>"),
    ("framework/http/a.cpp", "#include <nlohmann/json.hpp>"),
    ("framework/http/wire/a.cpp", '#include "framework/http/server/b.hpp"'),
    ("framework/http/events/a.cpp", '#include "framework/http/web_socket/b.hpp"'),
    ("framework/master/workforce/a.cpp", '#include "framework/master/master.hpp"'),
    ("ipc/posix/a.cpp", '#include "ipc/objects/b.hpp"'),
    ("framework/base/a.cpp", '#include "ipc/objects/b.hpp"'),
    ("framework/worker/a.cpp", "#include <wslay/wslay.h>"),
    ("framework/config/a.cpp", '#include "ipc/b.hpp"'),
    ("framework/config/a.cpp", "#include <prefork/service.hpp>"),
    ("framework/master/a.cpp", '#include "framework/worker/b.hpp"'),
    ("framework/master/a.cpp", "#include <nlohmann/json.hpp>"),
    ("framework/master/a.cpp", "#include <prefork/context.hpp>"),
    ("framework/cli/a.cpp", '#include "services/x/b.hpp"'),
    ("framework/testing/a.cpp", '#include <fmt/format.h>'),
    ("framework/worker/a.cpp", '#include "framework/testing/b.hpp"'),
    ("services/x/a.cpp", '#include "services/y/b.hpp"'),
    ("services/x/a.cpp", '#include "framework/worker/b.hpp"'),
    ("services/x/a.cpp", '#  include "ipc/b.hpp"'),
    ("services/x/a.cpp", "#include <fmt/format.h>"),
    ("docs/examples/plugin/a.cpp", '#include "ipc/b.hpp"'),
)


def self_test():
    def known(header):
        return header.startswith(PROJECT) and not header.startswith("services/x/services/") \
            and not header.startswith(("services/x/framework", "services/x/ipc"))
    wrong = [f"accepted, but should not be: {path}: {text}" for path, text in BAD if not faults(path, text, known)]
    wrong += [f"refused: {fault}" for path, text in GOOD for fault in faults(path, text, known)]
    if faults("ipc/a.cpp", "\n\n#include <fmt/format.h>") != ["ipc/a.cpp:3: fmt/format.h is a library that ipc/ does without"]:
        wrong.append("the line of a violation is not what it should be")
    if not faults("ipc/a.cpp", '#include "ipc/gone.hpp"', lambda header: False):
        wrong.append("a header that does not exist was accepted")
    return wrong, len(GOOD) + len(BAD) + 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    found, count = self_test() if arguments.self_test else check_tree(arguments.root)
    for line in found:
        print(line)
    if not found:
        print(f"{count} {'cases' if arguments.self_test else 'files'} checked, all is well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
