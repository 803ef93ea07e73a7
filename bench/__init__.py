"""One script per figure; each prints JSON beside its limit or peer."""
