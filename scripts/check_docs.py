#!/usr/bin/env python3
"""Checks that what the documents name exists; one line per fault, exit code 1.

  check_docs.py [--root FOLDER]     check the tree
  check_docs.py --self-test         check this program

In all documents (*.md):
  - `framework/a/b.cpp`: this path of the source tree, or a file of this name, exists. * stands for anything.
  - [text](file.md#anchor): the file exists and has that heading.
In docs/tour.md:
  - `a/b.cpp:Class::function`: that file, below framework/ or from the top, has the class and the function.
In docs/*.md, the rooms' README.md and the pictures (decision records and the changelog describe the past):
  - `function()` and `Class::name`: a source file has these names.
  - `Suite.Test`: this test exists; both parts may end in * or ....
  - http::name and prefork::name in a block of C++: a source file has these names. Other blocks are not checked.
"""
import argparse
import fnmatch
import os
import re
import shlex
import sys

FOLDERS = ("framework", "ipc", "services", "tests", "scripts", "docs", "cmake", ".ci")
SOURCES = (".hpp", ".cpp", ".c")
NAMED = SOURCES + (".py", ".sh", ".md", ".txt", ".svg", ".conf")
HISTORY = ("docs/adr/", "CHANGELOG.md")
TOUR = "docs/tour.md"

FENCE = re.compile(r"^ *```.*?^ *```", re.M | re.S)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.M)
CALL = re.compile(r"((?:\w+(?:::|\.))*~?[A-Za-z_]\w*)\((?!\d\))")
EXAMPLE = re.compile(r"^ *```cpp$(.*?)^ *```", re.M | re.S)
OURS = re.compile(r"(?<![\w:])(?:prefork|http)(?:::[A-Za-z_]\w*)+")
SCOPED = re.compile(r"(?<![\w:./-])([A-Za-z_]\w*(?:::~?[A-Za-z_]\w*)+)")
TEST = re.compile(r"([A-Z]\w*[a-z]\w*)\.([A-Z]\w*)?(\*|\.\.\.)?")
STEP = re.compile(r"([\w./-]+\.[hc]pp):(~?[A-Za-z_][\w:~]*)")
WORD = re.compile(r"[A-Za-z_]\w*")
FOREIGN = {"std", "boost", "bip", "testing"}  # namespaces of others

# Names of the system, of other programs and of other libraries.
ELSEWHERE = {"Manager", "dict", "find_package", "nsswitch.conf"}
# Names of a service that a document invents.
EXAMPLES = {"Books::lend"}


class Tree:
    """The files of a source tree, and the contents of its sources."""

    def __init__(self, files, read):
        self.files, self.read = set(files), read
        self.folders = {path[:at] for path in files for at, c in enumerate(path) if c == "/"}
        self.words, self.tests = {}, set()
        for path in files:
            if path.endswith(SOURCES):
                text = read(path)
                self.words[path] = set(WORD.findall(text))
                if path.startswith("tests/"):
                    self.tests.update(re.findall(r"\bTEST(?:_[FP])?\((\w+),\s*(\w+)\)", text))
                    self.tests.update((suite, "") for suite in re.findall(r"INSTANTIATE_TEST_SUITE_P\(\w+,\s*(\w+)", text))

    def has(self, path):
        path = path.rstrip("/")
        if "*" in path:
            return any(fnmatch.fnmatchcase(file, path) for file in self.files)
        return path in self.files or path in self.folders

    def has_named(self, path, document):
        """Whether a file exists: from the top, beside the document, or as the end of some path."""
        beside = os.path.normpath(os.path.join(os.path.dirname(document), path))
        return self.has(path) or self.has(beside) or any(file.endswith("/" + path) for file in self.files) or \
            ("*" in path and any(fnmatch.fnmatchcase(file, "*/" + path) for file in self.files))

    def knows(self, names):
        """Whether one source has all names."""
        return any(all(name in words for name in names) for words in self.words.values())

    def has_test(self, suite, test, more):
        return any(suite == s and (t.startswith(test) if more else t == test) for s, t in self.tests)


def without_code(text):
    return FENCE.sub(lambda match: "\n" * match.group().count("\n"), text)


