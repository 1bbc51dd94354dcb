"""Whole designs that others built, each predicted from its configuration: see ``benchmarks/designs.py``."""
