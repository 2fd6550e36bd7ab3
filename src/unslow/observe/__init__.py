"""Watches a running application from inside: its requests, their queries, and who asked for them.

Everything here runs in the application's interpreter and therefore uses the standard library alone.
"""
