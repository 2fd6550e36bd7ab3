"""What watching costs: unslow and its peers, side by side in one run."""
