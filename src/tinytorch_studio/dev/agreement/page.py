"""The table of agreement: for each function its cases, how many agree, and why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tinytorch_studio.dev.agreement.deviations import reason_for


@dataclass
class Line:
    """What was seen of one function, under all of its names and called in every way."""

    name: str
    respects: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many cases there were."""
        return self.respects.total()

    @property
    def agree(self) -> int:
        """How many agree."""
        return self.cases - self.reasons.total() - len(self.unexplained)

    def take(self, case: object) -> None:
        """Count one case."""
        function, respect, difference, sample = (
            str(getattr(case, name) or "") for name in ("function", "respect", "difference", "sample")
        )
        self.respects[respect] += 1
        if difference:
            reason = reason_for(function, respect, difference, sample)
            if reason:
                self.reasons[reason] += 1
            else:
                self.unexplained.append(f"{function}({sample}), {respect}: {difference}")


def tally(lines: dict[str, Line], name: str, cases: Iterable[object]) -> None:
    """Count the cases of a function into its line."""
    for case in cases:
        lines.setdefault(name, Line(name)).take(case)


HEAD = """# Agreement with PyTorch

Made by `./tt dev agreement` with PyTorch {version}. The samples are PyTorch's own (`torch.testing._internal`: `op_db` for functions,
`module_db` for modules): shapes, types, broadcasting, sizes 0 and 1, memory that is not contiguous, infinities, NaN, calls that must be
refused. Each is called in every way that PyTorch offers (function, method, in place, operator, other names), on both, and compared
in values and types, in the error where one is raised, in gradients, and for float64 in gradients of gradients.

{total:,} cases of {count} functions and modules; {agree:,} agree ({share:.2%}). Every other one is counted below with its reason.
"""


def rows(lines: Iterable[Line]) -> Iterator[str]:
    """The table."""
    yield "| function | values | in place | refusals | gradients | second | agree | deviations |"
    yield "|---|---|---|---|---|---|---|---|"
    for line in lines:
        counts = [
            str(line.respects[each] or "")
            for each in ("value", "in place", "refusal", "gradient", "second gradient")
        ]
        said = "; ".join([f"{count}: {reason}" for reason, count in line.reasons.most_common()])
        if line.unexplained:
            said = f"**{len(line.unexplained)} unexplained**; {said}".rstrip("; ")
        share = "all" if line.agree == line.cases else f"{line.agree / line.cases:.1%}"
        yield f"| {line.name} | {' | '.join(counts)} | {share} | {said} |"


def page(lines: list[Line], missing: list[str], elsewhere: list[str], version: str) -> str:
    """The whole document."""
    total, agree = sum(each.cases for each in lines), sum(each.agree for each in lines)
    head = HEAD.format(
        version=version, total=total, count=len(lines), agree=agree, share=agree / max(total, 1)
    )
    parts = [head, "\n".join(rows(lines)), "", "## Not here", ""]
    parts.append("Functions of PyTorch's list that the framework does not have: " + ", ".join(missing) + ".")
    parts += ["", "## Compared elsewhere", ""]
    parts.append(
        "Public functions without samples in PyTorch's list; `tests/differential` and `tests/framework` hold them: "
        + ", ".join(elsewhere)
        + "."
    )
    return "\n".join(parts) + "\n"
