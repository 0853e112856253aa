"""The AttentiveNAS space: 31 decisions, 4.40e11 networks.

Wang et al., "AttentiveNAS: Improving Neural Architecture Search via Attentive Sampling", CVPR 2021,
Table 2: image resolution, and width, depth, kernel size and expansion of each stage. Three
expansions have one option.
"""

from __future__ import annotations

from collections.abc import Sequence

from archrank.errors import UnknownNameError
from archrank.spaces.images import IMAGENET
from archrank.spaces.mobile.attentive import AttentiveSpace
from archrank.spaces.mobile.attentive_options import PUBLISHED, RESOLUTIONS
from archrank.types import Archs

NAMED = {  # the released configurations
    "A0": "192:16,16,24,32,64,112,192,216,1792:1333331:3333333:1444466",
    "A1": "224:16,16,24,32,64,112,192,216,1984:1333331:3335353:1444466",
    "A2": "224:16,16,24,32,64,112,200,224,1984:1333341:3333353:1454466",
    "A3": "224:16,16,24,32,64,112,208,224,1984:2334351:3335333:1444466",
    "A4": "256:16,16,24,32,64,112,192,216,1984:1334351:3335353:1445466",
    "A5": "256:16,16,24,32,72,112,192,216,1792:1333461:3335333:1454466",
    "A6": "288:16,16,24,32,64,112,216,224,1984:1334461:3333353:1465466",
}


class AttentiveNAS(AttentiveSpace):
    """The AttentiveNAS space.

    MACs count convolutions and the classifier, as the paper's "FLOPs" do, parameters all layers. A
    task's images are resized to the resolution. There is no graph view: the published predictor
    reads the 31 numbers.

    Args:
        resolutions: options of the resolution; the published ones are for ImageNet.

    Example:
        >>> space = AttentiveNAS()
        >>> f"{space.size:.3g}"
        '4.4e+11'
        >>> a0 = AttentiveNAS.named("A0")
        >>> f"{space.mflops(a0)[0]:.2f}"
        '203.39'
        >>> space.format(a0)
        ['192:16,16,24,32,64,112,192,216,1792:1333331:3333333:1444466']
    """

    name = "attentivenas"
    supernet_recipe = "attentive_imagenet"
    options = PUBLISHED
    images = IMAGENET
    names = NAMED
    usual = RESOLUTIONS

    def __init__(self, resolutions: Sequence[int] = RESOLUTIONS) -> None:
        super().__init__(resolutions)

    @classmethod
    def named(cls, name: str) -> Archs:
        """A published network, ``A0`` to ``A6``, as a row of the published space: ``(1, 31)``."""
        if name not in NAMED:
            raise UnknownNameError("AttentiveNAS network", name, NAMED)
        return cls().parse([NAMED[name]])
