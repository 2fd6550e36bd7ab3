"""What the lab and the tests' plugin hold code to, so that both judge alike."""
