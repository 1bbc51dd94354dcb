"""The commands, one module each: `ABOUT`, `add_arguments` and `execute`. None loads anything heavy on import."""
