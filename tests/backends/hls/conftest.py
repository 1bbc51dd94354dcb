"""What pytest leaves alone here: generated code, no tests."""

collect_ignore = ["golden"]
