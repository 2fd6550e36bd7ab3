"""The judge for coding agents: unslow as a server of the Model Context Protocol."""
