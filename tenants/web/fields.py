"""Form fields with limits."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.forms.fields import InvalidJSONInput

MIN_DAY, MAX_DAY = date(1970, 1, 1), date(2999, 12, 31)
"""So that the day before and the day after are days, too, in every time zone."""
DAY_LIMITS = (
    MinValueValidator(MIN_DAY, f"Choose a day from {MIN_DAY.year} on."),
    MaxValueValidator(MAX_DAY, f"Choose a day before the year {MAX_DAY.year + 1}."),
)

MAX_JSON = 50_000
"""Characters."""


class DayField(forms.DateField):
    """A day from MIN_DAY to MAX_DAY, chosen from a calendar; may stay empty."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.DateInput(attrs={"type": "date"}),
            validators=DAY_LIMITS,
            **settings,
        )


class TimeOfDayField(forms.TimeField):
    """An hour and a minute; may stay empty."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(required=False, widget=forms.TimeInput(attrs={"type": "time"}), **settings)


class ShallowJSONField(forms.JSONField):
    """JSON that is neither too long nor nested deeper than Python reads."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_JSON:
            raise ValidationError(f"Enter at most {MAX_JSON:,} characters.")
        try:
            return super().to_python(value)
        except RecursionError:
            raise ValidationError("This JSON is nested too deeply.") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return InvalidJSONInput(data)
