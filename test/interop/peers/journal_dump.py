"""Reads a journal folder without any code of the gateway, by the byte layout in gateway/journal/README.md.

    /usr/bin/python3 journal_dump.py FOLDER

Prints one JSON line per record, in the order of sequences: what the journal holds and therefore has acknowledged, or was
about to. Of an observation it shows everything, of another record its sequence and the number of its kind. Stops reading a file at the first frame that is not whole, as a torn tail is. Uses zlib and Debian's cbor2.
"""

import json
import pathlib
import struct
import sys
import zlib

import cbor2

HEADER = struct.Struct(">8sHHIQII")
FRAME = struct.Struct(">4sIIIQ")
FRAME_MAGIC = bytes.fromhex("b14a460a")
OBSERVATION = 1
FIELDS = (
    "kind boot monotonicMs wallMs wallQuality sensor channel value uncalibrated unit precision quality reason location publish heldFrom"
).split()


def records(path):
    content = path.read_bytes()
    if len(content) < HEADER.size:
        return
    magic, _version, _zero, identity, *_rest = HEADER.unpack_from(content)
    assert magic == b"BARRIJNL", f"{path}: not a journal"
    at = HEADER.size
    while at + FRAME.size <= len(content):
        magic, crc, length, owner, sequence = FRAME.unpack_from(content, at)
        end = at + FRAME.size + length
        if magic != FRAME_MAGIC or owner != identity or end > len(content):
            return
        if zlib.crc32(content[at + 8 : end], at) != crc:
            return
        items = cbor2.loads(content[at + FRAME.size : end])
        if items[0] == OBSERVATION:
            yield {"sequence": sequence, **dict(zip(FIELDS, items, strict=True))}
        else:
            yield {"sequence": sequence, "kind": items[0]}
        at = end


for file in sorted(pathlib.Path(sys.argv[1]).glob("*.journal")):
    for record in records(file):
        print(json.dumps(record))
