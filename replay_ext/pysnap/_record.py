"""What describes a snapshot."""

from __future__ import annotations


class Record:
    """Named facts that print themselves."""

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"<{type(self).__name__} {facts}>"
