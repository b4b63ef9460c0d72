"""Filters of the worker monitor."""

from django import forms


class WorkerSearch(forms.Form):
    q = forms.CharField(
        label="Search",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name or machine"}),
    )
    active = 0
