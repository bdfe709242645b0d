"""Real browsers in front of the running suite, and the apps that they go back to."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visitor import Visitor
from tests.e2e.phones import Phones
from tests.support.stack import Stack

expect.set_options(timeout=10_000)  # a busy machine is slow, not wrong

NewVisitor = Callable[..., Visitor]


@pytest.fixture
def phones(stack: Stack, tmp_path: Path) -> Iterator[Phones]:
    made = Phones(stack, tmp_path)
    yield made
    made.close()


@pytest.fixture
def new_visitor(stack: Stack, chromium: Browser) -> Iterator[NewVisitor]:
    """Make browsers that have never been here; at the end none may have seen a problem."""
    made: list[Visitor] = []

    def make(*, javascript: bool = True) -> Visitor:
        made.append(Visitor(chromium, stack.auth, javascript=javascript))
        return made[-1]

    yield make
    for visitor in made:
        visitor.close()
    assert [problem for visitor in made for problem in visitor.problems] == []


@pytest.fixture
def visitor(new_visitor: NewVisitor) -> Visitor:
    return new_visitor()
