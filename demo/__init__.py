"""A city to look at: invented people and units that use the service only through its doors."""
