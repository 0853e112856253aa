"""The cell spaces of NDS: DARTS, ENAS, PNAS, Amoeba and NASNet."""
