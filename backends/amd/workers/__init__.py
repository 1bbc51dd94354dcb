"""The rooms in which a step for every flow in HLS C++ runs."""
