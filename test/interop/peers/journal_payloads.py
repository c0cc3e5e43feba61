"""The payloads of a journal's frames, for journal_dump.py: what the head comments of gateway/journal say of columns.ts,
column-codec.ts, chunk-codec.ts, rare-columns.ts, series.ts and record-codec.ts, without any code of the gateway.

Numbers are IEEE doubles like those of JavaScript: every sum and product here is one of floats. Needs Debian's cbor2.
"""

import math
import struct
import zlib
from typing import NamedTuple

import cbor2

FLOATS = -1
STEP_MAX = 255
TYPED_ARRAYS = {85: "f", 86: "d"}
WALL_QUALITIES = ("synced", "holdover", "floor", "none")
READING_KINDS = ("gauge", "total", "delta", "rate", "state", "position")
QUALITIES = ("good", "suspect")
STAMP = ["boot", "monotonicMs", "wallMs", "wallQuality"]
OTHER_KINDS = {
    1: ("order", ["id", "output", "on", "from"]),
    2: ("intent", ["order", "output", "on"]),
    3: ("result", ["order", "output", "done", "reason"]),
    4: ("anchor", ["source", "errorMs"]),
    5: ("gap", ["firstSequence", "lastSequence", "cause", "recordClass", "count", "sensors", "fromWallMs", "toWallMs"]),
    6: ("event", ["code", "fields"]),
}


def check(condition, what):
    if not condition:
        raise ValueError(what)


# Columns


def typed(item):
    """The floats of a typed array of RFC 8746, or None when the item is none."""
    if not isinstance(item, cbor2.CBORTag) or item.tag not in TYPED_ARRAYS:
        return None
    letter = TYPED_ARRAYS[item.tag]
    return list(struct.unpack(f"<{len(item.value) // struct.calcsize(letter)}{letter}", item.value))


def column(item, count):
    if item is None:
        check(count == 0, "a column is missing")
        return []
    if isinstance(item, list):
        check(len(item) == count, f"a column has {len(item)} numbers instead of {count}")
        return [float(number) for number in item]
    return [float(item)] * count


def steps(item, runs, first, interval):
    """Integers that grow evenly. `first` is what the first run counts from; the interval goes on from run to run."""
    count = sum(runs)
    floats = typed(item)
    if floats is not None:
        check(len(floats) == count, "floats that are not as many as the records")
        return floats
    changes = iter(column(item, count))
    values = []
    for length in runs:
        first += next(changes)
        value = first
        values.append(value)
        for _ in range(length - 1):
            step = next(changes)
            value += interval + step
            if abs(step) > STEP_MAX:
                interval += step
            values.append(value)
    return values


def times(exponent, item, runs, first, interval):
    if exponent == FLOATS:
        floats = typed(item)
        check(floats is not None and len(floats) == sum(runs), "times that are no floats")
        return floats
    power = float(10**exponent)
    return [value / power for value in steps(item, runs, first * power, interval * power)]


def numbers(items, runs):
    """Decimals as the changes of integers, which go on from run to run whatever the exponents; and floats."""
    exponents = column(items[0], len(runs))
    changes = iter(column(items[1], sum(length for length, exponent in zip(runs, exponents) if exponent != FLOATS)))
    floats = iter(typed(items[2]) or [])
    integer = 0.0
    values = []
    for length, exponent in zip(runs, exponents):
        for _ in range(length):
            if exponent == FLOATS:
                values.append(next(floats))
                continue
            integer += next(changes)
            values.append(integer / 10**exponent)
    check(next(changes, None) is None and next(floats, None) is None, "more numbers than records")
    return values


def optional(items, runs, bits):
    """The kinds and, for each number, a list with None for the records without it: those whose kind has none of its bits."""
    count = sum(runs)
    if items[0] is None:
        return [0] * count, [[None] * count for _ in bits]
    kinds = [int(kind) for kind in column(items[0], count)]
    lists = []
    for which, bit in enumerate(bits):
        there = []
        at = 0
        for length in runs:
            there.append(sum(1 for kind in kinds[at : at + length] if kind & bit))
            at += length
        present = iter(numbers(items[1 + 3 * which : 4 + 3 * which], [length for length in there if length]))
        lists.append([next(present) if kind & bit else None for kind in kinds])
    return kinds, lists


# Records


class Base(NamedTuple):
    series: int
    sequence: int
    sequence_interval: float
    time: float
    time_interval: float
    wall_ahead: float


