"""AceNAS's relevance, of tensors as of arrays."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archrank import criteria
from archrank.types import Floats


@overload
def relevance(scores: Tensor, **options: Any) -> Tensor: ...
@overload
def relevance(scores: NDArray[np.generic], **options: Any) -> Floats: ...
def relevance(scores: NDArray[np.generic] | Tensor, **options: Any) -> Floats | Tensor:
    """Turn labels into relevances, the targets of ``lambdarank`` and ``approx_ndcg``.

    Args:
        scores: ``(n,)`` labels. A tensor gives a tensor, an array an array.
        **options: those of :func:`archrank.criteria.relevance`, which defines relevance.

    Raises:
        LabelError: as :func:`archrank.criteria.relevance`.
    """
    if not isinstance(scores, Tensor):
        return criteria.relevance(scores, **options)
    found = torch.from_numpy(
        criteria.relevance(scores.detach().double().cpu().numpy(), **options)
    ).to(scores.device)
    return found.to(scores.dtype) if scores.is_floating_point() else found
