"""Reads a journal's folder without any code of the gateway, by the layouts in gateway/journal: README.md and the head comments.

    /usr/bin/python3 -B journal_dump.py FOLDER

Prints one JSON line `{"sequence": …, "record": {…}}` for each record that the journal gives, in the order of sequences.
Bytes that are no right frame are passed over, as the gateway does; a right frame that is not what the layouts say ends
the program. Needs Debian's cbor2.
"""

import json
import math
import pathlib
import re
import struct
import sys
import zlib
from typing import NamedTuple

import cbor2
from journal_payloads import base_of, check, column, definitions_in, has_texts, observations, other_records

PAGE = 4096
MARK = bytes.fromhex("d9d9f787")
HEADER = struct.Struct(">4sBIBQBQBIBBIBI")
HEADER_MARKS = (0x1A, 0x1B, 0x1B, 0x1A, 0x1A, 0x5A)
FRAME_BYTES_MAX = 1 << 20
COMMIT, BLOCK, INDEX, MARKED = 1, 2, 3, 4
# Added to the type of a frame with texts.
WITH_TEXTS = 4
EXTENT = struct.Struct(">IHI")
BLOCK_NAME = re.compile(r"(gauges|counts|events)-(\d{12})(?:-([1-9]\d{0,5}))?\.blocks")
CLASSES = ("gauges", "counts", "events")
COUNTS = ("total", "delta", "state")

# Frames


class Frame(NamedTuple):
    offset: int
    end: int
    epoch: int
    first: int
    last: int
    count: int
    type: int
    has_texts: bool
    payload: bytes


def frame_at(content, at, name):
    """The right frame that begins there in the file of this name, or None."""
    if content[at : at + 4] != MARK or at + HEADER.size > len(content):
        return None
    _mark, a, epoch, b, first, c, last, d, count, kind, e, crc, f, length = HEADER.unpack_from(content, at)
    end = at + HEADER.size + length
    if HEADER.size + length > FRAME_BYTES_MAX or end > len(content):
        return None
    # The CRC begins with the place, as if it were the CRC of what stands before.
    place = (zlib.crc32(name.encode()) + at) % 2**32
    if zlib.crc32(content[at + 38 : end], zlib.crc32(content[at + 4 : at + 33], place)) != crc:
        return None
    check((a, b, c, d, e, f) == HEADER_MARKS, f"the frame at {at} is no CBOR item of the layout")
    has_texts = kind > WITH_TEXTS
    kind -= WITH_TEXTS if has_texts else 0
    return Frame(at, end, epoch, first, last, count, kind, has_texts, content[at + HEADER.size : end])


