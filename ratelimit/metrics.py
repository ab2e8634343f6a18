"""The limiter's figures for Prometheus. No names as labels: addresses are nobody's business."""

from prometheus_client import Counter, Gauge

DECISIONS = Counter(
    "aragora_ratelimit_decisions_total",
    "Calls that were counted.",
    ["decision", "backend"],
)
FALLBACKS = Counter(
    "aragora_ratelimit_fallbacks_total",
    "How often this process lost the limiter's Redis and went on by itself.",
)
SHARED = Gauge(
    "aragora_ratelimit_shared",
    "Whether limits are counted over all instances (1), or by each process for itself (0).",
    multiprocess_mode="livemin",
)
