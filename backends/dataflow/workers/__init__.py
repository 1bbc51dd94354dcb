"""What the workers of several flows do alike."""
