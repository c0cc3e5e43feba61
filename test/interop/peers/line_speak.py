"""Sends what stands in a file to a serial device by itself, as sensors do that nobody asks.

    /usr/bin/python3 line_speak.py DEVICE FILE PERIOD_MS

Each line of FILE is one piece in hexadecimal; one is sent every PERIOD_MS, cut in two, as a UART with a small FIFO does,
and the file begins anew at its end. Writes one line per piece to standard output, and ends when the device is gone.
"""

import os
import sys
import termios
import time
import tty


def main():
    path, pieces, period_ms = sys.argv[1:]
    period = int(period_ms) / 1000
    pause = min(0.01, period / 2)
    device = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(device, termios.TCSANOW)
    with open(pieces, encoding="ascii") as lines:
        all_pieces = [bytes.fromhex(line) for line in lines if line.strip()]
    print("ready", flush=True)
    while True:
        for piece in all_pieces:
            half = len(piece) // 2
            os.write(device, piece[:half])
            time.sleep(pause)
            os.write(device, piece[half:])
            print(f"sent {piece.hex()}", flush=True)
            time.sleep(period)


main()
