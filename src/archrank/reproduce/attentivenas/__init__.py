"""AttentiveNAS (Wang et al., CVPR 2021) at small size: its accuracy ranker and its samplings."""
