#!/usr/bin/env python3
"""Makes the pictures of the documents: docs/pictures/NAME.svg from docs/pictures/NAME.txt.

  draw.py                 make all pictures anew
  draw.py --check         exit code 1 if a picture is not what its text makes, one line for each
  draw.py --self-test     check this program

The same text makes the same bytes everywhere. A text that does not fit into its box, or overlaps another one, is
an error. A line is a command with words; words that contain blanks are in double quotes:

  title TEXT                               the title of the picture
  size WIDTH HEIGHT                        in pixels; a picture of lanes computes its height itself

A picture of boxes, with all positions in pixels:
  group NAME X Y WIDTH HEIGHT TEXT         a frame around other things
  box NAME X Y WIDTH HEIGHT STYLE TEXT...  the first text is the title; styles: plain, master, worker, shared
  tower NAME X Y WIDTH STYLE TITLE FLOOR...  a title and floors from the ground up; "a|b" are rooms on one floor
  arrow FROM TO [TEXT]                     from and to are NAME.SIDE or NAME.SIDE:PIXELS (along that side); text lies
                                           on the longest part of the arrow; | in it is a new line
  text X Y TEXT                            a note

A picture of lanes, in which time runs downwards:
  lane NAME STYLE TITLE                    from the left to the right
  step NAME TEXT [CODE]                    something that happens there; steps are numbered
  call FROM TO TEXT                        an arrow between lanes
  phase TEXT                               a line across with a title
"""
import argparse
import glob
import os
import shlex
import sys
from html import escape

STYLES = ("plain", "master", "worker", "shared")
LIGHT = {"back": "#ffffff", "ink": "#1f2328", "soft": "#59636e", "line": "#59636e", "frame": "#b0b8c1",
         "plain": "#f0f2f4", "master": "#dceafd", "worker": "#dff3e1", "shared": "#fdeed2"}
DARK = {"back": "#0d1117", "ink": "#e6edf3", "soft": "#9da7b1", "line": "#9da7b1", "frame": "#4b535d",
        "plain": "#21262d", "master": "#15315b", "worker": "#173d25", "shared": "#4a3512"}
SANS = "'DejaVu Sans',Verdana,system-ui,sans-serif"
MONO = "'DejaVu Sans Mono',Menlo,Consolas,monospace"
NARROW, WIDE = "iljtfrI.,:;'|!()[]/ ", "mwMW@%"
SIZES = {"title": 16, "head": 12, "body": 11, "label": 11, "code": 10}


class Fault(Exception):
    """A fault in a picture's text."""


def width_of(text, kind):
    """The greatest width of a text in pixels, whatever font it is shown in."""
    if kind == "code":
        return len(text) * 0.61 * SIZES[kind]
    ems = sum(0.42 if c in NARROW else 0.98 if c in WIDE else 0.73 if c.isupper() else 0.63 for c in text)
    return ems * SIZES[kind] * (1.08 if kind in ("head", "title") else 1)


def wrapped(text, kind, width):
    """The lines of a text, none of which is wider."""
    lines = []
    for word in text.split():
        if lines and width_of(lines[-1] + " " + word, kind) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    for line in lines:
        if width_of(line, kind) > width:
            raise Fault(f"'{line}' is wider than its {width:.0f} pixels")
    return lines


def wrapped_code(name, width):
    """A name in lines: it breaks before ::."""
    if width_of(name, "code") <= width or "::" not in name:
        return wrapped(name, "code", width)
    left, right = name.rsplit("::", 1)
    return wrapped(left, "code", width) + wrapped("::" + right, "code", width)


def number(value):
    return f"{value:.1f}".rstrip("0").rstrip(".")


