"""Fits the resource models of the backends to what vendor tools counted, and shows how far off they are (README.md)."""
