"""Holds fire times around every change of the clock against the rule in plain words.

    oracle_zones.py --build build/release [--years 1970-2100] [--changes N] [--seed S]

For each zone below and each change of its clock (or N of them, drawn by the seed), and around the
end of each February, what build/.../cron_oracle says is due in the three days around it must be
what this says, minute by minute:

  - An expression whose minute or hour begins with `*` fires whenever the wall clock shows a match.
  - Any other names times of the day. Looking at the clock each minute, it fires for the times that
    the clock shows for the first time, and once for those that it has just jumped over.
  - The constant offset of -7 to +7 minutes comes on top, as elapsed time.

Only the reading of the fields is cronsim's; the zones are Python's zoneinfo.
"""

import argparse
import datetime
import os
import random
import subprocess
import sys
import zoneinfo

from cronsim import CronSim

ZONES = """UTC Africa/Cairo Africa/Casablanca America/Asuncion America/Caracas America/Havana America/New_York
    America/Nuuk America/Santiago America/Sao_Paulo America/St_Johns Antarctica/Troll Asia/Amman Asia/Beirut
    Asia/Gaza Asia/Jerusalem Asia/Kathmandu Asia/Kolkata Asia/Pyongyang Asia/Tehran Asia/Tokyo Atlantic/Azores
    Australia/Lord_Howe Australia/Sydney Europe/Berlin Europe/Dublin Europe/Lisbon Europe/London Europe/Moscow
    Pacific/Apia Pacific/Auckland Pacific/Chatham Pacific/Easter Pacific/Kiritimati Pacific/Norfolk""".split()
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
DAY = 1_440  # minutes, as all numbers below


def minute_of(year, month, day):
    return (datetime.datetime(year, month, day, tzinfo=UTC) - EPOCH) // datetime.timedelta(minutes=1)


