"""The made-up shop: what it sells, and what happened in it, as a function of the clock.

Order n is placed n * step seconds after 1970 and always has the same content. So nothing
is stored, two runs agree on every row, and time alone brings new ones.
"""

from datetime import datetime, timezone
from typing import Any, Callable, Iterator

Row = dict[str, Any]

PRODUCTS = ["apples", "bread", "cheese", "dates", "eggs", "flour", "grapes", "honey"]
NAMES = ["Ada", "Blaise", "Carl", "Dorothy", "Emmy", "Florence", "Grace", "Hedy", "Isaac", "Joan"]


def stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def order(number: int, seconds: int) -> Row:
    buyer = (number * 7919) % 97
    return {
        "id": number,
        "placed_at": stamp(seconds),
        "email": f"{NAMES[buyer % len(NAMES)].lower()}.{buyer}@example.com",
        "product": PRODUCTS[(number * 31) % len(PRODUCTS)],
        "quantity": 1 + (number * 13) % 5,
        "note": "leave at the door" if number % 11 == 0 else None,
    }


def customer(number: int, seconds: int) -> Row:
    return {"id": number, "joined_at": stamp(seconds), "name": NAMES[number % len(NAMES)]}


def rows(make: Callable[[int, int], Row], step: int, after: int, until: int) -> Iterator[Row]:
    """What came in after `after`, up to and including `until` (seconds since 1970), oldest first."""
    for number in range(after // step + 1, until // step + 1):
        yield make(number, number * step)
