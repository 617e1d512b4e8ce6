package dev.outboard.models.nvme;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Layouts of NVM Express, as the controller sees them. Everything is little-endian.
 *
 * <pre>
 *   command, 64 bytes, in words of 8
 *   0                             1      2      3      4      5            6            7
 *   +--------+-------+----+------+------+------+------+------+------------+------------+----------+
 *   | opcode | flags | id | ns   | …    | meta | PRP1 | PRP2 | dw 10, 11  | dw 12, 13  | 14, 15   |
 *   +--------+-------+----+------+------+------+------+------+------------+------------+----------+
 *
 *   completion, 16 bytes
 *   0        4     8          10         12    14
 *   +--------+-----+----------+----------+-----+---------------------+
 *   | result | …   | its head | queue id | id  | status 15, phase 1  |
 *   +--------+-----+----------+----------+-----+---------------------+
 *
 *   doorbells, 4 bytes each, from 0x1000: tail of ring 0, head of ring 0, tail of ring 1, …
 *
 *   SGL descriptor, 16 bytes: address u64, length u32, reserved u24, type u4 above subtype u4
 *   range of a dataset, 16 bytes: attributes u32, blocks u32, first block u64
 * </pre>
 *
 * <p>Source: NVM Express Base Specification 1.4, sections 3.1 (registers), 4.2 to 4.4 (commands,
 * PRP, SGL), 4.6 (completions), 5 (admin commands), 6 (I/O commands).
 *
 * <p>The driver has its own, written from the same source: a mistake here is not made there, too.
 */
final class NvmeDescriptor {
    static final int REGISTERS_BYTES = 0x4000;
    static final int CAPABILITIES = 0x00;
    static final int VERSION = 0x08;
    static final int MASK_SET = 0x0c;
    static final int MASK_CLEAR = 0x10;
    static final int CONFIGURATION = 0x14;
    static final int STATUS = 0x1c;
    static final int ADMIN_SIZES = 0x24;
    static final int ADMIN_SUBMISSIONS = 0x28;
    static final int ADMIN_COMPLETIONS = 0x30;
    static final int DOORBELLS = 0x1000;
    static final int DOORBELLS_BYTES = 0x1000;
    static final int DOORBELL_PAIR_BYTES = 8;

    static final int VERSION_1_4 = 0x0001_0400;
    static final int STATUS_READY = 1;
    static final int STATUS_FATAL = 1 << 1;
    static final int STATUS_SHUTDOWN_DONE = 2 << 2;
    static final int CONFIGURATION_ENABLE = 1;

    static final int PAGE_SHIFT = 12;
    static final int PAGE_BYTES = 1 << PAGE_SHIFT;
    static final int COMMAND_BYTES = 64;
    static final int COMPLETION_BYTES = 16;
    static final int COMPLETION_LAST = 12;
    static final int SGL_BYTES = 16;
    static final int RANGE_BYTES = 16;

    static final int ADMIN_DELETE_SUBMISSIONS = 0x00;
    static final int ADMIN_CREATE_SUBMISSIONS = 0x01;
    static final int ADMIN_GET_LOG_PAGE = 0x02;
    static final int ADMIN_DELETE_COMPLETIONS = 0x04;
    static final int ADMIN_CREATE_COMPLETIONS = 0x05;
    static final int ADMIN_IDENTIFY = 0x06;
    static final int ADMIN_ABORT = 0x08;
    static final int ADMIN_SET_FEATURES = 0x09;
    static final int ADMIN_GET_FEATURES = 0x0a;
    static final int ADMIN_ASYNC_EVENT = 0x0c;
    static final int ADMIN_DOORBELL_BUFFER = 0x7c;

    static final int IO_FLUSH = 0x00;
    static final int IO_WRITE = 0x01;
    static final int IO_READ = 0x02;
    static final int IO_WRITE_ZEROES = 0x08;
    static final int IO_DATASET_MANAGEMENT = 0x09;

    static final int EVERY_NAMESPACE = -1;

    static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** A doorbell, an event index, or the last word of a completion. */
    static final VarHandle WORD = U32.varHandle().withInvokeExactBehavior();

    private NvmeDescriptor() {}
}
