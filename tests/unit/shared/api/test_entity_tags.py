from datetime import UTC, datetime, timedelta

import pytest
from starlette.exceptions import HTTPException

from shared.api.entity_tags import Precondition, not_modified, record_tag
from shared.errors import PreconditionFailed

TAG = '"1-abc"'


def if_match(*lines: str) -> Precondition:
    return Precondition.parse("If-Match", list(lines))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["*"],
        [" * "],
        [TAG],
        [f'"x", {TAG}'],
        [f'"x",{TAG},"y"'],
        [f' , "x" ,, {TAG} , '],
        ['"x"', TAG],
        [f"W/{TAG}, {TAG}"],
        [f'"a,b", {TAG}'],
        [f'"", {TAG}'],
    ],
)
def test_a_header_that_names_the_tag_is_met(lines: list[str]) -> None:
    if_match(*lines).demand(TAG)


@pytest.mark.parametrize("line", ['"x"', f"W/{TAG}", '"1-abcd"', '""'])
def test_one_that_does_not_is_not(line: str) -> None:
    """Spec: RFC 9110 s8.8.3.2: strong comparison, a weak tag matches nothing."""
    with pytest.raises(PreconditionFailed):
        if_match(line).demand(TAG)


@pytest.mark.parametrize(
    "line", ["", " ", ",", "1-abc", '"1-abc', 'w/"x"', '*, "x"', '"x" "y"', '"x" y', "**", '"\x7f"']
)
def test_what_is_no_list_of_tags_is_400(line: str) -> None:
    with pytest.raises(HTTPException) as refused:
        if_match(line)
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    ("lines", "known"), [([], False), (["*"], True), ([TAG], True), ([f'W/{TAG}, "x"'], True), (['"x"'], False)]
)
def test_a_reader_who_knows_the_state_is_told_so(lines: list[str], known: bool) -> None:
    """Spec: RFC 9110 s13.1.2: weak comparison."""
    assert Precondition.parse("If-None-Match", lines).has(TAG) is known


def test_a_long_header_is_read_in_linear_time() -> None:
    with pytest.raises(HTTPException):
        if_match(", " * 30_000 + "x")
    with pytest.raises(HTTPException):
        if_match('"x" ' * 15_000)


def test_every_version_and_moment_of_a_record_has_a_tag_of_its_own() -> None:
    at = datetime(2030, 1, 1, 12, 0, 0, 1, tzinfo=UTC)
    tags = {record_tag(version, at + timedelta(microseconds=step)) for version in (1, 11) for step in range(16)}
    assert len(tags) == 32
    assert record_tag(1, at) == record_tag(1, at)


def test_who_has_this_state_already_gets_a_304_with_its_tag() -> None:
    tag = record_tag(1, datetime(2030, 1, 1, tzinfo=UTC))
    answer = not_modified(tag, Precondition(sent=True, tags=(tag,)))
    assert answer is not None and answer.status_code == 304 and answer.headers["ETag"] == tag
    assert not_modified(tag, Precondition(sent=True, tags=('"another"',))) is None
