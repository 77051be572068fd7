"""The components of the templates: what the page's policy allows, and the parts that people rely on without seeing."""

import re
from pathlib import Path

import pytest
from django import forms
from django.conf import settings
from django.template.loader import render_to_string

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
COMPONENTS = sorted((settings.BASE_DIR / "templates" / "components").glob("_*.html"))
FORBIDDEN = re.compile(r"""\sstyle=|<style|<script(?![^>]*\ssrc=)|\son[a-z]+=|hx-on|javascript:""", re.IGNORECASE)


class KeyForm(forms.Form):
    key = forms.CharField(label="Segment key", help_text="From the page Sources.")
    region = forms.ChoiceField(choices=[("us", "United States"), ("eu", "European Union")], required=False)


def rendered(name: str, **context: object) -> str:
    """Render a component with white space between tags taken out."""
    return re.sub(r">\s+<", "><", render_to_string(f"components/{name}.html", context))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_no_template_has_what_the_content_security_policy_blocks(template: Path) -> None:
    assert FORBIDDEN.findall(template.read_text()) == []


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda file: file.name)
def test_every_component_names_its_context_in_the_first_line(component: Path) -> None:
    assert re.match(r"\{# with: .+ #\}\n", component.read_text())


def test_the_page_for_server_errors_needs_nothing_that_could_fail() -> None:
    page = (settings.BASE_DIR / "templates" / "500.html").read_text()
    linked = re.findall(r'href="/static/([^"]+)"', page)
    assert "{%" not in page
    assert "{{" not in page
    assert linked
    assert [file for file in linked if not (settings.BASE_DIR / "static" / file).is_file()] == []


def test_a_field_with_an_error_names_its_help_and_its_error() -> None:
    field = rendered("_field", field=KeyForm({"key": ""})["key"])
    assert 'aria-describedby="id_key_helptext id_key_error"' in field
    assert 'aria-invalid="true"' in field
    assert "<li>This field is required.</li>" in field
    assert '<p class="field__help" id="id_key_helptext">From the page Sources.</p>' in field
    assert '<label class="field__label" for="id_key">Segment key</label>' in field


def test_an_optional_field_says_so() -> None:
    assert '<label class="field__label" for="id_region">Region (optional)</label>' in rendered(
        "_field", field=KeyForm()["region"]
    )


def test_the_error_summary_links_to_each_field_and_is_absent_without_errors() -> None:
    assert '<li><a href="#id_key">Segment key</a>: This field is required.</li>' in rendered(
        "_error_summary", form=KeyForm({"key": ""})
    )
    assert rendered("_error_summary", form=KeyForm({"key": "abc"})).strip() == ""


@pytest.mark.parametrize(("is_on", "state", "wanted"), [(True, "true", "false"), (False, "false", "true")])
def test_a_switch_shows_its_state_and_posts_the_other_one(is_on: bool, state: str, wanted: str) -> None:
    switch = rendered("_toggle", label="Message Handled", is_on=is_on, action="/x/", csrf_token="token")
    assert f'role="switch" aria-checked="{state}" aria-label="Message Handled" name="is_on" value="{wanted}"' in switch
    assert '<input type="hidden" name="csrfmiddlewaretoken" value="token">' in switch


def test_enter_in_a_wizard_field_goes_on_and_never_back() -> None:
    actions = rendered("_wizard_actions", next_label="Next", has_back=True)
    assert re.findall(r'<button class="([^"]+)"[^>]*value="(\w+)"', actions) == [
        ("visually-hidden", "next"),
        ("button button--secondary", "back"),
        ("button", "next"),
    ]


def test_volume_tells_a_quiet_event_from_one_that_is_not_counted() -> None:
    assert "No events yet" in rendered("_volume", total=0, counts=[0] * 24)
    assert "<span>12,840</span>" in rendered("_volume", total=12840, counts=[535] * 24)
