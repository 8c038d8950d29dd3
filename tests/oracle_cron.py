"""Holds the cron module against cronsim, an independent reading of Debian's rules.

    oracle_cron.py --build build/release [--count N] [--seed S]

N random triples (expression, zone, instant) from the seed are put to build/.../cron_oracle and to
cronsim: next and previous fire must be the same. Half of the instants lie beside a change of the
clock. A fifth as many malformed expressions must be accepted or refused alike.

Where an expression follows real time (minute or hour begins with *) over a change of the clock,
cronsim itself may slip: it lands on a midnight that the clock leaves out, or steps by whole hours
over half an hour. So a difference there is settled minute by minute, by the plain rule that it
fires whenever the wall clock shows a match; ours must keep that rule. Such slips are counted.
"""

import argparse
import datetime
import os
import random
import signal
import subprocess
import sys
import zoneinfo

from cronsim import CronSim, CronSimError

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = 86_400 * 3_660, 86_400 * 47_400  # 1980 to 2099
LIMIT = 2_922 * 86_400
ZONES = """UTC America/New_York Europe/Berlin Europe/London Europe/Dublin Australia/Lord_Howe
    Australia/Sydney America/Sao_Paulo America/Santiago America/St_Johns Africa/Cairo Asia/Beirut
    Asia/Gaza Asia/Tehran Asia/Kolkata Asia/Kathmandu Asia/Tokyo Asia/Amman Asia/Jerusalem
    Pacific/Apia Pacific/Auckland Pacific/Chatham Pacific/Kiritimati Africa/Casablanca
    Africa/Johannesburg America/Havana America/Asuncion America/Nuuk Atlantic/Azores
    Antarctica/Troll Europe/Moscow Europe/Lisbon America/Caracas Asia/Pyongyang""".split()
FIELDS = [(0, 59, []), (0, 23, []), (1, 31, []),
          (1, 12, "jan feb mar apr may jun jul aug sep oct nov dec".split()),
          (0, 7, "sun mon tue wed thu fri sat".split())]


def changes_of_clock(zone):
    """The instants between FIRST and LAST from which another offset holds."""
    def offset(seconds):
        return (EPOCH + datetime.timedelta(seconds=seconds)).astimezone(zone).utcoffset()

    found = []
    for begin in range(FIRST, LAST, 5 * 86_400):
        low, high = begin, begin + 5 * 86_400
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        found.append(high)
    return found


def random_value(rng, field):
    low, high, names = FIELDS[field]
    number = rng.randint(low, high)
    if names and rng.random() < 0.3 and number - low < len(names):
        return rng.choice((names[number - low], names[number - low].upper()))
    return f"{number:02}" if rng.random() < 0.1 else str(number)


def random_item(rng, field):
    low, high, _ = FIELDS[field]
    kind = rng.random()
    if field == 2 and kind < 0.06:
        return rng.choice(("L", "L", "LW", "l"))
    if field == 4 and kind < 0.10:
        day = rng.randint(0, 7)
        return rng.choice((f"{day}L", f"{day}#{rng.randint(1, 5)}"))
    if kind < 0.5:
        return random_value(rng, field)
    if kind < 0.75:
        start, end = sorted((rng.randint(low, high), rng.randint(low, high)))
        step = f"/{rng.randint(1, high)}" if rng.random() < 0.3 else ""
        return f"{start}-{end}{step}"
    if kind < 0.9:
        return f"*/{rng.randint(1, rng.choice((high, 10)))}"
    return f"{random_value(rng, field)}/{rng.randint(1, high)}"


def random_field(rng, field):
    if rng.random() < (0.15, 0.3, 0.5, 0.6, 0.55)[field]:
        return "*"
    if rng.random() < 0.7:
        return random_item(rng, field)
    items = [random_item(rng, field) for _ in range(rng.randint(2, 4))]
    return ",".join(items + (["*"] if rng.random() < 0.05 else []))


def random_expression(rng):
    return rng.choice((" ", " ", "  ", " ")).join(random_field(rng, i) for i in range(5))


def malformed_expression(rng):
    text = list(random_expression(rng))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        if rng.random() < 0.4:
            del text[at]
        else:
            text[at:at + rng.randint(0, 1)] = rng.choice("0123456789*/-,#LWlabjx+. 666")
        if not text:
            return "*"
    return "".join(text)


def is_accepted(expression):
    """What cronsim says of five fields; the sixth that it would take for seconds is not ours."""
    if len(expression.split()) != 5:
        return False
    try:
        CronSim(expression, EPOCH)
    except CronSimError:
        return False
    return True


class Stuck(Exception):
    """cronsim goes round without end: it may, looking back over a change of the clock."""


def raise_stuck(*_):
    raise Stuck


