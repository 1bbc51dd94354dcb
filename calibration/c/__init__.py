"""Instructions of the C flow's programs: counts by qemu, and the laws that are fitted to them."""
