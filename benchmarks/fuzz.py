"""Feed damaged input to every parser: each answers, or raises an error of archrank's own.

    python benchmarks/fuzz.py [--cases 3000] [--jobs 1] [--seed 0] [--only NAME ...] [--keep FOLDER]

A case is a valid input with a few damages, mostly one (bits, bytes and stretches changed, cut off,
doubled, swapped; lengths and numbers replaced by extreme ones). A fault is any exception that is
not an ``ArchrankError``, an end of the process, over ``CPU_SECONDS`` for one case, or over
``MEMORY`` bytes for all. Each parser runs in a process of its own. Case ``k`` of a parser depends
on the seed, the parser's name and ``k`` alone; ``--keep`` writes the faulty ones to a folder.
"""

from __future__ import annotations

import argparse
import bz2
import contextlib
import gzip
import io
import json
import lzma
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CPU_SECONDS = 10
MEMORY = 6 << 30
EXTREMES = (
    *(b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00" * 8, b"\xff" * 8),
    *(b"nan", b"-inf", b"1e400", b"9" * 400, b"-1", b"0", b"null", b"[]", b"{}", b'""', b"\n"),
    *(b"[" * 3000, b'{"a":' * 3000, b"%s{}", b"\xc3\x28", b"\xed\xa0\x80", b"\\u0000", b",", b"'"),
    *(b"../" * 4, b"~nobody/x", b"~", b"|", b":", b"<=", b"=", b" ", b"#", b"\xef\xbb\xbf"),
)


def damage(valid: bytes, rng: np.random.Generator) -> bytes:
    """Return ``valid`` with a few damages, mostly one."""
    data = bytearray(valid)
    for _ in range(rng.geometric(0.6)):
        at, to = sorted(rng.integers(0, len(data) + 1, 2).tolist())
        to = min(to, at + int(rng.integers(1, 64)))
        match rng.integers(0, 8):
            case 0 if data:
                data[at % len(data)] ^= 1 << int(rng.integers(0, 8))
            case 1 if data:
                data[at % len(data)] = int(rng.integers(0, 256))
            case 2:
                del data[at:to]
            case 3:
                data[at:at] = data[at:to]
            case 4:
                del data[at:]
            case 5:
                data[at:at] = EXTREMES[rng.integers(len(EXTREMES))]
            case 6:
                data[at:to] = EXTREMES[rng.integers(len(EXTREMES))]
            case _:
                other = int(rng.integers(0, len(data) + 1))
                data[other:other] = data[at:to]
    return bytes(data)


@dataclass(frozen=True)
class Parser:
    """A way into archrank.

    Attributes:
        valid: inputs without damage.
        read: reads one in a folder that is empty but for what ``read`` leaves there.
    """

    valid: tuple[bytes, ...]
    read: Callable[[bytes, Path], object]


def text(read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    """Return a parser's ``read`` of one that takes text, as a shell passes it on."""
    return lambda data, folder: read(data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))


def file(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """Return a parser's ``read`` of one that takes a file called ``name``."""

    def written(data: bytes, folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return read(path)

    return written


# ---- parsers -----------------------------------------------------------------------------------


def tables() -> Iterator[tuple[str, Parser]]:
    """Yield tables in every format."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    import archrank as ar
    from archrank.hardware.look_up import pixel1_latency

    space = ar.spaces.NASBench201()
    archs = space.format(space.sample(12, rng=np.random.default_rng(0)))
    columns = {"arch": archs, "accuracy": np.linspace(80, 90, 12), "seed": ["07"] * 12}
    lines = [
        "arch,accuracy,seed",
        *(",".join(map(str, r)) for r in zip(*columns.values(), strict=True)),
    ]
    csv = "\n".join(lines).encode()
    archive, parquet = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("table.csv", csv)
    pq.write_table(pa.table(columns), parquet)
    forms = {
        "csv": csv,
        "csv.gz": gzip.compress(csv),
        "csv.bz2": bz2.compress(csv),
        "csv.xz": lzma.compress(csv),
        "csv.zip": archive.getvalue(),
        "parquet": parquet.getvalue(),
    }
    for form, data in forms.items():
        read = file(f"t.{form}", lambda path: ar.tables.load_table(path, space))
        yield f"table .{form}", Parser((data,), read)
    models = tuple(
        f"name,op,latency_delta_ms\n{name},k3,{value}\n".encode()
        for name, value in (("s1b1_sepconv", 1.5), ("s2b1", -3))
    )
    mobile = ar.spaces.ProxylessNAS()
    read = file("l.csv", lambda path: pixel1_latency(mobile, path))
    yield "latency model", Parser(models, read)


def official_files() -> Iterator[tuple[str, Parser]]:
    """Yield importers, of miniatures of the official files."""
    from tests.tables.importers import files

    from archrank.tables.importers import import_table
    from archrank.tables.importers.plain_pickle import read_bz2, read_torch
    from archrank.tasks.images.imagenet16 import read_npz

    def reader(kind: str, space: str | None = None) -> Callable[[Path], object]:
        return lambda path: import_table(
            kind, path, path.parent / "out.parquet", space=space, partial=True, force=True
        )

    final = (1600.0, 1.0, 0.94, 0.93)
    runs = b"".join(files.frame(files.run(c, final)) for c in (files.INCEPTION, files.DIRECT))
    jobs = json.dumps([files.nds_job(n) for n in range(3)]).encode()
    plain = pickle.dumps(files.whole({i: files.nats_state(i) for i in range(2)}), protocol=4)
    read_101, read_nats = reader("nasbench101"), reader("nats-bench")
    yield "nasbench101 .tfrecord", Parser((runs,), file("nasbench_only108.tfrecord", read_101))
    payload = files.run(files.INCEPTION, final)
    framed = lambda data, folder: file("nasbench_only108.tfrecord", read_101)(  # noqa: E731
        files.frame(data), folder
    )
    yield "nasbench101 record", Parser((payload,), framed)
    name = "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    yield "nats-bench .pbz2", Parser((bz2.compress(plain),), file(name, read_nats))
    packed = lambda data, folder: file(name, read_nats)(bz2.compress(data), folder)  # noqa: E731
    yield "nats-bench pickle", Parser((plain,), packed)
    yield "nds .json", Parser((jobs,), file("DARTS_fix-w-d.json", reader("nds")))
    yield from hardware_files(reader)
    small = [{"a": [1, 2.5, None, "x"], (1, "k"): np.float64(3)}, np.arange(6.0), {1, 2}, 1 << 80]
    pickles = tuple(pickle.dumps(v, protocol=p) for v in small for p in range(6))
    packed = lambda data, folder: file("p", read_bz2)(bz2.compress(data), folder)  # noqa: E731
    yield "plain pickle", Parser(pickles, packed)
    archive, arrays = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("archive/data.pkl", pickles[2])
        zipped.writestr("archive/version", "3")
    yield "torch file", Parser((archive.getvalue(),), file("p.pth", read_torch))
    labels = np.array([1, 5, 120])
    np.savez(arrays, data=np.zeros((3, 768), dtype=np.uint8), labels=labels)
    yield "imagenet16 .npz", Parser((arrays.getvalue(),), file("val_data.npz", read_npz))


def hardware_files(reader: Callable[..., Callable[[Path], object]]) -> Iterator[tuple[str, Parser]]:
    """Yield importers of costs and scores."""
    from tests.tables.importers import test_hw_gpt_bench as gpt
    from tests.tables.importers import test_hw_nas_bench as nas
    from tests.tables.importers import test_hw_nas_bench_blocks as blocks
    from tests.tables.importers import test_zero_cost as scores

    from archrank.spaces.mobile.fbnet import fbnet_cifar
    from archrank.tables.block_costs import read_block_costs

    space = fbnet_cifar()
    dumped = [
        pickle.dumps(content) for content in (nas.content(), blocks.content(), gpt.stats("m"))
    ]
    read = file("hw.pickle", reader("hw-nas-bench"))
    yield "hw-nas-bench pickle", Parser((dumped[0],), read)
    read = file("hw.pickle", reader("hw-nas-bench", space.name))
    yield "hw-nas-bench blocks", Parser((dumped[1],), read)
    yield "hw-gpt-bench pickle", Parser((dumped[2],), file("s.pkl", reader("hw-gpt-bench")))
    csv = "\n".join([scores.HEAD, *scores.ROWS]).encode()
    yield "zero-cost .csv", Parser((csv,), file("zc.csv", reader("zero-cost")))
    rows = [f"{c.name},{option},{k}" for c in space.choices for k, option in enumerate(c.options)]
    csv = "\n".join(["decision,option,ms", "(constant),stem,3.5", *rows]).encode()
    read = file("costs.csv", lambda path: read_block_costs(path, space))
    yield "costs of blocks", Parser((csv,), read)


def words() -> Iterator[tuple[str, Parser]]:
    """Yield texts that users type."""
    from archrank.metrics import Metric
    from archrank.runs import named
    from archrank.spaces import SPACES
    from archrank.study.objectives import Goals

    rng = np.random.default_rng(0)
    for name in SPACES.names():
        space = named.make_space(name)
        valid = tuple(t.encode() for t in space.format(space.sample(20, rng=rng)))
        yield f"parse {name}", Parser(valid, text(lambda t, space=space: space.parse([t])))
    metrics = (Metric("accuracy", "maximize"), Metric("latency_ms", "minimize"))
    limits = (b"latency_ms<=8", b"accuracy>=0.5", b"latency_ms < 1e3", b"accuracy>.25")
    yield "constraint", Parser(limits, text(lambda t: Goals.parse((), t, metrics)))
    goals = (b"accuracy", b"latency_ms:minimize", b"accuracy:maximize")
    yield "objective", Parser(goals, text(lambda t: Goals.parse(t, (), metrics)))
    yield "space name", Parser((b"nasbench201", b"mine.py:space"), text(named.make_space))
    yield "task name", Parser((b"digits", b"mine.py:task"), text(named.make_task))


def stored() -> Iterator[tuple[str, Parser]]:
    """Yield what a run keeps: settings, evaluations, a journal."""
    import archrank as ar
    from archrank.journal import Journal
    from archrank.runs import reading
    from archrank.runs.folder import load_settings

    settings, database = a_run()
    yield (
        "search.json",
        Parser((settings,), file("run/search.json", lambda p: load_settings(p.parent))),
    )

    def read(data: bytes, folder: Path) -> object:
        (folder / "search.json").write_bytes(settings)
        (folder / "study.db").write_bytes(data)
        results = reading.load(folder)
        return [results.best, results.front, results.table()]

    yield "study.db", Parser((database,), read)
    lines = b'{"job": 1, "found": 0.5}\n{"job": 2, "found": [1, 2]}\n'
    yield "journal", Parser((lines,), file("done.jsonl", lambda p: list(Journal(p).read())))
    space = ar.spaces.NASBench201()
    evaluator = ar.evaluators.Function(len)

    def opened(url: str) -> object:
        secret = "Pa55word"
        try:
            return ar.Study(space, evaluator, storage=url).open()
        except ar.errors.ArchrankError as error:
            # Where damage has moved it, nobody can tell a password from a name.
            if f"://u:{secret}@" in url and secret in str(error):
                raise AssertionError(f"the password is told: {error}") from error
            raise

    urls = (
        b"sqlite:///here.db",
        b"sqlite:///there/s.db?timeout=3",
        b"mysql://u:Pa55word@127.0.0.1:1/x",
        b"postgresql+psycopg://u:Pa55word@127.0.0.1:1/x?connect_timeout=1",
    )
    yield "storage URL", Parser(urls, text(opened))


def a_run() -> tuple[bytes, bytes]:
    """Return ``search.json`` and ``study.db`` of a short search."""
    from archrank.cli.main import main

    quiet = contextlib.ExitStack()
    quiet.enter_context(contextlib.redirect_stdout(io.StringIO()))
    quiet.enter_context(contextlib.redirect_stderr(io.StringIO()))
    with tempfile.TemporaryDirectory() as name, quiet:
        arguments = ["search", "--table", "digits201", "--strategy", "random", "--budget", "6"]
        with contextlib.suppress(SystemExit):
            main([*arguments, "--run", f"{name}/run"])
        run = Path(name, "run")
        return (run / "search.json").read_bytes(), (run / "study.db").read_bytes()


GROUPS = (tables, official_files, words, stored)


def parser_called(name: str) -> Parser:
    """Return one parser; groups that do not have it are not made whole."""
    return next(parser for group in GROUPS for found, parser in group() if found == name)


# ---- running -----------------------------------------------------------------------------------


class TooSlow(BaseException):
    """Raised by the alarm; no handler of ordinary exceptions catches it."""


def ring(*_: object) -> None:
    raise TooSlow


def case(parser: Parser, name: str, seed: int, number: int) -> bytes:
    rng = np.random.default_rng([seed, number, *name.encode()])
    return damage(parser.valid[rng.integers(len(parser.valid))], rng)


def outcome(parser: Parser, data: bytes, folder: Path) -> str:
    """Read one case; ``"read"``, ``"refused"``, or the fault."""
    from archrank.errors import ArchrankError

    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        parser.read(data, folder)
    except ArchrankError:
        return "refused"
    except TooSlow:
        return f"over {CPU_SECONDS} CPU-seconds"
    except BaseException as error:  # SystemExit too
        signal.setitimer(signal.ITIMER_PROF, 0)
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return f"{type(error).__name__}: {str(error)[:160]} ({where})"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "read"


def work(name: str, seed: int, first: int, cases: int, answers: Any) -> None:
    """Run cases of one parser in this process; put their outcomes into ``answers``."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, ring)
    warnings.simplefilter("ignore")
    parser = parser_called(name)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # of this process
    for number in range(first, cases):
        data = case(parser, name, seed, number)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            answers.send((number, outcome(parser, data, Path(folder))))
            os.chdir("/")


def run(name: str, seed: int, cases: int) -> dict[int, str]:
    """Run all cases of one parser; a process that ends is named and replaced."""
    found: dict[int, str] = {}
    context = multiprocessing.get_context("spawn")
    while len(found) < cases:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(name, seed, len(found), cases, theirs))
        process.start()
        theirs.close()
        with contextlib.suppress(EOFError):
            while True:
                number, said = ours.recv()
                found[number] = said
        process.join()
        if len(found) < cases:
            found[len(found)] = f"the process ended with {process.exitcode}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--jobs", type=int, default=1, help="parsers at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="parts of parsers' names")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    every = {name: parser for group in GROUPS for name, parser in group()}
    faults = 0
    chosen = [n for n in every if not arguments.only or any(p in n for p in arguments.only)]
    pool = ThreadPoolExecutor(arguments.jobs)
    running = {pool.submit(run, n, arguments.seed, arguments.cases): n for n in chosen}
    for future in as_completed(running):
        name, found = running[future], future.result()
        bad = {k: v for k, v in found.items() if v not in ("read", "refused")}
        faults += len(bad)
        read = sum(v == "read" for v in found.values())
        print(f"{name:24} {len(found):6,} cases: {read:6,} read, {len(bad)} faults", flush=True)
        for said in sorted(set(bad.values()))[:12]:
            number = next(k for k, v in bad.items() if v == said)
            print(f"    case {number}: {said!a}", flush=True)
            if arguments.keep:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                kept = arguments.keep / f"{name.replace(' ', '_').replace('.', '')}-{number}"
                kept.write_bytes(case(every[name], name, arguments.seed, number))
    print(f"{faults} faults")
    sys.exit(1 if faults else 0)


sys.path[:0] = [str(ROOT)]  # tests/ writes miniatures of official files

if __name__ == "__main__":
    main()
