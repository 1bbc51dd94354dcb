"""The resource models of the manual HLS flow beside what open tools count of its stages as RTL."""
