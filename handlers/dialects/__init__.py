"""What the platforms that call model servers say and want to hear: one file a dialect, one table of them all."""
