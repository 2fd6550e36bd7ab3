"""The lab: find, fix and prove."""
