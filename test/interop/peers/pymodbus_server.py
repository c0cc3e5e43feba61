"""Serves the input registers of Eastron SDM120 meters with Debian's pymodbus, and writes down what it served.

    /usr/bin/python3 pymodbus_server.py tcp PORT --units 1,2 --log served.jsonl
    /usr/bin/python3 pymodbus_server.py rtu DEVICE --units 1 --log served.jsonl

Values are 32-bit floats, high word first (Eastron SDM120 Modbus protocol V2.4), and change every 400 ms. Each line of the
log is one answered request: the time, the unit and the values by protocol address, taken from the registers as they went
out. A text of eight registers, which no SDM120 has, changes as often: written by pymodbus's own BinaryPayloadBuilder, logged
when all of it was asked for. Prints `ready` once it serves.
"""

import argparse
import asyncio
import json
import struct
import time

from pymodbus.constants import Endian
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.payload import BinaryPayloadBuilder
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer

STEP_S = 0.4
REGISTERS = 0x70
STARTED = time.monotonic()

TEXT, TEXT_REGISTERS = 0x60, 8
# Not as many as there are steps between two polls.
TEXTS = ("OK", 'DOOR "2" OPEN', "porta oberta ñ", "")
VOLTAGE, CURRENT, POWER, ENERGY_IN, ENERGY_OUT = 0x00, 0x06, 0x0C, 0x48, 0x4A


def schedule(unit):
    """The five values of a meter now. None of them is exactly half-way between two roundings."""
    step = int((time.monotonic() - STARTED) / STEP_S)
    return {
        VOLTAGE: 222.031 + 0.17 * ((7 * step + unit) % 101),
        CURRENT: 0.10303 + 0.0137 * ((11 * step + unit) % 499),
        POWER: -731.31 + 3.7 * ((13 * step + unit) % 997),
        ENERGY_IN: 1000.00303 + 100 * unit + 0.0131 * step,
        ENERGY_OUT: 20.00103 + unit + 0.0017 * step,
    }


def text_now(unit):
    return TEXTS[(int((time.monotonic() - STARTED) / STEP_S) + unit) % len(TEXTS)]


def text_registers(text):
    builder = BinaryPayloadBuilder(byteorder=Endian.Big)
    builder.add_string(text)
    registers = [struct.unpack(">H", pair)[0] for pair in builder.build()]
    return registers + [0] * (TEXT_REGISTERS - len(registers))


class Meter(ModbusSparseDataBlock):
    """The input registers of one meter; what is no value of it reads as zero."""

    def __init__(self, unit, log):
        super().__init__({address: 0 for address in range(REGISTERS)})
        self.unit = unit
        self.log = log

    def getValues(self, address, count=1):
        values = schedule(self.unit)
        registers = [0] * REGISTERS
        for at, value in values.items():
            registers[at : at + 2] = struct.unpack(">HH", struct.pack(">f", value))
        served = {
            at: struct.unpack(">f", struct.pack(">HH", *registers[at : at + 2]))[0]
            for at in values
            if address <= at and at + 2 <= address + count
        }
        text = text_now(self.unit)
        registers[TEXT : TEXT + TEXT_REGISTERS] = text_registers(text)
        if address <= TEXT and TEXT + TEXT_REGISTERS <= address + count:
            served[TEXT] = text
        line = {"wallMs": round(time.time() * 1000), "unit": self.unit, "values": served}
        self.log.write(json.dumps(line) + "\n")
        return registers[address : address + count]


async def serve(arguments):
    log = open(arguments.log, "a", buffering=1, encoding="utf-8")
    units = [int(unit) for unit in arguments.units.split(",")]
    slaves = {unit: ModbusSlaveContext(ir=Meter(unit, log), zero_mode=True) for unit in units}
    context = ModbusServerContext(slaves=slaves, single=False)
    if arguments.kind == "tcp":
        server = await StartAsyncTcpServer(context, address=("127.0.0.1", int(arguments.where)), defer_start=True)
        serving = asyncio.create_task(server.serve_forever())
        await server.serving
    else:
        server = await StartAsyncSerialServer(
            context,
            framer=ModbusRtuFramer,
            port=arguments.where,
            baudrate=9600,
            ignore_missing_slaves=True,
            defer_start=True,
        )
        await server.start()
        serving = asyncio.create_task(server.serve_forever())
    print("ready", flush=True)
    await serving


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["tcp", "rtu"])
    parser.add_argument("where", help="TCP port, or serial device")
    parser.add_argument("--units", default="1")
    parser.add_argument("--log", required=True)
    asyncio.run(serve(parser.parse_args()))
