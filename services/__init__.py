"""What the police do: fetch, compute, store."""
