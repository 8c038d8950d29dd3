"""The example project's own programs, run as Meltano runs them: tap and supplier."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent.parent / "examples" / "shop" / "tools"


class Tap:
    """The tap with its config, catalog and state as files."""

    def __init__(self, folder: Path):
        self.folder = folder

    def file(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def discover(self) -> dict:
        return json.loads(self.call("--discover"))

    def sync(self, state: object = None, catalog: object = None, **config) -> list:
        args = ["--config", self.file("config.json", config)]
        if state is not None:
            args += ["--state", self.file("state.json", state)]
        if catalog is not None:
            args += ["--catalog", self.file("catalog.json", catalog)]
        return [json.loads(line) for line in self.call(*args).splitlines()]

    def call(self, *args: str) -> str:
        command = [sys.executable, "-B", str(TOOLS / "tap_shop.py"), *args]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=30
        ).stdout


@pytest.fixture
def tap(tmp_path):
    return Tap(tmp_path)


def records(messages: list, stream: str) -> list:
    return [m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == stream]


def last_state(messages: list) -> dict:
    return [m["value"] for m in messages if m["type"] == "STATE"][-1]


def test_a_run_with_state_sends_only_what_is_newer(tap):
    first = tap.sync(history_hours=6)
    state = last_state(first)

    second = tap.sync(state=state, history_hours=6)

    assert len(records(first, "orders")) == 6 * 3600 / 20
    assert len(records(second, "orders")) <= 5
    bookmark = state["bookmarks"]["orders"]["replication_key_value"]
    assert all(row["placed_at"] > bookmark for row in records(second, "orders"))


def test_an_older_bookmark_brings_the_same_rows_again(tap):
    rows = records(tap.sync(history_hours=1), "orders")
    state = {"bookmarks": {"orders": {"replication_key_value": rows[-11]["placed_at"]}}}

    again = records(tap.sync(state=state), "orders")

    assert again[:10] == rows[-10:]


def test_a_run_that_finds_nothing_new_keeps_its_bookmarks(tap):
    bookmarks = {
        "orders": {"replication_key_value": "2999-01-01T00:00:00Z"},
        "customers": {"replication_key_value": "2999-01-01T00:00:00Z"},
    }

    messages = tap.sync(state={"bookmarks": bookmarks})

    assert not records(messages, "orders") and not records(messages, "customers")
    assert last_state(messages) == {"bookmarks": bookmarks}


def test_streams_and_columns_that_are_not_selected_are_not_sent(tap):
    catalog = tap.discover()
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"] in (["properties", "note"], ["properties", "id"]):
                item["metadata"]["selected"] = False
            if entry["stream"] == "customers" and item["breadcrumb"] == []:
                item["metadata"]["selected"] = False

    messages = tap.sync(catalog=catalog)

    row = records(messages, "orders")[0]
    assert "note" not in row and "email" in row
    assert "id" in row  # a key is sent whatever is selected
    assert not [m for m in messages if m.get("stream") == "customers"]


def test_the_supplier_prices_every_product_that_is_ordered(tap, tmp_path):
    prices = tmp_path / "output" / "prices.csv"
    command = [sys.executable, "-B", str(TOOLS / "supplier.py"), str(prices)]

    subprocess.run(command, check=True, timeout=30)

    with prices.open(newline="") as file:
        priced = {row["product"]: float(row["price"]) for row in csv.DictReader(file)}
    ordered = {row["product"] for row in records(tap.sync(), "orders")}
    assert ordered <= priced.keys()
    assert all(price > 0 for price in priced.values())