class Canvas:
    """The drawing, and where its texts are."""

    def __init__(self):
        self.shapes, self.texts, self.areas = [], [], []

    def box(self, x, y, width, height, style):
        self.shapes.append(f'<rect class="{style}" x="{number(x)}" y="{number(y)}" width="{number(width)}" '
                           f'height="{number(height)}" rx="5"/>')

    def path(self, points, style="arrow"):
        way = "M" + " L".join(f"{number(x)} {number(y)}" for x, y in points)
        self.shapes.append(f'<path class="{style}" d="{way}"/>')

    def text(self, x, y, text, kind, anchor="middle", backed=False):
        """@param y  the base line"""
        width, size = width_of(text, kind), SIZES[kind]
        left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
        area = (left, y - size, left + width, y + size * 0.25)
        for other, words in self.areas:
            if area[0] < other[2] and other[0] < area[2] and area[1] < other[3] and other[1] < area[3]:
                raise Fault(f"'{text}' lies on '{words}'")
        self.areas.append((area, text))
        if backed:
            self.texts.append(f'<rect class="back" x="{number(left - 3)}" y="{number(area[1])}" '
                              f'width="{number(width + 6)}" height="{number(size * 1.25)}"/>')
        where = "" if anchor == "middle" else f' style="text-anchor:{anchor}"'
        self.texts.append(f'<text class="{kind}" x="{number(x)}" y="{number(y)}"{where}>{escape(text)}</text>')

    def lines(self, x, y, lines, kind, backed=False):
        """@param y  the upper edge. @return the lower one"""
        for line in lines:
            y += SIZES[kind] * 1.25
            self.text(x, y - SIZES[kind] * 0.25, line, kind, backed=backed)
        return y

    def filled_box(self, x, y, width, height, style, blocks):
        """A box with lines of several kinds, centred. @param blocks  [(kind, lines)]"""
        high = sum(SIZES[kind] * 1.25 * len(lines) for kind, lines in blocks)
        if high > height - 4:
            raise Fault(f"'{blocks[0][1][0]}' needs a box of {high + 4:.0f} pixels, not {height}")
        self.box(x, y, width, height, style)
        top = y + (height - high) / 2
        for kind, lines in blocks:
            top = self.lines(x + width / 2, top, lines, kind)

    def svg(self, title, width, height):
        def rules(colors):
            fills = "".join(f".{name}{{fill:{colors[name]}}}" for name in ("back",) + STYLES)
            return (f"{fills}.room{{fill:{colors['back']};stroke:{colors['frame']}}}text{{fill:{colors['ink']}}}.label,.code{{fill:{colors['soft']}}}"
                    f"{'.' + ',.'.join(STYLES)}{{stroke:{colors['frame']}}}"
                    f".group{{fill:none;stroke:{colors['frame']}}}.arrow{{fill:none;stroke:{colors['line']}}}"
                    f".life{{fill:none;stroke:{colors['frame']}}}.tip{{fill:{colors['line']}}}")
        sizes = "".join(f".{kind}{{font-size:{size}px}}" for kind, size in SIZES.items())
        style = (f"text{{font-family:{SANS};text-anchor:middle}}.code{{font-family:{MONO}}}"
                 f".title,.head{{font-weight:bold}}{sizes}.group,.life{{stroke-dasharray:4 3}}"
                 f".arrow{{stroke-width:1.3;marker-end:url(#tip)}}"
                 f"{rules(LIGHT)}@media(prefers-color-scheme:dark){{{rules(DARK)}}}")
        tip = ('<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
               '<path class="tip" d="M0 0 L8 4 L0 8 z"/></marker>')
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
                f'width="{number(width)}" height="{number(height)}" role="img">\n<title>{escape(title)}</title>\n'
                f"<style>{style}</style>\n<defs>{tip}</defs>\n"
                f'<rect class="back" width="{number(width)}" height="{number(height)}" rx="8"/>\n')
        return head + "\n".join(self.shapes + self.texts) + "\n</svg>\n"


