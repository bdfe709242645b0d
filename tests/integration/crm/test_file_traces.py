"""What imports and exports leave in the log, and what they hold in memory."""

import logging

import pytest

from services.crm.endpoints import incoming_files
from shared.request_context import log_fields
from shared.testing import ALICE
from tests.support.calls import Call
from tests.support.csv_files import Files


class Kept(logging.Handler):
    """Keeps each line with what its request adds to it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append({"message": record.getMessage(), **log_fields(), **getattr(record, "fields", {})})


def test_who_moved_how_many_contacts_is_in_the_log(files: Files, call: Call) -> None:
    log, kept = logging.getLogger("files"), Kept()
    log.addHandler(kept)
    log.setLevel(logging.INFO)
    try:
        files.send("name\nx\ny\n", client_id="mobile-app")
        files.fetch(client_id="partner-web")
    finally:
        log.removeHandler(kept)
    imported, exported = kept.lines
    assert (imported["message"], imported["imported"]) == ("contacts imported", 2)
    assert (exported["message"], exported["contacts"]) == ("contacts exported", 2)
    assert [line["client_id"] for line in kept.lines] == ["mobile-app", "partner-web"]
    assert {line["sub"] for line in kept.lines} == {ALICE}
    assert all(line["request_id"] for line in kept.lines)


def test_files_beyond_what_the_process_has_room_for_are_refused(
    files: Files, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming_files, "FILES_IN_FLIGHT", 1000)
    refused = files.send("name\n" + "x\n" * 1000)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert refused.json()["code"] == "too_many_imports"
    assert files.send("name\nx\n").json()["imported"] == 1  # the room is free again
