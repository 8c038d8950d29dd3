#!/usr/bin/env python3
"""A Singer tap of the shop in shop.py: streams `orders` and `customers`.

Both are incremental: the bookmark is the newest `placed_at` or `joined_at` that was sent,
and a run with state sends only what is newer. It needs nothing but Python 3.9 or newer.
"""

import argparse
import json
import os
import sys
import time
from typing import Any, NamedTuple, Optional

import shop

ROWS_PER_STATE = 100
CUSTOMER_EVERY = 30  # orders

WHEN = {"type": "string", "format": "date-time"}
TEXT = {"type": ["string", "null"]}
NUMBER = {"type": ["integer", "null"]}


class Stream(NamedTuple):
    """What a stream is; `orders_each` is how many orders come in for one row of it."""

    make: Any
    replication_key: str
    orders_each: int
    properties: dict


STREAMS = {
    "orders": Stream(
        shop.order,
        "placed_at",
        1,
        {"id": {"type": "integer"}, "placed_at": WHEN, "email": TEXT, "product": TEXT,
         "quantity": NUMBER, "note": TEXT},
    ),
    "customers": Stream(
        shop.customer,
        "joined_at",
        CUSTOMER_EVERY,
        {"id": {"type": "integer"}, "joined_at": WHEN, "name": TEXT},
    ),
}


def catalog_entry(name: str, stream: Stream) -> dict:
    def about(column: str) -> dict:
        needed = column in ("id", stream.replication_key)
        return {"breadcrumb": ["properties", column],
                "metadata": {"inclusion": "automatic" if needed else "available"}}

    whole = {"breadcrumb": [],
             "metadata": {"inclusion": "available", "table-key-properties": ["id"],
                          "valid-replication-keys": [stream.replication_key]}}
    return {
        "tap_stream_id": name,
        "stream": name,
        "schema": {"type": "object", "properties": stream.properties},
        "key_properties": ["id"],
        "replication_key": stream.replication_key,
        "replication_method": "INCREMENTAL",
        "metadata": [about(column) for column in stream.properties] + [whole],
    }


def catalog() -> dict:
    return {"streams": [catalog_entry(name, stream) for name, stream in STREAMS.items()]}


def selected_columns(entry: dict) -> list:
    """The columns of a catalog entry that are to be sent; none if the stream is not selected."""
    metadata = {tuple(item["breadcrumb"]): item["metadata"] for item in entry["metadata"]}

    def is_selected(column: str) -> bool:
        about = metadata.get(("properties", column), {})
        return about.get("inclusion") == "automatic" or about.get("selected", True)

    if not metadata.get((), {}).get("selected", True):
        return []
    return [column for column in entry["schema"]["properties"] if is_selected(column)]


def send(message: dict) -> None:
    sys.stdout.write(json.dumps(message) + "\n")


def send_state(bookmarks: dict) -> None:
    send({"type": "STATE", "value": {"bookmarks": bookmarks}})
    sys.stdout.flush()


def log(message: str, **more: Any) -> None:
    """One JSON line with the fields of Singer SDK taps, which Meltano takes apart."""
    line = {"level": "info", "pid": os.getpid(), "logger_name": "tap-shop", "ts": time.time(),
            "thread_name": "MainThread", "app_name": "tap-shop", "message": message, "extra": more}
    print(json.dumps(line), file=sys.stderr, flush=True)


def sync_stream(name: str, columns: list, config: dict, bookmarks: dict, now: int) -> None:
    stream = STREAMS[name]
    bookmark = bookmarks.get(name, {}).get("replication_key_value")
    history = int(config.get("history_hours", 6)) * 3600
    after = shop.seconds_of(bookmark) if bookmark else now - history
    log(f"{name}: rows after {shop.stamp(after)}" + ("" if bookmark else ", as there is no bookmark"))

    properties = {column: stream.properties[column] for column in columns}
    schema = {"type": "object", "properties": properties}
    send({"type": "SCHEMA", "stream": name, "schema": schema, "key_properties": ["id"],
          "bookmark_properties": [stream.replication_key]})
    rate = float(config.get("rows_per_second") or 0)
    count = 0
    step = int(config.get("order_seconds", 20)) * stream.orders_each
    for row in shop.rows(stream.make, step, after, now):
        send({"type": "RECORD", "stream": name, "record": {c: row[c] for c in columns}})
        bookmarks[name] = {"replication_key": stream.replication_key,
                           "replication_key_value": row[stream.replication_key]}
        count += 1
        if count % ROWS_PER_STATE == 0:
            send_state(bookmarks)
        if rate:
            sys.stdout.flush()
            time.sleep(1 / rate)
    send_state(bookmarks)
    tags = {"stream": name, "pid": os.getpid()}
    log("METRIC", metric_info={"type": "counter", "metric": "record_count", "value": count,
                               "tags": tags})


def read(path: Optional[str], otherwise: dict) -> dict:
    if path is None:
        return otherwise
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--config", "--catalog", "--state"):
        parser.add_argument(option, metavar="FILE")
    parser.add_argument("--discover", action="store_true", help="print the catalog and stop")
    args = parser.parse_args()
    if args.discover:
        json.dump(catalog(), sys.stdout, indent=1)
        return

    config, bookmarks = read(args.config, {}), read(args.state, {}).get("bookmarks", {})
    now = int(time.time())
    for entry in read(args.catalog, catalog())["streams"]:
        columns = selected_columns(entry)
        if columns:
            sync_stream(entry["tap_stream_id"], columns, config, bookmarks, now)


main()
