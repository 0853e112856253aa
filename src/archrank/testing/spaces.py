"""Contract check of spaces."""

from __future__ import annotations

import copy

import numpy as np

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces.base import Space
from archrank.spaces.conditions import existing
from archrank.spaces.networks import Networks
from archrank.spaces.numbering import NUMBERED
from archrank.tasks.base import Task
from archrank.testing._require import require, require_raises
from archrank.types import Archs, Ints


def check_space(space: Space, *, task: Task | None = None, n: int = 64, seed: int = 0) -> None:
    """Check that ``space`` keeps the contract of :class:`~archrank.spaces.Space`.

    Args:
        space: the space.
        task: what its networks are checked for; ``None`` for the published ones, if there are any.
        n: architectures to draw.
        seed: draws them.

    Raises:
        AssertionError: it does not; says where.
    """
    archs = _check_sample(space, n, seed)
    _check_moves(space, archs, seed)
    _check_neighbors(space, archs[0])
    _check_identity(space, archs)
    _check_numbering(space, archs)
    _check_strings(space, archs)
    _check_features(space, archs)
    _check_graph(space, archs)
    _check_config(space, archs)
    _check_restrict(space, seed)
    _check_networks(space, task, archs[:4])
    require(copy.deepcopy(space) is space, "spaces are immutable: deepcopy(space) must be space")
    require(space.fingerprint() == space.fingerprint(), "fingerprint() changes between calls")


def _check_inside(space: Space, archs: Archs, rows: int, what: str) -> None:
    shape = (rows, space.d)
    require(archs.shape == shape, f"{what} must have shape {shape}, got {archs.shape}")
    require(archs.dtype == np.uint8, f"{what} must be uint8, got {archs.dtype}")
    for j, choice in enumerate(space.choices):
        top = int(archs[:, j].max(initial=0))
        require(
            top < len(choice.options),
            f"{what}: choice {top} of decision {choice.name!r} is out of range "
            f"0..{len(choice.options) - 1}",
        )


def _check_sample(space: Space, n: int, seed: int) -> Archs:
    archs = space.sample(n, rng=np.random.default_rng(seed))
    _check_inside(space, archs, n, "sample(n)")
    again = space.sample(n, rng=np.random.default_rng(seed))
    require((archs == again).all(), "sample(n, rng) must depend on rng alone: same seed, same rows")
    if space.size > 1:
        many = space.sample(max(n, 256), rng=np.random.default_rng(seed))
        require((many != many[0]).any(), "sample(n) returned one row n times")
        for j, choice in enumerate(space.choices):
            met = len(np.unique(many[:, j]))
            rare = len(choice.options) > 16 or j in _members(space)
            require(
                rare or met == len(choice.options),
                f"sample(256) never draws some options of decision {choice.name!r}",
            )
    require((space.validate(archs) == archs).all(), "validate(archs) must return valid archs as is")
    wrong = archs.astype(np.int64)
    wrong[0, 0] = len(space.choices[0].options)
    require_raises(
        ArchitectureError,
        lambda: space.validate(wrong),
        "validate must refuse a choice index equal to the number of options",
    )
    require_raises(
        ArchitectureError,
        lambda: space.validate(archs[0]),
        "validate must refuse a row (d,)",
    )
    return archs


