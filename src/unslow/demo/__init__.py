"""The shop, written the slow way in two flavours, and the servers it needs, embedded."""
