"""The eight NDS spaces on CIFAR by the names of the papers."""

from __future__ import annotations

from archrank.spaces.nds import NDS


def darts() -> NDS:
    """DARTS on CIFAR: 15 widths and depths."""
    return NDS("darts")


def darts_fixwd() -> NDS:
    """DARTS at width 16 and depth 20."""
    return NDS("darts", widths=(16,), depths=(20,))


def enas() -> NDS:
    """ENAS on CIFAR."""
    return NDS("enas")


def enas_fixwd() -> NDS:
    """ENAS at width 16 and depth 20."""
    return NDS("enas", widths=(16,), depths=(20,))


def pnas() -> NDS:
    """PNAS on CIFAR."""
    return NDS("pnas")


def pnas_fixwd() -> NDS:
    """PNAS at width 16 and depth 20."""
    return NDS("pnas", widths=(16,), depths=(20,))


def amoeba() -> NDS:
    """Amoeba on CIFAR."""
    return NDS("amoeba")


def nasnet() -> NDS:
    """NASNet on CIFAR."""
    return NDS("nasnet")
