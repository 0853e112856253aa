"""``load_model.py``: Python code that builds an exported network without archrank."""
