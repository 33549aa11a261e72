"""What must be true of every template."""

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from consent_service.web import templates

FOLDER = Path(templates.__file__).with_name("templates")
FILES = sorted(FOLDER.rglob("*.*"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
class TestEachTemplate:
    """One file at a time."""

    def test_no_script_or_style_stands_in_the_page(self, file: Path) -> None:
        """The policy forbids inline script and style; a template that has one would only break."""
        source = file.read_text()
        assert re.findall(r"<script(?![^>]*\bsrc=)", source) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", source) == []

    def test_every_form_that_does_something_carries_the_token(self, file: Path) -> None:
        """A POST form without the CSRF token would be refused."""
        for form in re.findall(r"<form\b.*?</form>", file.read_text(), flags=re.DOTALL):
            assert 'method="post"' in form
            assert "csrf_field(csrf)" in form or 'name="csrf_token"' in form

    def test_nothing_escapes_escaping(self, file: Path) -> None:
        """No template marks anything as safe: what people wrote is always text."""
        assert re.findall(r"\|\s*safe|autoescape|Markup", file.read_text()) == []

    def test_everything_that_can_be_filled_in_has_a_name_for_people(self, file: Path) -> None:
        """Each field has an id that some label is for (WCAG 1.3.1, 3.3.2)."""
        source = file.read_text()
        fields = re.findall(r'<(?:input(?![^>]*type="hidden")|textarea|select)[^>]*\bid="([^"]+)"', source)
        labels = set(re.findall(r'<label for="([^"]+)"', source))
        assert [one for one in fields if one not in labels] == []

    def test_nothing_is_loaded_from_elsewhere(self, file: Path) -> None:
        """No address of another site stands in a page."""
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//', file.read_text()) == []


def test_what_people_write_is_text() -> None:
    """Markup and template language in content come out as they were written."""
    shown = templates.environment().from_string("{{ said }}").render(said="<script>{{ 7*7 }}</script>")
    assert shown == "&lt;script&gt;{{ 7*7 }}&lt;/script&gt;"


def test_a_missing_value_is_an_error() -> None:
    """A page never shows a gap where something should stand."""
    with pytest.raises(UndefinedError):
        templates.environment().from_string("{{ nothing }}").render()
