"""Times and sizes in words, for people."""


def duration(seconds: float) -> str:
    """`under 1 s`, `42 s`, `7 min`, `2 h 10 min`, `3 d`."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "under 1 s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // 1440} d"


def size(count: int) -> str:
    """`607 bytes`, `1.4 kB`, `12.0 MB`, `3.1 GB`."""
    if count < 1000:
        return f"{count} bytes"
    for unit, scale in (("kB", 1e3), ("MB", 1e6)):
        if count < 999.95 * scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count / 1e9:,.1f} GB"
