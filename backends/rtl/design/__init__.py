"""What the RTL flow builds for a job."""
