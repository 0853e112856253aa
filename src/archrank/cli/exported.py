"""An export on the terminal: its metrics and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archrank.cli.output import print_json, say


def show_export(
    description: Mapping[str, Any], folder: Path, formats: Sequence[str], *, json: bool
) -> None:
    """Print what was exported: as JSON, or for people.

    Args:
        description: of the export.
        folder: that it is in.
        formats: that were asked for.
        json: print the description and the paths of the network's files.
    """
    from archrank.export.formats import FORMATS
    from archrank.export.place import CARD, DESCRIPTION, LOADER, WEIGHTS

    wanted = [each for each in dict.fromkeys(formats) if FORMATS[each] != WEIGHTS]
    files = {"weights": WEIGHTS, **{each: FORMATS[each] for each in wanted}}
    if json:
        print_json({**{name: str(folder / file) for name, file in files.items()}, **description})
        return
    shown = [(name, v) for name, v in description["metrics"].items() if v is not None]
    shown = [*shown[:2], *(pair for pair in shown[2:] if pair[0] == "test_bleu")]
    say(", ".join(f"{name} {value:.4f}" for name, value in shown))
    files |= {"code": LOADER, "architecture": DESCRIPTION, "model card": CARD}
    takes = f"; takes {description['lengths']}" if description.get("lengths") else ""
    for name, file in files.items():
        difference = (description.get("differences") or {}).get(file)
        told = "" if difference is None else f" (outputs differ by {difference:.2g} at most{takes})"
        say(f"{name:<12}  {folder / file}{told}")
