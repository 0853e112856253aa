"""Options of commands: a command is a dataclass, and its fields are its options.

The type of a field says how its text is read, its default whether it may be left out, the string
below it is its help. A text in the annotation, ``Annotated[Path | None, "DIR"]``, is shown for its
value, and ``POSITIONAL`` makes it an argument without a name. Fields of a dataclass inside are
options of the command, too. An option with several values takes them at once, and repeated:
``--metric a b`` is ``--metric a --metric b``.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from archrank.errors import UsageError

POSITIONAL = object()
WIDEST = 100  # columns of a help page
SHOWN = {int: "INT", float: "NUMBER", str: "TEXT", Path: "PATH"}
C = TypeVar("C")


@dataclass(frozen=True)
class Option:
    """One option of a command.

    Args:
        path: Names of the fields that lead to it; more than one inside another dataclass.
        kind: Type of one value.
        choices: The values that are possible; empty if any of the type is.
        many: It takes several values.
        default: Its value if left out; ``MISSING`` if it is required.
        shown: Word that is shown for its value.
        positional: It has no name on the command line.
        text: Its help.
    """

    path: tuple[str, ...]
    kind: Any
    choices: tuple[str, ...]
    many: bool
    default: Any
    shown: str
    positional: bool
    text: str

    @property
    def flag(self) -> str:
        """The option as it is typed: ``--train-sizes``, or ``-n`` of one letter."""
        name = self.path[-1].replace("_", "-")
        return self.shown if self.positional else f"{'-' if len(name) == 1 else '--'}{name}"

    @property
    def spellings(self) -> list[str]:
        """The option as it may be typed: of one letter with one dash or with two."""
        return list(dict.fromkeys((self.flag, f"--{self.flag.lstrip('-')}")))

    @property
    def help(self) -> str:
        """Its help, with the default unless that is nothing or is told in words."""
        text = self.text.replace("%", "%%").rstrip(".")
        if self.default is MISSING:
            return f"{text} (required)."
        nothing = self.default is None or self.default is False or self.default in ((), "")
        if nothing or "(default: " in text:
            return f"{text}."
        return f"{text} (default: {'yes' if self.kind is bool else self.default})."

    def read(self, text: str) -> Any:
        """Read one value.

        Raises:
            argparse.ArgumentTypeError: ``text`` is none.
        """
        if self.choices and text not in self.choices:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(self.choices)}")
        try:
            return self.kind(text)
        except ValueError:
            noun = "whole number" if self.kind is int else "number"
            raise argparse.ArgumentTypeError(f"{text!r} is not a {noun}") from None


def parse(command: type[C], arguments: Sequence[str], program: str) -> C:
    """Make a command from what was typed after its name; ``--help`` prints its page and exits.

    Raises:
        UsageError: An option is unknown, misses its value or has one that cannot be read.
    """
    options = list(options_of(command))
    parser = _Parser(program, command, options)
    parser.refuse_unknown(arguments)
    mixed = any(option.positional and option.many for option in options)
    read = parser.parse_known_intermixed_args if mixed else parser.parse_known_args
    values, rest = read(list(arguments))
    if rest:
        parser.error(f"unexpected {rest[0]!r}")
    found = {option.path: getattr(values, ".".join(option.path), MISSING) for option in options}
    missing = [o for o in options if o.default is MISSING and found[o.path] is MISSING]
    if missing:
        needed = [o.flag if o.positional else f"{o.flag} {o.shown}" for o in missing]
        parser.error(f"{' and '.join(needed)} must be given")
    return _build(command, found)


def options_of(command: type, path: tuple[str, ...] = ()) -> Iterator[Option]:
    """List the options of a command in the order of its fields."""
    hints = get_type_hints(command, include_extras=True)
    texts = _field_texts(command)
    for field in fields(command):
        hint, notes = _plain(hints[field.name])
        if is_dataclass(hint):
            assert isinstance(hint, type)
            yield from options_of(hint, (*path, field.name))
            continue
        many = get_origin(hint) is tuple
        kind = get_args(hint)[0] if many else hint
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        kind = str if choices else kind
        shown = [note for note in notes if isinstance(note, str)]
        named = "|".join(choices) or SHOWN.get(kind, "")
        yield Option(
            (*path, field.name),
            kind,
            choices,
            many,
            _default(field),
            shown[0] if shown else named,
            POSITIONAL in notes,
            texts.get(field.name, ""),
        )


class _Parser(argparse.ArgumentParser):
    """Parser of one command, with its help page and its way to complain."""

    def __init__(self, program: str, command: type, options: Sequence[Option]) -> None:
        about, *more = paragraphs(command.__doc__ or "")
        positional = "".join(
            f" {o.shown}{' ...' if o.many else ''}" for o in options if o.positional
        )
        super().__init__(
            program,
            usage=f"{program}{positional} [options]",
            description=folded([about, *more]),
            epilog=folded(getattr(command, "names_in_help", list)(), between="\n", indent="  "),
            formatter_class=_formatter,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
        )
        self._known = [word for o in options if not o.positional for word in o.spellings]
        self._known += [f"--no-{o.path[-1]}" for o in options if o.default is True]
        for option in options:
            self._add(option)

    def _add(self, option: Option) -> None:
        more: dict[str, Any] = {"help": option.help}
        if not option.positional:
            more["dest"] = ".".join(option.path)
        if option.kind is bool:
            yes_no = argparse.BooleanOptionalAction if option.default else "store_true"
            self.add_argument(option.flag, action=yes_no, **more)
            return
        more |= {"type": option.read, "metavar": option.shown}
        if option.many and option.positional:
            more |= {"nargs": "*"}
        elif option.many:
            more |= {"nargs": "+", "action": "extend"}
        elif option.positional:
            more |= {"nargs": "?", "default": MISSING}
        names = [".".join(option.path)] if option.positional else option.spellings
        self.add_argument(*names, **more)

    def refuse_unknown(self, arguments: Sequence[str]) -> None:
        """Complain about the first option that is not one of this command, before all else."""
        for argument in arguments:
            if argument == "--":
                return
            typed = argument.partition("=")[0]
            if re.match("--?[A-Za-z]", typed) and typed not in (*self._known, "--help", "-h"):
                names = {flag.lstrip("-"): flag for flag in reversed(self._known)}
                near = difflib.get_close_matches(typed.lstrip("-"), names, n=3)
                meant = " or ".join(names[name] for name in near)
                guess = f", did you mean {meant}?" if near else "."
                self.error(f"unknown option {typed}{guess}", "")

    def error(self, message: str, end: str = ".") -> NoReturn:
        """Raise an error that names the command and its help page."""
        message = re.sub("^argument ", "", message)
        raise UsageError(f"{self.prog}: {message}{end} All options: {self.prog} --help")


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=_width())


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST) - 2


def folded(texts: Sequence[str], *, between: str = "\n\n", indent: str = "") -> str:
    """Fold paragraphs to the width of the terminal; later lines of each are indented."""
    return between.join(
        textwrap.fill(text, max(_width(), 40), subsequent_indent=indent, break_long_words=False)
        for text in texts
    )


def paragraphs(docstring: str) -> list[str]:
    """Return the paragraphs of a docstring, each as one line, without marks such as `` `` ``."""
    plain = re.sub(r":\w+:`~?([^`]*)`|``", r"\1", inspect.cleandoc(docstring))
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", plain)]


def _build(command: type[C], found: dict[tuple[str, ...], Any], path: tuple[str, ...] = ()) -> C:
    """Make a dataclass from the values that were typed; all others keep their defaults."""
    values: dict[str, Any] = {}
    for field in fields(command):  # type: ignore[arg-type]
        place = (*path, field.name)
        if place not in found:
            inner, _ = _plain(get_type_hints(command, include_extras=True)[field.name])
            values[field.name] = _build(inner, found, place)
        elif found[place] is not MISSING:
            many = isinstance(found[place], list)
            values[field.name] = tuple(found[place]) if many else found[place]
    return command(**values)


def _plain(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split a hint into the type of a value that is given, and what ``Annotated`` says."""
    notes = getattr(hint, "__metadata__", ())
    hint = get_args(hint)[0] if notes else hint
    if NoneType in get_args(hint):  # left out is None; no text is
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    return hint, notes


def _default(field: Field[Any]) -> Any:
    made = field.default_factory
    return field.default if made is MISSING else made()


def _field_texts(command: type) -> dict[str, str]:
    """Return the strings below the fields of a dataclass and of those that it extends."""
    found: dict[str, str] = {}
    for kind in reversed(command.__mro__):
        if is_dataclass(kind):
            body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
            assert isinstance(body, ast.ClassDef)
            for before, after in zip(body.body, body.body[1:], strict=False):
                if isinstance(before, ast.AnnAssign) and isinstance(after, ast.Expr):
                    assert isinstance(before.target, ast.Name)
                    found[before.target.id] = " ".join(ast.literal_eval(after.value).split())
    return found
