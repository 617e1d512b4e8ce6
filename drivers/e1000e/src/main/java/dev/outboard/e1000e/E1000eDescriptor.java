package dev.outboard.e1000e;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Registers and descriptors of the 82574. Everything is little-endian.
 *
 * <pre>
 *   an empty buffer, 16 bytes (7.1.5)      when it comes back
 *   0                 8              16    0      4         8                 12       14     16
 *   +-----------------+--------------+     +------+---------+-----------------+--------+------+
 *   | buffer's IOVA   | 0            |     | …    | hash    | status 20, error| length | VLAN |
 *   +-----------------+--------------+     +------+---------+-----------------+--------+------+
 *
 *   a part of a frame, 16 bytes (7.2.10)   when it comes back: bit 0 of the last word is set
 *   0                 8         11        12       16
 *   +-----------------+---------+---------+---------+
 *   | part's IOVA     | length  | command | options |
 *   +-----------------+---------+---------+---------+
 *
 *   a context, 16 bytes (7.2.11): what the parts after it are to be treated as
 *   0       2       4       6         8                  12        14    16
 *   +-------+-------+-------+---------+---------+--------+---------+-----+
 *   | IP sum from,  | TCP sum from,   | payload | command| headers | MSS |
 *   | at, to        | at, to          | 20 bits |        | 8 bits  |     |
 *   +---------------+-----------------+---------+--------+---------+-----+
 * </pre>
 *
 * <p>Source: Intel 82574 GbE Controller Family Datasheet, revision 3.4, chapters 7 and 10.
 */
final class E1000eDescriptor {
    // Registers: general (10.2.2).
    static final int CONTROL = 0x0000;
    static final int STATUS = 0x0008;
    static final int EEPROM_CONTROL = 0x0010;
    static final int EEPROM_READ = 0x0014;
    static final int CONTROL_EXTENDED = 0x0018;
    static final int PHY_ACCESS = 0x0020;

    // Interrupts (10.2.4).
    static final int CAUSES = 0x00c0;
    static final int MASK_SET = 0x00d0;
    static final int MASK_CLEAR = 0x00d8;
    static final int AUTO_CLEAR = 0x00dc;
    static final int VECTORS = 0x00e4;
    static final int THROTTLE = 0x00e8;

    // Receiving (10.2.5).
    static final int RECEIVE_CONTROL = 0x0100;
    static final int FILL_BASE = 0x2800;
    static final int RECEIVE_CHECKSUM = 0x5000;
    static final int RECEIVE_FILTER = 0x5008;
    static final int GROUPS = 0x5200;
    static final int GROUP_WORDS = 128;
    static final int ADDRESS_LOW = 0x5400;
    static final int ADDRESS_HIGH = 0x5404;

    // Sending (10.2.6).
    static final int SEND_CONTROL = 0x0400;
    static final int SEND_GAP = 0x0410;
    static final int SEND_BASE = 0x3800;

    // Of a ring, behind its base.
    static final int RING_ADDRESS = 0x00;
    static final int RING_ADDRESS_HIGH = 0x04;
    static final int RING_BYTES = 0x08;
    static final int RING_HEAD = 0x10;
    static final int RING_TAIL = 0x18;
    static final int RING_DELAY = 0x20;
    static final int RING_CONTROL = 0x28;
    static final int RING_MOST_DELAY = 0x2c;

    // Statistics, cleared when read (10.2.7).
    static final int COUNT_CRC_ERRORS = 0x4000;
    static final int COUNT_MISSED = 0x4010;
    static final int COUNT_GOOD_RECEIVED = 0x4074;
    static final int COUNT_GOOD_SENT = 0x4080;
    static final int COUNT_BYTES_RECEIVED = 0x4088;
    static final int COUNT_BYTES_SENT = 0x4090;
    static final int COUNT_NO_BUFFER = 0x40a0;

    static final int CONTROL_NO_MASTER = 1 << 2;
    static final int CONTROL_LINK_UP = 1 << 6;
    static final int CONTROL_RESET = 1 << 26;
    static final int STATUS_FULL_DUPLEX = 1;
    static final int STATUS_LINK_UP = 1 << 1;
    static final int STATUS_SPEED_SHIFT = 6;
    static final int STATUS_MASTER = 1 << 19;
    static final int EEPROM_LOADED = 1 << 9;
    static final int EEPROM_START = 1;
    static final int EEPROM_DONE = 1 << 1;
    static final int EXTENDED_AUTO_MASK = 1 << 24;
    static final int EXTENDED_DRIVER_LOADED = 1 << 28;
    static final int EXTENDED_CLEAR_PENDING = 1 << 31;
    static final int ADDRESS_VALID = 1 << 31;

