"""Charts in SVG with two axes, dots and lines. Text stays text, in the colours of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

import numpy as np

from archrank.types import Floats

WIDTH, HEIGHT = 520, 350
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 50
LETTER = 6.8  # width of a digit of the ticks, about
CROWD = 500  # more marks than this are drawn smaller
Shape = Literal["dot", "ring", "cross", "star"]


@dataclass(frozen=True)
class Axis:
    """Linear axis."""

    label: str
    low: float
    high: float
    whole: bool = False  # ticks at whole numbers only
    ranks: bool = False  # ranks from 1; the best is at the right or at the top

    @classmethod
    def around(
        cls, label: str, values: Floats, *, whole: bool = False, margin: float = 0.05
    ) -> Axis:
        """Make an axis for ``values: (n,)`` with some room at the ends."""
        low, high = float(values.min()), float(values.max())
        room = margin * (high - low) or max(0.05 * abs(high), 1e-9)
        return cls(label, low - room, high + room, whole)

    def place(self, values: Floats) -> Floats:
        """Compute positions in [0, 1] of ``values: (n,)``; values outside are put at the ends."""
        at = np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)
        return 1.0 - at if self.ranks else at

    def ticks(self) -> list[tuple[float, str]]:
        """Choose about five round numbers, with as many decimals as they need."""
        rough = (self.high - self.low) / 5
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= 0.75 * rough)
        if self.whole:
            step = max(1.0, round(step))
        if self.ranks:
            later = np.arange(step, self.high, step).tolist()
            return [(r, _number(r, 0)) for r in [1.0, *later] if r == 1 or r >= 1 + step / 2]
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        decimals = next(
            (k for k in range(13) if math.isclose(round(step, k), step, rel_tol=1e-6)), 12
        )
        return [(i * step, _number(i * step, decimals)) for i in range(first, last + 1)]


@dataclass(frozen=True)
class Groups(Axis):
    """Axis of groups at 0, 1, 2, ..., which are named."""

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, label: str, names: Sequence[str]) -> Groups:
        """Make an axis with half a group of room at the ends."""
        return cls(label, -0.5, len(names) - 0.5, names=tuple(names))

    def ticks(self) -> list[tuple[float, str]]:
        """Return the groups' places and names."""
        return [(float(i), name) for i, name in enumerate(self.names)]


def _number(value: float, decimals: int) -> str:
    if value != 0 and (abs(value) >= 1e7 or decimals > 6):
        return f"{value:.3g}"
    return f"{value:,.{decimals}f}".replace("-", "−")


