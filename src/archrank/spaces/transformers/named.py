"""Transformer spaces by name, other than what their classes default to."""

from __future__ import annotations

from archrank.spaces.transformers.hat import HAT
from archrank.spaces.transformers.ranknas import RankNASLanguageModel, RankNASTranslation


def hat_small() -> HAT:
    """A translation space like HAT's with sizes for CPUs."""
    return HAT("small")


def hat_union() -> HAT:
    """The larger space that HAT's published latencies are drawn from."""
    return HAT("union")


def hat_wmt() -> HAT:
    """HAT's space for WMT'14 and WMT'19."""
    return HAT("wmt")


def ranknas_small() -> RankNASTranslation:
    """A translation space like RankNAS's high-accuracy one with sizes for CPUs."""
    return RankNASTranslation("small")


def ranknas_lm_small() -> RankNASLanguageModel:
    """A language-model space like RankNAS's with sizes for CPUs."""
    return RankNASLanguageModel("small")


def ranknas_wmt() -> RankNASTranslation:
    """RankNAS's high-accuracy space for WMT'14."""
    return RankNASTranslation("wmt")
