"""Reports at the end of a test run how many tokens differed at a near tie."""

from collections import Counter

from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Add up what the faithfulness tests recorded, in all processes."""
    counts: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in report.user_properties:
                if name in {"near_ties", "compared_tokens"}:
                    counts[name] += int(value)
    if counts["compared_tokens"]:
        terminalreporter.write_line(
            f"faithful: {counts['compared_tokens']} tokens compared with the model alone, "
            f"{counts['near_ties']} differed at a near tie"
        )
