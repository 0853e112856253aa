"""Search spaces: what can be built, as integer arrays."""

from archrank.registry import Registry
from archrank.spaces.base import Choice, Graphs, Space
from archrank.spaces.cells import EdgeCellSpace
from archrank.spaces.custom import CustomSpace
from archrank.spaces.nasbench201 import NASBench201
from archrank.spaces.vector import VectorSpace

SPACES = Registry("space", {"nasbench201": "archrank.spaces.nasbench201:NASBench201"})

__all__ = [
    "SPACES",
    "Choice",
    "CustomSpace",
    "EdgeCellSpace",
    "Graphs",
    "NASBench201",
    "Space",
    "VectorSpace",
]