class Oracle:
    """cronsim's answer as seconds since 1970, or None where it has none within our limit."""

    def __init__(self, expression, zone, seconds):
        self.expression, self.zone, self.seconds = expression, zone, seconds
        self.at = (EPOCH + datetime.timedelta(seconds=seconds)).astimezone(zone)

    def answers(self, reverse):
        at = self.at
        if reverse and at.fold:
            # Fixed times of the whole repeated hour lie before this instant; cronsim, which here
            # looks at the wall clock alone, has to begin after them.
            at = self.after_repeated_time() if not self.follows_real_time() else at
        try:
            for found in CronSim(self.expression, at, reverse=reverse):
                yield round((found.astimezone(UTC) - EPOCH).total_seconds())
        except (OverflowError, ValueError):  # past the year 9999 or before the year 1
            return

    def after_repeated_time(self):
        at = self.at
        while at.fold:
            at = (at.astimezone(UTC) + datetime.timedelta(minutes=1)).astimezone(self.zone)
        return at

    def follows_real_time(self):
        minute, hour = self.expression.split()[:2]
        return minute.startswith("*") or hour.startswith("*")

    def ask(self, reverse):
        """cronsim's answer, or "stuck" after half a second of computing."""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.5)
        try:
            return self.previous() if reverse else self.next()
        except Stuck:
            return "stuck"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def next(self):
        for found in self.answers(reverse=False):
            if found > self.seconds:
                return found if found - self.seconds <= LIMIT else None
        return None

    def previous(self):
        for found in self.answers(reverse=True):
            if found < self.seconds:
                return found if self.seconds - found <= LIMIT else None
        return None

    def settle(self, ours, reverse):
        """Whether `ours` is the first minute, from the instant on, whose wall time matches."""
        if not self.follows_real_time() or ours is None or str(self.zone) == "UTC":
            return False
        rule = CronSim(self.expression, EPOCH)

        def wall_time(seconds):
            return (EPOCH + datetime.timedelta(seconds=seconds)).astimezone(self.zone)

        def is_plain_hour(wall, after):
            naive = after.replace(tzinfo=None) - wall.replace(tzinfo=None)
            return naive == datetime.timedelta(seconds=step * 60) and after.date() == wall.date()

        step = -60 if reverse else 60
        at = self.seconds // 60 * 60 + (0 if reverse and self.seconds % 60 else step)
        while at >= ours if reverse else at <= ours:
            wall = wall_time(at)
            if wall.month not in rule.months or not rule.match_day(wall.date()):
                # An hour at once while it stays within a day that does not match.
                at += step * 60 if is_plain_hour(wall, wall_time(at + step * 60)) else step
                continue
            if wall.minute in rule.minutes and wall.hour in rule.hours:
                return at == ours
            at += step
        return False


def ask(program, lines):
    done = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def compare_fires(program, rng, count):
    zones = {name: zoneinfo.ZoneInfo(name) if name != "UTC" else UTC for name in ZONES}
    changes = {name: changes_of_clock(zone) for name, zone in zones.items()}
    signal.signal(signal.SIGVTALRM, raise_stuck)
    slips, faults, done = 0, [], 0
    while done < count:
        questions = []
        for _ in range(min(20_000, count - done)):
            name = rng.choice(ZONES) if rng.random() < 0.8 else "UTC"
            seconds = rng.randint(FIRST, LAST)
            if changes[name] and rng.random() < 0.6:
                seconds = rng.choice(changes[name]) + rng.choice(
                    (rng.randint(-7_200, 7_200), rng.randint(-90_000, 90_000), 0, -1, 1))
            if rng.random() < 0.7:
                seconds -= seconds % 60
            expression = random_expression(rng)
            while not is_accepted(expression):
                expression = random_expression(rng)
            questions.append((expression, name, seconds))
        answers = ask(program, ["\t".join(map(str, question)) for question in questions])
        for (expression, name, seconds), answer in zip(questions, answers, strict=True):
            if answer[0] == "refused":
                faults.append(f"{expression!r} {name} {seconds}: {answer[1]}")
                continue
            oracle = Oracle(expression, zones[name], seconds)
            for reverse, text, theirs in ((False, answer[0], oracle.ask(False)),
                                          (True, answer[1], oracle.ask(True))):
                ours = None if text == "none" else int(text)
                if ours == theirs:
                    continue
                if oracle.settle(ours, reverse):
                    slips += 1
                else:
                    word = "previous" if reverse else "next"
                    faults.append(f"{expression!r} {name} {seconds}: {word} is {ours}, cronsim {theirs}")
        done += len(questions)
    return slips, faults


def compare_acceptance(program, rng, count):
    expressions = [malformed_expression(rng) for _ in range(count)]
    answers = ask(program, [f"{expression}\tUTC\t0" for expression in expressions])
    faults, refused = [], 0
    for expression, answer in zip(expressions, answers, strict=True):
        ours, theirs = answer[0] != "refused", is_accepted(expression)
        refused += not ours
        if ours != theirs:
            faults.append(f"{expression!r}: ours {answer}, cronsim accepts: {theirs}")
    return refused, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("CUPOLA_TEST_BUILD", "build/release"))
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    program = os.path.join(options.build, "src/cron/cron_oracle")

    rng = random.Random(options.seed)
    slips, faults = compare_fires(program, rng, options.count)
    malformed = options.count // 5
    refused, more = compare_acceptance(program, rng, malformed)
    for fault in (faults + more)[:20]:
        print(fault)
    print(f"seed {options.seed}: {options.count} triples, next and previous: {len(faults)} faults, "
          f"{slips} slips of cronsim settled by the rule; {malformed} malformed expressions "
          f"({refused} refused): {len(more)} faults")
    return 1 if faults or more else 0


if __name__ == "__main__":
    sys.exit(main())
