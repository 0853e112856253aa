"""Plant small faults in the source and count how many the tests notice.

    python benchmarks/mutants.py criteria strategies        # rooms; all of them by default
    python benchmarks/mutants.py tables --at src/archrank/tables/base.py:40   # faults of one line
    python benchmarks/mutants.py criteria --again out.txt   # what survived when out.txt was printed
    python benchmarks/mutants.py --list criteria            # what would be planted

Each fault ("mutant") changes one place: a comparison, an operator, a constant, a condition, an
argument, a bound, a returned value, a statement left out. The room's tests run on a copy of the
tree that has it. A mutant is killed when a test fails, an import fails, or the tests take far more
CPU time than without it; else it survives, and is printed as a difference.

mutmut 3 from PyPI was read, not used: it leaves out what archrank has most of (module constants,
defaults that are expressions, decorated functions), spends most of its mutants on the words of
error messages, and replaces each constructor by one that scikit-learn's ``clone`` cannot read. What
they share is one idea, used here too: load the heavy libraries once and fork for each mutant.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "src/archrank"

PARTS = ("conditions", "constrained", "moves", "networks", "numbers", "restricted", "restriction")
TESTED_ALONE = ("constrained", "networks", "numbers", "restricted")  # by a file of that name
ROOMS: dict[str, tuple[list[str], list[str]]] = {  # source files, tests if not the same folder's
    "criteria": (["criteria"], []),
    "strategies": (["strategies"], []),
    "rankers/base": (["rankers/base.py"], ["tests/rankers/test_base.py", "tests/rankers/trees"]),
    "tables": (["tables"], []),
    "losses": (["losses"], []),
    "spaces/base": (["spaces/base.py"], ["tests/spaces/test_base.py", "tests/spaces/custom"]),
    "spaces/parts": (
        [f"spaces/{part}.py" for part in PARTS],
        ["tests/spaces/test_base.py", "tests/spaces/custom", "tests/spaces/nasbench101"]
        + [f"tests/spaces/test_{part}.py" for part in PARTS if part in TESTED_ALONE],
    ),
    "spaces/custom": (["spaces/custom"], []),
    "study": (["study"], []),
}
HEAVY = """
hypothesis.strategies lightgbm matplotlib.pyplot moocore numpy optuna pandas pyarrow.parquet
pydantic pytest rich.console scipy.special scipy.stats sklearn.ensemble
sklearn.gaussian_process sklearn.metrics torch
"""


# ---- making mutants ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """One fault: ``text`` stands where ``path[start:end]`` stood."""

    path: Path
    line: int
    start: int
    end: int
    text: str

    def source(self) -> str:
        code = self.path.read_text(encoding="utf-8")
        return code[: self.start] + self.text + code[self.end :]

    def difference(self) -> str:
        before, after = self.path.read_text(encoding="utf-8"), self.source()
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        return "\n".join(line for line in list(lines)[3:])


COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMES = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "floor": "ceil",
    "ceil": "floor",
    "argmin": "argmax",
    "argmax": "argmin",
    "sum": "max",
    "zeros": "ones",
    "ones": "zeros",
}
CASTS = {"float", "int", "list", "tuple", "str"}  # of what mostly is one already
NOT_MUTATED = {"cast", "TypeVar", "field", "getLogger", "super", "import_module"}


def mutants_of(path: Path) -> list[Mutant]:
    """Return all mutants of a file, in order of their place."""
    code = path.read_text(encoding="utf-8")
    starts = [0]
    for line in code.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = code.splitlines()

    def offset(line: int, column: int) -> int:  # columns of ast count bytes
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    found = []
    for node, text in _changes(ast.parse(code)):
        start = offset(node.lineno, node.col_offset)
        end = offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        try:
            ast.parse(code[:start] + text + code[end:])
        except SyntaxError:
            continue
        found.append(Mutant(path, node.lineno, start, end, text))
    return sorted(set(found), key=lambda m: (m.start, m.end, m.text))


def _changes(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield each node to replace, in ``node`` and below, and its replacement."""
    match node:
        case ast.Raise():  # the words of errors are checked as text, where they are
            yield node, "pass"
            return
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.Assert():
            return
        case ast.If() if ast.unparse(node.test) == "TYPE_CHECKING":
            return
        case ast.FunctionDef() if any("overload" in ast.unparse(d) for d in node.decorator_list):
            return
        case ast.FunctionDef():
            parts = [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body]
        case ast.ClassDef():
            parts = [*node.body]
        case ast.Call():  # strict=True of zip guards against what no input can cause
            parts = [node.func, *node.args, *(k for k in node.keywords if k.arg != "strict")]
        case ast.AnnAssign():
            is_type = node.value is None or "TypeAlias" in ast.unparse(node.annotation)
            parts = [] if is_type else [node.value]
        case _:
            parts = [*ast.iter_child_nodes(node)]
    yield from _change(node)
    for part in parts:
        yield from _changes(part)


