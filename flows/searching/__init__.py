"""`flows search`: the cheapest bits of each tensor that keep an accuracy."""
