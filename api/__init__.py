"""THE DOORS: everything the outside reaches the service through."""
