"""Sends load to an application on this machine and tells how long it took, from a process of its
own that is checked not to be what is measured.

Nothing is imported here, so that the generator's process stays as small as it is quick.
"""
