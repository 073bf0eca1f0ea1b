#!/usr/bin/env python3
"""Compares the plugin interface with tests/abi: layout.txt, the sizes, alignments, members and virtual functions of
every type of the public headers, and symbols.txt, what libprefork.so exports to plugins. The layouts are read from the
debug information of tests/abi/layout.cpp, so a new type or member needs no line here.

--update writes the tables anew, from the release build. Needs readelf and nm (binutils)."""
import argparse
import difflib
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADVICE = """The plugin interface differs from tests/abi: plugins would break. If that is meant, raise PREFORK_ABI_MAJOR in
framework/include/prefork/api.hpp (PREFORK_ABI_MINOR where something was only added), unless it has been raised since
the last release, and run scripts/check_abi.py --update."""
INTERNAL = re.compile(r"prefork::(worker|ipc|base|config|testkit)::|::Impl::|prefork::http::AccessFormat")


class Die:
    """One entry of the debug information."""

    def __init__(self, tag, parent):
        self.tag, self.parent, self.children, self.attrs = tag, parent, [], {}

    def name(self):
        return self.attrs.get("name", "")

    def number(self, attr, default=0):
        text = self.attrs.get(attr)
        return default if text is None else int(text.split()[0], 0)


def read_dies(path):
    """The entries of an object file by their offset."""
    text = subprocess.run(["readelf", "--debug-dump=info", path], check=True, capture_output=True, text=True,
                          errors="replace").stdout
    head = re.compile(r" <(\w+)><(\w+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)")
    attr = re.compile(r"    <\w+>\s+DW_AT_(\w+)\s*: (.*)")
    dies, path_of, current = {}, [], None
    for line in text.splitlines():
        if match := head.match(line):
            depth = int(match[1], 16)
            current = Die(match[3], path_of[depth - 1] if depth else None)
            path_of[depth:] = [current]
            if current.parent:
                current.parent.children.append(current)
            dies[int(match[2], 16)] = current
        elif current is not None and (match := attr.match(line)):
            value = match[2].strip()
            if value.startswith("("):
                value = value.split("): ", 1)[-1]
            current.attrs[match[1]] = value
    return dies


class Types:
    """Answers what the layout of a type is."""

    RECORDS = ("class_type", "structure_type", "union_type")

    def __init__(self, dies):
        self.dies = dies

    def of(self, die, attr="type"):
        reference = die.attrs.get(attr)
        return self.dies[int(reference.strip("<>"), 16)] if reference else None

    def size(self, die):
        if die is None:
            return 0
        if die.tag == "array_type":
            return self.size(self.of(die)) * self.length(die)
        if "byte_size" in die.attrs:
            return die.number("byte_size")
        return self.size(self.of(die))

    @staticmethod
    def length(array):
        length = 1
        for child in array.children:
            if child.tag == "subrange_type":
                length *= child.number("upper_bound", -1) + 1 if "upper_bound" in child.attrs else child.number("count")
        return length

    def alignment(self, die):
        if die is None:
            return 1
        if "alignment" in die.attrs:
            return die.number("alignment")
        if die.tag in self.RECORDS:
            parts = [c for c in die.children if c.tag == "inheritance" or (c.tag == "member" and not is_static(c))]
            return max([c.number("alignment", self.alignment(self.of(c))) for c in parts], default=1)
        if die.tag == "array_type" or "byte_size" not in die.attrs:
            return self.alignment(self.of(die))
        return die.number("byte_size")


def is_static(member):
    return "external" in member.attrs or "data_member_location" not in member.attrs and "data_bit_offset" not in member.attrs \
        and member.parent.tag != "union_type"


def qualified(die):
    names = []
    while die is not None and die.tag != "compile_unit":
        if die.tag not in ("namespace",) + Types.RECORDS + ("enumeration_type",) or not die.name():
            return None
        names.append(die.name())
        die = die.parent
    return "::".join(reversed(names))


def record_lines(die, types):
    lines = []
    for child in die.children:
        if child.tag == "inheritance":
            base = types.of(child)
            lines.append((child.number("data_member_location"), types.size(base), "base " + base.name()))
        elif child.tag == "member" and not is_static(child):
            place = child.number("data_member_location")
            bits = f" bit {child.attrs['data_bit_offset']}" if "data_bit_offset" in child.attrs else ""
            lines.append((place, types.size(types.of(child)), (child.name() or "(anonymous)") + bits))
        elif child.tag == "subprogram" and "vtable_elem_location" in child.attrs:
            slot = re.search(r"DW_OP_constu: (\d+)", child.attrs["vtable_elem_location"])
            lines.append((10**6 + int(slot[1] if slot else 0), 0, child.name()))
    for place, size, name in sorted(lines):
        yield f"  virtual {place - 10**6} {name}" if place >= 10**6 else f"  {place:4} {size:4} {name}"


def layout(path):
    dies = read_dies(path)
    types = Types(dies)
    blocks = {}
    for die in dies.values():
        if die.tag not in Types.RECORDS + ("enumeration_type",) or "declaration" in die.attrs:
            continue
        name = qualified(die)
        if name is None or not name.startswith("prefork::"):
            continue
        if die.tag == "enumeration_type":
            lines = [f"enum {name} size {types.size(die)}"]
            lines += [f"  {c.attrs['const_value']} {c.name()}" for c in die.children if c.tag == "enumerator"]
        else:
            lines = [f"{name} size {types.size(die)} align {types.alignment(die)}", *record_lines(die, types)]
        blocks[name] = "\n".join(lines)
    return [line for name in sorted(blocks) for line in blocks[name].split("\n")]


def symbols(path):
    text = subprocess.run(["nm", "-DC", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    string = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"
    view = "std::basic_string_view<char, std::char_traits<char> >"
    names = set()
    for line in text.splitlines():
        _, kind, name = line.split(" ", 2)
        own = name.split("(")[0]
        # Weak ones come from inline functions: which there are depends on the optimiser.
        if kind in "TDBR" and own.startswith("prefork::") and not INTERNAL.search(own):
            names.add(name.replace(string, "std::string").replace(view, "std::string_view"))
    return sorted(names)


def version():
    text = (ROOT / "framework/include/prefork/api.hpp").read_text()
    return ".".join(re.search(rf"PREFORK_ABI_{part} (\d+)", text)[1] for part in ("MAJOR", "MINOR"))


def main():
    build = ROOT / "build/release"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--object", default=build / "tests/abi/CMakeFiles/abi_layout.dir/layout.cpp.o")
    parser.add_argument("--library", default=build / "lib/libprefork.so")
    parser.add_argument("--update", action="store_true", help="write the tables anew")
    options = parser.parse_args()

    head = f"# Plugin interface {version()}. Written by scripts/check_abi.py --update."
    differs = False
    for name, lines in (("layout.txt", layout(options.object)), ("symbols.txt", symbols(options.library))):
        table = ROOT / "tests/abi" / name
        wanted = [head, *lines]
        if options.update:
            table.write_text("\n".join(wanted) + "\n")
            continue
        found = table.read_text().splitlines() if table.exists() else []
        if found != wanted:
            differs = True
            diff = list(difflib.unified_diff(found, wanted, f"tests/abi/{name}", "this build", n=2, lineterm=""))
            print("\n".join(diff[:60]), f"\n... {len(diff) - 60} more lines" if len(diff) > 60 else "")
    if differs:
        print(ADVICE, file=sys.stderr)
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
