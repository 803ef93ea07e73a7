"""An event simulation of dispatch on real road networks: the same calls and units under each policy."""