def base_of(item, sequence, series=-1):
    time, interval, ahead, sequence_interval = (float(number) for number in item)
    return Base(series, sequence, sequence_interval, time, interval, ahead)


def observations(chunk, base, boots, definitions):
    items = cbor2.loads(chunk)
    items += [None] * (37 - len(items))
    check(len(items) == 37, "a chunk of more columns than the layout has")
    runs = [int(length) for length in column(items[2], items[0])]
    series = []
    series_id = base.series
    for change, length in zip(column(items[1], items[0]), runs):
        series_id += int(change)
        check(series_id in definitions, f"nothing defines series {series_id}")
        series += [definitions[series_id]] * length
    count = len(series)
    monotonic = times(items[3], items[4], runs, base.time, base.time_interval)
    walls = typed(items[5])
    if walls is None:
        walls = []
        ahead = base.wall_ahead
        for time, change in zip(monotonic, column(items[5], count)):
            ahead += change
            walls.append(math.floor(time) + ahead)
    check(len(walls) == count, "wall times that are not as many as the records")
    values = numbers(items[6:9], runs)
    qualities = column(items[9], count)
    places = column(items[10], count)
    if items[11] is None:
        sequences = [base.sequence + place for place in range(count)]
    else:
        sequences = steps(items[11], runs, float(base.sequence), base.sequence_interval)
    uncalibrated_kinds, (uncalibrated,) = optional(items[12:16], runs, [1 | 2])
    _, (held_from,) = optional(items[16:20], runs, [1])
    _, windows = optional(items[20:33], runs, [1, 1, 2, 4])
    _, (first_place,) = optional(items[33:37], runs, [1])
    for i in range(count):
        record = {
            "kind": "observation",
            "boot": boots[int(places[i])],
            "monotonicMs": monotonic[i],
            "wallMs": walls[i],
            "wallQuality": WALL_QUALITIES[int(qualities[i])],
            **series[i].shared,
            "value": value_of(series[i], values[i]),
        }
        if uncalibrated[i] is not None:
            record["uncalibrated"] = uncalibrated[i] == 1 if uncalibrated_kinds[i] == 2 else uncalibrated[i]
        if held_from[i] is not None:
            record["heldFrom"] = held_from[i]
        if first_place[i] is not None:
            record["firstPlace"] = first_place[i]
        names = ("fromMonotonicMs", "count", "min", "max")
        window = {name: column[i] for name, column in zip(names, windows) if column[i] is not None}
        if window:
            record["window"] = window
        yield int(sequences[i]), record


def value_of(series, number):
    if series.text is not None:
        check(number == 1, f"the value {number} of a text")
        return series.text
    return number == 1 if series.is_boolean else number


def has_texts(records):
    return any(isinstance(record.get("value"), str) for _, record in records)


def other_record(items):
    kind, names = OTHER_KINDS[items[0]]
    fields = dict(zip(STAMP + names, items[1:]))
    if kind == "event":
        flat = fields["fields"]
        fields["fields"] = dict(zip(flat[::2], flat[1::2]))
    return {"kind": kind, **{name: value for name, value in fields.items() if value is not None}}


def other_records(items, sequence_steps, first):
    records = [other_record(each) for each in items or []]
    if sequence_steps is None:
        sequences = range(first, first + len(records))
    else:
        sequences = steps(sequence_steps, [len(records)], float(first), 0.0)
    return [(int(sequence), record) for sequence, record in zip(sequences, records)]


# Definitions


class Series(NamedTuple):
    shared: dict
    is_boolean: bool
    # That of each value, or None where the values are no texts.
    text: str


def definitions_in(item):
    if isinstance(item, bytes):
        item = cbor2.loads(zlib.decompress(item, -15))
    return {row[0]: series_of(row) for row in item or []}


def series_of(row):
    row = row + [None] * (12 - len(row))
    check(len(row) == 12, "a definition of more than the layout has")
    _, sensor, channel, unit, precision, reading_kind, quality, flags, calibration, reason, location, text = row
    shared = {
        "sensor": sensor,
        "channel": channel,
        "unit": unit,
        "precision": precision,
        "readingKind": READING_KINDS[reading_kind],
        "quality": QUALITIES[quality],
        "publish": bool(flags & 1),
    }
    if calibration is not None:
        is_linear = len(calibration) == 2 and not isinstance(calibration[0], list)
        shared["calibration"] = dict(zip(("offset", "scale"), calibration)) if is_linear else {"points": calibration}
    if reason is not None:
        shared["reason"] = reason
    if location is not None:
        shared["location"] = location
    return Series(shared, bool(flags & 2), text)
