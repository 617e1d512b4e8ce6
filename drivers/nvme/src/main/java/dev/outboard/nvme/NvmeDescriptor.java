package dev.outboard.nvme;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Layouts of NVM Express that commands, completions and registers have. Everything is
 * little-endian. What a controller says of itself is in {@link IdentifyDescriptor}.
 *
 * <pre>
 *   command, 64 bytes
 *   0        1       2    4      8       24     32     40        48 49 50 … 60
 *   +--------+-------+----+------+-------+------+------+---------+--+--+---+--+
 *   | opcode | flags | id | ns   | …     | PRP1 | PRP2 | dword 10, 11, … 15   |
 *   +--------+-------+----+------+-------+------+------+----------------------+
 *
 *   completion, 16 bytes
 *   0        4     8          10         12    14
 *   +--------+-----+----------+----------+-----+---------------------+
 *   | result | …   | its head | queue id | id  | status 15, phase 1  |
 *   +--------+-----+----------+----------+-----+---------------------+
 *
 *   range of a dataset management command, 16 bytes
 *   0            4               8                       16
 *   +------------+---------------+-----------------------+
 *   | attributes | blocks        | first block           |
 *   +------------+---------------+-----------------------+
 *
 *   doorbells, from 0x1000 on, a stride apart; and in the same order, from 0 on, the page of shadow
 *   doorbells that the driver writes, and the page of event indexes that the controller writes
 *   +--------------------+------------------------+--------------------+---
 *   | queue 0: its tail  | queue 0: head of       | queue 1: its tail  | …
 *   |                    | its completions        |                    |
 *   +--------------------+------------------------+--------------------+---
 * </pre>
 *
 * <p>Source: NVM Express Base Specification 1.4, sections 3.1 (registers), 4.2 (commands), 4.4
 * (SGL), 4.6 (completions), 5 (admin commands), 5.7 and 7.13 (doorbell buffers), 6 (I/O commands).
 *
 * <p>The controller of {@code outboard device nvme} has its own, written from the same source: a
 * mistake here is not made there, too.
 */
final class NvmeDescriptor {
    /** Mass storage, non-volatile memory, NVM Express. */
    static final int PCI_CLASS = 0x010802;

    // Registers.
    static final int CAPABILITIES = 0x00;
    static final int VERSION = 0x08;
    static final int CONFIGURATION = 0x14;
    static final int STATUS = 0x1c;
    static final int ADMIN_SIZES = 0x24;
    static final int ADMIN_SUBMISSIONS = 0x28;
    static final int ADMIN_COMPLETIONS = 0x30;
    static final int DOORBELLS = 0x1000;

    static final int STATUS_READY = 1;
    static final int STATUS_FATAL = 1 << 1;
    static final int STATUS_SHUTDOWN_MASK = 3 << 2;
    static final int STATUS_SHUTDOWN_DONE = 2 << 2;

    static final int CONFIGURATION_ENABLE = 1;
    static final int CONFIGURATION_SHUTDOWN = 1 << 14;

    /** Commands of 2<sup>6</sup> bytes, completions of 2<sup>4</sup>; pages of 4 KiB. */
    static final int CONFIGURATION_SIZES = 6 << 16 | 4 << 20;

    // Commands.
    static final int COMMAND_BYTES = 64;
    static final int COMMAND_NAMESPACE = 4;
    static final int COMMAND_POINTER = 24;
    static final int COMMAND_SECOND_POINTER = 32;
    static final int COMMAND_DWORD10 = 40;
    static final int COMMAND_DWORD11 = 44;
    static final int COMMAND_DWORD12 = 48;
    static final int ID_SHIFT = 16;

    /** In the first dword: the pointer is one SGL descriptor. */
    static final int FLAG_SGL = 1 << 14;

    /** The last byte of an SGL descriptor: a data block. */
    static final long SGL_DATA_BLOCK = 0L << 56;

    static final int COMPLETION_BYTES = 16;
    static final int COMPLETION_ID = 12;

    // Admin commands.
    static final int ADMIN_DELETE_SUBMISSIONS = 0x00;
    static final int ADMIN_CREATE_SUBMISSIONS = 0x01;
    static final int ADMIN_GET_LOG = 0x02;
    static final int ADMIN_DELETE_COMPLETIONS = 0x04;
    static final int ADMIN_CREATE_COMPLETIONS = 0x05;
    static final int ADMIN_IDENTIFY = 0x06;
    static final int ADMIN_ABORT = 0x08;
    static final int ADMIN_SET_FEATURES = 0x09;
    static final int ADMIN_AWAIT_EVENT = 0x0c;
    static final int ADMIN_DOORBELL_BUFFERS = 0x7c;

    static final int FEATURE_QUEUES = 0x07;
    static final int FEATURE_EVENTS = 0x0b;

    /** Of that feature: any warning of health, and changes of namespaces. */
    static final int EVENTS_HEALTH = 0x1f;

    static final int EVENTS_NAMESPACES = 1 << 8;

    // Events, in the result of the command that awaited one: type, information, log page.
    static final int EVENT_TYPE_MASK = 7;
    static final int EVENT_ERROR = 0;
    static final int EVENT_HEALTH = 1;
    static final int EVENT_NOTICE = 2;
    static final int EVENT_INFORMATION_SHIFT = 8;
    static final int EVENT_LOG_SHIFT = 16;
    static final int NOTICE_NAMESPACES = 0;

    // I/O commands.
    static final int IO_FLUSH = 0x00;
    static final int IO_WRITE = 0x01;
    static final int IO_READ = 0x02;
    static final int IO_WRITE_ZEROES = 0x08;
    static final int IO_DATASET_MANAGEMENT = 0x09;

    /** Dword 11 of dataset management: nobody wants the ranges any more. */
    static final int DATASET_DEALLOCATE = 1 << 2;

    static final int RANGE_BYTES = 16;
    static final int RANGE_BLOCKS = 4;
    static final int RANGE_FIRST_BLOCK = 8;

    static final int PAGE_BYTES = 4096;
    static final int ALL_NAMESPACES = -1;

    static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The last word of a completion, of which the phase is read first, with acquire. */
    static final VarHandle COMPLETION_WORD = U32.varHandle().withInvokeExactBehavior();

    /** A doorbell in memory, or what the controller has seen of it. */
    static final VarHandle SHADOW = U32.varHandle().withInvokeExactBehavior();

    private NvmeDescriptor() {}
}