@dataclass
class Chart:
    """Chart that collects marks, then writes an SVG element.

    Args:
        x: Horizontal axis.
        y: Vertical axis.
        label: Description for screen readers.
    """

    x: Axis
    y: Axis
    label: str
    _marks: list[str] = field(default_factory=list)

    def dots(
        self, x: Floats, y: Floats, kind: str, titles: Sequence[str], shape: Shape = "dot"
    ) -> None:
        """Draw a mark at each of ``x, y: (n,)``; ``kind`` is its CSS class, titles show on hover.

        Marks above or below the axis become arrowheads at its end.
        """
        beyond = np.where(y < self.y.low, -1, np.where(y > self.y.high, 1, 0)).tolist()
        radius = 3.6 if len(x) <= CROWD else 2.0
        inside = []
        for px, py, side, title in zip(*self._place(x, y), beyond, titles, strict=True):
            mark = _arrowhead(px, py, side) if side else _mark(shape, px, py, radius)
            inside.append(f"{mark}<title>{escape(title)}</title></{mark[1:].split()[0]}>")
        self._marks.append(f'<g class="{kind}">{"".join(inside)}</g>')

    def line(self, x: Floats, y: Floats, kind: str, *, steps: bool = False) -> None:
        """Join ``x, y: (n,)``; with ``steps``, horizontally until the next x, then vertically."""
        px, py = self._place(x, y)
        parts = [f"M{px[0]:.1f} {py[0]:.1f}"]
        form = "H{:.1f}V{:.1f}" if steps else "L{:.1f} {:.1f}"
        parts += [form.format(*point) for point in list(zip(px, py, strict=True))[1:]]
        self._marks.append(f'<path class="{kind}" d="{"".join(parts)}"/>')

    def band(self, x: Floats, low: Floats, high: Floats, kind: str) -> None:
        """Fill the area between two lines ``low, high: (n,)`` at ``x``; drawn before the marks."""
        px, down = self._place(x, low)
        _, up = self._place(x, high)
        outline = [*zip(px, up, strict=True), *reversed(list(zip(px, down, strict=True)))]
        path = "L".join(f"{across:.1f} {height:.1f}" for across, height in outline)
        self._marks.append(f'<path class="band {kind}" d="M{path}Z"/>')

    def boxes(
        self, x: Floats, values: Floats, width: float, kind: str, titles: Sequence[str]
    ) -> None:
        """Draw box plots at ``x: (n,)``, ``width`` wide in its unit.

        Args:
            x: ``(n,)``.
            values: ``(n, 5)``: minimum, first quartile, median, third quartile, maximum.
            width: Width of the boxes.
            kind: CSS class.
            titles: Texts that show on hover.
        """
        for at, five, title in zip(x.tolist(), values, titles, strict=True):
            ends = np.array([at - width / 2, at, at + width / 2])
            (left, middle, right), _ = self._place(ends, np.full(3, self.y.low))
            _, (least, low, median, high, most) = self._place(np.full(5, at), five)
            outline = (
                f"M{middle:.1f} {least:.1f}V{low:.1f}M{middle:.1f} {high:.1f}V{most:.1f}"
                f"M{left:.1f} {low:.1f}H{right:.1f}V{high:.1f}H{left:.1f}Z"
                f"M{left:.1f} {median:.1f}H{right:.1f}"
            )
            self._marks.append(
                f'<path class="{kind}" d="{outline}"><title>{escape(title)}</title></path>'
            )

    def bars(
        self,
        x: Floats,
        low: Floats,
        high: Floats,
        width: float,
        kind: str,
        titles: Sequence[str],
    ) -> None:
        """Draw bars at ``x: (n,)`` from ``low`` to ``high: (n,)``, ``width`` wide in x's unit.

        ``kind`` is their CSS class, titles show on hover.
        """
        left, bottom = self._place(x - width / 2, low)
        right, top = self._place(x + width / 2, high)
        inside = []
        for x0, x1, y0, y1, title in zip(left, right, bottom, top, titles, strict=True):
            inside.append(
                f'<rect x="{x0:.1f}" y="{y1:.1f}" width="{x1 - x0:.1f}" height="{y0 - y1:.1f}">'
                f"<title>{escape(title)}</title></rect>"
            )
        self._marks.append(f'<g class="{kind}">{"".join(inside)}</g>')

    def level(self, y: float, kind: str) -> None:
        """Draw a horizontal line from end to end."""
        ends = np.array([self.x.high, self.x.low] if self.x.ranks else [self.x.low, self.x.high])
        self.line(ends, np.full(2, y), kind)

    def upright(self, x: float, kind: str) -> None:
        """Draw a vertical line from end to end."""
        self.line(np.full(2, x), np.array([self.y.low, self.y.high]), kind)

    def _place(self, x: Floats, y: Floats) -> tuple[list[float], list[float]]:
        across = LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM)
        return across.tolist(), down.tolist()

    def svg(self) -> str:
        """Return the finished chart as an SVG element."""
        start = self._name_at - 14  # below 0 where ticks are long
        return (
            f'<svg class="chart" viewBox="{start:g} 0 {WIDTH - start:g} {HEIGHT}" role="img" '
            f'aria-label="{escape(self.label)}">{self._axes()}{"".join(self._marks)}</svg>'
        )

    @property
    def _name_at(self) -> float:
        """Place of the vertical axis' name, left of its ticks."""
        longest = max((len(text) for _, text in self.y.ticks()), default=0)
        return round(min(14.0, LEFT - 20 - LETTER * longest), 1)

    def _axes(self) -> str:
        floor, end = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = ['<g class="axes">']
        for value, text in self.y.ticks():
            _, (py,) = self._place(np.array([self.x.low]), np.array([value]))
            parts.append(f'<path class="grid" d="M{LEFT} {py:.1f}H{end}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{py + 4:.1f}" class="end">{text}</text>')
        for value, text in self.x.ticks():
            (px,), _ = self._place(np.array([value]), np.array([self.y.low]))
            parts.append(f'<path class="tick" d="M{px:.1f} {floor}v5"/>')
            parts.append(f'<text x="{px:.1f}" y="{floor + 20}" class="mid">{text}</text>')
        middle = (TOP + floor) / 2
        parts.append(f'<path class="base" d="M{LEFT} {floor}H{end}"/>')
        parts.append(
            f'<text class="mid name" x="{(LEFT + end) / 2}" y="{HEIGHT - 8}">'
            f"{escape(self.x.label)}</text>"
            f'<text class="mid name" transform="translate({self._name_at:g} {middle}) '
            f'rotate(-90)">'
            f"{escape(self.y.label)}</text></g>"
        )
        return "".join(parts)


def _mark(shape: Shape, x: float, y: float, r: float) -> str:
    """Write the opening tag of a mark."""
    if shape == "dot":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}">'
    if shape == "ring":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r + 0.4:.1f}" fill="none">'
    if shape == "cross":
        return f'<path d="M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m0-7l-7 7">'
    points = [
        (x + s * math.sin(a * math.pi / 5), y - s * math.cos(a * math.pi / 5))
        for a, s in enumerate([9.0, 4.0] * 5)
    ]
    return f'<path d="M{"L".join(f"{px:.1f} {py:.1f}" for px, py in points)}Z">'


def _arrowhead(x: float, y: float, side: int) -> str:
    return f'<path class="beyond" d="M{x - 4:.1f} {y + 7 * side:.1f}h8l-4 {-7 * side}z">'
