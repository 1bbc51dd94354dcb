"""What every streaming flow needs, once: stream simulation, FIFO sizing, folding search, timing, options, notes."""
