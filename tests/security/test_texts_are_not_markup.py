"""A page's texts are trusted as markup: what a person or a client has sent must never be one."""

from pathlib import Path

import pytest
from jinja2 import nodes

from services.auth.endpoints.web.pages import _TEMPLATES, page
from services.auth.language import speaking
from services.auth.language.tags import LANGUAGES

TEMPLATES = Path(__file__).parents[2] / "services" / "auth" / "templates"
NAMES = sorted(str(file.relative_to(TEMPLATES)) for file in TEMPLATES.rglob("*.html"))
HOSTILE = "<img src=x onerror=alert(1)>%(name)s%s"


@pytest.mark.parametrize("name", NAMES)
def test_a_template_translates_what_it_says_itself_and_nothing_that_it_was_given(name: str) -> None:
    tree = _TEMPLATES.parse((TEMPLATES / name).read_text(encoding="utf-8"))
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in {"_", "gettext", "ngettext"}:
            assert isinstance(call.args[0], nodes.Const), f"{name}:{call.lineno}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_fills_a_text_in_is_escaped_in_every_language(language: str) -> None:
    with speaking(language):
        answer = page(
            "finished.html", signed_in=True, client_name=HOSTILE, back="https://app.example/", start_again="/"
        )
    assert b"<img" not in answer.body
    assert bytes(answer.body).count(b"&lt;img src=x onerror=alert(1)&gt;%(name)s%s") == 2
