"""The test matrix as a table. Run with build/test-matrix.json as its argument, it prints that."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

COUNTS = ("passed", "failed", "skipped")


def table(matrix: dict[str, Any]) -> list[str]:
    """One line for each row of a test-matrix.json, below a heading."""
    lines = [f"{'version':<8} {'build':<8} {'name':<12} {'passed':>6} {'failed':>6} {'skipped':>7}  result"]
    for row in matrix["rows"]:
        passed, failed, skipped = (row.get(name, 0) for name in COUNTS)
        lines.append(
            f"{row['version']:<8} {row['build']:<8} {row['name']:<12} {passed:>6} {failed:>6} {skipped:>7}"
            f"  {row['result']}"
        )
    if matrix["required_but_not_run"]:
        lines.append(f"required builds that did not run: {', '.join(matrix['required_but_not_run'])}")
    return lines


if __name__ == "__main__":
    print("\n".join(table(json.loads(Path(sys.argv[1]).read_text()))))
