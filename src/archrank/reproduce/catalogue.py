"""Catalogue of all tables and figures that can be reproduced."""

from __future__ import annotations

from archrank.errors import UnknownNameError
from archrank.reproduce.base import Reproduction

NB201, SUPERNET = ("nb201.csv.gz",), ("nb201.csv.gz", "nb201_supernet.csv.gz")
C10 = ("c10_val", "c10_test")
BOTH = (*C10, "c100_val", "c100_test")

_ALL = (
    Reproduction(
        "surgery-fig4",
        "Surgery (Ning et al. 2020), Fig. 4",
        "predictors against the number of labels: tau, P@5 %, BR@1 %",
        NB201,
        C10,
        "surgery.predictors:figure_4",
        seeds=3,
        quick_seeds=1,
    ),
    Reproduction(
        "surgery-fig5",
        "Surgery, Fig. 5",
        "predictors after five stages: P@K",
        NB201,
        C10,
        "surgery.stages:figure_5",
        seeds=3,
        quick_seeds=1,
    ),
    Reproduction(
        "surgery-table-a1",
        "Surgery, Table A1",
        "ranking against regression losses, 78 labels: tau",
        NB201,
        C10,
        "surgery.predictors:table_a1",
        seeds=3,
        quick_seeds=3,
    ),
    Reproduction(
        "surgery-table-a2",
        "Surgery, Table A2",
        "five stages of 78: accuracies chosen, BR@K, tau",
        NB201,
        C10,
        "surgery.stages:table_a2",
        seeds=3,
        quick_seeds=3,
    ),
    Reproduction(
        "surgery-fig-a2",
        "Surgery, Fig. A2",
        "tau and rank difference by FLOPs",
        NB201,
        C10,
        "surgery.predictors:figure_a2",
        seeds=3,
        quick_seeds=3,
    ),
    Reproduction(
        "surgery-a3",
        "Surgery, A.3",
        "a predictor trained on one-shot labels",
        SUPERNET,
        C10,
        "surgery.oneshot:section_a3",
        seeds=3,
        quick_seeds=3,
        alone=True,
    ),
    Reproduction(
        "surgery-supernets",
        "Surgery, Tables 2 to 4, Figs. 2 and 3, A.3",
        "supernets: samplings, samples per update, proxies, subsets, bias by FLOPs",
        (),
        (),
        "surgery.supernets:tables",
        seeds=3,
        quick_seeds=2,
        trains=True,
    ),
    Reproduction(
        "acenas-table2",
        "AceNAS (Zhang et al. 2021), Table 2, NAS-Bench-201",
        "search on CIFAR-100 with 110 and 500 labels: test accuracy",
        SUPERNET,
        BOTH,
        "acenas.tables:table_2",
        seeds=50,
        quick_seeds=3,
    ),
    Reproduction(
        "acenas-table7",
        "AceNAS, Table 7, NAS-Bench-201",
        "quality of what is found: test accuracy, regret, rank",
        SUPERNET,
        BOTH,
        "acenas.tables:table_7",
        seeds=50,
        quick_seeds=3,
    ),
    Reproduction(
        "acenas-fig5",
        "AceNAS, Fig. 5, NAS-Bench-201",
        "top-10 accuracy from 20 to 100 labels: AceNAS, Vanilla, BRP-NAS",
        SUPERNET,
        BOTH,
        "acenas.figures:figure_5",
        seeds=50,
        quick_seeds=1,
    ),
    Reproduction(
        "acenas-fig6",
        "AceNAS, Fig. 6, NAS-Bench-201",
        "what goes with top-10 accuracy: NDCG or tau",
        SUPERNET,
        BOTH,
        "acenas.figures:figure_6",
        seeds=50,
        quick_seeds=1,
    ),
    Reproduction(
        "acenas-fig7",
        "AceNAS, Fig. 7, NAS-Bench-201",
        "NDCG and top-10 accuracy by method",
        SUPERNET,
        BOTH,
        "acenas.figures:figure_7",
        seeds=50,
        quick_seeds=1,
    ),
    Reproduction(
        "acenas-fig8",
        "AceNAS, Fig. 8, NAS-Bench-201",
        "100 trainings: the best by one-shot accuracy, or AceNAS's: test regret",
        SUPERNET,
        BOTH,
        "acenas.ablations:figure_8",
        seeds=50,
        quick_seeds=3,
    ),
    Reproduction(
        "acenas-fig9",
        "AceNAS, Fig. 9, NAS-Bench-201",
        "top-10 regret by loss and by pretraining labels",
        SUPERNET,
        BOTH,
        "acenas.ablations:figure_9",
        seeds=50,
        quick_seeds=3,
    ),
    Reproduction(
        "acenas-fig11",
        "AceNAS, Fig. 11, NAS-Bench-201",
        "test accuracy of the incumbent against labels",
        SUPERNET,
        BOTH,
        "acenas.figures:figure_11",
        seeds=50,
        quick_seeds=3,
    ),
    Reproduction(
        "acenas-fig14",
        "AceNAS, Fig. 14, NAS-Bench-201",
        "pretraining on 4,000 weak labels: R2 on 1,000 others",
        SUPERNET,
        C10,
        "acenas.ablations:figure_14",
        seeds=3,
        quick_seeds=1,
        alone=True,
    ),
    Reproduction(
        "acenas-search",
        "AceNAS, section 3.2 and algorithm 1, NAS-Bench-201",
        "test regret of 110 trainings, one part of the search replaced at a time",
        SUPERNET,
        BOTH,
        "acenas.ablations:search",
        seeds=50,
        quick_seeds=1,
    ),
    Reproduction(
        "attentivenas-fig4",
        "AttentiveNAS (Wang et al. 2021), Fig. 4",
        "accuracy ranker of sub-networks: early and final checkpoint, other images: tau",
        (),
        (),
        "attentivenas.ranker:figure_4",
        seeds=3,
        quick_seeds=1,
        own_task=True,
    ),
    Reproduction(
        "blog-losses",
        "blog, table 1",
        "recursive ranker from 900 labels: squared error against the mixed loss",
        NB201,
        C10,
        "blog.tables:losses",
        seeds=10,
        quick_seeds=3,
    ),
    Reproduction(
        "blog-search",
        "blog, table 2",
        "search guided by the recursive ranker against random search",
        NB201,
        C10,
        "blog.tables:search",
        seeds=10,
        quick_seeds=3,
    ),
    Reproduction(
        "blog-transfer",
        "blog, tables 3 and 4",
        "the ranker of CIFAR-10 on CIFAR-100 (and ImageNet16-120, if at hand), not refitted",
        NB201,
        BOTH,
        "blog.tables:transfer",
        seeds=10,
        quick_seeds=3,
        more=("in16_val", "in16_test"),
    ),
)
REPRODUCTIONS: dict[str, Reproduction] = {item.name: item for item in _ALL}


def find(name: str) -> Reproduction:
    """Find a reproduction by name; case and underscores do not matter.

    Raises:
        UnknownNameError: No reproduction has that name.
    """
    known = name.lower().replace("_", "-")
    if known not in REPRODUCTIONS:
        hint = "archrank reproduce lists them"
        raise UnknownNameError("reproduction", name, REPRODUCTIONS, hint)
    return REPRODUCTIONS[known]
