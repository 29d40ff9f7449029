"""Why a fault that another machine misses is missed, by its name."""

EXPLAINED: dict[str, str] = {}
