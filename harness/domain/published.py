"""The figures that a slide prints, quoted to the digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from harness.errors import invalid


@dataclass(frozen=True)
class Figure:
    """One printed number, as text. ``rounding`` is half a unit of its last digit ("0.9840" -> 0.00005)."""

    printed: str

    def __post_init__(self) -> None:
        try:
            # a float would lose the printed digits, and so the rounding
            finite = isinstance(self.printed, str) and Decimal(self.printed).is_finite()
        except (InvalidOperation, TypeError, ValueError):
            finite = False
        if not finite:
            raise invalid(
                "published figure", expected="a decimal number as a string, as printed", received=self.printed
            )

    @property
    def value(self) -> float:
        return float(Decimal(self.printed))

    @property
    def rounding(self) -> float:
        exponent = Decimal(self.printed).as_tuple().exponent
        return 0.5 * 10.0 ** int(exponent)


@dataclass(frozen=True)
class Published:
    """The slide's figures of one metric: by variant, a string exactly as printed.

    >>> Published({"dropout 0.2": "0.9840"}).figures["dropout 0.2"].rounding
    5e-05
    """

    printed: Mapping[str, str]
    metric: str = "val_accuracy"

    def __post_init__(self) -> None:
        if not self.printed:
            raise invalid("published figures", expected="at least one figure", received=dict(self.printed))
        _ = self.figures

    @property
    def figures(self) -> dict[str, Figure]:
        return {variant: Figure(printed) for variant, printed in self.printed.items()}
