"""Models that predict something else than one number or one label a row."""
