"""The text of ``load_model.py``, for networks of archrank's modules and of users' functions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archrank import __version__
from archrank.export.loader.definitions import Code, Module, collect, import_lines
from archrank.export.loader.expressions import written
from archrank.networks.blueprint import Blueprint
from archrank.networks.noise import Noise

NAME = "load_model.py"
BATCH = 2  # examples of the example

USE = """\
    python load_model.py                    # prints shapes and a checksum of outputs

    from load_model import load_network
    network = load_network()                # in evaluation mode, on the CPU
"""

LICENCE = """\
The modules are archrank's, version {version}, without what this network does not need. Copyright
the archrank developers, licensed under the Apache License, Version 2.0:
http://www.apache.org/licenses/LICENSE-2.0. They are distributed "AS IS", WITHOUT WARRANTIES OR
CONDITIONS OF ANY KIND, either express or implied.
"""

EXAMPLE = '''
def example_inputs(batch: int = {batch}) -> tuple[Tensor, ...]:
    """Make up inputs of the right shapes and types: noise, the same in every call."""
    generator = torch.Generator().manual_seed(0)
    return {inputs}


def main() -> int:
    """Run the network on made-up inputs; return 0 if outputs are as they were when exported."""
    network, inputs = load_network(), example_inputs()
    with torch.no_grad():
        outputs = network(*inputs)
{logits}    checksum = float(outputs.double().abs().sum())
    print(f"network   {{type(network).__name__}}")
    print(f"weights   {{sum(p.numel() for p in network.parameters()):,}}")
    for x in inputs:
        print(f"input     {{tuple(x.shape)}} {{x.dtype}}")
    print(f"output    {{tuple(outputs.shape)}} {{outputs.dtype}}")
{answers}    print(f"checksum  {{checksum:.6g}}, {{CHECKSUM:.6g}} when it was exported")
    return 0 if abs(checksum - CHECKSUM) <= 1e-3 * max(1.0, abs(CHECKSUM)) else 1


if __name__ == "__main__":
    sys.exit(main())
'''

LOGITS = '    outputs = getattr(outputs, "logits", outputs)\n'

ANSWERS = """\
    numbers = outputs.argmax(1).flatten()[:8].tolist()
    print("answers  ", *(output_names()[k] for k in numbers))
"""

OUTPUT_NAMES = '''
def output_names() -> list[str]:
    """Return {what}, in the order of the network's outputs."""
    kept = json.loads((HERE / {file}).read_text(encoding="utf-8"))
    return {where}

'''

LOAD = '''
def load_network() -> nn.Module:
    """Build the network with its trained weights; in evaluation mode, on the CPU."""
    network = build_network()
    state = {read}
{outside}    network.load_state_dict(state)
    return network.eval()

