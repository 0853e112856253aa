"""What single trackers add: hyper-parameters, files that were cut off, names, missing packages."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import archrank as ar
from archrank.errors import CallbackWarning, MissingExtraError, UnknownNameError
from archrank.integrations.tracking import MLflow, TensorBoard, WandB, make_trackers
from archrank.integrations.tracking.wandb_files import logged
from tests.integrations.tracking.read_back import (
    mlflow_points,
    tensorboard_points,
    wait_for_wandb,
    wandb_points,
    wandb_records,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
Make = Callable[[], ar.Study]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_tensorboard_has_hyper_parameters_and_architectures(study: Make, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    done = study().run(3, callbacks=[TensorBoard(settings={"typed": "mine"})])
    found = EventAccumulator(str(tmp_path / "a run" / "tensorboard"), {"tensors": 0})
    found.Reload()
    (text, *_) = found.Tensors("architecture/text_summary")
    first = min(done.records, key=lambda r: r.elapsed)
    assert text.tensor_proto.string_val[0].decode() == first.string
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    known = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert known["strategy"].string_value == "random"
    assert known["strategy.batch_size"].number_value == 3
    assert known["typed"].string_value == "mine"
    content = found.SummaryMetadata("_hparams_/experiment").plugin_data.content
    metrics = plugin_data_pb2.HParamsPluginData.FromString(content).experiment.metric_infos
    assert [metric.name.tag for metric in metrics] == ["best/accuracy"]
    assert "best/accuracy" in found.Tags()["scalars"]


def test_tensorboard_files_that_were_cut_off(study: Make, tmp_path: Path) -> None:
    """A machine that goes down while a step is written leaves part of a record."""
    study().run(4, callbacks=[TensorBoard()])
    folder = tmp_path / "a run" / "tensorboard"
    (file,) = folder.iterdir()
    data = file.read_bytes()
    for size in (len(data) - 1, len(data) - 300, len(data) // 2, 10, 0):
        for path in folder.iterdir():
            path.unlink()
        file.write_bytes(data[:size])
        done = study().run(4, callbacks=[TensorBoard()])
        points = tensorboard_points(folder)
        assert [step for step, _ in points["run/seconds"]] == [1, 2, 3, 4]
        records = sorted(done.records, key=lambda r: r.elapsed)
        known = [(i, r.seconds) for i, r in enumerate(records, 1)]
        assert points["run/seconds"] == [(i, pytest.approx(s, rel=1e-5)) for i, s in known]


def test_a_disk_that_is_full(study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that does not fit is taken back, and written when there is room."""
    from archrank.integrations.tracking import event_files

    class Full:
        """A file that takes half of the third record."""

        def __init__(self, file: BinaryIO) -> None:
            self.file, self.writes = file, 0

        def write(self, data: memoryview) -> int:
            self.writes += 1
            if self.writes == 5:
                self.file.write(data[: len(data) // 2])
                raise OSError(28, "No space left on device")
            return self.file.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    def opened(*arguments: Any, **options: Any) -> Full:
        return Full(open(*arguments, **options))

    with monkeypatch.context() as patch:
        patch.setattr(event_files, "open", opened, raising=False)
        with pytest.warns(CallbackWarning, match="No space left"):
            study().run(6, callbacks=[TensorBoard()])
    folder = tmp_path / "a run" / "tensorboard"
    assert [s for s, _ in tensorboard_points(folder)["run/seconds"]] == [1, 2]
    study().run(6, callbacks=[TensorBoard()])
    assert [s for s, _ in tensorboard_points(folder)["run/seconds"]] == [1, 2, 3, 4, 5, 6]


def test_wandb_files_that_lack_steps_are_told(
    study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archrank.integrations.tracking import wandb_runs

    monkeypatch.setattr(wandb_runs, "SETTLED", 0.1)
    monkeypatch.setattr(wandb_runs.WandB, "_last_step", lambda tracker: 2)
    with pytest.warns(CallbackWarning, match="end at step 2 of 4; is the disk full"):
        assert len(study().run(4, callbacks=[WandB()]).records) == 4


def test_a_file_in_the_way_is_told(study: Make, tmp_path: Path) -> None:
    (tmp_path / "a run").mkdir()
    (tmp_path / "a run" / "tensorboard").write_text("no folder")
    with pytest.warns(CallbackWarning, match="tensorboard failed"):
        assert len(study().run(3, callbacks=[TensorBoard()]).records) == 3


def test_mlflow_has_parameters_and_the_best(study: Make, store: str) -> None:
    from mlflow.tracking import MlflowClient

    uri = store
    done = study().run(4, callbacks=[MLflow(uri, "mine")])
    (number,) = mlflow_points(uri, "mine")
    run = MlflowClient(uri).get_run(number)
    assert run.info.run_name == "a run"
    assert run.info.status == "FINISHED"
    assert run.data.params["strategy.batch_size"] == "3"
    assert run.data.tags["best_architecture"] == done.best.string
    MlflowClient(uri).delete_run(number)
    study().run(5, callbacks=[MLflow(uri, "mine")])
    (other,) = mlflow_points(uri, "mine")
    assert other != number
    assert len(mlflow_points(uri, "mine")[other]["run/elapsed"]) == 5


def test_mlflow_keeps_no_password(
    study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.warns(CallbackWarning, match="mlflow failed"):
        study().run(2, callbacks=[MLflow("http://me:secret@127.0.0.1:9")])
    assert not [p for p in (tmp_path / "a run").glob("*.json") if "secret" in p.read_text()]


def test_an_mlflow_store_that_a_kill_left_half_made(study: Make, store: str) -> None:
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as database:
        database.executescript("DROP TABLE alembic_version; DROP TABLE metrics")
    with pytest.warns(CallbackWarning, match=r"tracked.db is half made; remove it if it has no"):
        assert len(study().run(2, callbacks=[MLflow(store)]).records) == 2


def test_an_mlflow_store_that_cannot_be_written(
    study: Make, store: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line says so, in place of the traceback that MLflow logs."""
    uri = f"{store}?mode=ro&uri=true".replace("sqlite:///", "sqlite:///file:")
    with pytest.warns(CallbackWarning, match=r"readonly database\. The run goes on"):
        assert len(study().run(2, callbacks=[MLflow(uri)]).records) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_mlflow_in_a_database_that_is_away(study: Make) -> None:
    pytest.importorskip("psycopg")
    uri = "postgresql+psycopg://me:secret@127.0.0.1:9/runs"
    with pytest.warns(CallbackWarning, match=r"psycopg://\*\*\*@127.0.0.1:9/runs: .*refused"):
        assert len(study().run(2, callbacks=[MLflow(uri)]).records) == 2


def test_packages_send_no_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the user wants that."""
    for name, wanted in (("MLFLOW_DISABLE_TELEMETRY", "true"), ("WANDB_ERROR_REPORTING", "false")):
        monkeypatch.delenv(name, raising=False)
        make_trackers(["mlflow", "wandb"])
        assert os.environ[name] == wanted
        monkeypatch.setenv(name, "mine")
        make_trackers(["mlflow", "wandb"])
        assert os.environ[name] == "mine"


def test_wandb_has_config_and_the_best(study: Make, tmp_path: Path) -> None:
    done = study().run(4, callbacks=[WandB("mine")])
    wait_for_wandb(tmp_path / "a run" / "wandb")
    records = list(wandb_records(tmp_path / "a run" / "wandb"))
    (run,) = [r.run for r in records if r.WhichOneof("record_type") == "run"]
    assert (run.project, run.display_name) == ("mine", "a run")
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["strategy.batch_size"] == 3
    told = [i for r in records for i in r.summary.update if i.key == "best_architecture"]
    assert json.loads(told[-1].value_json) == done.best.string


def test_wandb_files_that_were_cut_off(study: Make, tmp_path: Path) -> None:
    study().run(12, callbacks=[WandB()])
    run = tmp_path / "a run"
    wait_for_wandb(run / "wandb")
    number = json.loads((run / "tracking.json").read_text())["wandb"]["run"]
    (file,) = run.glob("wandb/offline-run-*/*.wandb")
    data = file.read_bytes()
    lasts = []
    for share in (0.0, 0.3, 0.6, 0.9, 1.0):
        file.write_bytes(data[: int(share * len(data))])
        steps = [step for step, _ in wandb_points(run / "wandb").get("run/elapsed", [])]
        lasts.append(max((row["_step"] for row in logged(run, number)), default=0))
        assert lasts[-1] == max(steps, default=0)
    assert lasts[0] == 0
    assert 0 < lasts[2] < 12
    assert lasts[-1] == 12
    file.write_bytes(data[:200] + b"\xff" * 500)
    assert list(logged(run, number)) == []


def test_wandb_files_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    run = wandb.init(dir=str(tmp_path), mode="offline", settings=wandb.Settings(silent=True))
    for step in range(1, 8):
        run.log({"text": "x" * 20_000, "number": step}, step=step)
    run.finish()
    wait_for_wandb(tmp_path / "wandb")
    assert [row["_step"] for row in logged(tmp_path, run.id)] == list(range(1, 8))
    assert [s for s, _ in wandb_points(tmp_path / "wandb")["number"]] == list(range(1, 8))


def test_notes_that_are_damaged_are_told(study: Make, tmp_path: Path) -> None:
    (tmp_path / "a run").mkdir()
    (tmp_path / "a run" / "tracking.json").write_text("{")
    with pytest.warns(CallbackWarning, match="remove it to begin new tracked runs"):
        assert len(study().run(3, callbacks=[WandB()]).records) == 3


def test_names_and_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [t.name for t in make_trackers(["mlflow", "wandb", "mlflow"])] == ["mlflow", "wandb"]
    with pytest.raises(UnknownNameError, match="unknown tracker 'tensorbord', did you mean"):
        make_trackers(["tensorbord"])
    for name in ("tensorboard", "wandb", "mlflow", "mlflow.tracking"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("tensorboard", "wandb", "mlflow"):
        with pytest.raises(MissingExtraError, match=r"pip install 'archrank\[track\]'"):
            make_trackers([name])
