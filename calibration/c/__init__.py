"""Instructions of the C flow's programs: counts by qemu, and the models that are fitted to them."""
