"""GROUND: the pure mathematics of places and movement."""
