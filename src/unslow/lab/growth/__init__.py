"""Growth: what endpoints cost when their tables have many times the rows."""
