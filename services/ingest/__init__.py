"""Codecs: bytes or files in, values out."""
