"""The metrics that are exported and their labels, which dashboards and alerts may name."""

METRICS: dict[str, tuple[str, ...]] = {
    "http_request_duration_seconds": ("method", "endpoint", "status_code"),
    "db_queries_per_request": ("endpoint",),
    "cache_hits_total": ("cache_name",),
    "cache_misses_total": ("cache_name",),
    "active_db_connections": (),
    "db_pool_connections_in_use": ("pool",),
    "db_pool_requests_waiting": ("pool",),
    "event_loop_lag_seconds": (),
}
