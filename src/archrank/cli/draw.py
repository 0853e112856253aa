"""``archrank draw``: an architecture as a picture."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from archrank.cli.options import POSITIONAL
from archrank.cli.output import print_json, say, say_own_code
from archrank.errors import ArchitectureError, ArchrankError, SettingsError, StorageError
from archrank.files import file_name, write_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from archrank.spaces.base import Space
    from archrank.study.record import Record

SPACE = "nasbench201"
RANDOM = "random"
STDOUT = Path("-")
OTHER_FORMATS = {".gif", ".htm", ".html", ".jpeg", ".jpg", ".pdf", ".png", ".webp"}
PLAIN = re.compile(r"[\w.,=-]{1,48}", re.ASCII)  # architectures that can name a file


@dataclass
class Draw:
    """Draw an architecture as an SVG picture and print the path of the file.

    Cells are drawn as graphs, image networks as chains of blocks, Transformers as columns of
    layers, any other space as a table of its choices.
    """

    arch: Annotated[str, "[ARCH]", POSITIONAL] = ""
    """The architecture, in any form that its space reads; 'random' for one that is drawn by lot."""
    space: Annotated[str | None, "NAME"] = None
    """Its space: a name, or your own as file.py:name or package.module:name (default: that of
    --run, else nasbench201)."""
    run: Annotated[Path | None, "DIR"] = None
    """A run folder or a study's database file; draws its best architecture if none is named."""
    study: Annotated[str | None, "NAME"] = None
    """Name of the study, in a database that holds several."""
    own_code: bool = False
    """Import the space of your own that the run's settings name, and draw as it says."""
    seed: int = 0
    """Seed of the random architecture."""
    out: Annotated[Path | None, "FILE"] = None
    """SVG file to write, - for standard output (default: named after the architecture)."""
    json: bool = False
    """Print what was drawn as JSON."""

    def __call__(self) -> int:
        """Draw it; the exit status."""
        from archrank.drawing import draw

        space, arch, name = self._architecture()
        target = self.out if self.out is not None else Path(f"{name}.svg")
        if self.json and target == STDOUT:
            raise SettingsError(
                "--json and --out - both write to standard output; remove one of them"
            )
        svg = draw(space, arch) + "\n"
        if target == STDOUT:
            sys.stdout.write(svg)
        else:
            write_whole(svg, target)
        string = space.format(arch[None])[0]
        if self.arch.strip() in ("", RANDOM):  # nobody has seen it yet
            say(f"{space.name}  {string}")
        if self.json:
            print_json({"picture": str(target), "space": space.name, "architecture": string})
        elif target != STDOUT:
            print(target)
        return 0

    def _architecture(self) -> tuple[Space, NDArray[np.uint8], str]:
        """Find the space, the architecture ``(d,)``, and the name of its file."""
        from archrank.runs.named import make_space

        given = self.arch.strip()
        if self.run is not None:
            if self.space is not None:
                raise SettingsError(
                    f"--run {self.run} already determines the space: remove --space {self.space}"
                )
            space, best = self._of_run(self.run, best=not given)
            if best is not None:
                return space, space.parse([best.string])[0], _name(space, best.string)
        else:
            space = make_space(self.space or SPACE)
        if not given:
            raise SettingsError(
                "no architecture given: archrank draw ARCH, archrank draw random, or "
                "archrank draw --run DIR for the best one of a run"
            )
        if given != RANDOM:
            guess = self.space is None and self.run is None
            return space, _parse(space, given, guess), _name(space, given)
        if self.seed < 0:
            raise SettingsError(f"--seed must be 0 or more, got {self.seed}")
        arch = space.sample(1, rng=np.random.default_rng(self.seed))[0]
        return space, arch, _name(space, f"random{self.seed}")

    def _of_run(self, path: Path, *, best: bool) -> tuple[Space, Record | None]:
        """Return the space of a run, and its best evaluation if that is to be drawn.

        The choices of a space of the user's own are drawn without its code.
        """
        from archrank.runs.outline import outline
        from archrank.runs.reading import find_run, known_space

        run = find_run(path, self.study)
        results = run.results()
        record = results.recommended if best else None
        name = results.description.space if run.settings is None else run.settings.space
        if ":" in name and self.own_code:
            say_own_code([name], path, allowed=True)
        elif ":" in name or not _is_known(name):
            return outline(results.description, record), record
        if run.settings is not None and run.settings.choices:
            return outline(results.description, record), record
        return known_space(name, results.description), record


def _is_known(name: str) -> bool:
    from archrank.spaces import SPACES

    return name in SPACES.names()


def _parse(space: Space, text: str, guess: bool) -> NDArray[np.uint8]:
    """Parse an architecture: ``(d,)``; with ``guess``, errors name spaces that can read it."""
    try:
        arch: NDArray[np.uint8] = space.parse([text])[0]
        return arch
    except ArchitectureError as error:
        fault = str(error).removeprefix("architecture 0: ")
        others = _readers(text) if guess else []
        if others:
            fault += f". This is an architecture of {' or '.join(others)}: add --space {others[0]}"
        elif guess:
            fault += ". If it is of another space than nasbench201, name that with --space"
        raise ArchitectureError(f"{space.name}: {fault}") from None


def _readers(text: str) -> list[str]:
    """Find the known spaces that can read ``text``."""
    from archrank.runs.named import make_space
    from archrank.spaces import SPACES

    found = []
    for name in SPACES.names():
        try:
            make_space(name).parse([text])
        except ArchrankError:
            continue
        found.append(name)
    return found


def _name(space: Space, text: str) -> str:
    """Name an architecture's file: its string if that is short and plain, else a hash."""
    part = text if PLAIN.fullmatch(text) else sha256(text.encode()).hexdigest()[:8]
    return file_name(f"{space.name}-{part}")


def write_whole(text: str, target: Path) -> None:
    """Write a file whole or not at all.

    Raises:
        StorageError: it cannot be written; nothing has changed then.
    """
    _check(target)
    write_text(target, text, remedy="name another file with --out")


def _check(target: Path) -> None:
    """Refuse a target that can hold no picture."""
    if os.path.isdir(target):  # where Path.is_dir raises for names that are too long
        raise StorageError(f"{target} is a folder; name a file, such as --out {target / 'a.svg'}")
    if target.suffix.lower() in OTHER_FORMATS:
        raise StorageError(
            f"--out {target}: pictures are SVG files, use --out {target.with_suffix('.svg')}"
        )
    if not target.parent.is_dir():
        raise StorageError(f"cannot write {target}: there is no folder {target.parent}")
