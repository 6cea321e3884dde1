"""Line charts as SVG, to stand in a page: all colours come from its style sheet."""

from collections.abc import Callable, Sequence
from html import escape

import msgspec

from loadtests.report.axis import Axis, linear, number

WIDTH, HEIGHT = 480, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 470, 34, 212
_LEGEND_COLUMN = 84

Point = tuple[float, float | None]
ValueAxis = Callable[[list[float], float, float], Axis]


class Line(msgspec.Struct, frozen=True):
    """One line: its name, the style sheet's name for its colour, and its points; a point without a value breaks it."""

    name: str
    style: str
    points: Sequence[Point]


class Span(msgspec.Struct, frozen=True):
    """A stretch of the x axis that is marked and named."""

    name: str
    begin: float
    end: float


class Chart(msgspec.Struct, frozen=True):
    """Lines over a common x axis. `x_ticks` are (value, text); without any, round values are marked."""

    title: str
    x_name: str
    y_name: str
    lines: Sequence[Line]
    value_axis: ValueAxis = linear
    x_ticks: Sequence[tuple[float, str]] = ()
    span: Span | None = None

    def svg(self) -> str:
        """Return the chart."""
        values = [value for line in self.lines for _, value in line.points if value is not None]
        places = [x for line in self.lines for x, _ in line.points]
        y = self.value_axis(values, _BOTTOM, _TOP)
        x = Axis(0.0, max([*places, *(tick for tick, _ in self.x_ticks)], default=1.0) or 1.0, _LEFT, _RIGHT)
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">',
            *self._span(x),
            *_grid(y),
            *self._x_marks(x),
            *(_path(line, x, y) for line in self.lines),
            *_legend(self.lines),
            _text(_LEFT, _TOP - 18, self.y_name, "start", "quiet"),
            _text((_LEFT + _RIGHT) / 2, HEIGHT - 4, self.x_name, "middle", "quiet"),
            "</svg>",
        ]
        return f"<figure><figcaption>{escape(self.title)}</figcaption>{''.join(parts)}</figure>"

    def _x_marks(self, x: Axis) -> list[str]:
        ticks = self.x_ticks or [(tick, number(tick)) for tick in x.ticks]
        return [_text(x.place(value), _BOTTOM + 17, text, "middle") for value, text in ticks]

    def _span(self, x: Axis) -> list[str]:
        if self.span is None:
            return []
        begin, end = x.place(self.span.begin), x.place(self.span.end)
        return [
            f'<rect class="span" x="{begin:.1f}" y="{_TOP}" width="{max(end - begin, 1.5):.1f}" height="{_BOTTOM - _TOP}"/>',
            _text(begin, _TOP + 12, self.span.name, "end" if begin > (_LEFT + _RIGHT) / 2 else "start", "quiet"),
        ]


def _grid(y: Axis) -> list[str]:
    parts = []
    for tick in y.ticks:
        place = y.place(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {place:.1f}H{_RIGHT}"/>')
        parts.append(_text(_LEFT - 6, place + 4, number(tick), "end"))
    return parts


def _path(line: Line, x: Axis, y: Axis) -> str:
    steps, pen_is_up = [], True
    for place, value in line.points:
        if value is None:
            pen_is_up = True
            continue
        steps.append(f"{'M' if pen_is_up else 'L'}{x.place(place):.1f} {y.place(value):.1f}")
        pen_is_up = False
    # A stretch of one point alone is drawn as a dot: its line has no length, but round ends.
    dots = "".join(f"{step}h0" if step[0] == "M" else step for step in steps)
    return f'<path class="line {line.style}" d="{dots}"/>'


def _legend(lines: Sequence[Line]) -> list[str]:
    """Draw the names above the lines at the right, in columns, since nobody tells us how wide a text will be."""
    parts = []
    for column, line in enumerate(lines, start=-len(lines)):
        begin = _RIGHT + column * _LEGEND_COLUMN
        parts.append(f'<path class="line {line.style}" d="M{begin} {_TOP - 22}h14"/>')
        parts.append(_text(begin + 20, _TOP - 18, line.name, "start"))
    return parts


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
