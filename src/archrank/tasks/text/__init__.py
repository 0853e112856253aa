"""Language modelling and translation."""