class Clock:
    """A zone's wall clock, in minutes since its 1970 as it would be without zones."""

    def __init__(self, name):
        self.name = name
        self.zone = UTC if name == "UTC" else zoneinfo.ZoneInfo(name)

    def seconds_ahead(self, minute):
        return (EPOCH + datetime.timedelta(minutes=minute)).astimezone(self.zone).utcoffset().total_seconds()

    def changes(self, begin, end):
        """The minutes in [begin, end) from which the clock is another number of minutes ahead."""
        found, step = [], DAY // 2
        for low in range(begin, end, step):
            high, before = low + step, self.seconds_ahead(low)
            if before == self.seconds_ahead(high):
                continue
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if self.seconds_ahead(middle) == before else (low, middle)
            found.append(high)
        return found

    def walls(self, begin, end):
        """What the clock shows at each minute in [begin, end); None if it shows seconds there."""
        walls, edges = [], [begin, *self.changes(begin, end), end]
        for low, high in zip(edges, edges[1:]):
            if low == high:
                continue
            ahead = self.seconds_ahead(low)
            if ahead % 60:
                return None
            walls.extend(range(low + int(ahead) // 60, high + int(ahead) // 60))
        return walls[: end - begin]


class Rule:
    """Whether a time on the wall clock matches."""

    def __init__(self, expression):
        self.fields = CronSim(expression, EPOCH)
        self.follows_real_time = any(field.startswith("*") for field in expression.split()[:2])
        self.times = {hour * 60 + minute for hour in self.fields.hours for minute in self.fields.minutes}
        self.days = {}

    def matches(self, wall):
        if wall % DAY not in self.times:
            return False
        day = wall // DAY
        if day not in self.days:
            date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
            self.days[day] = date.month in self.fields.months and self.fields.match_day(date)
        return self.days[day]


def fires(rule, walls, begin):
    """The minutes at which the rule fires, from the second on."""
    if rule.follows_real_time:
        return [begin + i for i, wall in enumerate(walls) if i and rule.matches(wall)]
    found, shown = [], walls[0]
    for i, wall in enumerate(walls):
        if wall > shown:
            if any(rule.matches(passed) for passed in range(shown + 1, wall + 1)):
                found.append(begin + i)
            shown = wall
    return found


def expressions(rng, walls, at):
    """About a change of the clock that shows walls[at - 1], then walls[at]."""
    before, after = walls[at - 1], walls[at]
    low, high = min(before, after), max(before, after)
    times = {low - 1, low, low + 1, high - 1, high, high + 1, (low + high) // 2, rng.randint(low, high)}
    for wall in times:
        date = datetime.datetime(1970, 1, 1) + datetime.timedelta(minutes=wall)
        yield f"{date.minute} {date.hour} * * *"
        yield f"{date.minute} {date.hour} {date.day} {date.month} *"
        yield f"{date.minute} {date.hour} * * {date.isoweekday()}"
    date = datetime.datetime(1970, 1, 1) + datetime.timedelta(minutes=high)
    yield f"*/{rng.randint(2, 40)} {date.hour} * * *"
    yield f"{rng.randint(0, 59)} * * * *"
    yield f"*/{rng.choice((7, 15, 20, 45))} * * * *"
    yield f"{date.minute} */{rng.randint(2, 6)} * * *"
    yield f"{date.minute},{rng.randint(0, 59)} {date.hour},{(date.hour + 23) % 24} * * *"
    yield "58 23 * * *"
    yield "2 0 * * *"


LEAP_DAY = ["0 0 29 2 *", "58 23 28 2 *", "58 23 29 2 *", "*/9 0 29 2 *", "2 0 1 3 *", "0 12 L 2 *", "1 0 29 * 1"]


def questions(rng, clock, minutes, leap):
    """(expression, begin, end, offset, what must be due) around each of the minutes."""
    margin, around = 2 * DAY, DAY + DAY // 2
    for minute in minutes:
        begin, end = minute - around, minute + around
        walls = clock.walls(begin - margin, end + margin)
        if walls is None:
            continue
        # What the clock had shown before the first minute is unknown there: so the answers of the
        # first day of the margin are not looked at.
        for expression in LEAP_DAY if leap else set(expressions(rng, walls, minute - begin + margin)):
            offset = rng.choice((-7, 7, rng.randint(-7, 7)))
            found = fires(Rule(expression), walls, begin - margin)
            yield expression, begin, end, offset, [m + offset for m in found if begin < m + offset <= end]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("CUPOLA_TEST_BUILD", "build/release"))
    parser.add_argument("--years", default="1970-2100")
    parser.add_argument("--changes", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    first, last = map(int, options.years.split("-"))

    asked, faults, changes = 0, [], 0
    for name in ZONES:
        clock = Clock(name)
        minutes = clock.changes(minute_of(first, 1, 3), minute_of(last, 12, 28)) if not options.changes else drawn(rng, clock, first, last, options.changes)
        leap_days = [minute_of(year, 2, 28) + DAY for year in range(first, last + 1) if year % 4 == 0]
        if options.changes:
            leap_days = rng.sample(leap_days, min(2, len(leap_days)))
        changes += len(minutes)
        wanted = [*questions(rng, clock, minutes, False), *questions(rng, clock, leap_days, True)]
        lines = [f"{e}\t{name}\t{begin * 60}\t{end * 60}\t{offset}" for e, begin, end, offset, _ in wanted]
        done = subprocess.run([os.path.join(options.build, "src/cron/cron_oracle")], input="\n".join(lines) + "\n",
                              capture_output=True, text=True, check=True)
        for question, answer in zip(wanted, done.stdout.split("\n")):
            if answer.startswith("refused") or [int(due) // 60 for due in answer.split()] != question[4]:
                faults.append(f"{name} {question[:4]}: {answer!r}, not {[m * 60 for m in question[4]]}")
        asked += len(wanted)
    for fault in faults[:10]:
        print(fault)
    print(f"seed {options.seed}: {len(ZONES)} zones, {changes} changes of the clock, {asked} times three days minute by "
          f"minute: {len(faults)} faults")
    return 1 if faults or not asked else 0


def drawn(rng, clock, first, last, count):
    """Up to `count` changes of the clock out of years that are drawn."""
    found = []
    for year in rng.sample(range(first, last + 1), min(count, last + 1 - first)):
        found.extend(clock.changes(minute_of(year, 1, 3), minute_of(year, 12, 28)))
    return rng.sample(found, min(count, len(found)))


if __name__ == "__main__":
    sys.exit(main())
