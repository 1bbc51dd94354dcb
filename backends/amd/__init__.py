"""AMD's tools for every flow that writes HLS C++: their steps, their scripts, and readers of their reports.

None of them was at hand when this was written: the readers were tried on reports that others made, the scripts on
stand-ins (docs/reference/vendor-tools.md).
"""
