"""An HTML page as a headless browser reads it: forms, links and texts, found by id.

It reads enough HTML for the provider's pages, which work without JavaScript. It is not a general parser.
Spec: WHATWG HTML s4.10.21 (form submission), CSP Level 3 s6.4.2 (form-action)
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx2

_VOID = frozenset({"input", "br", "img", "link", "meta", "hr"})


@dataclass
class Form:
    """One form: where it goes, and the fields that go with it unless the person types others."""

    id: str
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # element id -> name of every field that can be filled


@dataclass(frozen=True)
class Button:
    """One submit button: the form it sends, and the choice it adds."""

    form: Form
    name: str
    value: str


@dataclass(frozen=True)
class Page:
    """One page as the browser shows it."""

    url: str
    status: int
    headers: httpx2.Headers
    forms: dict[str, Form]
    buttons: dict[str, Button]
    links: dict[str, str]
    texts: dict[str, str]

    @classmethod
    def read(cls, response: httpx2.Response) -> "Page":
        """Parse the body of `response`."""
        parser = _PageParser(str(response.url))
        parser.feed(response.text)
        parser.close()
        texts = {name: " ".join(text.split()) for name, text in parser.texts.items()}
        url = str(response.url)
        return cls(url, response.status_code, response.headers, parser.forms, parser.buttons, parser.links, texts)

    def has(self, element_id: str) -> bool:
        """Report whether any element has that id."""
        return element_id in self.texts or element_id in self.forms

    def fill(self, typed: dict[str, str], button: str) -> tuple[Form, dict[str, str]]:
        """Return the form that `button` sends and its fields: hidden ones as found, `typed` by element id."""
        pressed = self.buttons[button]
        fields = dict(pressed.form.fields)
        for element_id, text in typed.items():
            fields[pressed.form.names[element_id]] = text
        if pressed.name:
            fields[pressed.name] = pressed.value
        return pressed.form, fields

    def lets_forms_reach(self, url: str) -> bool:
        """Report whether this page's form-action lets one of its forms end up at `url`, redirects included.

        Browsers enforce it (Chromium at each redirect), so with a wrong one the deep link never arrives.
        """
        policies = self.headers.get_list("content-security-policy", split_commas=True)
        return all(self._allows(policy, url) for policy in policies)

    def _allows(self, policy: str, url: str) -> bool:
        directives = [directive.split() for directive in policy.split(";") if directive.strip()]
        sources = next((words[1:] for words in directives if words[0].lower() == "form-action"), None)
        if sources is None:
            return True
        here, there = urlsplit(self.url), urlsplit(url)
        same_origin = (here.scheme, here.netloc) == (there.scheme, there.netloc)
        allowed = {f"{there.scheme}:", f"{there.scheme}://{there.netloc}", *(["'self'"] if same_origin else [])}
        return any(source in allowed or source == "*" for source in sources)


class _PageParser(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        self.buttons: dict[str, Button] = {}
        self.links: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._url = url
        self._form: Form | None = None
        self._open: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        element_id = attributes.get("id")
        if element_id is not None:
            self.texts.setdefault(element_id, "")
        if tag not in _VOID:
            self._open.append((tag, element_id))
        if tag == "form":
            self._begin_form(attributes)
        elif tag == "a" and element_id and "href" in attributes:
            self.links[element_id] = urljoin(self._url, attributes["href"])
        elif tag in {"input", "button"}:
            self._add_control(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        while any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        for element_id in {element_id for _, element_id in self._open if element_id}:
            self.texts[element_id] += data

    def _begin_form(self, attributes: dict[str, str]) -> None:
        action = urljoin(self._url, attributes.get("action") or self._url)
        form_id = attributes.get("id", f"form-{len(self.forms)}")
        self._form = Form(form_id, action, attributes.get("method", "get").upper())
        self.forms[form_id] = self._form

    def _add_control(self, tag: str, attributes: dict[str, str]) -> None:
        form = self.forms.get(attributes["form"]) if "form" in attributes else self._form
        kind = attributes.get("type", "submit" if tag == "button" else "text")
        name, value, element_id = attributes.get("name", ""), attributes.get("value", ""), attributes.get("id", "")
        if form is None or "disabled" in attributes or kind in {"button", "reset"}:
            return
        if kind == "submit":
            if element_id:
                self.buttons[element_id] = Button(form, name, value)
        elif name and (kind not in {"checkbox", "radio"} or "checked" in attributes):
            form.fields[name] = value
        if name and element_id and kind not in {"submit", "hidden"}:
            form.names[element_id] = name
