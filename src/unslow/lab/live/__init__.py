"""Shows the requests of a development server as they happen, on a page of this machine."""

from unslow.lab.live.serving import Options, live

__all__ = ["Options", "live"]
