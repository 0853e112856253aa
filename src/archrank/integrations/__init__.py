"""archrank inside the tools that people have open: Optuna's studies, and trackers of runs."""