def slug(heading):
    """The anchor that GitHub gives to a heading."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text):
    found = {}
    for heading in HEADING.findall(without_code(text)):
        name = slug(heading)
        found[name] = found.get(name, -1) + 1
    return {name if i == 0 else f"{name}-{i}" for name, count in found.items() for i in range(count + 1)}


def link_fault(tree, document, target):
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
    if not tree.has(path):
        return f"the link {target} leads nowhere"
    if anchor and path.endswith(".md") and anchor not in anchors(tree.read(path)):
        return f"the link {target} leads to no heading"
    return None


def path_fault(tree, document, span):
    path = span.split()[0].split(":")[0]
    if path in ELSEWHERE:
        return None
    if re.search(r"\b[A-Z]{2,}\b|[<>$]|\.\.\.", path) and not path.endswith(".md"):
        return None  # `services/NAME/`
    if path.startswith(tuple(folder + "/" for folder in FOLDERS)):
        return None if tree.has_named(path, document) else f"there is no {path}"
    if path.endswith(NAMED) and re.fullmatch(r"[\w*][\w./*-]*", path) and path == span.split(":")[0]:
        return None if tree.has_named(path, document) else f"there is no file {path}"
    return None


def name_faults(tree, span):
    for name in CALL.findall(span) + SCOPED.findall(span):
        parts = re.split(r"::|\.", name.replace("~", ""))
        if parts[0] in FOREIGN or name in ELSEWHERE or name in EXAMPLES:
            continue
        if not tree.knows(parts[-2:] if "::" in name else parts[-1:]):
            yield f"no source has {name}"


def test_fault(tree, span):
    match = TEST.fullmatch(span)
    if not match or not (match.group(2) or match.group(3)):
        return None
    suite, test, more = match.groups()
    return None if tree.has_test(suite, test or "", more) else f"there is no test {span}"


def step_fault(tree, span):
    match = STEP.fullmatch(span)
    if not match:
        return None
    path, name = match.groups()
    path = path if tree.has(path) else "framework/" + path
    if not tree.has(path):
        return f"there is no {match.group(1)}"
    parts = re.split(r"::", name.replace("~", ""))
    if not all(part in tree.words[path] for part in parts) or not re.search(rf"\b{parts[-1]}\(", tree.read(path)):
        return f"{path} has no {name}"
    return None


def span_faults(tree, document, span):
    if document == TOUR and STEP.fullmatch(span):
        return [step_fault(tree, span)]
    faults = [path_fault(tree, document, span)]
    if not document.startswith(HISTORY):
        faults += list(name_faults(tree, span)) + [test_fault(tree, span)]
    return faults


def example_faults(tree, text):
    """Every name of ours in the examples of a text that no source has, with its line."""
    for block in EXAMPLE.finditer(text):
        for match in OURS.finditer(block.group(1)):
            if not tree.knows(match.group().split("::")[-2:]):
                yield text.count("\n", 0, block.start(1) + match.start()) + 1, f"no source has {match.group()}"


def document_faults(tree, document):
    """Every fault of a document, as 'path:line: sentence'."""
    text, found = without_code(tree.read(document)), []
    if not document.startswith(HISTORY):
        found += example_faults(tree, tree.read(document))
    for pattern, faults_of in ((SPAN, lambda at: span_faults(tree, document, " ".join(at.split()))),
                               (LINK, lambda at: [link_fault(tree, document, at)])):
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found += [(line, fault) for fault in faults_of(match.group(1)) if fault]
    return [f"{document}:{line}: {fault}" for line, fault in sorted(set(found))]


def picture_faults(tree, path):
    """Every name of a step in a picture of lanes (scripts/draw.py) that no source has."""
    found = []
    for at, line in enumerate(tree.read(path).split("\n"), 1):
        words = shlex.split(line, comments=True)
        if words[:1] == ["step"] and len(words) == 4 and not tree.knows(words[3].split("::")[-2:]):
            found.append(f"{path}:{at}: no source has {words[3]}")
    return found


def check(tree):
    found, count = [], 0
    for path in sorted(tree.files):
        if path.endswith(".md"):
            found += document_faults(tree, path)
        elif path.startswith("docs/pictures/") and path.endswith(".txt"):
            found += picture_faults(tree, path)
        else:
            continue
        count += 1
    if count == 0:
        found.append("no document is here")
    return found, count


def read_tree(root):
    files = [name for name in os.listdir(root) if os.path.isfile(os.path.join(root, name))]
    for folder in FOLDERS:
        for where, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(name for name in folders if name not in ("__pycache__", "node_modules"))
            files += [os.path.relpath(os.path.join(where, name), root) for name in sorted(names)]
    kept = {}

    def read(path):
        if path not in kept:
            with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
                kept[path] = file.read()
        return kept[path]
    return Tree(files, read)


FILES = {
    "framework/a/b.hpp": "namespace prefork { class Thing { void act(); }; }",
    "framework/a/b.cpp": "void Thing::act() { other(); }\nstruct Inner { void go() {} };",
    "ipc/c.cpp": "int lone(int);",
    "tests/a/b_test.cpp": "TEST(Suite, DoesThis) {}\nTEST_F(Fixture, DoesThat) {}",
    "scripts/run.py": "", "README.md": "# Top\n\n## A `b`: c's, d\n## Twice\n## Twice\n", "docs/adr/0001-x.md": "# X",
}
GOOD = (
    ("docs/x.md", "`framework/a/b.hpp`, `framework/a/`, `b.cpp`, `a/b.cpp`, `tests/a/*_test.cpp`, `scripts/run.py --all`"),
    ("docs/x.md", "`services/NAME/`, `poll(2)`, `std::string`, `a word`, `--option=x`, `build/release/bin/x`"),
    ("docs/x.md", "`Thing::act`, `act()`, `thing.act(1)`, `Suite.DoesThis`, `Suite.*`, `Fixture.Does...`"),
    ("docs/x.md", "[a](../README.md#a-b-cs-d), [b](../README.md#twice-1), [c](#here), [d](https://e.org/x)\n# Here"),
    ("docs/x.md", "```\n`framework/gone.cpp` [a](gone.md)\n```\n"),
    ("docs/x.md", "```cpp\nprefork::Thing t; other::gone();\n```\n"),
    (TOUR, "`a/b.cpp:Thing::act`, `a/b.cpp:Inner::go`, `ipc/c.cpp:lone`"),
    ("docs/adr/0002-y.md", "`Gone::act`, `gone()`"),
    ("CHANGELOG.md", "`Gone::act`"),
)
BAD = (
    ("docs/x.md", "\n`framework/a/gone.cpp`", "docs/x.md:2: there is no framework/a/gone.cpp"),
    ("docs/x.md", "`gone.cpp`", "no file gone.cpp"),
    ("docs/x.md", "`tests/b/*_test.cpp`", "no tests/b"),
    ("docs/adr/0002-y.md", "`framework/gone/`", "no framework/gone"),
    ("docs/x.md", "`Thing::gone`", "has Thing::gone"),
    ("docs/x.md", "`gone()`", "has gone"),
    ("docs/x.md", "`Thing::lone`", "has Thing::lone"),
    ("docs/x.md", "`Suite.DoesThat`", "no test Suite.DoesThat"),
    ("docs/x.md", "`Suite.Gone...`", "no test"),
    ("docs/x.md", "[a](gone.md)", "leads nowhere"),
    ("docs/x.md", "[a](../README.md#gone)", "no heading"),
    ("docs/x.md", "[a](#gone)", "no heading"),
    ("docs/x.md", "\n```cpp\n\nprefork::Gone g;\n```\n", "docs/x.md:4: no source has prefork::Gone"),
    (TOUR, "`a/b.cpp:Thing::gone`", "has no Thing::gone"),
    (TOUR, "`a/b.cpp:Thing`", "has no Thing"),
    (TOUR, "`a/gone.cpp:act`", "no a/gone.cpp"),
    ("docs/pictures/x.txt", 'lane a plain A\nstep a "does it" Thing::gone', "docs/pictures/x.txt:2: no source"),
)


def faults_of(document, text):
    files = dict(FILES, **{document: text})
    found, _ = check(Tree(files, files.__getitem__))
    return found


def self_test():
    wrong = [f"refused: {fault}" for document, text in GOOD for fault in faults_of(document, text)]
    for document, text, sentence in BAD:
        found = faults_of(document, text)
        if len(found) != 1 or sentence not in found[0]:
            wrong.append(f"{text!r} gives {found}, not one sentence with '{sentence}'")
    return wrong, len(GOOD) + len(BAD)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    found, count = self_test() if arguments.self_test else check(read_tree(arguments.root))
    for line in found:
        print(line)
    if not found:
        print(f"{count} {'cases' if arguments.self_test else 'documents'} checked, all is well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
