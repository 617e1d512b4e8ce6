package dev.outboard.edu;

/**
 * The registers of the teaching device, in its region 0.
 *
 * <pre>
 *   00 identity u32: 0xed in the lowest byte   08 factorial u32: a number, then its factorial
 *   20 status u32: 1 computing, 80 interrupt when done
 *   24 interrupts raised u32                   64 acknowledge u32
 *   80 source u64   88 target u64   90 length u64
 *   98 command u64: 1 start, 2 to memory, 4 interrupt when done
 * </pre>
 *
 * <p>Source: QEMU, docs/specs/edu.
 *
 * <p>The model of {@code outboard device edu} has its own, written from the same source: a mistake
 * here is not made there, too.
 */
final class EduDescriptor {
    static final int IDENTITY = 0x00;
    static final int FACTORIAL = 0x08;
    static final int STATUS = 0x20;
    static final int RAISED = 0x24;
    static final int ACKNOWLEDGE = 0x64;
    static final int SOURCE = 0x80;
    static final int TARGET = 0x88;
    static final int LENGTH = 0x90;
    static final int COMMAND = 0x98;

    /** Where the device's own memory is, of 4096 bytes, as sources and targets name it. */
    static final long DEVICE_BUFFER = 0x40000;

    private EduDescriptor() {}
}