def frames_of_slot(path):
    """Frames of the slot's present use: those of the highest epoch."""
    content = path.read_bytes()
    frames = []
    at = 0
    while at < len(content):
        frame = frame_at(content, at, path.name)
        if frame is None:
            at += PAGE
            continue
        check(frame.type in (COMMIT, MARKED), f"a frame of type {frame.type} in a slot")
        frames.append(frame)
        at += -(-(frame.end - frame.offset) // PAGE) * PAGE
    newest = max((frame.epoch for frame in frames), default=0)
    return [frame for frame in frames if frame.epoch == newest]


# Slots


def records_of_slot(frames):
    payloads = [(frame, cbor2.loads(frame.payload)) for frame in frames]
    definitions = {}
    for _, payload in payloads:
        check(len(payload) == 7, "a commit of other items than the layout has")
        definitions.update(definitions_in(payload[1]))
    for frame, (_, _, boots, base, others, other_sequences, chunk) in payloads:
        records = other_records(others, other_sequences, frame.first)
        if chunk is not None:
            first = frame.first + (len(records) if other_sequences is None else 0)
            records += observations(chunk, base_of(base, first), boots, definitions)
        check_head(frame, records)
        yield from records


def check_head(frame, records):
    sequences = [sequence for sequence, _ in records]
    found = (min(sequences), max(sequences), len(set(sequences)))
    check(found == frame[3:6], f"a frame of {frame[3:6]} holds {found}")
    check(has_texts(records) == frame.has_texts, f"the type of the frame of {frame[3:6]} does not tell whether it holds texts")


# Block files


class BlockFile(NamedTuple):
    blocks: list
    # The last sequence that its blocks or its index name; 0 when there is none of either.
    last: int


def read_block_file(path, first_sequence, next_first, covered_from):
    """Its blocks that count. Those from `next_first` on stand in the next file; those from `covered_from` on elsewhere too."""
    content = path.read_bytes()
    blocks = []
    epoch = None
    last = first_sequence - 1
    covered = 0
    is_damaged = False
    at = 0
    while at < len(content):
        frame = frame_at(content, at, path.name)
        if frame is None or frame.epoch != (epoch or frame.epoch):
            page = -(-at // PAGE) * PAGE
            if page > at and not any(content[at:page]):
                at = page
                continue
            is_damaged = True
            found = content.find(MARK, at + 1)
            at = len(content) if found < 0 else found
            continue
        check(frame.type in (BLOCK, INDEX), f"a frame of type {frame.type} in a block file")
        at = frame.end
        epoch = frame.epoch
        if frame.type == INDEX:
            covered = frame.last
            is_damaged = False
            continue
        extent_offset, high, low = EXTENT.unpack_from(frame.payload)
        extent_first = high << 32 | low
        check(extent_offset <= frame.offset and extent_first <= frame.first, "an extent that begins behind its block")
        if frame.first >= next_first or (is_damaged and extent_first >= covered_from):
            break
        is_damaged = False
        if frame.first > last:
            blocks.append((frame, cbor2.loads(frame.payload[EXTENT.size :])))
            last = covered = frame.last
    return BlockFile(blocks, covered)


def records_of_block_file(file):
    definitions = {}
    for _, (_, defined, _) in file.blocks:
        definitions.update(definitions_in(defined))
    for frame, (summary, _, body) in file.blocks:
        first, last, count, _untimed, _from, _to, series_count, changes = summary
        check((first, last, count) == frame[3:6], "a summary that is not that of its frame")
        boots, base, others, other_sequences, *chunks = cbor2.loads(zlib.decompress(body, -15))
        check(len(chunks) == series_count, "not a chunk for each series")
        records = other_records(others, other_sequences, first)
        series_id = -1
        for place, (chunk, change) in enumerate(zip(chunks, column(changes, series_count))):
            series_id += int(change)
            records += observations(chunk, base_of(base, first + place, series_id), boots, definitions)
        check_head(frame, records)
        yield from records


# The folder


def class_of(record):
    if record["kind"] != "observation":
        return "events"
    return "counts" if record["readingKind"] in COUNTS else "gauges"


def slots_of(folder):
    """Frames of the slots that are not free."""
    slots = [frames_of_slot(path) for path in sorted(folder.glob("slot-[0-9][0-9][0-9]"))]
    slots = [frames for frames in slots if frames]
    if not slots:
        return []
    newest = max((frames[-1] for frames in slots), key=lambda frame: frame.last)
    marks = cbor2.loads(newest.payload)[0] or []
    sealed = dict(zip(marks[::2], marks[1::2])).get("/sealed", 0)
    return [frames for frames in slots if frames[-1].last > sealed]


def chain_of(folder, record_class, slots_from):
    """The block files of a class, oldest first."""
    named = [(match, path) for path in folder.iterdir() if (match := BLOCK_NAME.fullmatch(path.name))]
    own = sorted((int(m[2]), int(m[3] or 0), path) for m, path in named if m[1] == record_class)
    for i, (first, _, path) in enumerate(own):
        next_first = own[i + 1][0] if i + 1 < len(own) else math.inf
        yield read_block_file(path, first, next_first, min(next_first, slots_from))


def records_of(folder):
    """Slots first: what a running gateway seals meanwhile stands in both, and what it sealed before stands in the block files."""
    slots = slots_of(folder)
    slots_from = min((frame.first for frames in slots for frame in frames), default=math.inf)
    records = {}
    sealed = {}
    for record_class in CLASSES:
        chain = list(chain_of(folder, record_class, slots_from))
        sealed[record_class] = max((file.last for file in chain), default=0)
        for file in chain:
            for sequence, record in records_of_block_file(file):
                check(sequence not in records, f"sequence {sequence} stands in two blocks")
                check(class_of(record) == record_class, f"sequence {sequence} is not of {record_class}")
                records[sequence] = record
    for frames in slots:
        for sequence, record in records_of_slot(frames):
            if sequence > sealed[class_of(record)]:
                records.setdefault(sequence, record)
    return sorted(records.items())


def main():
    for sequence, record in records_of(pathlib.Path(sys.argv[1])):
        print(json.dumps({"sequence": sequence, "record": record}))


main()