    // The PHY, by MDIC: register in 16-20, PHY 1 in 21.
    static final int PHY_ADDRESS = 1 << 21;
    static final int PHY_WRITE = 1 << 26;
    static final int PHY_READ = 1 << 27;
    static final int PHY_READY = 1 << 28;
    static final int PHY_ERROR = 1 << 30;
    static final int PHY_CONTROL = 0;
    static final int PHY_POWER_DOWN = 1 << 11;
    static final int PHY_NEGOTIATE = 1 << 12;
    static final int PHY_NEGOTIATE_AGAIN = 1 << 9;

    // Causes of interrupts.
    static final int CAUSE_SENT = 1;
    static final int CAUSE_SEND_EMPTY = 1 << 1;
    static final int CAUSE_LINK = 1 << 2;
    static final int CAUSE_FEW_BUFFERS = 1 << 4;
    static final int CAUSE_OVERRUN = 1 << 6;
    static final int CAUSE_RECEIVED = 1 << 7;
    static final int CAUSE_FILL_QUEUE = 1 << 20;
    static final int CAUSE_SEND_QUEUE = 1 << 22;
    static final int CAUSE_OTHER = 1 << 24;

    // Which vector a cause has: three bits, and one that says that it has one.
    static final int VECTOR_VALID = 1 << 3;
    static final int VECTOR_SEND_SHIFT = 8;
    static final int VECTOR_OTHER_SHIFT = 16;

    static final int RECEIVE_ENABLE = 1 << 1;
    static final int RECEIVE_ALL_SINGLE = 1 << 3;
    static final int RECEIVE_ALL_GROUPS = 1 << 4;
    static final int RECEIVE_BROADCAST = 1 << 15;
    static final int RECEIVE_STRIP_CRC = 1 << 26;
    static final int CHECKSUM_IP = 1 << 8;
    static final int CHECKSUM_TCP_UDP = 1 << 9;
    static final int FILTER_EXTENDED = 1 << 15;
    static final int SEND_ENABLE = 1 << 1;
    static final int SEND_PAD = 1 << 3;

    /** Collision threshold 15, distance 63, retransmit on late collision. */
    static final int SEND_COLLISIONS = 15 << 4 | 63 << 12 | 1 << 24;

    /** The gap between frames that the datasheet wants for copper. */
    static final int SEND_GAP_COPPER = 8 | 8 << 10 | 6 << 20;

    /** Thresholds in descriptors; each is written back as soon as it is done. */
    static final int RING_WRITE_BACK = 1 << 24 | 1 << 16;

    /** A bit that has to be set in a ring of frames (10.2.6.10). */
    static final int RING_SEND_COUNT = 1 << 22;

    // Descriptors.
    static final int ENTRY_BYTES = 16;
    static final int ENTRY_WORD = 8;

    static final int FILLED = 1;
    static final int FILLED_END = 1 << 1;
    static final int FILLED_SUM_IGNORED = 1 << 2;
    static final int FILLED_UDP_SUM = 1 << 4;
    static final int FILLED_TCP_SUM = 1 << 5;

    /** CRC, symbol, sequence, carrier extension, data: the frame is damaged. */
    static final int FILLED_DAMAGED = 1 << 24 | 1 << 25 | 1 << 26 | 1 << 28 | 1 << 31;

    static final int FILLED_TCP_WRONG = 1 << 29;
    static final int FILLED_IP_WRONG = 1 << 30;

    static final int PART_END = 1 << 24;
    static final int PART_CRC = 1 << 25;
    static final int PART_SEGMENT = 1 << 26;
    static final int PART_REPORT = 1 << 27;
    static final int PART_EXTENDED = 1 << 29 | 1 << 20;
    static final int OPTION_IP_SUM = 1 << 8;
    static final int OPTION_TCP_SUM = 1 << 9;
    static final int CONTEXT = 1 << 29;
    static final int CONTEXT_TCP = 1 << 24;
    static final int CONTEXT_IPV4 = 1 << 25;
    static final int CONTEXT_SEGMENT = 1 << 26;
    static final int CONTEXT_MOST_PAYLOAD = (1 << 20) - 1;

    /** The device's bit in a part that it has sent. */
    static final int SENT = 1;

    static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Status and length of a filled buffer, which are read together, with acquire. */
    static final VarHandle WORD = U64.varHandle().withInvokeExactBehavior();

    private E1000eDescriptor() {}
}
