"""The check of class names finds a name that two modules define."""

from tests.class_names import MEANT, product, twice


def test_no_class_name_has_two_meanings() -> None:
    assert twice(product()) == {}


def test_a_name_of_two_modules_is_found_with_its_places() -> None:
    files = [
        ("a.py", "class Gate:\n    class Meta: ...\n"),
        ("b.py", "\nclass Gate: ...\nclass Other: ...\n"),
    ]
    assert twice(files) == {"Gate": ["a.py:1", "b.py:2"]}


def test_only_names_that_a_framework_prescribes_are_left_out() -> None:
    assert set(MEANT) == {"Command", "Migration"}
    assert twice([("a.py", "class Command: ..."), ("b.py", "class Command: ...")]) == {}