def _check_moves(space: Space, archs: Archs, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, before = len(archs), archs.copy()
    changeable = [len(c.options) > 1 for c in space.choices]
    if any(changeable):
        one = space.mutate(archs, rng=rng)
        _check_inside(space, one, n, "mutate(archs)")
        require(
            (_changes(space, archs, one) == 1).all(),
            "mutate(rate=None) must change exactly one decision, or one member of a set",
        )
        for rate in (0.0, 0.5, 1.0):
            some = space.mutate(archs, rng=rng, rate=rate)
            _check_inside(space, some, n, f"mutate(rate={rate})")
            require(
                (some != archs).any(1).all(),
                f"mutate(rate={rate}) left a row unchanged; at least one decision must change",
            )
        require(
            (some != archs).sum() == n * sum(changeable)
            or bool(space.subsets)
            or not _is_box(space, archs[0]),
            "mutate(rate=1) must change all",
        )
        for moved in (one, some):
            space.validate(moved)
    twins = [space.mutate(archs, rng=np.random.default_rng(seed)) for _ in range(2)]
    require((twins[0] == twins[1]).all(), "mutate must depend on rng alone")
    other = space.sample(n, rng=rng)
    child = space.crossover(archs, other, rng=rng)
    _check_inside(space, child, n, "crossover(a, b)")
    inherited = (child == archs) | (child == other)
    if space.subsets:  # members of a set that neither parent has are drawn
        inherited |= ~(existing(archs, space.conditions) | existing(other, space.conditions))
    require(
        inherited.all(),
        "crossover must take every decision from one of the parents",
    )
    space.validate(child)
    require((archs == before).all(), "mutate or crossover wrote into its input; return new arrays")


def _members(space: Space) -> set[int]:
    """Return the columns of all sets of limited size."""
    return {j for one in space.subsets for j in one.columns}


def _changes(space: Space, before: Archs, after: Archs) -> Ints:
    """Count decisions that differ, ``(n,)``; a member in place of another counts once.

    In a space with sets, only decisions count that existed before: a set that has come has members.
    """
    different = after != before
    if space.subsets:
        different &= existing(before, space.conditions)
    alone = [j for j in range(space.d) if j not in _members(space)]
    total: Ints = different[:, alone].sum(axis=1)
    for one in space.subsets:
        total += -(-different[:, one.at].sum(axis=1) // 2)
    return total


def _one_away(space: Space, arch: Archs) -> Archs:
    """List all valid rows that differ from ``arch: (d,)`` in one decision: ``(k, d)``."""
    near = []
    for j, choice in enumerate(space.choices):
        for k in range(len(choice.options)):
            row = arch.copy()
            row[j] = k
            try:
                near += [] if k == arch[j] else [space.validate(row[None])[0]]
            except ArchitectureError:
                continue  # a space may refuse combinations of choices
    return np.array(near, dtype=np.uint8).reshape(-1, space.d)


def _is_box(space: Space, arch: Archs) -> bool:
    """Return True if every change of one decision of ``arch`` is valid."""
    return len(_one_away(space, arch)) == sum(len(c.options) - 1 for c in space.choices)


def _check_neighbors(space: Space, arch: Archs) -> None:
    near = space.neighbors(arch)
    expected = _one_away(space, arch)
    _check_inside(space, near, len(near) if space.subsets else len(expected), "neighbors(arch)")
    require(
        (_changes(space, np.repeat(arch[None], len(near), axis=0), near) <= 1).all()
        and (near != arch).any(axis=1).all(),
        "neighbors must differ in exactly one decision each, or in one member of a set",
    )
    space.validate(near)
    distinct = np.unique(near, axis=0)
    require(len(distinct) == len(near), "neighbors(arch) repeats rows")
    all_of_them = np.unique(np.concatenate([near, expected]), axis=0)
    require(
        len(all_of_them) == len(near),
        "neighbors(arch) must be all valid rows one decision away",
    )


def _check_identity(space: Space, archs: Archs) -> None:
    n = len(archs)
    active = space.active(archs)
    require(active.shape == archs.shape, f"active(archs) must have shape {archs.shape}")
    require(active.dtype == np.bool_, f"active(archs) must be bool, got {active.dtype}")
    canonical = space.canonical(archs)
    _check_inside(space, canonical, n, "canonical(archs)")
    require(
        (space.canonical(canonical) == canonical).all(), "canonical must be idempotent, it is not"
    )
    for view in (space.active, space.canonical):
        for i in (0, n - 1):
            require(
                (view(archs)[i] == view(archs[i : i + 1])[0]).all(),
                f"{view.__name__}(archs)[{i}] depends on the other rows",
            )


def _check_numbering(space: Space, archs: Archs) -> None:
    if space.size > NUMBERED:
        return
    index = space.index(archs)
    require(index.shape == (len(archs),), f"index(archs) must be (n,), got {index.shape}")
    require(
        ((index >= 0) & (index < space.size)).all(),
        f"index must lie in 0..{space.size - 1}",
    )
    back = space.from_index(index)
    _check_inside(space, back, len(archs), "from_index(index)")
    require((back == archs).all(), "from_index(index(archs)) must give archs back")
    distinct = len(np.unique(archs, axis=0))
    require(len(np.unique(index)) == distinct, "different rows must have different index")
    drawn = np.random.default_rng(0).integers(space.radices, size=archs.shape).astype(np.uint8)
    others = np.where(existing(archs, space.conditions), archs, drawn)
    require(
        (space.index(others) == index).all(),
        "rows that differ in decisions that do not exist must have one index",
    )
    if space.size <= 100_000:
        _check_enumerate(space)


def _check_enumerate(space: Space) -> None:
    rows = space.enumerate()
    numbers = space.index(rows)
    require((np.diff(numbers) > 0).all(), "enumerate() must be in index order, each row once")
    require(space.valid(rows).all(), "enumerate() lists rows that are not valid")
    valid = space.valid(space.from_index(np.arange(space.size))).sum()
    require(
        len(rows) == valid,
        f"enumerate() has {len(rows)} rows, size is {space.size}, of which {valid} are valid",
    )


def _check_strings(space: Space, archs: Archs) -> None:
    strings = space.format(archs)
    require(len(strings) == len(archs), "format(archs) must return one string per row")
    require((space.parse(strings) == archs).all(), "parse(format(archs)) must give archs back")
    require_raises(
        ArchitectureError, lambda: space.parse(["?"]), "parse must refuse what it cannot read"
    )


def _check_features(space: Space, archs: Archs) -> None:
    n, names = len(archs), space.feature_names
    x = space.features(archs)
    require(x.shape == (n, len(names)), f"features must be ({n}, {len(names)}), got {x.shape}")
    require(len(set(names)) == len(names), "feature_names must be unique")
    require(np.issubdtype(x.dtype, np.floating), f"features must be floats, got {x.dtype}")
    require(np.isfinite(x).all(), "features must be finite")
    t = space.tokens(archs)
    require(t.ndim == 2 and len(t) == n, f"tokens must be (n, l), got {t.shape}")
    require(np.issubdtype(t.dtype, np.integer), f"tokens must be integers, got {t.dtype}")
    require(
        t.min() >= 0 and t.max() < space.n_tokens,
        f"tokens must lie in 0..n_tokens - 1 = {space.n_tokens - 1}, got {t.min()}..{t.max()}",
    )
    for i in (0, n - 1):
        one = archs[i : i + 1]
        require(
            np.array_equal(space.features(one)[0], x[i]),
            f"features(archs)[{i}] depends on the other rows",
        )
        require(
            np.array_equal(space.tokens(one)[0], t[i]), f"tokens(archs)[{i}] depends on other rows"
        )


def _check_graph(space: Space, archs: Archs) -> None:
    try:
        graphs = space.graph(archs)
    except SpaceError:
        return  # a space may have no graph view, but must say so this way
    n, v = graphs.ops.shape
    require(n == len(archs), f"graph(archs) must hold {len(archs)} graphs, got {n}")
    require(graphs.adjacency.shape == (n, v, v), f"adjacency must be ({n}, {v}, {v})")
    require(graphs.adjacency.dtype == np.bool_, "adjacency must be bool")
    require(graphs.mask.shape == (n, v), f"mask must be ({n}, {v})")
    require(graphs.ops.max() < len(graphs.op_names), "graph ops must index op_names")
    if graphs.edge_ops is not None:
        require(graphs.edge_ops.shape == (n, v, v), f"edge_ops must be ({n}, {v}, {v})")
    if graphs.extra is not None:
        require(graphs.extra.shape[0] == n, "graph extra must have one row per architecture")
    one = space.graph(archs[:1])
    require(
        (one.adjacency[0] == graphs.adjacency[0]).all() and (one.ops[0] == graphs.ops[0]).all(),
        "graph(archs)[0] depends on the other rows",
    )


def _check_config(space: Space, archs: Archs) -> None:
    for arch, existent in zip(archs[:8], existing(archs[:8], space.conditions), strict=True):
        chosen = zip(space.choices, arch.tolist(), existent.tolist(), strict=True)
        expected = {c.name: c.options[k] for c, k, exists in chosen if exists}
        found = space.config(arch)
        plain = {name: v for name, v in found.items() if not isinstance(v, list | tuple)}
        require(
            found == expected or (len(plain) < len(found) and plain.items() <= expected.items()),
            f"config(arch) must name the options of decisions that exist, {expected}, got {found}",
        )
    configs = {repr(space.config(arch)) for arch in archs}
    rows = np.where(existing(archs, space.conditions), archs, 0)
    require(
        len(configs) == len(np.unique(rows, axis=0)),
        "config(arch) must differ exactly where decisions that exist do",
    )


def _check_restrict(space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    several = [c for c in space.choices if len(c.options) > 1]
    if not several:
        return
    kept = {
        several[j].name: several[j].options[: len(several[j].options) // 2 + 1]
        for j in rng.permutation(len(several))[:3]
    }
    name = next(iter(kept))
    require_raises(SpaceError, lambda: space.restrict({name: []}), "restrict must refuse no option")
    require_raises(
        UnknownNameError,
        lambda: space.restrict({"no such decision": [1]}),
        "restrict must refuse decisions that the space does not have",
    )
    small = space.restrict(kept)
    archs = small.sample(16, rng=rng)
    whole = space.validate(small.to_origin(archs)) if small.origin is space else None
    for row in map(small.config, archs):
        plain = {k: v for k, v in row.items() if not isinstance(v, list | tuple)}
        wrong = {k: v for k, v in plain.items() if v not in kept.get(k, (v,))}
        require(not wrong, f"restrict({kept}) draws options that are left out: {wrong}")
    require(
        (small.parse(small.format(archs)) == archs).all(),
        "strings of a restricted space do not round-trip",
    )
    require(
        small.fingerprint() != space.fingerprint() or small.choices == space.choices,
        "the fingerprint of a restricted space must differ",
    )
    if whole is not None:
        require(
            small.format(archs) == space.format(whole)
            and np.array_equal(small.features(archs), space.features(whole)),
            "a restricted space must have the strings and features of the whole one",
        )


def _check_networks(space: Space, task: Task | None, archs: Archs) -> None:
    try:
        networks = space.networks(task)
    except SpaceError:
        require(task is None, "networks(task) refuses the task")
        return  # nothing was published: sizes depend on the task
    cost = networks.cost(archs)
    require(set(cost) >= {"macs", "params"}, f"cost must have macs and params, got {sorted(cost)}")
    for name, values in cost.items():
        require(values.shape == (len(archs),), f"cost {name!r} must be (n,), got {values.shape}")
        require(
            np.isfinite(values).all() and (values >= 0).all(), f"cost {name!r} must be >= 0, finite"
        )
        require(
            networks.cost(archs[:1])[name][0] == values[0],
            f"cost {name!r} depends on the other rows",
        )
    require(networks.fingerprint() == space.networks(task).fingerprint(), "fingerprint changes")
    for arch, params in zip(archs[:2], cost["params"], strict=False):
        first, second = (_shapes(networks, arch) for _ in range(2))
        require(first == second, "build(arch) gives networks of different shapes")
        counted = sum(size for _, size in first)
        require(
            counted == params,
            f"cost says {params:,.0f} parameters of {space.format(arch[None])[0]!r}, its network "
            f"has {counted:,}",
        )


def _shapes(networks: Networks, arch: Archs) -> list[tuple[str, int]]:
    """Names and sizes of a network's trainable parameters, built without arithmetic if possible."""
    import torch

    try:
        with torch.device("meta"):
            network = networks.build(arch)
    except Exception:
        network = networks.build(arch)  # it looks at numbers
    return [(name, p.numel()) for name, p in network.named_parameters() if p.requires_grad]
