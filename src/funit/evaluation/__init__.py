"""How good translations are: the metrics and the baselines they stand beside."""