class Boxes:
    """A picture of boxes."""

    def __init__(self, canvas):
        self.canvas, self.areas, self.arrows = canvas, {}, []

    def group(self, name, x, y, width, height, text):
        x, y, width, height = map(int, (x, y, width, height))
        self.areas[name] = (x, y, width, height)
        self.canvas.box(x, y, width, height, "group")
        self.canvas.text(x + 10, y + 17, text, "head", "start")

    def box(self, name, x, y, width, height, style, *texts):
        x, y, width, height = map(int, (x, y, width, height))
        self.areas[name] = (x, y, width, height)
        blocks = [("head", wrapped(texts[0], "head", width - 8))]
        blocks += [("body", wrapped(text, "body", width - 8)) for text in texts[1:]]
        self.canvas.filled_box(x, y, width, height, style, blocks)

    def tower(self, name, x, y, width, style, title, *floors):
        x, y, width = map(int, (x, y, width))
        high = 24 * len(floors) + 26
        self.areas[name] = (x, y, width, high)
        self.canvas.box(x, y, width, high, style)
        self.canvas.text(x + width / 2, y + 17, title, "head")
        for place, floor in enumerate(reversed(floors)):
            rooms = floor.split("|")
            each = (width - 8) / len(rooms)
            for i, room in enumerate(rooms):
                self.canvas.filled_box(x + 4 + i * each + 1, y + 24 + 24 * place, each - 2, 22, "room",
                                       [("body", wrapped(room, "body", each - 6))])

    def arrow(self, start, end, text=""):
        self.arrows.append((start, end, text))

    def text(self, x, y, text):
        self.canvas.text(int(x), int(y), text, "label", "start")

    def point(self, place):
        """The point and the side of NAME.SIDE[:PIXELS]."""
        name, _, side = place.partition(".")
        side, _, along = side.partition(":")
        if name not in self.areas or side not in ("left", "right", "top", "bottom"):
            raise Fault(f"there is no '{place}'")
        x, y, width, height = self.areas[name]
        if side in ("left", "right"):
            return (x if side == "left" else x + width, y + (int(along) if along else height / 2)), side
        return (x + (int(along) if along else width / 2), y if side == "top" else y + height), side

    def finish(self, width, height):
        for start, end, text in self.arrows:
            (a, side), (b, other) = self.point(start), self.point(end)
            if a[0] == b[0] or a[1] == b[1]:
                points = [a, b]
            elif side in ("left", "right") and other in ("left", "right"):
                points = [a, ((a[0] + b[0]) / 2, a[1]), ((a[0] + b[0]) / 2, b[1]), b]
            elif side in ("top", "bottom") and other in ("top", "bottom"):
                points = [a, (a[0], (a[1] + b[1]) / 2), (b[0], (a[1] + b[1]) / 2), b]
            else:
                points = [a, (b[0], a[1]) if side in ("left", "right") else (a[0], b[1]), b]
            self.canvas.path(points)
            if text:
                p, q = max(zip(points, points[1:]), key=lambda part: abs(part[0][0] - part[1][0]) +
                           abs(part[0][1] - part[1][1]))
                lines = text.split("|")
                top = (p[1] + q[1]) / 2 - len(lines) * SIZES["label"] * 0.625
                self.canvas.lines((p[0] + q[0]) / 2, top, lines, "label", backed=True)
        return width, height


class Lanes:
    """A picture of lanes."""

    TOP, HEAD = 40, 40

    def __init__(self, canvas):
        self.canvas, self.lanes, self.rows, self.steps = canvas, {}, [], 0

    def lane(self, name, style, title):
        self.lanes[name] = (len(self.lanes), style, title)

    def step(self, name, text, code=""):
        self.rows.append(("step", name, text, code))

    def call(self, start, end, text):
        self.rows.append(("call", start, end, text))

    def phase(self, text):
        self.rows.append(("phase", text))

    def middle(self, name):
        if name not in self.lanes:
            raise Fault(f"there is no lane '{name}'")
        return self.left + self.each * (self.lanes[name][0] + 0.5)

    def finish(self, width, height):
        del height
        self.left, self.each = 10, (width - 20) / len(self.lanes)
        y = self.TOP + self.HEAD + 12
        for row in self.rows:
            y = getattr(self, "draw_" + row[0])(y, *row[1:])
        lives = []
        for name, (_, style, title) in self.lanes.items():
            x = self.middle(name)
            self.canvas.filled_box(x - self.each / 2 + 4, self.TOP, self.each - 8, self.HEAD, style,
                                   [("head", wrapped(title, "head", self.each - 16))])
            lives.append(f'<path class="life" d="M{number(x)} {self.TOP + self.HEAD} V{number(y)}"/>')
        self.canvas.shapes = lives + self.canvas.shapes
        return width, y + 10

    def draw_step(self, y, name, text, code):
        self.steps += 1
        x, room = self.middle(name), self.each - 16
        blocks = [("body", wrapped(f"{self.steps} {text}", "body", room))]
        if code:
            blocks.append(("code", wrapped_code(code, room)))
        high = sum(SIZES[kind] * 1.25 * len(lines) for kind, lines in blocks) + 8
        self.canvas.filled_box(x - self.each / 2 + 4, y, self.each - 8, high, self.lanes[name][1], blocks)
        return y + high + 8

    def draw_call(self, y, start, end, text):
        a, b = self.middle(start), self.middle(end)
        lines = wrapped(text, "label", abs(a - b) - 14)
        y = self.canvas.lines((a + b) / 2, y, lines, "label", backed=True) + 4
        self.canvas.path([(a, y), (b, y)])
        return y + 10

    def draw_phase(self, y, text):
        right = self.left + self.each * len(self.lanes)
        self.canvas.path([(self.left, y + 10), (right, y + 10)], "life")
        self.canvas.text((self.left + right) / 2, y + 14, text, "head", backed=True)
        return y + 28


