"""The generated C: what it computes in which order, its names, its text, and the files that all projects share."""