def _change(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    match node:
        case ast.Compare(ops=[op], left=left, comparators=[right]):
            for kind in COMPARISONS[type(op)]:
                yield node, _text(ast.Compare(left, [kind()], [right]))
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                for kind in COMPARISONS[type(op)]:
                    changed = [*ops[:i], kind(), *ops[i + 1 :]]
                    yield node, _text(ast.Compare(node.left, changed, node.comparators))
        case ast.BinOp(op=op) if type(op) in OPERATORS and not _is_text(node):
            yield node, _text(ast.BinOp(node.left, OPERATORS[type(op)](), node.right))
        case ast.AugAssign(op=op) if type(op) in OPERATORS:
            yield node, ast.unparse(ast.AugAssign(node.target, OPERATORS[type(op)](), node.value))
            yield node, "pass"
        case ast.BoolOp(op=op):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield node, _text(ast.BoolOp(other, node.values))
            for i in range(len(node.values)):
                rest = node.values[:i] + node.values[i + 1 :]
                yield node, _text(ast.BoolOp(op, rest) if len(rest) > 1 else rest[0])
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node, _text(node.operand)
        case ast.Constant(value=bool() as value):
            yield node, str(not value)
        case ast.Constant(value=int() as value):
            yield node, str(value + 1)
            yield node, f"({value - 1})"
        case ast.Constant(value=float() as value):
            yield node, repr(value * 2 if value else 1.0)
        case ast.IfExp():
            yield node, _text(node.body)
            yield node, _text(node.orelse)
        case ast.If() | ast.While():
            yield node.test, f"(not ({ast.unparse(node.test)}))"
        case ast.Call():
            yield from _call_changes(node)
        case ast.Return(value=value) if value is not None and ast.unparse(value) != "None":
            yield node, "return None"
        case ast.Slice():
            for bound in (node.lower, node.upper, node.step):
                if bound is not None:
                    kept = [None if b is bound else b for b in (node.lower, node.upper, node.step)]
                    yield node, ast.unparse(ast.Slice(*kept)) or ":"
        case ast.Continue():
            yield node, "break"
        case ast.Break():
            yield node, "continue"
        case ast.Expr(value=ast.Call()):
            yield node, "pass"
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield node, "pass"


def _call_changes(call: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    if name in NOT_MUTATED or name.endswith(("Error", "Warning")):
        return
    if name in NAMES:
        yield call.func, ast.unparse(call.func)[: -len(name)] + NAMES[name]
    lone = len(call.args) == 1 and not call.keywords and name not in CASTS
    if lone and not isinstance(call.args[0], ast.Starred):
        yield call, _text(call.args[0])  # the call left out
    if len(call.args) > 1:
        yield call, ast.unparse(ast.Call(call.func, call.args[:-1], call.keywords))
    for keyword in (k for k in call.keywords if k.arg != "strict"):
        rest = [k for k in call.keywords if k is not keyword]
        yield call, ast.unparse(ast.Call(call.func, call.args, rest))


def _text(node: ast.expr) -> str:
    return f"({ast.unparse(node)})"


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and type(side.value) is str)
        for side in (node.left, node.right)
    )


# ---- running tests -------------------------------------------------------------------------------


def tests_for(path: Path, room: str) -> list[str]:
    """Return test files and folders, the file's own first."""
    if ROOMS[room][1]:
        return ROOMS[room][1]
    inside = path.relative_to(ROOT / SOURCE)
    folder = ROOT / "tests" / inside.parent
    own = sorted(folder.glob(f"test_{inside.stem.lstrip('_')}*.py"))
    return [str(p.relative_to(ROOT)) for p in (*own, folder)]


def preload() -> None:
    """Import what is slow to import, before forking."""
    import importlib

    for name in HEAVY.split():
        importlib.import_module(name)


