"""The methods of HTTP, and one name for all that clients make up."""

# RFC 9110, PATCH of RFC 5789, QUERY of the httpbis working group.
METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
)
OTHER = "_OTHER"  # OpenTelemetry's value of http.request.method for them
