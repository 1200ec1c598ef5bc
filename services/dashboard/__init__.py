"""optuna-dashboard over the store: it shows sweeps as studies, and changes nothing."""
