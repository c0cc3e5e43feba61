"""Answers each query of an SDS011 or SDS198 on a serial device with the next recorded frame.

    /usr/bin/python3 sds_replay.py DEVICE CAPTURES SENSOR

CAPTURES is the CSV of PyPMS's recordings (time,sensor,hex), SENSOR a name in its second column. A query is 19 bytes,
AA B4 04 … AB (Laser Dust Sensor Control Protocol V1.3); the answer is cut in two, as a UART with a small FIFO does.
Writes one line per answered query to standard output; stays silent once the recording is over.
"""

import os
import sys
import termios
import time
import tty

QUERY_HEAD = bytes([0xAA, 0xB4])
QUERY_LENGTH = 19
ABOUT_DATA = 0x04


def recording(path, sensor):
    with open(path, encoding="utf-8") as lines:
        rows = (line.strip().split(",") for line in lines)
        return [bytes.fromhex(row[2]) for row in rows if row[1:2] == [sensor]]


def queries(device):
    """Yields once per complete query for data; anything else is passed over."""
    pending = b""
    while True:
        pending += os.read(device, 256)
        while True:
            start = pending.find(QUERY_HEAD)
            if start < 0 or len(pending) < start + QUERY_LENGTH:
                break
            command, pending = pending[start : start + QUERY_LENGTH], pending[start + QUERY_LENGTH :]
            if command[2] == ABOUT_DATA and command[18] == 0xAB and sum(command[2:17]) & 0xFF == command[17]:
                yield


def main():
    path, captures, sensor = sys.argv[1:]
    device = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(device, termios.TCSANOW)
    print("ready", flush=True)
    asked = queries(device)
    for frame in recording(captures, sensor):
        next(asked)
        os.write(device, frame[:4])
        time.sleep(0.01)
        os.write(device, frame[4:])
        print(f"answered {frame.hex()}", flush=True)
    for _ in asked:
        pass


main()
