"""A report in the formats that people and machines read: one file per format.

Every module without a leading underscore has `render(report: Report) -> str`, a pure function.
"""
