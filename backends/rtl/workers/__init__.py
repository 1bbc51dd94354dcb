"""The rooms in which a step of this flow runs."""
