"""The guide to many machines: the jobs of SLURM that its program would submit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guides import python_blocks, run_block

GUIDE = Path(__file__).parents[1] / "docs" / "clusters.md"
FREE_PORTS = '"port": 0, "dashboard_address": ":0"'


def test_the_jobs_of_slurm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A real scheduler; no job is submitted, since nobody waits for one."""
    jobqueue = pytest.importorskip("dask_jobqueue")
    monkeypatch.chdir(tmp_path)
    block = python_blocks(GUIDE)[0].replace('"port": 8786', FREE_PORTS)
    adapted: list[dict[str, int]] = []
    monkeypatch.setattr(
        jobqueue.SLURMCluster, "adapt", lambda cluster, **jobs: adapted.append(jobs)
    )
    scripts: list[str] = []
    names: dict[str, object] = {
        "input": lambda prompt: scripts.append(names["cluster"].job_script())  # type: ignore[attr-defined]
    }
    try:
        run_block(block, names, GUIDE.name)
    finally:
        if "cluster" in names:
            names["cluster"].close()  # type: ignore[attr-defined]
    assert adapted == [{"minimum_jobs": 2, "maximum_jobs": 40}]
    assert capsys.readouterr().out.startswith("tcp://")
    script = scripts[0]
    for directive in ("-p gpu", "--mem=15G", "-t 08:00:00", "--gres=gpu:1"):
        assert f"#SBATCH {directive}" in script
    for option in ("--nthreads 1", "--resources GPU=1", "--lifetime 7h", "--lifetime-stagger 30m"):
        assert option in script
