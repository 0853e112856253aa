"""Run ``load_model.py`` of folders where archrank cannot be imported, and keep its outputs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import torch


class Blocked:
    """An import hook that knows no archrank."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "archrank":
            raise ImportError(f"{name} is not installed here")


def main(folders: list[str]) -> None:
    sys.meta_path.insert(0, Blocked())  # type: ignore[arg-type]
    torch.set_num_threads(1)
    for i, folder in enumerate(folders):
        spec = importlib.util.spec_from_file_location(f"load_{i}", Path(folder) / "load_model.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        with torch.no_grad():
            outputs = module.load_network()(*module.example_inputs())
        torch.save(getattr(outputs, "logits", outputs), Path(folder) / "outputs.pt")
    assert not any(name.partition(".")[0] == "archrank" for name in sys.modules)


if __name__ == "__main__":
    main(sys.argv[1:])