def run_tests(
    tree: Path, tests: list[str], cpu_seconds: int, log: Path, *, compiling: bool = False
) -> int:
    """Run tests in a fork whose archrank lies in ``tree``; 0 means that all pass."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_DATA, (12 << 30, 12 << 30))
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(tree)
        sys.dont_write_bytecode = not compiling
        sys.path[:] = [str(tree / "src"), str(tree), *sys.path]
        os.environ["PYTHONPATH"] = f"{tree / 'src'}{os.pathsep}{tree}"
        os._exit(_run_pytest(tests))
    return _wait(pid, patience=cpu_seconds * 10)


def _run_pytest(tests: list[str]) -> int:
    import pytest

    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"]
    options += ["--hypothesis-seed=0"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is loaded already
    try:
        return int(pytest.main([*options, *tests]))
    except BaseException:
        traceback.print_exc()
        return 3
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _wait(pid: int, patience: float) -> int:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -signal.SIGKILL


def copy_of_tree(folder: Path) -> Path:
    """Copy what tests need."""
    for name in ("src", "tests", "examples", "benchmarks", "docs"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy2(ROOT / name, folder / name)
    return folder


class Room:
    """The mutants of one room and the verdict on each."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.name = name
        base = ROOT / SOURCE
        matched = (m for pattern in ROOMS[name][0] for m in sorted(base.glob(pattern)))
        files = (f for m in matched for f in ([m] if m.is_file() else sorted(m.rglob("*.py"))))
        every = [m for f in files if f.stem != "__init__" for m in mutants_of(f)]
        self.possible = len(every)
        self.chosen = sorted(_chosen(every, options), key=lambda m: (m.path, m.start))
        self.limits: dict[frozenset[str], int] = {}

    def measure(self, tree: Path, scratch: Path) -> None:
        """Run each set of tests without a mutant; compiled files stay in ``tree``.

        Mutants may take far more CPU seconds than that, but not any number.
        """
        for mutant in self.chosen:
            key = self._folders(mutant)
            if key in self.limits:
                continue
            log = scratch / "baseline.log"
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            if run_tests(tree, sorted(key), 3600, log, compiling=True):
                raise SystemExit(f"tests fail without a mutant\n{log.read_text()[-3000:]}")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            self.limits[key] = 30 + int(4 * used)

    def _folders(self, mutant: Mutant) -> frozenset[str]:
        """What all files of a folder have in common: tests without the file's own first."""
        return frozenset(ROOMS[self.name][1] or tests_for(mutant.path, self.name)[-1:])

    def survives(self, mutant: Mutant, trees: Queue[Path]) -> bool:
        """Return whether no test notices the mutant."""
        tree = trees.get()
        target = tree / mutant.path.relative_to(ROOT)
        tests = tests_for(mutant.path, self.name)
        try:
            target.write_text(mutant.source(), encoding="utf-8")
            log = tree.parent / f"{tree.name}.log"
            return run_tests(tree, tests, self.limits[self._folders(mutant)], log) == 0
        finally:
            shutil.copy2(mutant.path, target)
            trees.put(tree)

    def run(self, trees: Queue[Path], workers: int) -> str:
        """Print survivors as they are found; return how many were killed."""
        survivors = 0
        with ThreadPoolExecutor(workers) as threads:
            verdicts = threads.map(lambda mutant: self.survives(mutant, trees), self.chosen)
            for mutant, alive in zip(self.chosen, verdicts, strict=True):
                survivors += alive
                if alive:
                    print(f"survived {_told(mutant)}", flush=True)
        n = len(self.chosen)
        share = (n - survivors) / max(n, 1)
        return f"{self.name}: {n - survivors} of {n} killed ({share:.1%}), of {self.possible}"


def _chosen(every: list[Mutant], options: argparse.Namespace) -> list[Mutant]:
    if options.again:
        before = options.again.read_text()
        return [m for m in every if _told(m) in before]
    if options.at:
        places = [(m, str(m.path.relative_to(ROOT))) for m in every]
        return [m for m, p in places if {p, f"{p}:{m.line}"} & set(options.at)]
    n = min(options.sample or len(every), len(every))
    return random.Random(options.seed).sample(every, n)


def _told(mutant: Mutant) -> str:
    return f"{mutant.path.relative_to(ROOT)}:{mutant.line}\n{mutant.difference()}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rooms", nargs="*", help=f"of {', '.join(ROOMS)}; default all")
    parser.add_argument("--sample", type=int, default=100, help="mutants per room, 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="draws the sample")
    parser.add_argument("--at", action="append", default=[], help="only FILE or FILE:LINE")
    parser.add_argument("--again", type=Path, help="only survivors in what was printed before")
    parser.add_argument("--list", action="store_true", help="print mutants, run nothing")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.rooms) - set(ROOMS):
        parser.error(f"unknown rooms {sorted(unknown)}; there are {', '.join(ROOMS)}")
    rooms = [Room(name, options) for name in options.rooms or ROOMS]
    if options.list:
        print("\n".join(_told(mutant) for room in rooms for mutant in room.chosen))
        return
    preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        first = copy_of_tree(Path(scratch, "tree0"))
        trees: Queue[Path] = Queue()
        for room in rooms:
            room.measure(first, Path(scratch))
        trees.put(first)
        for i in range(1, options.workers):
            trees.put(Path(shutil.copytree(first, Path(scratch, f"tree{i}"))))
        for room in rooms:
            print(f"{room.run(trees, options.workers)}, seed {options.seed}", flush=True)


if __name__ == "__main__":
    main()
