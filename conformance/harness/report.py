"""One line per check, and an exit status."""

import sys
import time
import traceback


class Report:
    """Collects the results of one check script. `with Report("name") as report:` prints a line for each check and
    leaves the process with status 1 if any failed or an exception ended the script."""

    def __init__(self, group: str):
        self.group = group
        self.failed = 0
        self.started = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and kind is not SystemExit:
            traceback.print_exception(kind, error, trace, file=sys.stderr)
            self.fail("the script ran to its end", f"{kind.__name__}: {error}")
        sys.stdout.flush()
        sys.exit(1 if self.failed else 0)

    def check(self, name: str, holds, detail: str = "") -> bool:
        """Prints `PASS` or `FAIL`; `detail` says what was seen."""
        if holds:
            self._line("PASS", name, detail)
        else:
            self.failed += 1
            self._line("FAIL", name, detail)
        return bool(holds)

    def fail(self, name: str, detail: str = ""):
        self.check(name, False, detail)

    def skip(self, name: str, reason: str):
        """A check that could not be tried here."""
        self._line("SKIP", name, reason)

    def _line(self, status: str, name: str, detail: str):
        detail = " ".join(str(detail).split())
        print(f"{status} {self.group}: {name}" + (f" ({detail})" if detail else ""), flush=True)


def shorten(items, limit: int = 3) -> str:
    """The first few of a list of complaints."""
    items = [str(item) for item in items]
    more = len(items) - limit
    return "; ".join(items[:limit]) + (f"; and {more} more" if more > 0 else "")
