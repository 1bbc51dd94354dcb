"""Measurements of the program itself: run them by hand, read what they print."""
