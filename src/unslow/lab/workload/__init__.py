"""Which requests stand for the traffic, and how they are sent."""

from unslow.lab.workload._call import SAFE_METHODS, Call, Workload
from unslow.lab.workload.build import Wanted, build
from unslow.lab.workload.client import Client, Response

__all__ = ["SAFE_METHODS", "Call", "Client", "Response", "Wanted", "Workload", "build"]
