"""kill -9 at random instants, and what must hold afterwards."""