'''

OUTSIDE = """\
    for name in {names}:  # buffers that are not in the state dict
        owner, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(owner), leaf, state.pop(name))
"""


@dataclass(frozen=True)
class Facts:
    """Facts that every ``load_model.py`` tells of its export.

    Attributes:
        architecture: its string.
        noise: inputs of the example, one per argument of the network.
        weights: name of the file with the state dict: ``.safetensors`` or ``.pt``.
        outside: buffers in that file that are not in the state dict.
        checksum: sum of the absolute outputs of the example.
        answers: kept file with names of the outputs, the keys that lead to them, and what they
            are; ``None``: there is none.
        logits: Outputs are objects with ``logits``.
    """

    architecture: str
    noise: tuple[Noise, ...]
    weights: str
    outside: tuple[str, ...] = ()
    checksum: float = 0.0
    answers: tuple[str, tuple[str, ...], str] | None = None
    logits: bool = False


@dataclass
class Script:
    """A file in the making.

    Attributes:
        about: paragraphs of its docstring.
        constants: lines of ``NAME = value``.
        body: code before :func:`load_network`.
        imports: ``{module: names}``.
    """

    about: list[str]
    constants: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    imports: dict[str, set[str]] = field(default_factory=dict)

    def need(self, module: str, *names: str) -> None:
        """Import names of a module, or the module itself."""
        self.imports.setdefault(module, set()).update(names or ("",))

    def text(self, facts: Facts) -> str:
        """Return the whole file."""
        self.need("sys")
        self.need("pathlib", "Path")
        self.need("torch")
        self.need("torch", "Tensor", "nn")
        if facts.answers is not None:
            self.need("json")
        if facts.weights.endswith(".safetensors"):
            self.need("safetensors.torch", "load_file")
        constants = [
            "HERE = Path(__file__).resolve().parent",
            f"ARCHITECTURE = {written(facts.architecture)}",
            *self.constants,
            f"CHECKSUM = {facts.checksum!r}  # of the outputs of the example",
        ]
        about = "\n\n".join(self.about)
        head = f'"""{about}\n"""\n\nfrom __future__ import annotations\n'
        parts = [head, *import_lines(self.imports), "", *constants, "", *self.body]
        code = "\n".join(parts) + "\n" + _loading(facts) + _example(facts)
        return code.rstrip("\n") + "\n"


def of_blueprint(blueprint: Blueprint[Any]) -> Script:
    """Return the file of a network that archrank's modules build.

    Raises:
        UnwritableError: an argument is no plain value.
    """
    used: list[Any] = []
    call = written(blueprint, indent=4, before=len("return "), used=used)
    code = collect(used)
    licence = LICENCE.format(version=__version__).strip()
    script = Script(
        [
            "Build a network that archrank found and load its weights; archrank is not needed.",
            USE.rstrip(),
            licence,
        ],
        imports={module: set(names) for module, names in code.imports.items()},
    )
    script.body = [_copied(code)]
    script.body.append(
        "\n# ---- the network of this export ----\n\n\n"
        "def build_network() -> nn.Module:\n"
        '    """Build the network, untrained."""\n'
        f"    return {call}\n"
    )
    return script


def _copied(code: Code) -> str:
    """Return the definitions, those of each module below a line that names it."""
    parts: list[str] = []
    for module in code.modules:
        definitions = code.of(module)
        parts += [_heading(module), "\n\n\n" if definitions[0].block else "\n\n"]
        for each, after in zip(definitions, [*definitions[1:], None], strict=True):
            near = after is not None and not each.block and not after.block
            apart = after is None or after.apart
            parts += [each.text, "\n\n\n" if not near else "\n\n" if apart else "\n"]
    return "".join(parts[:-1]) + "\n"


def _heading(module: Module) -> str:
    lines = [f"# ---- src/{module.name.replace('.', '/')}.py ----"]
    if module.name.startswith("archrank.networks."):
        for paragraph in module.about[:2]:
            lines += ["#", *(f"# {line}" for line in textwrap.wrap(paragraph, 97))]
    return "\n".join(lines)


def _loading(facts: Facts) -> str:
    if facts.weights.endswith(".safetensors"):
        read = f'load_file(HERE / "{facts.weights}")'
    else:
        read = f'torch.load(HERE / "{facts.weights}", weights_only=True)'
    outside = OUTSIDE.format(names=written(list(facts.outside))) if facts.outside else ""
    return LOAD.format(read=read, outside=outside)


def _example(facts: Facts) -> str:
    codes = [noise.code for noise in facts.noise]
    flat = f"({', '.join(codes)}{',' if len(codes) == 1 else ''})"
    if len(flat) + len("    return ") > 100:
        flat = "(\n" + "".join(f"        {code},\n" for code in codes) + "    )"
    names = ""
    if facts.answers is not None:
        file, keys, what = facts.answers
        where = "kept" + "".join(f"[{written(key)}]" for key in keys)
        names = OUTPUT_NAMES.format(what=what, file=written(file), where=where)
    return names + EXAMPLE.format(
        batch=BATCH,
        inputs=flat,
        logits=LOGITS if facts.logits else "",
        answers=ANSWERS if facts.answers is not None else "",
    )


def literal_choices(choices: Mapping[str, Any]) -> str:
    """Return the line that sets ``CHOICES``.

    Raises:
        UnwritableError: an option is no plain value.
    """
    return f"CHOICES = {written(dict(choices), before=len('CHOICES = '))}"
