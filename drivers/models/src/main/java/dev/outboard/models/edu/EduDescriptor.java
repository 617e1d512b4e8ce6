package dev.outboard.models.edu;

/**
 * Registers of the teaching device, in a region of 1 MiB.
 *
 * <pre>
 *   00 identity, 0x010000ed   04 what was written, inverted   08 number in, factorial out
 *   20 status: 0 computing, 7 interrupt when a factorial is ready
 *   24 interrupts raised      60 raise some                    64 acknowledge some
 *   80 source u64   88 target u64   90 bytes u64   98 command u64: 0 go, 1 to memory, 2 interrupt
 * </pre>
 *
 * <p>Its buffer of 4096 bytes is at 0x40000 of its own address space. Below 0x80 registers have 4
 * bytes, from there on 4 or 8. Source: QEMU, {@code docs/specs/edu.rst}.
 *
 * <p>The driver has its own, written from the same source: a mistake here is not made there, too.
 */
final class EduDescriptor {
    static final int VENDOR = 0x1234;
    static final int DEVICE = 0x11e8;
    static final int CLASS_CODE = 0x00_ff_00;
    static final int REGION_BYTES = 1 << 20;
    static final int VERSION = 0x0100_00ed;

    static final int IDENTITY = 0x00;
    static final int LIVENESS = 0x04;
    static final int FACTORIAL = 0x08;
    static final int STATUS = 0x20;
    static final int RAISED = 0x24;
    static final int RAISE = 0x60;
    static final int ACKNOWLEDGE = 0x64;
    static final int WIDE = 0x80;
    static final int SOURCE = 0x80;
    static final int TARGET = 0x88;
    static final int LENGTH = 0x90;
    static final int COMMAND = 0x98;

    static final int STATUS_COMPUTING = 0x01;
    static final int STATUS_INTERRUPT = 0x80;
    static final int COMMAND_GO = 0x1;
    static final int COMMAND_TO_MEMORY = 0x2;
    static final int COMMAND_INTERRUPT = 0x4;
    static final int COMMAND_BITS = 0x7;

    static final int RAISED_FACTORIAL = 0x001;
    static final int RAISED_COPY = 0x100;

    static final long BUFFER = 0x40000;
    static final int BUFFER_BYTES = 4096;

    private EduDescriptor() {}
}
