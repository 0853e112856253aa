"""RankNAS (Hu et al., 2021) on published measurements of Transformers."""
