"""The resource models of the RTL flow beside what open tools count."""
