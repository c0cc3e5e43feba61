/*
 * Serves Eastron SDM120 meters, and coils and registers to write, with Debian's libmodbus; writes down what it served.
 *
 *   libmodbus_server tcp PORT LOG          answers for every unit
 *   libmodbus_server rtu DEVICE LOG        answers for unit 1
 *
 * Input registers are 32-bit floats, high word first (Eastron SDM120 Modbus protocol V2.4), and change every 400 ms. Coils
 * and holding registers are zero until they are written. Before each answer a line of JSON is logged with the time, the unit
 * and the request without its frame; for input registers also with the values by protocol address, as they go out. After
 * each write another one tells what coils and holding registers then hold. Prints `ready` once it serves, and ends when its
 * serial port is gone.
 */

#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COILS = 64, HOLDING = 64, INPUT = 0x60, STEP_MS = 400 };
enum { READ_INPUT = 4 };
enum { VOLTAGE = 0x00, CURRENT = 0x06, POWER = 0x0C, ENERGY_IN = 0x48, ENERGY_OUT = 0x4A };

static const int ADDRESSES[] = { VOLTAGE, CURRENT, POWER, ENERGY_IN, ENERGY_OUT };
enum { VALUES = sizeof ADDRESSES / sizeof *ADDRESSES };

static long long clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* The values of a meter now, in the order of ADDRESSES. None of them is exactly half-way between two roundings. */
static void measure(int unit, float values[VALUES])
{
    static long long started;
    if (started == 0)
        started = clock_ms(CLOCK_MONOTONIC);
    int step = (int) ((clock_ms(CLOCK_MONOTONIC) - started) / STEP_MS);
    values[0] = 222.031 + 0.17 * ((7 * step + unit) % 101);
    values[1] = 0.10303 + 0.0137 * ((11 * step + unit) % 499);
    values[2] = -731.31 + 3.7 * ((13 * step + unit) % 997);
    values[3] = 1000.00303 + 100 * unit + 0.0131 * step;
    values[4] = 20.00103 + unit + 0.0017 * step;
}

/* High word first. Not modbus_set_float_abcd, which in version 3.1.6 also turns the bytes of each register around. */
static void store(float value, uint16_t *registers)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    registers[0] = bits >> 16;
    registers[1] = bits & 0xFFFF;
}

static void log_request(FILE *log, const uint8_t *adu, int header, int length, const float *values)
{
    const uint8_t *pdu = adu + header;
    fprintf(log, "{\"wallMs\":%lld,\"unit\":%d,\"request\":\"", clock_ms(CLOCK_REALTIME), adu[header - 1]);
    for (int at = 0; at < length; at++)
        fprintf(log, "%02x", pdu[at]);
    fprintf(log, "\"");
    if (values != NULL) {
        int first = pdu[1] << 8 | pdu[2], end = first + (pdu[3] << 8 | pdu[4]), shown = 0;
        fprintf(log, ",\"values\":{");
        for (int i = 0; i < VALUES; i++)
            if (first <= ADDRESSES[i] && ADDRESSES[i] + 2 <= end)
                fprintf(log, "%s\"%d\":%.17g", shown++ == 0 ? "" : ",", ADDRESSES[i], (double) values[i]);
        fprintf(log, "}");
    }
    fprintf(log, "}\n");
}

static void log_memory(FILE *log, const modbus_mapping_t *memory)
{
    fprintf(log, "{\"coils\":\"");
    for (int i = 0; i < COILS; i++)
        fprintf(log, "%d", memory->tab_bits[i]);
    fprintf(log, "\",\"holding\":[");
    for (int i = 0; i < HOLDING; i++)
        fprintf(log, "%s%d", i == 0 ? "" : ",", memory->tab_registers[i]);
    fprintf(log, "]}\n");
}

/* Answers until the connection ends, or the serial port is gone. */
static void serve(modbus_t *modbus, int checksum, modbus_mapping_t *memory, FILE *log)
{
    uint8_t adu[MODBUS_TCP_MAX_ADU_LENGTH];
    int header = modbus_get_header_length(modbus);
    for (;;) {
        int length = modbus_receive(modbus, adu);
        if (length == 0 || (length < 0 && errno == EMBBADCRC))
            continue;
        if (length < 0)
            return;
        int function = adu[header];
        float values[VALUES];
        if (function == READ_INPUT) {
            measure(adu[header - 1], values);
            for (int i = 0; i < VALUES; i++)
                store(values[i], memory->tab_input_registers + ADDRESSES[i]);
        }
        log_request(log, adu, header, length - header - checksum, function == READ_INPUT ? values : NULL);
        modbus_reply(modbus, adu, length, memory);
        if (function > READ_INPUT)
            log_memory(log, memory);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "libmodbus_server tcp PORT LOG | rtu DEVICE LOG\n");
        return 2;
    }
    FILE *log = fopen(argv[3], "a");
    modbus_mapping_t *memory = modbus_mapping_new(COILS, 0, HOLDING, INPUT);
    if (log == NULL || memory == NULL)
        return 1;
    setvbuf(log, NULL, _IOLBF, BUFSIZ);

    if (strcmp(argv[1], "rtu") == 0) {
        modbus_t *modbus = modbus_new_rtu(argv[2], 9600, 'N', 8, 1);
        modbus_set_slave(modbus, 1);
        if (modbus_connect(modbus) != 0) {
            fprintf(stderr, "%s: %s\n", argv[2], modbus_strerror(errno));
            return 1;
        }
        puts("ready");
        fflush(stdout);
        serve(modbus, 2, memory, log);
        return 0;
    }
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", atoi(argv[2]));
    int listener = modbus_tcp_listen(modbus, 1);
    if (listener < 0) {
        fprintf(stderr, "port %s: %s\n", argv[2], modbus_strerror(errno));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (modbus_tcp_accept(modbus, &listener) >= 0) {
        serve(modbus, 0, memory, log);
        modbus_close(modbus);
    }
    return 1;
}
