"""What the flow builds of a network: arithmetic, stages, folding, schedule, memories, and what they take."""
