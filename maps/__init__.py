"""Values become pictures."""
