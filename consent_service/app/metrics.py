"""What is counted, for the platform.

Rule: a label is a route's template, a method, a status or a state, never a value from a call: an id or a number in a
label would stay for as long as the metrics do.
"""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        """Start at nought, in a registry of their own."""
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "consent_http_answers",
            "Answers by route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "consent_http_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self.registry
        )

        # To look a counter up by its labels takes longer than to count.
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._letters = Gauge(
            "consent_outbox_letters", "Letters by where they stand.", ("status",), registry=self.registry
        )

    def letters(self, counts: Mapping[str, int]) -> None:
        """How many letters stand at each status now."""
        self._letters.clear()
        for status, count in counts.items():
            self._letters.labels(status).set(count)

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        counted = self._counted.get((method, route, status))
        if counted is None:
            counted = self._answers.labels(method, route, str(status)), self._seconds.labels(route)
            self._counted[method, route, status] = counted
        counted[0].inc()
        counted[1].observe(seconds)
