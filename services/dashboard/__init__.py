"""optuna-dashboard for the store: it shows sweeps as studies and changes nothing."""