def picture(source):
    """The SVG of a text."""
    canvas = Canvas()
    boxes, lanes = Boxes(canvas), Lanes(canvas)
    title, width, height = "", 900, 0
    for at, line in enumerate(source.split("\n"), 1):
        try:
            words = shlex.split(line, comments=True)
            if not words:
                continue
            command, arguments = words[0], words[1:]
            if command == "title":
                title = " ".join(arguments)
                canvas.text(14, 24, title, "title", "start")
            elif command == "size":
                width, height = map(int, arguments)
            elif command in ("lane", "step", "call", "phase"):
                getattr(lanes, command)(*arguments)
            elif command in ("group", "box", "tower", "arrow", "text"):
                getattr(boxes, command)(*arguments)
            else:
                raise Fault(f"'{command}' is no command")
        except (Fault, TypeError, ValueError) as fault:
            raise Fault(f"line {at}: {fault}") from None
    width, height = (lanes if lanes.lanes else boxes).finish(width, height)
    for (left, top, right, bottom), words in canvas.areas:
        if left < 0 or top < 0 or right > width or bottom > height:
            raise Fault(f"'{words}' is outside of the picture")
    return canvas.svg(title, width, height)


def run(folder, check):
    """Makes or checks all pictures of a folder. @return what is wrong, and how many there are"""
    found = []
    sources = sorted(glob.glob(os.path.join(folder, "*.txt")))
    for source in sources:
        target = source[:-3] + "svg"
        try:
            with open(source, encoding="utf-8") as file:
                made = picture(file.read())
        except Fault as fault:
            found.append(f"{source}: {fault}")
            continue
        if not check:
            with open(target, "w", encoding="utf-8") as file:
                file.write(made)
            continue
        there = ""
        if os.path.exists(target):
            with open(target, encoding="utf-8") as file:
                there = file.read()
        if there != made:
            found.append(f"{target} is not what {os.path.basename(source)} makes: run scripts/draw.py")
    for target in sorted(glob.glob(os.path.join(folder, "*.svg"))):
        if target[:-3] + "txt" not in sources:
            found.append(f"{target} has no text")
    if not sources:
        found.append(f"{folder}: no picture is here")
    return found, len(sources)


GOOD = (
    'title A\nsize 200 100\nbox a 10 40 80 40 master Master "one thread"',
    'title A\nsize 300 90\nbox a 10 40 60 40 plain A\nbox b 200 40 60 40 plain B\narrow a.right b.left "over|there"',
    'title A\nsize 300 200\ntower t 10 40 200 worker Tower ground "first|second"\narrow t.left:5 t.left:40',
    "title A\nlane a plain A\nlane b worker B\nphase One\nstep a does Class::call\ncall a b told\nstep b ends",
)
BAD = (
    ('title A\nbox a 10 40 20 40 plain "far too long for it"', "wider"),
    ("title A\nbox a 10 40 80 12 plain A b c d", "needs a box"),
    ("title A\nsize 300 90\ntext 10 60 one\ntext 15 60 two", "lies on"),
    ("title A\nsize 50 90\ntext 10 60 outside", "outside"),
    ("title A\narrow a.left b.left", "there is no"),
    ("title A\nlane a plain A\ncall a b c", "there is no lane"),
    ("title A\nbubble a", "no command"),
    ("title A\nbox a 1", "line 2"),
)


def self_test():
    wrong = []
    for source in GOOD:
        try:
            if picture(source) != picture(source):
                wrong.append(f"made twice, it differs: {source}")
        except Fault as fault:
            wrong.append(f"refused ({fault}): {source}")
    for source, sentence in BAD:
        try:
            picture(source)
            wrong.append(f"accepted, but should not be: {source}")
        except Fault as fault:
            if sentence not in str(fault):
                wrong.append(f"refused with '{fault}', without '{sentence}': {source}")
    return wrong, len(GOOD) + len(BAD)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../docs/pictures"))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    found, count = self_test() if arguments.self_test else run(os.path.normpath(arguments.folder), arguments.check)
    for line in found:
        print(line)
    if not found:
        print(f"{count} {'cases' if arguments.self_test else 'pictures'}, all is well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
