"""A stand-in for MLflow's server: its REST API as far as a tracker uses it, kept in memory.

It refuses what the real one refuses: odd names, requests that are too large, another value of a
parameter. It can be told to fail.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.integrations.tracking.read_back import Points

NAME = re.compile(r"[\w\-. :/]+", re.ASCII)
ROOT = "/api/2.0/mlflow/"
Fault = Callable[[str], Any]


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Server(ThreadingHTTPServer):
    """The server, which runs in threads until it is closed.

    Attributes:
        fault: called with each request's name, such as ``runs/log-batch``; what it returns is sent
            in place of an answer: a status, or ``"nothing"`` for a connection that breaks off after
            the request was carried out. ``None`` for an answer.
    """

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fault: Fault = lambda request: None
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.metrics: dict[str, dict[str, set[tuple[int, int, float]]]] = {}
        self.lock = threading.Lock()
        self.uri = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()
        self.thread.join()

    def points(self, run: str) -> Points:
        """Return the metrics of a run, by their steps."""
        return {
            name: [(step, value) for step, _, value in sorted(found)]
            for name, found in self.metrics[run].items()
        }

    # ---- requests ------------------------------------------------------------------------------

    def experiments_get_by_name(self, experiment_name: str) -> Any:
        if experiment_name not in self.experiments:
            raise RefusedError(404, "RESOURCE_DOES_NOT_EXIST")
        number = self.experiments[experiment_name]
        return {"experiment": {"experiment_id": number, "lifecycle_stage": "active"}}

    def experiments_create(self, name: str, **_: Any) -> Any:
        if name in self.experiments:
            raise RefusedError(400, "RESOURCE_ALREADY_EXISTS")
        self.experiments[name] = str(len(self.experiments) + 1)
        return {"experiment_id": self.experiments[name]}

    def runs_create(self, experiment_id: str, run_name: str, **_: Any) -> Any:
        number = f"run{len(self.runs)}"
        info = {"run_id": number, "run_name": run_name, "experiment_id": experiment_id}
        info |= {"status": "RUNNING", "lifecycle_stage": "active"}
        self.runs[number] = {"info": info, "params": {}, "tags": {}}
        self.metrics[number] = defaultdict(set)
        return self.runs_get(number)

    def runs_get(self, run_id: str, **_: Any) -> Any:
        run = self._run(run_id)
        listed = {
            kind: [{"key": k, "value": v} for k, v in run[kind].items()]
            for kind in ("params", "tags")
        }
        return {"run": {"info": run["info"], "data": listed}}

    def runs_update(self, run_id: str, **changes: Any) -> Any:
        info = self._run(run_id)["info"]
        info |= changes
        return {"run_info": info}

    def runs_log_batch(
        self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()
    ) -> Any:
        run = self._run(run_id)
        if len(params) > 100 or len(metrics) > 1000 or len(metrics) + len(params) > 1000:
            raise RefusedError(400, "INVALID_PARAMETER_VALUE")
        for each in [*metrics, *params]:
            if not NAME.fullmatch(each["key"]):
                raise RefusedError(400, "INVALID_PARAMETER_VALUE")
        for each in params:
            if run["params"].setdefault(each["key"], each["value"]) != each["value"]:
                raise RefusedError(400, "INVALID_PARAMETER_VALUE")
        for each in metrics:
            point = (int(each.get("step", 0)), int(each["timestamp"]), float(each["value"]))
            self.metrics[run_id][each["key"]].add(point)
        return {}

    def runs_set_tag(self, run_id: str, key: str, value: str, **_: Any) -> Any:
        self._run(run_id)["tags"][key] = value
        return {}

    def metrics_get_history(self, run_id: str, metric_key: str, **_: Any) -> Any:
        found = sorted(self.metrics[run_id].get(metric_key, ()))
        listed = [
            {"key": metric_key, "step": step, "timestamp": timestamp, "value": value}
            for step, timestamp, value in found
        ]
        return {"metrics": listed}

    def _run(self, number: str) -> dict[str, Any]:
        if number not in self.runs:
            raise RefusedError(404, "RESOURCE_DOES_NOT_EXIST")
        return self.runs[number]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server

    def do_GET(self) -> None:
        self._answer(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, arguments: dict[str, Any]) -> None:
        request = urlsplit(self.path).path.removeprefix(ROOT)
        arguments.pop("run_uuid", None)  # another name of run_id
        fault = self.server.fault(request)
        if isinstance(fault, int):
            return self._send(fault, {})
        carry_out = getattr(self.server, re.sub("[/-]", "_", request), None)
        if carry_out is None:
            return self._send(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": request})
        try:
            with self.server.lock:
                found = carry_out(**arguments)
        except RefusedError as error:
            return self._send(error.status, {"error_code": error.code, "message": request})
        return None if fault == "nothing" else self._send(200, found)

    def _send(self, status: int, content: Any) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""
