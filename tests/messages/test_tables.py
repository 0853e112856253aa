"""Messages for mistakes with tables and official benchmark files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from archrank.evaluators import BlockCosts
from archrank.spaces import HATAverages, NASBench201
from archrank.tables import load_table
from archrank.tables.importers.convert import import_table
from archrank.tables.published import LAYOUTS
from tests.messages.golden import Cases, compare, message_of

SPACE = NASBench201()
FIRST, SECOND, THIRD = SPACE.format(SPACE.sample(3, rng=np.random.default_rng(0)))


def table(*lines: str, name: str = "table.csv", **options: object) -> Callable[[], object]:
    """Write a table, and read it when called."""

    def read() -> object:
        Path(name).write_text("".join(f"{line}\n" for line in lines))
        return load_table(name, SPACE, **options)  # type: ignore[arg-type]

    return read


def column(name: str, *lines: str) -> Callable[[], object]:
    """Write a table, and use one of its columns as an objective when called."""

    def use() -> object:
        Path("table.csv").write_text("".join(f"{line}\n" for line in lines))
        return load_table("table.csv", SPACE).objective(name)

    return use


def official(kind: str, name: str, content: bytes | None = None, **options: object) -> object:
    """Import a file of the given content; none is written if that is ``None``."""
    if content is not None:
        Path(name).write_bytes(content)
    return import_table(kind, name, **options)  # type: ignore[arg-type]


def costs(*lines: str, name: str = "costs.csv") -> object:
    """Read costs of blocks of NAS-Bench-201 from a file of these lines."""
    Path(name).write_text("".join(f"{line}\n" for line in lines))
    return BlockCosts(name).bind(SPACE)


def existing() -> object:
    """Import to a table that exists."""
    Path("DARTS.parquet").write_bytes(b"")
    return official("nds", "DARTS.json", b"[]")


def latencies(**where: str) -> object:
    """Read a table of HAT's form with two devices."""
    cells = {"encoder_embed_dim": "640", "encoder_layer_num": "6", "decoder_layer_num": "1"}
    names = LAYOUTS[-1].columns
    numbers = ",".join(cells.get(name, "640" if "_embed_dim" in name else "2") for name in names)
    rows = [f"wmt14ende,{device},{numbers},5,{k}" for k, device in enumerate(("cpu", "gpu"))]
    head = f"task,hardware,{','.join(names)},latency_mean_encoder,latency_mean_decoder"
    Path("hat.csv").write_text("\n".join([head, *rows]))
    return load_table("hat.csv", HATAverages(), where=where)


MISTAKES: Cases = {
    "file that does not exist": lambda: load_table("tabel.csv", SPACE),
    "name like a built-in table": lambda: load_table("digit201", SPACE),
    "folder": lambda: load_table(".", SPACE),
    "empty file": table(),
    "heading without rows": table("arch,accuracy"),
    "no architectures": table("cell,accuracy", f"{FIRST},0.9"),
    "number beyond the space": table("arch,accuracy", "99999,0.9"),
    "string that is no architecture": table("arch,accuracy", f"{FIRST},0.9", "conv,0.8"),
    "missing architecture": table("arch,accuracy", f"{FIRST},0.9", ",0.8"),
    "architecture twice": table("arch,accuracy", f"{FIRST},0.9", f"{SECOND},0.8", f"{FIRST},0.7"),
    "columns of one name": table("arch,accuracy,accuracy", f"{FIRST},0.9,0.8"),
    "semicolons": table("arch;accuracy", f"{FIRST};0.9"),
    "row with too many cells": table("arch,accuracy", f"{FIRST},0.9,0.8", f"{SECOND},0.9"),
    "unknown direction": table("arch,accuracy", f"{FIRST},0.9", directions={"accuracy": "higher"}),
    "direction of an unknown column": table(
        "arch,accuracy", f"{FIRST},0.9", directions={"acuracy": "maximize"}
    ),
    "unknown column": column("acuracy", "arch,accuracy", f"{FIRST},0.9"),
    "column with a word": column("accuracy", "arch,accuracy", f"{FIRST},0.9", f"{SECOND},failed"),
    "column of words": column("remark", "arch,accuracy,remark", f"{FIRST},0.9,good"),
    "column with an empty cell": column("accuracy", "arch,accuracy", f"{FIRST},0.9", f"{SECOND},"),
    "empty column": column("latency", "arch,accuracy,latency", f"{FIRST},0.9,"),
    "column of equal values": column(
        "accuracy", "arch,accuracy", f"{FIRST},0.9", f"{SECOND},0.9", f"{THIRD},0.9"
    ),
    "unknown kind of official file": lambda: official("nasbench", "file.json"),
    "official file that does not exist": lambda: official("nds", "DARTS.json"),
    "official file with another name": lambda: official("nds", "darts-results.json", b"[]"),
    "official file that is not JSON": lambda: official("nds", "PNAS.json", b"{"),
    "official file that is incomplete": lambda: official("nds", "ENAS.json", b"[]"),
    "table that exists": existing,
    "table that is not Parquet": lambda: official("nds", "ENAS.json", b"[]", out="table.csv"),
    "table in a missing folder": lambda: official(
        "nds", "ENAS.json", b"[]", out="no/such/folder.parquet"
    ),
    "official file without records": lambda: official("nasbench101", "nb101.tfrecord", b""),
    "official file that is no TFRecord file": lambda: official(
        "nasbench101", "other.tfrecord", b"x" * 100
    ),
    "official file that is no PyTorch file": lambda: official("nasbench201", "nb201.pth", b"x"),
    "official file that is no pickle": lambda: official("nats_bench", "nats.pickle.pbz2", b"x"),
    "official file of HW-NAS-Bench that is something else": lambda: official(
        "hw_nas_bench", "HW-NAS-Bench-v1_0.pickle", pickle.dumps([1])
    ),
    "blocks of a space that an official file lacks": lambda: official(
        "hw_nas_bench", "HW-NAS-Bench-v1_0.pickle", b"", space="fbnet"
    ),
    "blocks of a space in a file without blocks": lambda: official(
        "nds", "ENAS.json", b"[]", space="fbnet_cifar"
    ),
    "blocks that are not all there": lambda: official(
        "hw_nas_bench",
        "HW-NAS-Bench-v1_0.pickle",
        pickle.dumps({"fbnet": {"fpga_latency": {}}}),
        space="fbnet_cifar",
        partial=True,
    ),
    "costs of blocks without options": lambda: costs("decision,ms", "0->1,1"),
    "costs of some blocks": lambda: costs("decision,option,ms", "0->1,none,1"),
    "costs of a decision that does not exist": lambda: costs("decision,option,ms", "s1b1,skip,1"),
    "costs of an option that does not exist": lambda: costs("decision,option,ms", "0->1,skip,1"),
    "costs of another space": lambda: costs("decision,option,ms,space", "0->1,none,1,fbnet"),
    "costs of blocks in a pickle": lambda: costs("", name="costs.pickle"),
    "latencies of several devices": lambda: latencies(),
    "device that a table lacks": lambda: latencies(hardware="cpu_xeon"),
    "no row with all of the values": lambda: latencies(hardware="cpu", latency_mean_decoder="1"),
    "values of a column that does not exist": lambda: latencies(device="cpu"),
    "averages that no layers have": lambda: latencies(hardware="cpu"),
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_messages(update_golden: bool) -> None:
    messages = {mistake: message_of(make) for mistake, make in MISTAKES.items()}
    compare("tables", messages, update=update_golden)
